"""What the choices of a training step are worth to the whole dialogue: a tree is grown under each one that is played.

The paper's one-step values (arXiv 2605.28699) ask whether a review is right, not what it is good for. Once proposals
are mostly right, a reviewer that errs more often than the proposer is told to be silent, though what it finds would be
mended: on nano silence then looks better by those values and makes the final answers worse. Here both branches of
every choice are played to their ends instead:

    grow     every node of each task's tree under the candidate 0 of its context; what was played is taken over
    value    backwards: correct answer less ``price`` for each token, under the policies that were played
    credit   counterfactual: an agent's choice counts as often as chance and the *other* agents lead to it, and its
             policy enters the average as often as its own choices do (Zinkevich et al. 2007)

A step costs up to 2^(T-1) utterances a task beside the candidates on the played path (11 more for T = 5). A tree in
which an answer timed out teaches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tracer_env.interfaces import Request, Scenario, Speaker
from tracer_env.rules import FREE, DialogueState, advance, final_answer, legal_actions
from tracer_env.types import Action, Grade, Utterance
from tracer_env.verification.referee import ask

__all__ = ["ChoiceTrees", "Decision", "Path", "Root", "path_of"]

Path = tuple[Action, ...]
"""The actions that lead to a state, from the first turn on."""


class Decision(NamedTuple):
    """One real choice: where it was made, its row, what both actions were worth, and how much it counts."""

    place: int
    path: Path
    table: int
    key: str
    skip: float
    speak: float
    others: float = 1.0
    """The chance that the other agents lead here: the weight of the regrets."""
    own: float = 1.0
    """The chance that the agent's own choices lead here: the weight of its policy in the average."""


class Root(NamedTuple):
    """Where a tree begins: the place of its task, the noise of its utterances, the state."""

    place: int
    noise: int
    state: DialogueState


def path_of(state: DialogueState) -> Path:
    """Return the actions that led to a state."""
    return tuple(turn.action for turn in state.turns)


@dataclass(slots=True)
class _Node:
    root: Root
    state: DialogueState
    tokens: int = 0
    timed_out: bool = False
    key: str = ""
    table: int | None = None
    speaks: float = 0.0
    below: dict[Action, _Node] = field(default_factory=dict)

    def chance(self, action: Action) -> float:
        return self.speaks if action is Action.SPEAK else 1.0 - self.speaks

    @property
    def place(self) -> tuple[int, Path]:
        return self.root.place, path_of(self.state)


class ChoiceTrees:
    """Grows trees and returns the decisions in them.

    ``key`` names the row of a state, ``policy`` gives P(SPEAK) of a state and its row, ``table`` the number of the
    table that decides in a state (None: a fixed controller, whose idle branches are not grown). ``price``: of a token.
    """

    def __init__(
        self,
        key: Callable[[DialogueState], str],
        policy: Callable[[DialogueState, str], float],
        table: Callable[[DialogueState], int | None],
        price: float = 0.0,
    ) -> None:
        self._key, self._policy, self._table, self.price = key, policy, table, price

    def decisions(
        self,
        roots: Iterable[Root],
        speaker: Speaker,
        scenario: Scenario,
        played: Mapping[tuple[int, Path], Utterance],
    ) -> list[Decision]:
        """Return every real choice of a table in the trees of ``roots``.

        ``played`` holds the utterances that are known, by place and path; they are not asked for again.
        """
        tops = [_Node(root, root.state) for root in roots]
        level = tops
        while level:
            said = self._said(level, speaker, scenario, played)
            level = [below for node in level for below in self._grown(node, said.get(node.place))]
        found: list[Decision] = []
        for top in tops:
            mine: list[Decision] = []
            if self._worth(top, {}, mine) is not None:
                found += mine
        return found

    def _said(
        self,
        level: list[_Node],
        speaker: Speaker,
        scenario: Scenario,
        played: Mapping[tuple[int, Path], Utterance],
    ) -> dict[tuple[int, Path], Utterance]:
        """Decide what can happen at each node of a level; return the utterances of those where somebody may speak."""
        said: dict[tuple[int, Path], Utterance] = {}
        missing: list[_Node] = []
        for node in level:
            mask = legal_actions(node.state)
            node.key, free = self._key(node.state), mask == FREE
            node.table = self._table(node.state) if free else None
            node.speaks = self._policy(node.state, node.key) if free else float(mask[1])
            if node.table is None and node.speaks == 0.0:
                continue
            known = played.get(node.place)
            if known is None:
                missing.append(node)
            else:
                said[node.place] = known
        asked = ask(speaker, [Request(node.state, node.state.seat, node.root.noise) for node in missing], scenario)
        return said | {node.place: one for node, one in zip(missing, asked, strict=True)}

    def _grown(self, node: _Node, said: Utterance | None) -> list[_Node]:
        """Hang the branches that may be taken under a node; return those that go on."""
        for action in (Action.SKIP, Action.SPEAK):
            if node.table is None and node.chance(action) == 0.0:
                continue
            spoken = said if action is Action.SPEAK else None
            after = advance(node.state, action, spoken)
            tokens, timed_out = node.tokens, node.timed_out
            if spoken is not None:
                tokens, timed_out = tokens + spoken.tokens, timed_out or spoken.grade is Grade.TIMEOUT
            node.below[action] = _Node(node.root, after, tokens, timed_out)
        return [below for below in node.below.values() if not below.state.over]

    def _worth(self, node: _Node, reach: Mapping[str, float], found: list[Decision]) -> float | None:
        """Return what a node is worth and note the decisions from there on; None where an answer timed out.

        ``reach``: for each agent, how likely its own choices lead here.
        """
        if node.state.over:
            answer = final_answer(node.state)
            return None if node.timed_out else float(answer is not None and answer.correct) - self.price * node.tokens
        mover = node.state.seat.name
        worth: dict[Action, float] = {}
        for action, below in node.below.items():
            value = self._worth(below, {**reach, mover: reach.get(mover, 1.0) * node.chance(action)}, found)
            if value is None:
                return None
            worth[action] = value
        if node.table is not None:
            others = 1.0
            for name, chance in reach.items():
                others *= 1.0 if name == mover else chance
            place, path = node.place
            values = worth[Action.SKIP], worth[Action.SPEAK]
            found.append(Decision(place, path, node.table, node.key, *values, others, reach.get(mover, 1.0)))
        return sum(node.chance(action) * value for action, value in worth.items())
