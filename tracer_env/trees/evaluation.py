"""What a policy comes to on dialogue trees, exactly: no dialogue is played, no choice is drawn.

With P(SPEAK) at every node the reach of each node follows from the root down, and every figure is a sum of
reach times what stands at the node:

    reach(2 i)     = reach(i) (1 - p(i))
    reach(2 i + 1) = reach(i) p(i)

The figures are those of `metrics`, in expectation over the policy's own choices, timeouts treated alike. What is
left of chance is which tasks and worlds the trees hold: the standard error, between tasks, a task's worlds being
averaged first since they are not independent. A rate is a ratio of two such means (errors by linearisation).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError
from tracer_env.interfaces import Information
from tracer_env.parts.casting import make_controller
from tracer_env.rules import under
from tracer_env.trees.finals import Standing, ending_under, finals
from tracer_env.trees.levels import TreeData
from tracer_env.trees.payoffs import one_step_values
from tracer_env.trees.policy import Policy, speak_probabilities
from tracer_env.trees.shape import spoken_nodes
from tracer_env.types import Grade, Role

__all__ = ["Evaluation", "Policy", "evaluate_policy", "reaches"]

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """A policy on a set of trees. Figures are numbers; a rate without a case is None.

    ``rows`` holds what each tree adds, shape (R,) each: sums such as ``accuracy`` and ``tokens``, and the cases
    of the rates. `standard_error`, `by_task` and `difference` take the figures' names.
    """

    tasks: int
    worlds: int
    agents: int
    rows: Mapping[str, Rows] = field(repr=False)

    @property
    def accuracy(self) -> float:
        """P(final answer correct): the team reward's value."""
        return self._sure("accuracy")

    @property
    def tokens_per_task(self) -> float:
        """Expected tokens, prompt and completion together."""
        return self._sure("tokens_per_task")

    @property
    def calls_per_task(self) -> float:
        """Expected number of utterances."""
        return self._sure("calls_per_task")

    @property
    def speak_rate(self) -> float | None:
        """P(SPEAK) where both actions are legal, each choice counted as often as it is met."""
        return self.figure("speak_rate")

    @property
    def correction_rate(self) -> float | None:
        """P(final correct | first wrong)."""
        return self.figure("correction_rate")

    @property
    def corruption_rate(self) -> float | None:
        """P(final wrong | first correct)."""
        return self.figure("corruption_rate")

    @property
    def preservation_rate(self) -> float | None:
        """P(final correct | first correct)."""
        return self.figure("preservation_rate")

    @property
    def role_rewards(self) -> tuple[float, ...]:
        """Each agent's expected sum of one-step values over a dialogue (`rewards.RoleCredit`)."""
        return tuple(self._sure(f"role_reward_{agent}") for agent in range(self.agents))

    def value(self, price: float = 0.0) -> float:
        """Return accuracy less ``price`` for each token: the value under `rewards.TeamMinusTokens`."""
        return self.accuracy - price * self.tokens_per_task

    def figure(self, name: str) -> float | None:
        """Return a figure by its name, None where it has no case; raises ConfigError for an unknown name."""
        above, below = self._parts(name)
        cases = float(below.sum())
        return float(above.sum()) / cases if cases else None

    def standard_error(self, name: str) -> float | None:
        """Return a figure's standard error between tasks; None for a single task or without a case."""
        figure = self.figure(name)
        if figure is None or self.tasks < 2:
            return None
        above, below = (self._mean(part) for part in self._parts(name))
        return _error((above - figure * below) / below.mean())

    def by_task(self, name: str) -> Rows:
        """Return a figure for each task, the mean over its worlds, shape (n,); NaN where a rate has no case."""
        above, below = (self._mean(part) for part in self._parts(name))
        shares = np.full(self.tasks, np.nan)
        np.divide(above, below, out=shares, where=below > 0)
        return shares

    def difference(self, other: Evaluation, name: str = "accuracy") -> tuple[float, float | None]:
        """Return a figure less the ``other`` policy's on the same trees, paired by task, and its standard error.

        Raises ConfigError when the trees are not the same in number, and for rates, which have no pairs.
        """
        if (self.tasks, self.worlds) != (other.tasks, other.worlds):
            raise ConfigError("differences are taken on the same trees; these policies were evaluated on others")
        if name in _RATES:
            raise ConfigError(f"{name} is a rate over cases that differ between policies; it has no paired difference")
        gaps = self.by_task(name) - other.by_task(name)
        return float(gaps.mean()), _error(gaps) if self.tasks > 1 else None

    @property
    def figures(self) -> tuple[str, ...]:
        """The names of all figures."""
        return (*_MEANS, *_RATES, *(f"role_reward_{agent}" for agent in range(self.agents)))

    def to_data(self) -> dict[str, Any]:
        """Return all figures with their standard errors as JSON-ready data."""
        figures = {name: self.figure(name) for name in self.figures}
        errors = {name: self.standard_error(name) for name in self.figures}
        return {"tasks": self.tasks, "worlds": self.worlds, **figures, "standard_errors": errors}

    def __repr__(self) -> str:
        return (
            f"Evaluation(tasks={self.tasks}, worlds={self.worlds}, accuracy={self.accuracy:.4f}, "
            f"tokens_per_task={self.tokens_per_task:.1f}, calls_per_task={self.calls_per_task:.2f})"
        )

    def _sure(self, name: str) -> float:
        found = self.figure(name)
        return 0.0 if found is None else found

    def _parts(self, name: str) -> tuple[Rows, Rows]:
        """Return what a figure sums over the trees, and what it divides by."""
        if name in _RATES:
            above, below = _RATES[name]
            return self.rows[above], self.rows[below]
        if name not in self.figures:
            raise ConfigError(f"there is no figure {name!r}; choose one of: {', '.join(self.figures)}")
        return self.rows[name], np.ones(self.tasks * self.worlds)

    def _mean(self, rows: Rows) -> Rows:
        mean: Rows = rows.reshape(self.worlds, self.tasks).mean(axis=0)
        return mean


