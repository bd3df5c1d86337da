"""The tree of exceptions: every mistake that tracer-env can name has a class here.

    TracerEnvError
    ├── UserError                 the caller can mend it; the command line exits with 2
    │   ├── ConfigError           an option or key has a value that cannot work (also a ValueError)
    │   │   └── UnexpectedKeywordError    a keyword that a constructor does not know (also a TypeError)
    │   ├── UnknownNameError      a name that nothing is registered under (also a LookupError)
    │   ├── MissingExtraError     an optional dependency is not installed (also an ImportError)
    │   ├── DataError             a data source that cannot be read or holds a bad row
    │   ├── TrustError            a file that names code, which only the user may name
    │   ├── RunFolderError        a run folder that exists already, is damaged, or belongs to another run
    │   │   └── DiskError         the disk did not take what was written; the command line exits with 1
    │   └── IllegalActionError    an action that the mask forbids (also a ValueError)
    ├── PartError                 a part that was plugged in raised, or returned what it must not; exits with 1
    │   ├── SpeakerError          a speaker, or a function prompt -> text
    │   ├── ControllerError       a controller
    │   ├── InformationError      an information function
    │   ├── ScenarioError         a scenario: its tasks, its reading and grading of answers
    │   └── RewardError           a reward
    ├── EndpointError             a server that refuses whatever it is asked (a key, a model, a quota); exits with 1
    ├── BudgetReached             a budget of tokens or money is used up, and the run can be continued; exits with 3
    ├── TrainingError             training went astray (numbers that are not finite); exits with 1
    └── ExecutorError             workers or their cluster are lost; what was done is kept, exits with 1

Messages name the rule, the value that was given and the remedy, in one line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BudgetReached",
    "ConfigError",
    "ControllerError",
    "DataError",
    "DiskError",
    "EndpointError",
    "ExecutorError",
    "IllegalActionError",
    "InformationError",
    "MissingExtraError",
    "PartError",
    "RewardError",
    "RunFolderError",
    "ScenarioError",
    "SpeakerError",
    "TracerEnvError",
    "TrainingError",
    "TrustError",
    "UnexpectedKeywordError",
    "UnknownNameError",
    "UserError",
    "did_you_mean",
]


class TracerEnvError(Exception):
    """Root of all errors raised on purpose by this package."""

    exit_code = 1


class UserError(TracerEnvError):
    """A mistake in what was asked for; nothing has been written when it is raised."""

    exit_code = 2


class ConfigError(UserError, ValueError):
    """A setting is out of range, of the wrong kind, or at odds with another."""


class UnexpectedKeywordError(ConfigError, TypeError):
    """A keyword that a constructor does not know; clients that try one first go by the TypeError, and by its words."""


class UnknownNameError(UserError, LookupError):
    """A name is not registered; the message lists what is, nearest first."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        super().__init__(f"unknown {kind} {name!r}{did_you_mean(str(name), self.known)}")


class MissingExtraError(UserError, ImportError):
    """A part needs a package of an extra that is not installed."""

    def __init__(self, part: str, package: str, extra: str, hint: str = "") -> None:
        line = hint or f'pip install "tracer-env[{extra}]"'
        super().__init__(f"{part} needs the package {package!r}; install it with: {line}")


class DataError(UserError):
    """A data source is missing, unreadable, or has a row that breaks the format."""


class TrustError(UserError):
    """A file names code that would be imported or run; the user can say it himself, or give ``--trust-code``."""


class RunFolderError(UserError):
    """A run folder is in the way, is not one of ours, or does not match its own record."""


class DiskError(RunFolderError):
    """The machine failed, not the user: the disk is full or read-only, or a folder has gone in the meantime."""

    exit_code = 1


class IllegalActionError(UserError, ValueError):
    """An action was taken that the rules forbid at this turn."""

    def __init__(self, seat: object, action: object, mask: Iterable[int]) -> None:
        self.seat, self.action, self.mask = seat, action, tuple(int(bit) for bit in mask)
        super().__init__(
            f"illegal action {action!r} for {seat}: the action mask (SKIP, SPEAK) is {self.mask}; "
            "choose an action whose mask entry is 1"
        )


class PartError(TracerEnvError):
    """A part raised, or returned what its contract does not allow: the line names the part, the task and the turn.

    Nothing of what it returned has been written. ``narrow`` is False where many requests went out together and any of
    them may be the cause.
    """

    narrow = True


class SpeakerError(PartError):
    """A speaker raised, or returned something else than one sound utterance for each candidate asked for."""


class ControllerError(PartError):
    """A controller raised, or returned something else than a probability."""


class InformationError(PartError):
    """An information function raised, or returned something else than a text."""


class ScenarioError(PartError):
    """A scenario raised, or gave something else than sound tasks, answers and grades."""


class RewardError(PartError):
    """A reward raised, or returned something else than one finite number for each agent."""


class EndpointError(TracerEnvError):
    """A server refuses whatever it is asked, so that no other request is worth sending; what was answered is kept."""


class BudgetReached(TracerEnvError):
    """A budget is used up: nothing more is sent, and what was answered is kept. ``option`` gives a larger one."""

    exit_code = 3

    def __init__(self, message: str, option: str) -> None:
        self.option = option
        super().__init__(message)

    def __reduce__(self) -> tuple[type[BudgetReached], tuple[str, str]]:
        """Cross processes with both arguments."""
        return BudgetReached, (str(self), self.option)


class TrainingError(TracerEnvError):
    """Training cannot go on; the last checkpoint is from before it went astray."""


class ExecutorError(TracerEnvError):
    """Workers are lost for good, or their cluster cannot be reached; the run can be continued."""


_SHOWN = 16


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of an error line: the nearest known name, or the list of all of them."""
    options = list(known)
    near = difflib.get_close_matches(name, options, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    if not options:
        return ""
    more = f" and {len(options) - _SHOWN} more" if len(options) > _SHOWN else ""
    return "; choose one of: " + ", ".join(options[:_SHOWN]) + more
