"""Outcome: what a comparison comes to in plain words, computed from its episodes.

Methods are rules (they learned nothing), learned ones, or bounds, which look at the gold answer and take no part.

The best fixed rule and the best method are those with the highest accuracy, fewer tokens first where it is equal. The
best method is held against the best rule (when that is the rule itself, the best learned one is): paired on tasks and
worlds, p by flipping signs, Holm's correction over all methods that the rule might have been held against, for the
best of many is best by luck too. The rule is the best of several on these very tasks, which is to the learned
ones' disadvantage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tracer_env.errors import DataError
from tracer_env.intake.bounded import shown
from tracer_env.intake.checked import Reader, flag, line, listed, number, optional, read, record, whole
from tracer_env.parts.seams import parts_of
from tracer_env.rules import Rules, under
from tracer_env.settings import as_data
from tracer_env.statistics.holm import holm
from tracer_env.statistics.metrics import KINDS, Duel, Row, Tally
from tracer_env.terminal.plain import visible

__all__ = ["Outcome", "described", "kind_of", "outcome"]

_SURE = 0.05
_LARGE = 1e15
_CHANCE = number(0.0, 1.0)


def _pair(low: float, high: float) -> Reader[Any]:
    ends = listed(number(low, high), most=2, least=2)
    return optional(lambda value: tuple(ends(value)))


_TOLD = record(
    {
        "method": line(),
        "against": line(),
        "accuracy": number(-1.0, 1.0),
        "accuracy_ci": _pair(-1.0, 1.0),
        "p_value": _CHANCE,
        "tokens": number(-_LARGE, _LARGE),
        "tokens_ci": _pair(-_LARGE, _LARGE),
        "p_holm": _CHANCE,
        "others": whole(1),
        "learned": flag,
    }
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The best fixed rule, the method that is held against it, and how that ended."""

    rule: Row
    method: Row
    duel: Duel  # the method against the rule
    p_holm: float
    others: int  # over how many methods p was corrected
    learned: bool  # whether the method learned something

    def to_data(self) -> dict[str, Any]:
        """Return it as JSON-ready data: the two methods by name, the paired figures, p after Holm over ``others``."""
        told = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self.duel).items()}
        return {**told, "p_holm": self.p_holm, "others": self.others, "learned": self.learned}

    @classmethod
    def from_data(cls, data: Mapping[str, Any], rows: Sequence[Row]) -> Outcome:
        """Read what `to_data` wrote; raises DataError for anything else, and for a method without a row."""
        told = read(data, _TOLD, "the outcome", remedy="compute the metrics again")
        by_name = {row.method: row for row in rows}
        if missing := [told[name] for name in ("against", "method") if told[name] not in by_name]:
            raise DataError(f"the outcome names {shown(missing[0])}, which has no row; compute the metrics again")
        rest = {name: told.pop(name) for name in ("p_holm", "others", "learned")}
        return cls(by_name[told["against"]], by_name[told["method"]], Duel(**told), **rest)

    @property
    def sure(self) -> bool:
        """Whether the difference is unlikely to be luck: Holm's p below 0.05."""
        return self.p_holm < _SURE

    def sentences(self, names: Mapping[str, str] | None = None) -> list[str]:
        """Return the verdict: one sentence on accuracy, one on tokens; ``names`` are shorter ones for methods."""
        duel, rule = self.duel, self.rule
        called = {each: visible((names or {}).get(each, each)) for each in (duel.method, duel.against)}
        by = f"{_signed(duel.accuracy)}{_ends(duel.accuracy_ci, 3)} {_chance(self.p_holm)}"
        told = f"{called[duel.against]} ({rule.accuracy:.3f} at {rule.tokens_per_task:,.0f} tokens)"
        mine = f"{called[duel.method]} ({self.method.accuracy:.3f} at {self.method.tokens_per_task:,.0f} tokens)"
        if self.sure and duel.accuracy > 0:
            first = f"{mine} is better than the best fixed rule, {told}: {by}."
        elif self.sure:
            first = f"The best fixed rule, {told}, is better than any other method. {self._what()} is {mine}: {by}."
        else:
            first = f"No method is shown to be better than the best fixed rule, {told}. {self._what()} is {mine}: {by}."
        return [first, self._spent(called)]

    def _what(self) -> str:
        return "The best learned one" if self.learned else "The best other one"

    def _spent(self, called: Mapping[str, str]) -> str:
        duel = self.duel
        interval = duel.tokens_ci
        clear = interval is not None and (interval[0] > 0 or interval[1] < 0)
        how = "less" if duel.tokens < 0 else "more"
        ends = None if interval is None else sorted(abs(end) for end in interval) if clear else list(interval)
        number = abs(duel.tokens) if clear else duel.tokens
        both = called[duel.method], called[duel.against]
        words = f"{_minus(f'{number:,.0f}')}{_ends(ends, 0)} tokens a task"
        if interval is None and duel.tokens:
            told = f"{abs(duel.tokens):,.0f} tokens a task {how} than {both[1]} here"
            return f"{both[0]} costs {told}; nothing was seen of how that differs from task to task."
        if clear:
            return f"{both[0]} costs {words} {how} than {both[1]}."
        return f"{both[0]} is not shown to cost more or less than {both[1]}: {words}."


