"""What becomes of an episode in which a part failed: a policy, asked where parts are.

    Stop    the error is raised; what was finished is kept, and the run is continued when the part is mended
    Skip    the episode ends as failed, with the error's line for a reason, and the others go on

Only a `PartError` is a failure of an episode: what the machine, the settings or this package do wrong stops any run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tracer_env.errors import PartError
from tracer_env.intake.bounded import shown_path
from tracer_env.interfaces import Request, Scenario, Speaker
from tracer_env.parts.contracts import heard, spoken, well_formed
from tracer_env.types import Utterance
from tracer_env.verification.referee import ask, ask_each

__all__ = ["POLICIES", "FailurePolicy", "Skip", "Stop"]

_LONGEST = 500


class FailurePolicy(Protocol):
    """How speakers are asked, and what a failure comes to."""

    def ask(self, speaker: Speaker, requests: Sequence[Request], scenario: Scenario) -> Sequence[Utterance | PartError]:
        """Return what is said to requests of one candidate each, with the error of each that failed."""
        ...

    def hear(self, speaker: Speaker, requests: Sequence[Request]) -> Sequence[Utterance | PartError]:
        """As `ask`, for answers to questions about dialogues, which no referee reads."""
        ...

    def reason(self, error: PartError) -> str:
        """Return why the episode failed, in one line, or raise."""
        ...


class Stop:
    """The first failure ends the run."""

    def ask(self, speaker: Speaker, requests: Sequence[Request], scenario: Scenario) -> Sequence[Utterance | PartError]:
        return ask(speaker, requests, scenario)

    def hear(self, speaker: Speaker, requests: Sequence[Request]) -> Sequence[Utterance | PartError]:
        return spoken(speaker, requests)

    def reason(self, error: PartError) -> str:
        raise error


class Skip:
    """A failure ends its episode alone."""

    def ask(self, speaker: Speaker, requests: Sequence[Request], scenario: Scenario) -> Sequence[Utterance | PartError]:
        return ask_each(speaker, requests, scenario)

    def hear(self, speaker: Speaker, requests: Sequence[Request]) -> Sequence[Utterance | PartError]:
        try:
            return heard(speaker, requests)
        except PartError as error:
            if len(requests) == 1:
                return [error]
            half = len(requests) // 2
            return [*self.hear(speaker, requests[:half]), *self.hear(speaker, requests[half:])]

    def reason(self, error: PartError) -> str:
        line = " ".join(well_formed(shown_path(f"{type(error).__name__}: {error}")).split())
        return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


POLICIES: dict[str, FailurePolicy] = {"stop": Stop(), "skip": Skip()}
"""The policies that a configuration can name."""
