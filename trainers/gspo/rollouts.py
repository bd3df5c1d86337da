"""Where samples come from: the contexts of a training step, the candidates drawn there, and what they earned.

    ProposalRollouts   G first proposals for each task: GSPO with a lone proposer
    ReviewRollouts     G reviews of one proposal for each task, right and wrong proposals in turn, so that neither
                       verdict pays by itself
    TeamRollouts       G whole dialogues for each task; every utterance earns what the team earns in the end, and is
                       compared with those of its turn (the team reward of MAGRPO, arXiv 2508.04652)

Step k plays the tasks that the cursor has come to, in an order drawn anew for each epoch; noise comes from (seed, task,
epoch) alone. So a rollout is a function of the step and the weights, and nothing has to be remembered to go on after
an interruption. With several processes each plays the tasks that are `mine`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np

from tracer_env.errors import ConfigError
from tracer_env.interfaces import Request, Scenario, Speaker
from tracer_env.parts.contracts import worth
from tracer_env.parts.task_contracts import task_at
from tracer_env.randomness import stream
from tracer_env.rules import DialogueState, Rules, advance, initial, legal_actions
from tracer_env.trainers.gspo.rewards import RoleReward, TeamReward, UtteranceReward
from tracer_env.types import Action, Grade, Role, Task, Utterance
from tracer_env.verification.referee import ask

__all__ = [
    "Drawn",
    "Mine",
    "Place",
    "PolicyOf",
    "ProposalRollouts",
    "ReviewRollouts",
    "Rollouts",
    "Said",
    "TaskOrder",
    "TeamRollouts",
    "drawn_group",
    "group_of",
    "role_of",
    "wants_right",
]

Mine = Callable[[int], bool]
"""Whether the task at a place of the batch is this process's."""
PolicyOf = Callable[[DialogueState], str]
"""Which policy acts in a state."""
Said = tuple[DialogueState, Utterance]
"""An utterance, behind the state that it was said in."""


class Drawn(NamedTuple):
    """One candidate: who said it where, and what it earned (None: no sample)."""

    policy: str
    state: DialogueState
    utterance: Utterance
    reward: float | None
    group: int
    place: int
    learns: bool = True
    """False: it was drawn for its value alone."""


class Rollouts(Protocol):
    """Plays the contexts of a step, and may learn from them itself (`TracerRollouts` has controllers)."""

    @property
    def told(self) -> Any:
        """What a checkpoint must agree with besides the trainer's settings, as plain data."""
        ...

    def play(self, step: int, mine: Mine) -> list[Drawn]:
        """Return the candidates of step ``step`` (from 0) for the places that are ``mine``."""
        ...

    def learn(self) -> dict[str, float | int | None]:
        """Learn from the step that was played; return numbers for the log. Called in every process."""
        ...

    def state_dict(self) -> Any:
        """Return what was learned as plain data."""
        ...

    def load_state_dict(self, data: Any) -> None:
        """Take over what `state_dict` returned."""
        ...


class _Forgetful:
    """Rollouts that learn nothing themselves."""

    candidates: int
    rules: Rules
    reward: Any

    @property
    def told(self) -> Any:
        return [self.candidates, repr(self.rules), repr(self.reward)]

    def learn(self) -> dict[str, float | int | None]:
        return {}

    def state_dict(self) -> Any:
        return None

    def load_state_dict(self, data: Any) -> None:
        """Do nothing."""


class Place(NamedTuple):
    """A task's place in the batch of a step."""

    number: int
    task: Task
    world: int


@dataclass(frozen=True)
class TaskOrder:
    """Which tasks a step plays: ``per_step`` of them, each epoch in an order of its own."""

    scenario: Scenario
    per_step: int
    seed: int = 0

    def of(self, step: int, mine: Mine = lambda place: True) -> list[Place]:
        """Return the places of step ``step`` that are ``mine``; the world of a task is the epoch."""
        size, found = len(self.scenario), []
        for number in range(self.per_step):
            epoch, at = divmod(step * self.per_step + number, size)
            if mine(number):
                found.append(Place(number, task_at(self.scenario, int(_order(self.seed, epoch, size)[at])), epoch))
        return found


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, size: int) -> Any:
    return np.random.default_rng((seed, epoch)).permutation(size)


def role_of(state: DialogueState) -> str:
    """Return the name of the acting seat's role: a policy that all agents in the role share."""
    return state.seat.role.name.lower()


def group_of(place: int, state: DialogueState) -> int:
    """Return the number of the group that is drawn for a task's place at the turn of ``state``."""
    return place * (state.rules.max_turns + 1) + state.turn


def drawn_group(
    policy: str,
    request: Request,
    said: Iterable[Utterance],
    reward: UtteranceReward,
    place: int,
    learns: bool = True,
) -> list[Drawn]:
    """Return the candidates for one context, each with its reward."""
    state, group = request.state, group_of(place, request.state)
    return [Drawn(policy, state, one, worth(reward, state, one), group, place, learns) for one in said]


class ProposalRollouts(_Forgetful):
    """G first proposals for each task. ``order`` deals out tasks, ``reward`` pays."""

    def __init__(
        self,
        order: TaskOrder,
        speaker: Speaker,
        candidates: int,
        rules: Rules | None = None,
        reward: UtteranceReward | None = None,
        policy: str = "proposer",
    ) -> None:
        self.order, self.speaker, self.candidates = order, speaker, candidates
        self.rules, self.reward, self.policy = rules or Rules(), reward or RoleReward(), policy
        _check_speaks_first(self.rules)

    def play(self, step: int, mine: Mine = lambda place: True) -> list[Drawn]:
        places = self.order.of(step, mine)
        return _candidates(
            self, places, [initial(place.task, self.rules) for place in places], self.order.scenario, self.policy
        )


