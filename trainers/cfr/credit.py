"""Credit: what a choice at a node of a tree is told to be worth.

    Tree(price)    the exact counterfactual value of the whole rest of the dialogue, team reward: 1.0 to all agents
                   for a correct end, less the price of each token, charged to all agents where it is spoken
    RoleSums       the same under general-sum role rewards: each agent earns the sum of its one-step values
    OneStep        the paper's (arXiv 2605.28699): the immediate role values of both actions, whatever comes later,
                   at nodes weighted by how likely play reaches them; timeouts are left out

A credit builds the `Sweeps` that solvers run on and names the payoffs that values are counted in. Under `OneStep`
those are the team's, so that its tables are judged by what they are for; its average regret is per visit of a
row, as in `trainers.regret.trainer`, and its tables move on together once an iteration, as a frozen window does.

`credit_table` sets the two credits side by side, key by key: where the paper's one-step values point the other way
than the exact ones, a controller trained on them learns the wrong choice, however long it trains. One-step values
live in {-1, 0, +1}, correctness in {0, 1}; the table halves the former, so that for the last proposer of a dialogue
both columns are the same number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.interfaces import Information
from tracer_env.trainers.cfr.game import tree_game
from tracer_env.trainers.cfr.merged import MergedTrees, merge
from tracer_env.trainers.cfr.sweeps import Sweeps, settled
from tracer_env.trees.payoffs import one_step_values, role_payoffs, team_payoffs
from tracer_env.trees.tree import DialogueTrees

__all__ = [
    "CREDITS",
    "Credit",
    "OneStep",
    "OneStepSweeps",
    "RoleSums",
    "Tree",
    "credit_named",
    "credit_table",
    "exact_advantages",
    "policies",
]

Array = NDArray[np.float64]


class Credit(Protocol):
    """Says what choices are worth; see the module."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        ...

    @property
    def updates(self) -> str:
        """How tables move on: ``alternating`` or ``simultaneous``."""
        ...

    @property
    def regret_per(self) -> str:
        """What average regret is an average over: ``iteration`` or ``visit``."""
        ...

    def payoffs(self, trees: DialogueTrees) -> Array:
        """Return the leaf payoffs that values are counted in, shape (1 or N, 2^D, R)."""
        ...

    def sweeps(self, trees: DialogueTrees, merged: MergedTrees) -> Sweeps:
        """Return what a solver runs on."""
        ...


@dataclass(frozen=True)
class Tree:
    """Exact counterfactual values of the team reward, less a price for each token."""

    price: float = 0.0
    updates: str = "alternating"
    regret_per: str = "iteration"

    @property
    def name(self) -> str:
        return f"team_minus_tokens:price={self.price}" if self.price else "team"

    def payoffs(self, trees: DialogueTrees) -> Array:
        return team_payoffs(trees, self.price)

    def sweeps(self, trees: DialogueTrees, merged: MergedTrees) -> Sweeps:
        return merged


@dataclass(frozen=True)
class RoleSums:
    """Exact counterfactual values of general-sum role rewards."""

    name: str = "role"
    updates: str = "alternating"
    regret_per: str = "iteration"

    def payoffs(self, trees: DialogueTrees) -> Array:
        return role_payoffs(trees)

    def sweeps(self, trees: DialogueTrees, merged: MergedTrees) -> Sweeps:
        return merged


@dataclass(frozen=True)
class OneStep:
    """The paper's one-step role values at the nodes that play reaches."""

    name: str = "one_step"
    updates: str = "simultaneous"
    regret_per: str = "visit"

    def payoffs(self, trees: DialogueTrees) -> Array:
        return team_payoffs(trees)

    def sweeps(self, trees: DialogueTrees, merged: MergedTrees) -> Sweeps:
        return OneStepSweeps(trees, merged)


CREDITS = ("team", "team_minus_tokens", "role", "one_step")


def credit_named(credit: str | Credit) -> Credit:
    """Return the credit of that name, ``team_minus_tokens:price=1e-4`` being one with a setting."""
    if not isinstance(credit, str):
        return credit
    name, _, setting = credit.partition(":")
    if name not in CREDITS:
        raise UnknownNameError("credit", name, CREDITS)
    if name == "team_minus_tokens":
        key, _, text = (setting or "price=0.0001").partition("=")
        try:
            price = float(text) if key == "price" else -1.0
        except ValueError:
            price = -1.0
        if not 0.0 <= price < float("inf"):
            raise ConfigError(f"credit looks like team_minus_tokens:price=0.0001, got {credit!r}")
        return Tree(price)
    if setting:
        raise ConfigError(f"credit {name!r} has no settings, got {credit!r}")
    return Tree() if name == "team" else RoleSums() if name == "role" else OneStep()


