"""What a comparison returns: rows as plain data, where the run lies, what to know before a row is believed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tracer_env.display.formats import flat_records
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import MissingExtraError
from tracer_env.parts.accounts import Spent
from tracer_env.runs.folder import RunFolder
from tracer_env.runs.still_open import to_settle
from tracer_env.terminal.plain import command

__all__ = ["Comparison"]


@dataclass(frozen=True)
class Comparison:
    """What `compare` returns: the rows as plain data, where the run lies, and an episode worth a look."""

    run: RunFolder
    rows: list[dict[str, Any]]
    training: dict[str, Any]
    interesting: Transcript
    spent: Spent | None = None  # what servers billed the run for, where one speaks
    shown: RunFolder | None = None  # the run that holds it, where that is a part of another

    def to_data(self, difference: float | None = None) -> dict[str, Any]:
        """Return what ``compare --json`` prints; ``difference`` is the one that more tasks would have to show."""
        return {
            "run": str(self.run.path),
            "seed": self.run.config.seed,
            "config": self.run.config.to_data(),
            "rows": self.rows,
            "training": self.training,
            "to_settle": to_settle(self.rows, difference),
            "warnings": self.warnings,
            **({} if self.spent is None else {"billed": asdict(self.spent)}),
            "replay": self.replay_command,
        }

    def to_pandas(self) -> Any:
        """Return the rows as a `pandas.DataFrame`, a row a method; intervals are two columns.

        Raises MissingExtraError without pandas.
        """
        try:
            from pandas import DataFrame
        except ImportError as error:
            raise MissingExtraError("Comparison.to_pandas", "pandas", "pandas") from error
        return DataFrame(flat_records(self.rows))

    @property
    def failed(self) -> int:
        """How many episodes failed, of all methods."""
        return sum(row.get("failed", 0) for row in self.rows)

    @property
    def warnings(self) -> list[str]:
        """What must be known before a row is believed: of methods that were trained on tasks of this comparison."""
        tasks = (self.run.environment() or {}).get("tasks")
        return [
            f"{row['method']} was trained on {row['trained_on']} of the {tasks} tasks that it is compared on; "
            "its row is no held-out result"
            for row in self.rows
            if row.get("trained_on")
        ]

    @property
    def retry_command(self) -> str:
        """The command that plays the tasks again on which an episode failed."""
        return command("tracer-env", "compare", "--resume", self.run.path, "--retry-failed")

    @property
    def replay_command(self) -> str:
        """The command that shows the most interesting episode, to be pasted into a shell."""
        shown, where = self.interesting, (self.shown or self.run).path
        return command("tracer-env", "replay", where, f"--method={shown.method}", f"--episode={shown.task.id}")