class ReviewRollouts(_Forgetful):
    """G reviews for each task, of a proposal that the speaker's proposer wrote.

    Of ``choices`` proposals for a task the first right one is taken, or the first wrong one, in turn (`wants_right`),
    where there is one. A proposal whose grade timed out is neither.
    """

    def __init__(
        self,
        order: TaskOrder,
        speaker: Speaker,
        candidates: int,
        rules: Rules | None = None,
        reward: UtteranceReward | None = None,
        policy: str = "reviewer",
        choices: int = 4,
    ) -> None:
        self.order, self.speaker, self.candidates, self.choices = order, speaker, candidates, choices
        self.rules, self.reward, self.policy = rules or Rules(), reward or RoleReward(), policy
        _check_speaks_first(self.rules)
        if self.rules.seats[2:3] == () or self.rules.seats[2].role is not Role.REVIEWER:
            raise ConfigError(
                f"a reviewer is trained at turn 2, and with rules.max_turns {self.rules.max_turns} nobody reviews "
                "there; give rules whose second turn is a review"
            )

    @property
    def told(self) -> Any:
        return [*super().told, self.choices]

    def play(self, step: int, mine: Mine = lambda place: True) -> list[Drawn]:
        places = self.order.of(step, mine)
        states = [initial(place.task, self.rules) for place in places]
        requests = [
            _request(state, place, self.order.seed, self.choices) for state, place in zip(states, places, strict=True)
        ]
        proposals = ask(self.speaker, requests, self.order.scenario)
        judged = []
        for number, (place, request) in enumerate(zip(places, requests, strict=True)):
            some = proposals[number * self.choices : (number + 1) * self.choices]
            graded = [said for said in some if said.grade is not Grade.TIMEOUT] or some
            wanted = wants_right(step * self.order.per_step + place.number)
            taken = next((said for said in graded if (said.grade is Grade.CORRECT) == wanted), graded[0])
            judged.append(advance(request.state, Action.SPEAK, taken))
        return _candidates(self, places, judged, self.order.scenario, self.policy)


def wants_right(number: int) -> bool:
    """Return whether the ``number``-th task (from 0) is to have a right proposal, by the sequence of Thue and Morse.

    Right, wrong, wrong, right, ...: half of every second or fourth task too, as minibatches are dealt out.
    """
    return number.bit_count() % 2 == 0


class TeamRollouts(_Forgetful):
    """G whole dialogues for each task in which every seat speaks; all utterances earn the team's reward.

    From turn 2 on a group's candidates stand in different dialogues; MAGRPO compares them all the same.
    """

    def __init__(
        self,
        order: TaskOrder,
        speaker: Speaker,
        candidates: int,
        policy_of: PolicyOf,
        rules: Rules | None = None,
        reward: TeamReward | None = None,
    ) -> None:
        self.order, self.speaker, self.candidates, self.policy_of = order, speaker, candidates, policy_of
        self.rules, self.reward = rules or Rules(), reward or TeamReward()

    def play(self, step: int, mine: Mine = lambda place: True) -> list[Drawn]:
        places, scenario = self.order.of(step, mine), self.order.scenario
        running = [
            (place, stream(self.order.seed, place.task.id, place.world * self.candidates + candidate))
            for place in places
            for candidate in range(self.candidates)
        ]
        states = [initial(place.task, self.rules) for place, _ in running]
        said: list[list[Said]] = [[] for _ in running]
        while any(not state.over for state in states):
            speaks = [index for index, state in enumerate(states) if not state.over and legal_actions(state)[1]]
            requests = [Request(states[index], states[index].seat, running[index][1]) for index in speaks]
            spoken = dict(zip(speaks, ask(self.speaker, requests, scenario), strict=True))
            for index, state in enumerate(states):
                if index in spoken:
                    said[index].append((state, spoken[index]))
                if not state.over:
                    states[index] = advance(state, Action(index in spoken), spoken.get(index))
        drawn = []
        for (place, _), end, utterances in zip(running, states, said, strict=True):
            for (state, utterance), earned in zip(utterances, self.earned(end, utterances), strict=True):
                group = group_of(place.number, state)
                drawn.append(Drawn(self.policy_of(state), state, utterance, earned, group, place.number))
        return drawn

    def earned(self, end: DialogueState, said: Sequence[Said]) -> list[float | None]:
        """Return what each utterance of the dialogue that ended in ``end`` earns, None where it is no sample."""
        return [worth(self.reward.of, end)] * len(said)


def _candidates(
    rollouts: ProposalRollouts | ReviewRollouts,
    places: Sequence[Place],
    states: Sequence[DialogueState],
    scenario: Scenario,
    policy: str,
) -> list[Drawn]:
    seed, count = rollouts.order.seed, rollouts.candidates
    requests = [_request(state, place, seed, count) for place, state in zip(places, states, strict=True)]
    said = ask(rollouts.speaker, requests, scenario)
    return [
        drawn
        for number, (place, request) in enumerate(zip(places, requests, strict=True))
        for drawn in drawn_group(
            policy, request, said[number * count : (number + 1) * count], rollouts.reward, place.number
        )
    ]


def _request(state: DialogueState, place: Place, seed: int, candidates: int) -> Request:
    return Request(state, state.seat, stream(seed, place.task.id, place.world), candidates)


def _check_speaks_first(rules: Rules) -> None:
    if rules.seats[1].role is not Role.PROPOSER:
        raise ConfigError(f"turn 1 of these rules belongs to {rules.seats[1]}; training needs a proposal first")