class OneStepSweeps:
    """One-step advantages on merged trees; the weight of a row's average is how often play visits it."""

    def __init__(self, trees: DialogueTrees, merged: MergedTrees) -> None:
        self.names, self.agents, self.merged = merged.names, merged.agents, merged
        share = np.full(trees.rows, 1.0 / trees.rows)
        self.differences: list[Array] = []  # (n_d,) v(SPEAK) - v(SKIP), times chance
        self.known: list[Array] = []  # (n_d,) share of chance of the nodes where both values are known
        for depth in range(trees.depth):
            values = one_step_values(trees, depth)
            gain = (values.speak.astype(np.int16) - values.skip) * values.known
            self.differences.append(merged.fold(gain, depth, share))
            self.known.append(merged.fold(values.known, depth, share))

    def advantages(self, agent: int, speak: Array) -> tuple[Array, Array]:
        merged, size = self.merged, self.merged.size
        advantage, weight, reached = np.zeros(size + 1), np.zeros(size + 1), np.ones(len(self.known[0]))
        for depth, mover in enumerate(merged.movers):
            keys = merged.keys[depth]
            if mover == agent:
                advantage += np.bincount(keys, reached * self.differences[depth], size + 1)
                weight += np.bincount(keys, reached * self.known[depth], size + 1)
            if depth + 1 < merged.depth:
                reached = merged.down(reached, speak[keys], depth)
        here = self.agents[agent]
        return settled(advantage[here], 2.0), weight[here]


def policies(names: tuple[str, ...], policy: Mapping[str, float]) -> Array:
    """Return P(SPEAK) of all keys, 1/2 at keys that ``policy`` does not name, and 0 at K; shape (K + 1,)."""
    speak = np.array([*(policy.get(name, 0.5) for name in names), 0.0])
    if not ((speak >= 0.0) & (speak <= 1.0)).all():
        raise ConfigError("a policy gives each key a probability of SPEAK between 0 and 1")
    return speak


def credit_table(
    trees: DialogueTrees, policy: Mapping[str, float] | RegretMatching, information: str | Information = "vote_and_time"
) -> list[dict[str, Any]]:
    """Return for each key how far the one-step advantage of SPEAK is from the exact one, under a policy.

    ``policy`` maps keys to P(SPEAK), or is a trained table (its average). Entries: key, reach (visits a dialogue),
    one_step (halved, see the module), exact (team reward), difference, same_sign. The last four are None at keys
    that play does not reach.
    """
    merged = merge(tree_game(trees, team_payoffs(trees), information))
    if isinstance(policy, RegretMatching):
        policy = {key: float(policy.average_policy(key)[1]) for key in merged.names}
    speak = policies(merged.names, policy)
    one_step, known = _summed(OneStepSweeps(trees, merged), speak)
    exact, reach = exact_advantages(merged, speak)
    entries = []
    for place, key in enumerate(merged.names):
        seen = reach[place] > 0.0 and known[place] > 0.0
        mine = float(0.5 * one_step[place] / known[place]) if seen else None
        true = float(exact[place] / reach[place]) if seen else None
        both = mine is not None and true is not None
        entries.append(
            {
                "key": key,
                "reach": float(reach[place]),
                "one_step": mine,
                "exact": true,
                "difference": mine - true if mine is not None and true is not None else None,
                "same_sign": bool(_sign(mine) == _sign(true)) if both else None,
            }
        )
    return entries


def exact_advantages(merged: MergedTrees, speak: Array) -> tuple[Array, Array]:
    """Return for each key the summed advantage of SPEAK to the mean agent and the visits, both at play's reach."""
    size, reached = merged.size, merged.reach(speak)
    advantage, visits = np.zeros(size + 1), np.zeros(size + 1)
    value = merged.payoffs.mean(axis=0)
    for depth in range(merged.depth - 1, -1, -1):
        keys, share = merged.keys[depth], merged.shares[depth]
        skip, spoken = merged.up(value, depth)
        advantage += np.bincount(keys, reached[depth] / share * (spoken - skip), size + 1)
        visits += np.bincount(keys, reached[depth], size + 1)
        value = skip + speak[keys] * (spoken - skip)
    return advantage[:size], visits[:size]


def _summed(sweeps: OneStepSweeps, speak: Array) -> tuple[Array, Array]:
    pairs = [sweeps.advantages(agent, speak) for agent in range(len(sweeps.agents))]
    return np.concatenate([pair[0] for pair in pairs]), np.concatenate([pair[1] for pair in pairs])


def _sign(value: float | None) -> int:
    return 0 if value is None or abs(value) < 1e-12 else 1 if value > 0 else -1
