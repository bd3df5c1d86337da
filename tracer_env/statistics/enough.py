"""How many tasks would settle a difference between two methods that play the same ones.

The test of a table is two-sided, at the level a / k where k rows are tested: what Holm's correction asks of the
smallest p, and the most that it asks of any. With differences by task whose standard deviation is s, a true difference
D is found with chance 1 - b when there are

    n  =  (z(1 - a / 2k) + z(1 - b))^2 s^2 / D^2  +  z(1 - a / 2k)^2 / 2  +  1 / D

tasks: the second term because s is estimated (Guenther 1981), the third because the total of the differences, n D,
moves in steps of two when a sign is flipped (half a step, as in Casagrande, Pike and Smith 1978). The test flips signs,
so besides this n must be such that with chance 1 - b at least m tasks differ, where 2^(1 - m) is the first p at most
a / k.

Traps: s comes from the tasks at hand, and so does D unless it is stated: a difference that was seen is uncertain
itself, and one that was looked at because it was large is too large. State the smallest difference that would matter,
before the run. What seeds stray is no less with more tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil, exp, lgamma, log, log1p, log2
from statistics import NormalDist
from typing import Any

from tracer_env.statistics.method_rows import Row
from tracer_env.terminal.plain import visible

__all__ = ["LEVEL", "POWER", "Settling", "settled_by", "settling", "tasks_needed"]

LEVEL, POWER = 0.05, 0.8
_MOST = 10**9


def tasks_needed(difference: float, sd: float, differ: float, rows: int = 1, power: float = POWER) -> int | None:
    """Return the number of tasks that shows a difference at the corrected level with chance ``power``.

    ``sd`` is that of the differences by task, ``differ`` the share of tasks with any, ``rows`` how many are tested.
    None where nothing can be said: no difference, or no task that differs; also beyond a thousand million tasks.
    """
    if not difference or not differ or (not sd and differ < abs(difference)):
        return None
    level, normal = LEVEL / rows, NormalDist()
    strict = normal.inv_cdf(1.0 - level / 2)
    by_spread = ((strict + normal.inv_cdf(power)) * sd / difference) ** 2 + strict**2 / 2 + 1 / abs(difference)
    if by_spread > _MOST:
        return None
    least = ceil(1.0 - log2(level))
    low, high = least - 1, least
    while _fewer(high, differ, least) > 1.0 - power:
        low, high = high, 2 * high
        if low > _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _fewer(middle, differ, least) > 1.0 - power else (low, middle)
    return max(ceil(by_spread), high)


def _fewer(tasks: int, chance: float, least: int) -> float:
    """Return the chance that fewer than ``least`` of ``tasks`` differ, binomially."""
    if chance >= 1.0:
        return float(tasks < least)
    over = [
        lgamma(tasks + 1) - lgamma(k + 1) - lgamma(tasks - k + 1) + k * log(chance) + (tasks - k) * log1p(-chance)
        for k in range(min(least, tasks + 1))
    ]
    return sum(map(exp, over))


@dataclass(frozen=True, slots=True)
class Settling:
    """What would settle how a method differs from the baseline; ``needed`` is None where nothing can be said."""

    method: str
    difference: float  # that is to be shown
    tasks: int  # that both have played
    needed: int | None  # tasks in all, at `POWER` and the corrected level

    @property
    def more(self) -> int | None:
        """How many tasks are missing."""
        return None if self.needed is None else max(0, self.needed - self.tasks)

    def to_data(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {**asdict(self), "more": self.more}


def settling(rows: Sequence[Row], difference: float | None = None) -> list[Settling]:
    """Return what would settle each comparison of a table that is not settled (Holm's p of 0.05 or more).

    ``difference`` is the one to be shown; None: what was seen. Bounds are left out, and rows of before, which do not
    say how their tasks differ.
    """
    tested = sum(row.p_value is not None for row in rows)
    found = []
    for row in rows:
        if row.p_holm is None or row.p_holm < LEVEL or row.kind == "bound" or row.paired_sd is None:
            continue
        looked = row.paired_difference or 0.0 if difference is None else difference
        differ = max(row.paired_differ / row.paired_tasks, abs(looked)) if row.paired_differ else 0.0
        needed = tasks_needed(looked, row.paired_sd, differ, tested)
        found.append(Settling(row.method, looked, row.paired_tasks, needed))
    return found


def settled_by(rows: Sequence[Row], difference: float | None = None, names: Mapping[str, str] | None = None) -> str:
    """Return one line of what `settling` found; empty where all is settled, or nothing is compared."""
    found = settling(rows, difference)
    if not found:
        return ""
    tested, here = sum(row.p_value is not None for row in rows), max(each.tasks for each in found)
    what = "the differences seen" if difference is None else f"a difference of {difference:g}"
    over = f" over {tested} rows" if tested > 1 else ""
    told = ", ".join(f"{visible((names or {}).get(each.method, each.method))} {_number(each)}" for each in found)
    seeds = "; what seeds stray stays" if any(row.accuracy_by_seed for row in rows) else ""
    return f"tasks that would settle {what} ({POWER:.0%} power, p < {LEVEL:g}{over}; here {here:,}): {told}{seeds}"


def _number(one: Settling) -> str:
    if one.needed is not None:
        return f"{one.needed:,}"
    return "– (none seen)" if not one.difference else "– (too few differ)"