_MEANS = ("accuracy", "tokens_per_task", "prompt_tokens_per_task", "completion_tokens_per_task", "calls_per_task")
_RATES = {
    "speak_rate": ("spoken", "choices"),
    "correction_rate": ("corrected", "first_wrong"),
    "corruption_rate": ("corrupted", "first_right"),
    "preservation_rate": ("preserved", "first_right"),
    "reviewer_tpr": ("approved_right", "reviews_of_right"),
    "reviewer_tnr": ("blamed_wrong", "reviews_of_wrong"),
}


def evaluate_policy(trees: TreeData, policy: Policy, information: str | Information = "vote_and_time") -> Evaluation:
    """Return what ``policy`` comes to; for its forms, and what is refused, see `speak_probabilities`.

    A controller that names a final answer of its own is graded by that one.
    """
    if isinstance(policy, str):
        policy = make_controller(policy, trees.rules, information if isinstance(information, str) else None)
    trees = ending_under(trees, under(trees.rules, policy))
    chances = speak_probabilities(trees, policy, information)
    reach = reaches(trees, chances)
    rows = {
        "accuracy": _sum(reach[-1] * trees.levels[-1].final_correct),
        "prompt_tokens_per_task": _total(reach, [level.prompt_tokens for level in trees.levels]),
        "completion_tokens_per_task": _total(reach, [level.completion_tokens for level in trees.levels]),
        "calls_per_task": _total(reach, [spoken_nodes(trees.rules, d) for d in range(len(reach))]),
        "choices": _total(reach, [~trees.over(d) for d in range(trees.depth)]),
        "spoken": _total(reach, chances),
        **_changes(trees, reach[-1]),
        **_reviews(trees, reach),
        **_role_rewards(trees, reach, chances),
    }
    rows["tokens_per_task"] = rows["prompt_tokens_per_task"] + rows["completion_tokens_per_task"]
    return Evaluation(len(trees.tasks), trees.worlds, trees.rules.num_agents, rows)


