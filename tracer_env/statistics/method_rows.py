"""Rows: what a method comes to, and how two fare against each other, as data that files keep and readers check.

What the numbers mean, and how failures and timeouts enter, is told by `metrics`, which computes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from statistics import stdev
from typing import Any

from tracer_env.errors import DataError
from tracer_env.intake.bounded import shown
from tracer_env.intake.checked import Reader, also, choice, flag, line, listed, number, optional, read, record, whole
from tracer_env.types import Grade, Interval

__all__ = ["KINDS", "Duel", "Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """One method on one scenario. Intervals are 95%; what is paired, and p, is None for the baseline."""

    method: str
    scenario: str
    episodes: int
    accuracy: float
    accuracy_ci: Interval | None  # `share_interval`
    tokens_per_task: float
    tokens_per_task_ci: Interval | None  # `mean_interval`; None for a single task
    completion_tokens_per_task: float
    prompt_tokens_per_task: float
    calls_per_task: float
    calls_per_task_ci: Interval | None  # as tokens
    speak_rate: float | None  # over turns at which both actions were legal
    correction_rate: float | None  # P(final correct | first proposal wrong)
    corruption_rate: float | None  # P(final wrong | first proposal correct)
    preservation_rate: float | None  # 1 - corruption
    reviewer_tpr: float | None  # P(says RIGHT | pending correct), unparsable reviews in the denominator
    reviewer_tnr: float | None  # P(says WRONG | pending wrong), likewise
    unparsable_rate: float | None  # of proposals
    timeout_rate: float | None  # of proposals
    truncated_rate: float | None  # of utterances: cut at the token limit
    grades: Mapping[str, int]  # of final answers: correct, wrong, unparsable, timeout
    counterfactual_tokens_per_task: float  # drawn and never said; no part of tokens_per_task
    paired_difference: float | None = None  # accuracy less the baseline's, same tasks and worlds
    paired_difference_ci: Interval | None = None  # `difference_interval`
    p_value: float | None = None  # signs flipped by task
    p_holm: float | None = None  # the same after Holm's correction for the rows of the table
    paired_episodes: int | None = None  # how many (task, world) both have
    paired_tokens: float | None = None  # tokens a task less the baseline's, same pairs
    paired_tokens_ci: Interval | None = None  # `mean_interval`
    failed: int = 0  # episodes that failed: in none of the numbers above
    accuracy_with_failed: float | None = None  # where some did: the accuracy with these as wrong
    trained_on: int = 0  # on how many of the tasks a table of the method was trained: where any, no held-out result
    kind: str = "rule"  # what the method is: a rule, learned, or a bound (`outcome`)
    policy: str = ""  # how its tables are played: average, greedy, or both in a cast; empty without tables
    accuracy_by_seed: tuple[float, ...] = ()  # where a run has several seeds: under each; empty where others are copies
    tokens_by_seed: tuple[float, ...] = ()  # tokens a task, likewise
    agents: int = 0  # how many had a seat in its dialogues; 0 in rows of before
    uncounted: int = 0  # utterances whose usage a server did not tell: in the tokens above they are 0
    paired_tasks: int = 0  # tasks of which both have episodes; 0 in rows of before, and where nothing is paired
    paired_differ: int = 0  # of these, how many differ
    paired_sd: float | None = None  # standard deviation of the differences of accuracy by task
    lopsided: bool = False  # one task has more than half of the spread of tokens: their interval may be too narrow

    def to_data(self) -> dict[str, Any]:
        """Return the row as JSON-ready data: intervals become lists, None stays null."""
        data = asdict(self)
        if not self.failed:
            del data["failed"], data["accuracy_with_failed"]
        if not self.trained_on:
            del data["trained_on"]
        if self.kind == "rule":
            del data["kind"]
        if not self.policy:
            del data["policy"]
        if not self.accuracy_by_seed:
            del data["accuracy_by_seed"], data["tokens_by_seed"]
        if not self.agents:
            del data["agents"]
        if self.paired_sd is None:
            del data["paired_tasks"], data["paired_differ"], data["paired_sd"]
        if not self.lopsided:
            del data["lopsided"]
        if not self.uncounted:
            del data["uncounted"]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in data.items()}

    @property
    def spread(self) -> float | None:
        """The standard deviation of accuracy between seeds, None without several."""
        return stdev(self.accuracy_by_seed) if len(self.accuracy_by_seed) > 1 else None

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Row:
        """Read what `to_data` wrote; raises DataError for missing or unknown keys and for values of another kind."""
        known = {field.name for field in fields(cls)}
        if isinstance(data, Mapping):
            known -= _LATER - data.keys()  # not in rows of before; few were trained on their tasks
            known -= _OF_FAILURES if not data.keys() & _OF_FAILURES else set()
        if not isinstance(data, Mapping) or set(data) != known:
            odd = sorted(known ^ set(data)) if isinstance(data, Mapping) else type(data).__name__
            raise DataError(f"not a row of metrics (keys that differ: {shown(odd)}); compute the metrics again")
        kinds = {field.name: _KINDS[str(field.type)] for field in fields(cls)} | _SHARES
        kinds |= {"paired_sd": optional(number(0.0, _LARGE))}
        kinds |= {"kind": choice(KINDS), "paired_tokens": optional(number(-_LARGE, _LARGE))}
        kinds = {name: kinds[name] for name in data}
        return cls(**read(dict(data), record(kinds), "a row of metrics", remedy="compute the metrics again"))


KINDS = ("rule", "learned", "bound")
"""What a method is: one that learned nothing, one that did, one that looks at the gold answer and takes no part."""

_LATER = {"p_holm", "trained_on", "kind", "policy", "paired_tokens", "paired_tokens_ci"}
_LATER |= {"accuracy_by_seed", "tokens_by_seed", "lopsided", "agents", "uncounted"}
_LATER |= {"paired_tasks", "paired_differ", "paired_sd"}
_OF_FAILURES = {"failed", "accuracy_with_failed"}
_LARGE = 1e15  # no mean of tokens comes near
_PAIR = also(listed(number(-_LARGE, _LARGE), most=2, least=2), lambda pair: pair[0] <= pair[1], "a low and a high end")
_SHARE, _ENDS = number(0.0, 1.0), ("_rate", "_tpr", "_tnr", "_value")
_SHARES: dict[str, Reader[Any]] = {f.name: optional(_SHARE) for f in fields(Row) if f.name.endswith(_ENDS)}
_SHARES["accuracy"] = _SHARE
_BY_SEED = listed(number(0.0, _LARGE), most=10_000, least=2)
_KINDS: dict[str, Reader[Any]] = {
    "str": line(),
    "int": whole(0),
    "bool": flag,
    "int | None": optional(whole(0)),
    "float": number(0.0, _LARGE),
    "float | None": optional(number(-1.0, 1.0)),
    "Interval | None": optional(lambda value: tuple(_PAIR(value))),
    "tuple[float, ...]": lambda value: tuple(_BY_SEED(value)),
    "Mapping[str, int]": record({grade.name.lower(): whole(0) for grade in Grade}),
}


@dataclass(frozen=True, slots=True)
class Duel:
    """A method against another on the (task, world) pairs that both have; intervals are 95%, tasks their units."""

    method: str
    against: str
    accuracy: float  # by how much the method's share of correct answers is higher
    accuracy_ci: Interval | None  # `difference_interval`
    p_value: float  # signs flipped by task
    tokens: float  # by how many tokens a task it costs more
    tokens_ci: Interval | None  # `mean_interval`; None for a single task