def outcome(tally: Tally, rows: Sequence[Row]) -> Outcome | None:
    """Return how the best method fares against the best fixed rule; None without a rule, or without anything else."""
    playing = [row for row in rows if row.kind != "bound" and row.episodes]
    rules = [row for row in playing if row.kind == "rule"]
    if not rules or len(playing) < 2:
        return None
    rule = min(rules, key=_standing)
    others = [row for row in playing if row is not rule]
    duels = {row.method: duel for row in others if (duel := tally.duel(row.method, rule.method)) is not None}
    held = [row for row in others if row.method in duels]
    if not held:
        return None
    corrected = dict(zip(duels, holm([duel.p_value for duel in duels.values()]).tolist(), strict=True))
    learned = [row for row in held if row.kind == "learned"]
    best = min(held, key=_standing)
    if _standing(rule) < _standing(best) and learned:
        best = min(learned, key=_standing)
    return Outcome(rule, best, duels[best.method], corrected[best.method], len(held), best in learned)


def described(controller: object, rules: Rules) -> dict[str, Any]:
    """Return what a run records of a method: its kind, how tables are played, and what it asks for of the rules.

    That is a final answer where it names one, and all of its rules where it brings its own; a schedule of the user's
    own cannot be told, and is left out.
    """
    final, policy = getattr(controller, "final_answer", None), _policy(controller)
    return {
        "kind": kind_of(controller),
        **({"policy": policy} if policy else {}),
        **({} if final is None else {"final_answer": final}),
        **({"rules": as_data(under(rules, controller))} if hasattr(controller, "plays") else {}),
    }


def _policy(controller: object) -> str:
    if parts := parts_of(controller):
        return " and ".join(sorted({told for part in parts.values() if (told := _policy(part))}))
    return str(getattr(controller, "played", ""))


def kind_of(controller: object) -> str:
    """Return a controller's kind; a cast is what the most of its parts can do: bound, then learned, then rule."""
    if parts := parts_of(controller):
        return max((kind_of(part) for part in parts.values()), key=KINDS.index)
    if getattr(controller, "clairvoyant", False):
        return "bound"
    learned = hasattr(controller, "load_state_dict") or getattr(controller, "words_learned", False)
    return "learned" if learned else "rule"


def _standing(row: Row) -> tuple[float, float]:
    return -row.accuracy, row.tokens_per_task


def _signed(number: float) -> str:
    return _minus(f"{number:+.3f}") if round(number, 3) else "0.000"


def _minus(number: str) -> str:
    return number.replace("-", "−")


def _ends(interval: Sequence[float] | None, places: int) -> str:
    if interval is None:
        return ""
    low, high = (_minus(f"{end:,.{places}f}") for end in interval)
    return f" [{low}, {high}]"


def _chance(p: float) -> str:
    return "(p < 0.001 after Holm)" if p < 0.001 else f"(p = {p:.3f} after Holm)"