def reaches(trees: TreeData, chances: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Return the probability that a dialogue comes to each node, shape (R, 2^d) for d = 0 .. D.

    Below the end of a dialogue its probability goes down the SKIP children, which repeat it.
    """
    reach = [np.ones((trees.rows, 1))]
    for speak in chances:
        below = np.empty((trees.rows, 2 * speak.shape[1]))
        np.multiply(reach[-1], speak, out=below[:, 1::2])
        np.subtract(reach[-1], below[:, 1::2], out=below[:, 0::2])
        reach.append(below)
    return reach


def _sum(parts: NDArray[np.float64]) -> Rows:
    total: Rows = parts.sum(axis=1)
    return total


def _total(reach: list[NDArray[np.float64]], parts: list[Any]) -> Rows:
    """Sum reach times what stands at the nodes over the depths of ``parts``; one that spoke is no copy."""
    total = np.zeros(len(reach[0]))
    for here, part in zip(reach, parts, strict=False):
        total += _sum(here * part)
    return total


def _changes(trees: TreeData, reach: NDArray[np.float64]) -> dict[str, Rows]:
    """What became of the first proposal; a timeout at either end is left out."""
    first, correct = trees.levels[0].grade, trees.levels[-1].final_correct
    known = np.ones(correct.shape, dtype=bool)
    if any((level.grade == Grade.TIMEOUT).any() for level in trees.levels):
        standing = [Standing(level.grade, level.vote, level.answer) for level in trees.levels]
        known = (finals(trees.rules, standing)[-1] != Grade.TIMEOUT) & (first != Grade.TIMEOUT)
    right = known & (first == Grade.CORRECT)
    wrong = known & (first != Grade.CORRECT)
    return {
        "first_right": _sum(reach * right),
        "preserved": _sum(reach * (right & correct)),
        "corrupted": _sum(reach * (right & ~correct)),
        "first_wrong": _sum(reach * wrong),
        "corrected": _sum(reach * (wrong & correct)),
    }


def _reviews(trees: TreeData, reach: list[NDArray[np.float64]]) -> dict[str, Rows]:
    """Spoken reviews by the truth about the pending proposal; those of a timeout are left out."""
    names = ("reviews_of_right", "approved_right", "reviews_of_wrong", "blamed_wrong")
    rows = {name: np.zeros(trees.rows) for name in names}
    for depth in range(1, trees.depth + 1):
        if trees.rules.seats[depth + 1].role is Role.PROPOSER:
            continue
        level, here = trees.levels[depth], reach[depth] * spoken_nodes(trees.rules, depth)
        right, wrong = level.grade == Grade.CORRECT, np.isin(level.grade, (Grade.WRONG, Grade.UNPARSABLE))
        parts = (right, right & (level.verdict == 1), wrong, wrong & (level.verdict == -1))
        for name, part in zip(names, parts, strict=True):
            rows[name] += _sum(here * part)
    return rows


def _role_rewards(
    trees: TreeData, reach: list[NDArray[np.float64]], chances: list[NDArray[np.float64]]
) -> dict[str, Rows]:
    seats, first = trees.rules.seats, trees.levels[0].grade[:, 0]
    rewards = np.zeros((trees.rules.num_agents, trees.rows))
    rewards[seats[1].agent] = np.where(first == Grade.TIMEOUT, 0, np.where(first == Grade.CORRECT, 1, -1))
    for depth, speak in enumerate(chances):
        values, live = one_step_values(trees, depth), ~trees.over(depth)
        earned = (1.0 - speak) * values.skip.T + speak * values.speak.T
        rewards[seats[depth + 2].agent] += _sum(reach[depth] * live * earned)
    return {f"role_reward_{agent}": rewards[agent] for agent in range(trees.rules.num_agents)}


def _error(values: Rows) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values))
