"""A run folder: what a run was asked for, what happened, and what it came to.

    config.toml        every setting, defaults included
    environment.json   versions, seeds, digest of the tasks
    controllers/*.json the trained tables, with their learning curves
    episodes.jsonl     append-only, one episode a line
    metrics.json       the rows of the comparison
    report.html

Files are written to a temporary name and renamed; episodes are appended and flushed in whole groups, so a
run that was killed can be continued. One that was killed before its first record is begun anew by `RunFolder.create`
under the same settings. Whoever writes owns the folder meanwhile (`RunFolder.owned`); readers need not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msgspec import Raw

from tracer_env.episodes.index import keep_index
from tracer_env.episodes.lines import LONGEST
from tracer_env.episodes.mending import arrange
from tracer_env.episodes.promise import Promise
from tracer_env.episodes.transcript import Transcript, read_transcripts
from tracer_env.errors import RunFolderError, SpeakerError, UserError
from tracer_env.intake.bounded import shown
from tracer_env.intake.toml_files import read_toml
from tracer_env.interfaces import Scenario, Speaker
from tracer_env.runs.config import Config, differences
from tracer_env.runs.environment import environment_of, models_of, scenario_digest
from tracer_env.runs.records import SCHEMA, read_environment, read_metrics
from tracer_env.runs.survey import Survey, survey
from tracer_env.statistics.metrics import Tally
from tracer_env.statistics.outcome import outcome
from tracer_env.storage.files import append, write_text
from tracer_env.storage.folders import check_unrecorded, make_folder, owned
from tracer_env.terminal.plain import command

__all__ = ["RunFolder", "load_run", "metrics_of", "numbered_folder"]


_TRAINING = ("checkpoint.json", "checkpoints", "metrics.jsonl")
_OF_SEVERAL = {"sweep.json": ("sweep", "train", "runs"), "variants.json": ("transfer", "transfer", "tested")}
"""What tells the folder of several runs: what it is, who continues it, and where the runs lie."""
"""What only a training writes."""


@dataclass(frozen=True)
class RunFolder:
    """A folder that belongs to one run."""

    path: Path
    config: Config

    @classmethod
    def create(cls, config: Config, kind: str, out: Path | None = None) -> RunFolder:
        """Make the folder ``out``, or the next free ``runs/<scenario>--<kind>--<number>``.

        Raises RunFolderError when ``out`` exists with anything in it, but for what a run of the same settings left that
        never got its first record, and when it cannot be made.
        """
        if out is None:
            path = numbered_folder(config.scenario.name, kind)
        else:
            cls.check_free(out, config)
            make_folder(out)
            path = out
        run = cls(path, config)
        with owned(path):
            cls.check_free(path, config)
            run.write("config.toml", config.to_toml())
            (path / "controllers").mkdir(exist_ok=True)
        return run

    @staticmethod
    def check_free(out: Path, config: Config) -> None:
        """Raise RunFolderError when ``out`` exists with anything that a run of these settings did not begin with."""
        check_unrecorded(out, {"config.toml": config.to_toml(), "controllers/": None, "environment.json": None})

    @classmethod
    def reopen(cls, path: Path, config: Config | None = None, free: Sequence[str] = ()) -> RunFolder:
        """Open an existing run; raises RunFolderError when ``config`` asks for something else than it recorded.

        ``free``: dotted keys that may differ besides the speed settings.
        """
        if not (path / "config.toml").is_file():
            raise RunFolderError(f"{path} is not a run folder: it has no config.toml")
        recorded = Config.from_data(read_toml(path / "config.toml"))
        changed = [] if config is None else [key for key in differences(recorded, config) if key not in free]
        if changed:
            raise RunFolderError(f"{path} was started with other settings; they differ in: {', '.join(changed)}")
        return cls(path, recorded if config is None else config)

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Own the folder until the block ends; see `folders.owned`."""
        with owned(self.path, ("controllers",)):
            (self.path / "controllers").mkdir(exist_ok=True)
            yield

    def withdraw(self) -> None:
        """Take back what `create` made, when the work turned out to be impossible before it began; nobody else's."""
        with suppress(OSError, UserError):
            with self.owned():
                self.check_free(self.path, self.config)
                for name in ("environment.json", "config.toml"):
                    (self.path / name).unlink(missing_ok=True)
                (self.path / "controllers").rmdir()
            self.path.rmdir()

    def write(self, name: str, text: str) -> None:
        """Write one of the folder's files, complete or not at all."""
        write_text(self.path / name, text, inside=self.path)

    @property
    def episodes(self) -> Path:
        """The file of the transcripts."""
        return self.path / "episodes.jsonl"

    def check_begun(self) -> None:
        """Raise RunFolderError when there are no episodes yet, or never will be."""
        if self.config.evaluation.seeds:
            seeds = ", ".join(map(str, self.config.evaluation.seeds))
            raise RunFolderError(
                f"{self.path} holds a run for each of the seeds {seeds}; give one of those, {self.path / 'seeds'}/SEED"
            )
        if not self.episodes.is_file():
            self.check_compared()
            raise RunFolderError(
                f"{self.path} holds no episodes yet; continue it with {command('--resume', self.path)}"
            )

    @property
    def is_training(self) -> bool:
        """Whether this is a training, which has a course and no episodes."""
        return not self.episodes.is_file() and any((self.path / name).exists() for name in _TRAINING)

    def check_compared(self) -> None:
        """Raise RunFolderError for a training, and for a folder of several runs: no continuing gives it episodes."""
        for file, (kind, continuing, place) in _OF_SEVERAL.items():
            if (self.path / file).is_file():
                on = command("tracer-env", continuing, "--resume", self.path)
                raise RunFolderError(
                    f"{self.path} is a {kind}: its runs lie in {self.path / place}; continue it with {on}"
                )
        if self.is_training:
            on, seen = command("tracer-env", "train", "--resume", self.path), command("tracer-env", "report", self.path)
            raise RunFolderError(
                f"{self.path} is a training, and holds no episodes: they are what compare leaves; see its course with "
                f"{seen}, continue it with {on}"
            )

    def check_trained(self) -> None:
        """Raise RunFolderError for a comparison: a training would write over its controllers."""
        if self.episodes.exists():
            on = command("tracer-env", "compare", "--resume", self.path)
            raise RunFolderError(f"{self.path} is a comparison; continue it with {on}")

    def stream(self) -> Iterator[Transcript]:
        """Read the episodes one at a time; raises DataError for a damaged line, RunFolderError when there are none."""
        self.check_begun()
        return read_transcripts(self.episodes)

    def transcripts(self) -> list[Transcript]:
        """Read all episodes at once; see `stream`."""
        return list(self.stream())

    def by_method(self) -> dict[str, list[Transcript]]:
        """Read all episodes, grouped by method in order of first appearance."""
        grouped: dict[str, list[Transcript]] = {}
        for transcript in self.stream():
            grouped.setdefault(transcript.method, []).append(transcript)
        return grouped

    def metrics(self) -> dict[str, Any]:
        """Read ``metrics.json``; raises RunFolderError when the run has not come that far."""
        if not (self.path / "metrics.json").exists():
            self.check_compared()
            on = command("--resume", self.path)
            raise RunFolderError(f"{self.path} is not finished; continue it with {on}")
        return read_metrics(self.path / "metrics.json")

    def environment(self) -> dict[str, Any] | None:
        """Read ``environment.json``, None when nothing was recorded yet; raises RunFolderError when it is damaged."""
        return read_environment(self.path / "environment.json")

    def promise(self, scenario: Scenario) -> Promise:
        """Return what the run is to play: all of its methods on these tasks in all of its worlds."""
        asked, ids = self.config.evaluation, tuple(task.id for task in scenario)
        return Promise(asked.methods, asked.worlds, self.config.seed, len(ids), ids)

    def lines(self, transcripts: Iterable[Transcript]) -> list[bytes]:
        """Return the lines of episodes; raises SpeakerError for one so long that it could not be read again."""
        known: dict[int, Raw] = {}
        return [_line(told, known) for told in transcripts]

    def append_lines(self, lines: Iterable[bytes]) -> None:
        """Append lines of episodes and flush them to the disk, all of them or none."""
        append(self.episodes, b"".join(lines), inside=self.path)

    def append(self, transcripts: Iterable[Transcript]) -> None:
        """Append episodes and flush them to the disk, all of them or none."""
        self.append_lines(self.lines(transcripts))

    def settle(self, baseline: str, promise: Promise, found: Survey | None = None) -> Survey:
        """Put the episodes in order, compute ``metrics.json`` from those on the disk, and return what was found.

        ``found`` is what has been found already, if the file holds it to the byte; None: it is read for it.
        Raises RunFolderError when they are not what was promised.
        """
        found = survey(self.episodes, promise) if found is None else found
        if not found.ledger.in_order and not found.problems():
            arrange(self.episodes, found.ledger)
            found = survey(self.episodes, promise)
        if found.problems():
            raise RunFolderError(f"{self.path} is not complete: {'; '.join(found.problems())}")
        known = metrics_of(self.config, baseline, found.tally, found.digest, self.environment() or {})
        self.write("metrics.json", json.dumps(known, indent=1) + "\n")
        keep_index(self.episodes, promise, found.ledger.places, found.ledger.offsets)
        return found

    def check_tasks(self, scenario: Scenario) -> None:
        """Raise RunFolderError when the tasks are not those that the run was started with."""
        recorded = self.environment()
        if recorded is not None and recorded["tasks_digest"] != scenario_digest(scenario):
            raise RunFolderError(
                f"{self.path} was started on other tasks: the data of {scenario.name!r} has changed since"
            )

    def check_models(self, speaker: Speaker) -> None:
        """Raise RunFolderError when a language model is not the one that the run was started with, wherever it lies."""
        before, now = (self.environment() or {}).get("models", {}), models_of(speaker)
        for seat, weights in now.items():
            if before.get(seat, weights) != weights:
                raise RunFolderError(
                    f"{self.path} was started with another model for {seat}: the SHA-256 of its weights was "
                    f"{before[seat]:.16}..., and is {weights:.16}... now; give back the model, or begin a new run"
                )

    def write_environment(
        self,
        scenario: Scenario,
        packages: Sequence[str],
        speaker: Speaker,
        trained_on: Mapping[str, int] | None = None,
        methods: Mapping[str, Mapping[str, str]] | None = None,
        taught: Mapping[str, int] | None = None,
        given: Sequence[str] = (),
        equal: Mapping[str, Any] | None = None,
    ) -> None:
        """Record what the result hangs on besides the settings.

        ``trained_on``: on how many tasks a method was; ``methods``: what each is (`outcome.described`);
        ``taught``: how many tasks a method learned on. Of a scenario of this package, which reads answers as all of
        them do, also which reasoning blocks it leaves out. ``given``: which parts were objects of a caller's;
        ``equal``: how methods were set to equal tokens (`equal_tokens.Equalised`).
        """
        data = environment_of(
            scenario, packages, speaker, self.config.seed, trained_on or {}, methods or {}, taught or {}, given
        )
        data |= {"equal_tokens": dict(equal)} if equal else {}
        self.write("environment.json", json.dumps(data, indent=1) + "\n")


