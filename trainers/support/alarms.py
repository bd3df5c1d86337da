"""Alarms for a language model that collapses while it is trained.

Four numbers tell of it before the accuracy does, each as a mean over the last ``window`` steps:

    completion_length   tokens: far shorter or far longer than in the first ``window`` steps
    repetition          share of completions that repeat themselves (see ``repeating``)
    entropy             nats per token: nearly gone, compared with the first ``window`` steps
    unparsable          share of completions without an answer or verdict

A fifth, the share of groups whose candidates all earned the same, tells that nothing is learned at all.

An alarm is a line for people, raised once when a limit is crossed and again only after the mean has come back.
Nothing is stopped by it: entropy also falls while a model learns, so read it beside the accuracy. A share that was
beyond its limit from the start raises nothing until it has risen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le

from tracer_env.annotations import Words
from tracer_env.errors import RunFolderError
from tracer_env.intake.checked import choice, listed, mapping, number, read, record
from tracer_env.settings import Settings

__all__ = ["AlarmConfig", "CollapseAlarms", "repeating", "repetition"]


_Share = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True)
class AlarmConfig(Settings, at="the alarm limit "):
    """Where the alarms stand."""

    window: Annotated[int, Ge(1), Words("must be a window of at least 1 step")] = 10
    """Steps in a mean; no alarm before as many have been seen."""
    shortest: _Share = 0.3
    """Share of the first completion length below which an alarm is raised."""
    longest: Annotated[float, Gt(1), Words("must be above 1")] = 3.0
    """Multiple of the first completion length above which an alarm is raised."""
    repetition: _Share = 0.5
    """Share of completions that repeat themselves."""
    entropy: _Share = 0.1
    """Share of the first entropy below which an alarm is raised."""
    unparsable: _Share = 0.5
    """Share of completions that cannot be parsed."""
    rise: _Share = 0.1
    """How much a share must have risen since the first steps besides crossing its limit."""


@dataclass(frozen=True)
class _Alarm:
    """One reason for an alarm: the metric, when it is crossed (config, first mean, mean), and what is said."""

    metric: str
    crossed: Callable[[AlarmConfig, float, float], bool]
    text: str


_ALARMS = {
    "short": _Alarm(
        "completion_length",
        lambda config, first, mean: mean < config.shortest * first,
        "completions have shrunk to {mean:.1f} tokens (first {first:.1f}); "
        "check that the reward does not pay for silence",
    ),
    "long": _Alarm(
        "completion_length",
        lambda config, first, mean: first > 0 and mean > config.longest * first,
        "completions have grown to {mean:.1f} tokens (first {first:.1f}); "
        "lower max_completion_length or the learning rate",
    ),
    "repetition": _Alarm(
        "repetition",
        lambda config, first, mean: mean > config.repetition and mean - first >= config.rise,
        "{mean:.0%} of the completions repeat themselves (first {first:.0%}); lower the learning rate or raise beta",
    ),
    "entropy": _Alarm(
        "entropy",
        lambda config, first, mean: mean < config.entropy * first,
        "the entropy has fallen to {mean:.4f} (first {first:.4f}): the candidates of a group hardly differ; "
        "unless the accuracy is high, lower the learning rate or raise beta",
    ),
    "unparsable": _Alarm(
        "unparsable",
        lambda config, first, mean: mean > config.unparsable and mean - first >= config.rise,
        "{mean:.0%} of the completions cannot be parsed (first {first:.0%}); "
        "lower the learning rate, or raise max_completion_length if they are cut off",
    ),
    "signal": _Alarm(
        "dropped_share",
        lambda config, first, mean: mean >= 1.0,
        "no signal: in no group did the rewards of the candidates differ, so nothing is learned; unless accuracy is "
        "high, take easier or other tasks, a higher temperature, or another reward",
    ),
}


_SEEN = mapping(listed(number(), 100_000), 1000)
_STATE = record({"first": _SEEN, "recent": _SEEN, "raised": listed(choice(_ALARMS), len(_ALARMS))})


class CollapseAlarms:
    """Looks at the metrics of each step of one policy and says what looks like a collapse.

    ``policy`` is named in the lines when it is given. Metrics that are missing, None or not finite count as not seen.
    """

    def __init__(self, config: AlarmConfig | None = None, policy: str = "") -> None:
        self.config = config or AlarmConfig()
        self.policy = policy
        self._first: dict[str, list[float]] = {}
        self._recent: dict[str, list[float]] = {}
        self._raised: set[str] = set()

    def look(self, step: int, metrics: Mapping[str, float | int | None]) -> list[str]:
        """Take in the metrics of a step and return one line for each alarm that is new."""
        if groups := metrics.get("groups"):
            self._take("dropped_share", (metrics.get("dropped_groups") or 0) / groups)
        for name in dict.fromkeys(alarm.metric for alarm in _ALARMS.values()):
            value = metrics.get(name)
            if value is not None and math.isfinite(value):
                self._take(name, float(value))
        return [line for kind in _ALARMS if (line := self._judged(kind, step)) is not None]

    def state_dict(self) -> dict[str, Any]:
        """Return all that has been seen, JSON-ready."""
        return {
            "first": {name: list(values) for name, values in self._first.items()},
            "recent": {name: list(values) for name, values in self._recent.items()},
            "raised": sorted(self._raised),
        }

    def load_state_dict(self, data: Mapping[str, Any]) -> None:
        """Go on from what ``state_dict`` returned; raises RunFolderError for anything else."""
        found = read(data, _STATE, "the saved state of the alarms", error=RunFolderError)
        first, recent, raised = found["first"], found["recent"], set(found["raised"])
        self._first, self._recent, self._raised = first, recent, raised

    def _take(self, name: str, value: float) -> None:
        first, recent = self._first.setdefault(name, []), self._recent.setdefault(name, [])
        if len(first) < self.config.window:
            first.append(value)
        recent.append(value)
        del recent[: -self.config.window]

    def _judged(self, kind: str, step: int) -> str | None:
        alarm = _ALARMS[kind]
        recent = self._recent.get(alarm.metric, [])
        if len(recent) < self.config.window:
            return None
        first = math.fsum(self._first[alarm.metric]) / len(self._first[alarm.metric])
        mean = math.fsum(recent) / len(recent)
        if not alarm.crossed(self.config, first, mean):
            self._raised.discard(kind)
            return None
        if kind in self._raised:
            return None
        self._raised.add(kind)
        name = f"{self.policy}: " if self.policy else ""
        return f"step {step}: {name}{alarm.text.format(mean=mean, first=first)}"


def repetition(token_ids: Sequence[int], n: int = 4) -> float:
    """Return the share of a completion's n-grams that have stood in it before.

    It is 0 when no run of ``n`` tokens recurs and comes near 1 in a loop. Unlike the share of the most frequent
    n-gram it does not fall with the length of the loop's phrase.
    """
    grams = [tuple(token_ids[start : start + n]) for start in range(len(token_ids) - n + 1)]
    return (len(grams) - len(set(grams))) / len(grams) if grams else 0.0


def repeating(completions: Sequence[Sequence[int]], beyond: float = 0.5) -> float:
    """Return the share of completions more than ``beyond`` of whose 4-grams have stood in them before."""
    if not completions:
        return 0.0
    return sum(repetition(completion) > beyond for completion in completions) / len(completions)
