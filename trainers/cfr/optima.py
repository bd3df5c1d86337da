"""How good a policy could be: best responses, the joint optimum, the clairvoyant oracle.

`best_response` lets a coalition of agents choose anew, everybody else staying as they are. With one agent it is the
best response, with all agents the joint optimum inside the key abstraction. What a coalition is after is the
mean of its members' payoffs. Three ways, the first that fits:

    recall     each key follows one sequence of the coalition's own keys and choices (perfect recall): one pass from
               the leaves up settles each key on its best action. Exact, over all policies.
    enumerate  otherwise, all deterministic policies are tried, as far as 2^16 and the memory allow. Keys below which
               the coalition does not choose again need no trying: given the rest, each takes its better action.
               Exact over deterministic policies; where no key can return on one path (`may_repeat`), a deterministic
               policy is as good as any, else a mixed one may be better (the absent-minded driver).
    ascent     otherwise, from several starts, the best change of one key at a time until none helps. A lower bound.

``bound`` is never below the best policy of any kind: it lets the coalition recall all that it saw and did. It
equals the value where recall is perfect. Finding the optimum of keys that forget is NP-hard in general, so that a
bound is what can be promised; `Response.exact` says which it is.

`gap` is the exploitability-style sum of the agents' best-response gains: 0 at an equilibrium of the key
abstraction, which need not be the joint optimum. `clairvoyant_value` is that of one who knows the tree it is in,
gold answer and future luck included: an upper bound for any controller at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError
from tracer_env.trainers.cfr.game import TreeGame
from tracer_env.trainers.cfr.merged import MergedTrees
from tracer_env.trainers.cfr.solver import random_start, uniform

__all__ = ["Gap", "Response", "best_response", "clairvoyant_value", "gap", "joint_optimum", "may_repeat"]

Array = NDArray[np.float64]
Places = NDArray[np.intp]

_MOST_TRIED = 16
_WORK = 1 << 27
"""Merged nodes times combinations beyond which nothing is enumerated."""
_CELLS = 1 << 20
"""Merged nodes times policies that are evaluated at once."""


@dataclass(frozen=True)
class Response:
    """What a coalition can come to."""

    speak: Array  # (K + 1,) its policies, the others' unchanged
    value: float  # the mean payoff of its members
    bound: float  # no policy over these keys is worth more
    exact: bool  # whether the value is the best there is (over deterministic policies where keys may repeat)
    how: str  # recall, enumerate or ascent


@dataclass(frozen=True)
class Gap:
    """The sum of what agents could gain one by one."""

    total: float
    gains: tuple[float, ...]  # (N,)
    bound: float  # the sum of the gains' upper bounds
    exact: bool


def joint_optimum(merged: MergedTrees, starts: int = 16, seed: int = 0) -> Response:
    """Return the best that all agents together can do with these keys."""
    return best_response(merged, uniform(merged.size), tuple(range(len(merged.agents))), starts, seed)


def gap(merged: MergedTrees, speak: Array) -> Gap:
    """Return what each agent could gain by changing its policy alone."""
    values = merged.values(speak)
    gains, bounds, exact = [], [], True
    for agent, keys in enumerate(merged.agents):
        if keys.start == keys.stop:
            gains.append(0.0)
            continue
        best, now = best_response(merged, speak, (agent,)), float(values[0 if len(values) == 1 else agent])
        gains.append(max(0.0, best.value - now))
        bounds.append(max(0.0, best.bound - now))
        exact &= best.exact
    return Gap(sum(gains), tuple(gains), sum(bounds), exact)


def clairvoyant_value(game: TreeGame) -> float:
    """Return the mean payoff of a controller that knows each tree, the future included."""
    value = game.payoffs.mean(axis=0)
    for depth in range(game.depth - 1, -1, -1):
        free = game.ids[depth] < game.size
        value = np.where(free, np.maximum(value[0::2], value[1::2]), value[0::2])
    return float(value[0] @ game.counts / game.counts.sum())


def best_response(
    merged: MergedTrees, speak: Array, agents: Sequence[int], starts: int = 16, seed: int = 0
) -> Response:
    """Return the best a coalition can do while the other agents play ``speak`` (K + 1,); see the module."""
    if not agents or any(not 0 <= agent < len(merged.agents) for agent in agents):
        raise ConfigError(f"a coalition is made of agents 0 to {len(merged.agents) - 1}, got {tuple(agents)}")
    search = _Search(merged, speak, tuple(agents))
    if not len(search.own):
        value = float(search.values(speak[:, None])[0])
        return Response(speak, value, value, True, "recall")
    bound, choices = search.recall(search.refined)
    if search.remembers:
        return Response(search.settled(choices), bound, bound, True, "recall")
    if search.countable:
        found, how = search.enumerate(), "enumerate"
    else:
        found, how = search.ascend(starts, seed), "ascent"
    value = float(search.values(found[:, None])[0])
    return Response(found, value, max(bound, value), how == "enumerate" or value >= bound - 1e-12, how)


def may_repeat(merged: MergedTrees) -> bool:
    """Return whether some key can come twice on one path, so that mixing may beat every deterministic policy."""
    above: list[Places] = []
    for depth, keys in enumerate(merged.keys):
        here = (keys < merged.size) & (merged.shares[depth] > 0.0)
        if any(bool(((keys == other) & here).any()) for other in above):
            return True
        above = [np.concatenate([other, other])[merged.parents[depth]] for other in [*above, keys]]
    return False


class _Search:
    """One coalition's problem on merged trees."""

    def __init__(self, merged: MergedTrees, speak: Array, agents: tuple[int, ...]) -> None:
        self.merged, self.speak, self.agents = merged, speak, agents
        self.mine = [mover in agents for mover in merged.movers]
        paid = merged.payoffs if len(merged.payoffs) == 1 else merged.payoffs[list(agents)]
        self.payoff = paid.mean(axis=0)
        self.own = np.concatenate([np.arange(merged.size)[merged.agents[agent]] for agent in agents])
        self.refined = self._refine()

    def values(self, speak: Array) -> Array:
        """Return the coalition's value under each of the policies ``speak`` (K + 1, C)."""
        value = self.payoff[:, None]
        for depth in range(self.merged.depth - 1, -1, -1):
            skip, spoken = self.merged.up(value, depth)
            value = skip + speak[self.merged.keys[depth]] * (spoken - skip)
        total: Array = value.sum(axis=0)
        return total

    def _refine(self) -> list[Places]:
        """Number, depth by depth, the nodes that the coalition tells apart if it forgets nothing."""
        merged, sequence = self.merged, np.zeros(len(self.merged.keys[0]), dtype=np.intp)
        refined = []
        for depth, keys in enumerate(merged.keys):
            code = sequence * (merged.size + 1) + keys
            refined.append(np.unique(code, return_inverse=True)[1])
            slots = np.concatenate([2 * refined[-1], 2 * refined[-1] + 1] if self.mine[depth] else [sequence, sequence])
            sequence = slots[merged.parents[depth]]
        return refined

    @property
    def remembers(self) -> bool:
        """Whether the keys have perfect recall already: refining splits none, and none returns at another depth."""
        seen: set[int] = set()
        for keys, refined, mine in zip(self.merged.keys, self.refined, self.mine, strict=True):
            if not mine:
                continue
            pairs = np.unique(np.stack([keys, refined])[:, keys < self.merged.size], axis=1)
            here = set(pairs[0].tolist())
            if len(here) < pairs.shape[1] or here & seen:
                return False
            seen |= here
        return True

    def recall(self, refined: list[Places]) -> tuple[float, list[NDArray[np.bool_]]]:
        """Return the value of perfect recall and, at each own depth, which nodes speak."""
        merged, size = self.merged, self.merged.size
        others = self._others()
        choices: list[NDArray[np.bool_]] = []
        value = self.payoff
        for depth in range(merged.depth - 1, -1, -1):
            skip, spoken = merged.up(value, depth)
            keys, gain = merged.keys[depth], spoken - skip
            chance = self.speak[keys]
            if self.mine[depth]:
                numbers = refined[depth]
                better = np.bincount(numbers, others[depth] * gain) > 0.0
                choices.insert(0, better[numbers] & (keys < size))
                chance = choices[0].astype(np.float64)
            value = skip + chance * gain
        return float(value.sum()), choices

    def _others(self) -> list[Array]:
        merged, reached = self.merged, [np.ones(len(self.merged.keys[0]))]
        for depth in range(merged.depth - 1):
            here = reached[depth]
            if self.mine[depth]:
                reached.append(np.concatenate([here, here])[merged.parents[depth]])
            else:
                reached.append(merged.down(here, self.speak[merged.keys[depth]], depth))
        return reached

    def settled(self, choices: list[NDArray[np.bool_]]) -> Array:
        """Return the policies whose keys take the choices of their nodes."""
        speak, depths = self.speak.copy(), [d for d in range(self.merged.depth) if self.mine[d]]
        for depth, choice in zip(depths, choices, strict=True):
            speak[self.merged.keys[depth]] = choice
        speak[-1] = 0.0
        return speak

    @property
    def _last(self) -> int:
        return max(depth for depth in range(self.merged.depth) if self.mine[depth])

    def _tried(self) -> Places:
        """Return the own keys that some node has above another own choice; the rest are settled given these."""
        early = [self.merged.keys[depth] for depth in range(self._last) if self.mine[depth]]
        return np.intersect1d(self.own, np.concatenate([np.empty(0, dtype=np.intp), *early]))

    @property
    def countable(self) -> bool:
        """Whether all deterministic policies can be tried."""
        tried = len(self._tried())
        return tried <= _MOST_TRIED and self.merged.nodes << tried <= _WORK

    def enumerate(self) -> Array:
        """Return the best deterministic policy."""
        tried, chunk = self._tried(), max(1, _CELLS // self.merged.nodes)
        best_value, best = -np.inf, self.speak
        last = _LastChoice(self, np.setdiff1d(self.own, tried))
        for first in range(0, 1 << len(tried), chunk):
            numbers = np.arange(first, min(first + chunk, 1 << len(tried)))
            speak = np.repeat(self.speak[:, None], len(numbers), axis=1)
            speak[tried] = (numbers[None] >> np.arange(len(tried))[:, None]) & 1
            values, finals = last.settle(speak)
            top = int(values.argmax())
            if values[top] > best_value:
                best_value, best = float(values[top]), speak[:, top].copy()
                best[last.keys] = finals[:, top]
        return best

    def ascend(self, starts: int, seed: int) -> Array:
        """Return the best end of several climbs, one key a step."""
        size, found = self.merged.size, []
        for start in range(max(1, starts)):
            drawn = random_start(size, seed + start) > 0.5 if start > 1 else np.full(size + 1, start == 1)
            speak = self.speak.copy()
            speak[self.own] = drawn[self.own]
            found.append(self._climb(speak))
        return max(found, key=lambda pair: pair[1])[0]

    def _climb(self, speak: Array) -> tuple[Array, float]:
        value, chunk = float(self.values(speak[:, None])[0]), max(1, _CELLS // self.merged.nodes)
        while True:
            flipped = []
            for first in range(0, len(self.own), chunk):
                keys = self.own[first : first + chunk]
                changed = np.repeat(speak[:, None], len(keys), axis=1)
                changed[keys, np.arange(len(keys))] = 1.0 - speak[keys]
                flipped.append(self.values(changed))
            values = np.concatenate(flipped)
            top = int(values.argmax())
            if values[top] <= value + 1e-12:
                return speak, value
            speak[self.own[top]] = 1.0 - speak[self.own[top]]
            value = float(values[top])


class _LastChoice:
    """Settles the keys at a coalition's last depth, given policies for all its other keys."""

    def __init__(self, search: _Search, keys: Places) -> None:
        self.search, self.keys, merged = search, keys, search.merged
        self.depth = search._last
        value = search.payoff
        for depth in range(merged.depth - 1, self.depth, -1):
            skip, spoken = merged.up(value, depth)
            value = skip + search.speak[merged.keys[depth]] * (spoken - skip)
        self.skip, self.spoken = merged.up(value, self.depth)
        self.here = merged.keys[self.depth]
        self.final = np.isin(self.here, keys)
        self.member = (keys[:, None] == self.here[None]).astype(np.float64)  # (F, n)

    def settle(self, speak: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Return the values (C,) of policies (K + 1, C) with the last keys at their best, and those choices (F, C)."""
        merged, reached = self.search.merged, np.ones((len(self.search.merged.keys[0]), speak.shape[1]))
        for depth in range(self.depth):
            reached = merged.down(reached, speak[merged.keys[depth]], depth)
        skip, spoken = reached * self.skip[:, None], reached * self.spoken[:, None]
        low, high = self.member @ skip, self.member @ spoken
        rest = np.where(self.final[:, None], 0.0, skip + speak[self.here] * (spoken - skip))
        return np.maximum(low, high).sum(axis=0) + rest.sum(axis=0), high > low