def metrics_of(
    config: Config, baseline: str, tally: Tally, digest: str, environment: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the content of ``metrics.json``: what the episodes come to, and what the environment says of methods.

    ``digest`` is that of the episodes.
    """
    seen, methods = environment.get("trained_on", {}), environment.get("methods", {})
    rows = []
    for row in tally.rows(baseline):
        told = methods.get(row.method, {})
        kind, policy = told.get("kind", "rule"), told.get("policy", "")
        rows.append(replace(row, trained_on=seen.get(row.method, 0), kind=kind, policy=policy))
    decided = outcome(tally, rows)
    return {
        "schema": SCHEMA,
        "scenario": config.scenario.name,
        "seed": config.seed,
        "baseline": baseline,
        "episodes_digest": digest,
        "rows": [row.to_data() for row in rows],
        **({} if decided is None else {"outcome": decided.to_data()}),
    }


def load_run(path: str | Path) -> RunFolder:
    """Open a run folder to look at: ``.config``, ``.transcripts()``, ``.by_method()``, ``.metrics()``.

    Raises RunFolderError when the folder is none of ours.
    """
    return RunFolder.reopen(Path(path))


def _line(told: Transcript, known: dict[int, Raw]) -> bytes:
    """Return the line of an episode; raises SpeakerError for one so long that it could not be read again."""
    line = told.to_line(known) + b"\n"
    if len(line) > LONGEST:
        raise SpeakerError(
            f"the texts of task {shown(told.task.id)} by {shown(told.method)} come to {len(line)} bytes; "
            f"at most {LONGEST} are kept of an episode, so have its speaker stop earlier"
        )
    return line


def numbered_folder(name: str, kind: str) -> Path:
    """Make the next free ``runs/<name>--<kind>--<number>`` and return it."""
    parent, stem = Path("runs"), f"{_safe(name)}--{kind}"
    make_folder(parent)
    taken = [int(m.group(1)) for p in parent.iterdir() if (m := re.fullmatch(re.escape(stem) + r"--(\d+)", p.name))]
    number = max(taken, default=0)
    while True:
        number += 1
        path = parent / f"{stem}--{number:03d}"
        try:
            path.mkdir()
        except FileExistsError:  # another run took the number in the meantime
            continue
        return path


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-") or "tasks"
