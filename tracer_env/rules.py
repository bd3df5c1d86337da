"""The rules of a dialogue: one frozen state, pure functions, one way to move.

A dialogue has at most T turns. Under `RoundRobin` odd turns are proposal turns and even turns are
review turns, and the agents take turns in order (TRACER, arXiv 2605.28699). At its turn an agent
skips or speaks:

- a proposer that speaks writes a new proposal, which becomes the *pending* one with vote 0; one that
  skips keeps the pending proposal. With nothing pending it must speak.
- a reviewer that speaks adds its verdict (RIGHT +1, WRONG -1, none 0) to the vote of the pending
  proposal; one that skips leaves it alone. With nothing pending it must skip.

The dialogue ends after the last turn, or, with ``stop_when="kept"``, when a proposer keeps its answer.
`advance` is the only way to move. States are immutable named tuples (built at every turn, and three times
as quick to build as frozen dataclasses), so keeping one is a checkpoint and a clone is a reference.
Nothing here looks at the gold answer: a proposal arrives already graded and the rules read no more of
the grade than whether the text held an answer at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from annotated_types import Ge, Le

from tracer_env.annotations import Spelled, Words, limits
from tracer_env.errors import ConfigError, IllegalActionError, UnknownNameError
from tracer_env.intake.checked import Reader, choice, line, whole
from tracer_env.schedules import RoundRobin, Schedule, schedule_named, schedule_text
from tracer_env.settings import Settings, keys
from tracer_env.types import Action, Grade, Role, Seat, Task, Turn, Utterance, Verdict

__all__ = [
    "FINAL_ANSWERS",
    "FREE",
    "SAVED",
    "SETTINGS",
    "STOPS",
    "DialogueState",
    "Proposal",
    "Rules",
    "advance",
    "final_answer",
    "initial",
    "is_over",
    "legal_actions",
    "most_common",
    "ruled",
    "seat",
    "under",
]

_IN_TURNS = RoundRobin()
_KIND = "must have seat() and readable(), or be a schedule's name"
STOPS = ("horizon", "kept")
FINAL_ANSWERS = ("last", "highest_vote", "majority", "majority_of_agents")

MUST_SPEAK, MUST_SKIP, FREE, OVER = (0, 1), (1, 0), (1, 1), (0, 0)
# Enum members are read through a metaclass; names of the module cost a third, and advance() is the hot path.
_PROPOSER, _UNPARSABLE, _CORRECT, _NO_VERDICT = Role.PROPOSER, Grade.UNPARSABLE, Grade.CORRECT, Verdict.NONE
_ACTIONS = (Action.SKIP, Action.SPEAK)
_SOMETHING = Utterance("...", grade=Grade.WRONG)
_build: Any = tuple.__new__  # what a named tuple's constructor calls in the end


@dataclass(frozen=True)
class Rules(Settings, at="rules"):
    """What is fixed before a dialogue starts.

    ``stop_when``: ``horizon`` plays all turns, ``kept`` ends when a proposer keeps its answer.
    ``final_answer``: ``last`` takes the newest proposal (the paper's); ``highest_vote`` the one whose vote
    was highest; ``majority`` the answer proposed most often, ``majority_of_agents`` the one that most agents hold, of
    each of whom the newest proposal counts. Ties go to the newest; proposals without an answer count only when there
    is no other.
    ``schedule``: who sits when (`schedules`). ``history_window``: how many earlier utterances a speaker reads.

    Raises ConfigError for values that no dialogue can have, and for a schedule of other sizes.
    """

    num_agents: Annotated[int, Ge(1), Le(4096)] = 2
    max_turns: Annotated[int, Ge(1), Le(4096)] = 5
    schedule: Annotated[Schedule, Spelled(schedule_text), Words(kind=_KIND)] = _IN_TURNS
    stop_when: Literal["horizon", "kept"] = "horizon"
    final_answer: Literal["last", "highest_vote", "majority", "majority_of_agents"] = "last"
    history_window: Annotated[int, Ge(0), Le(4096)] = 4

    @classmethod
    def in_full(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings whose schedule is one: a text is read, and gives agents and turns where they are not said."""
        given = data.get("schedule")
        if not isinstance(given, str):
            return dict(data)
        try:
            schedule = schedule_named(given)
        except UnknownNameError as error:
            raise ConfigError(f"rules.schedule: {error}") from error
        return {**_sizes(schedule), **data, "schedule": schedule}

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, asked in (("num_agents", "agents"), ("max_turns", "turns")):
            wanted, given = getattr(self.schedule, asked, None), getattr(self, name)
            if wanted is not None and wanted != given:
                raise ConfigError(
                    f"rules.{name} is {given}, but the schedule {self.schedule!r} has {wanted} {asked}; set "
                    f"{name}={wanted}, or let rules.ruled() take both from the schedule"
                )

    @cached_property
    def seats(self) -> tuple[Seat, ...]:
        """The seat of each turn; entry 0 stands in for turn 0, which no one plays."""
        numbers = range(1, self.max_turns + 1)
        played = tuple(self.schedule.seat(number, self.num_agents) for number in numbers)
        return (played[0], *played)

    @cached_property
    def jobs(self) -> tuple[str, ...]:
        """What the seat of each turn is there for besides its role (`schedules.JOBS`), empty where that is all."""
        job = getattr(self.schedule, "job", None)
        return ("", *("" if job is None else str(job(number)) for number in range(1, self.max_turns + 1)))

    @cached_property
    def reads_all(self) -> bool:
        """Whether every seat may read every turn before its own, and is there for nothing but its role."""
        said = tuple(
            Turn(number, seat, Action.SPEAK, _SOMETHING) for number, seat in enumerate(self.seats[1:], start=1)
        )
        readable = self.schedule.readable
        return not any(self.jobs) and all(
            tuple(readable(said[:before], self.seats[before + 1])) == said[:before] for before in range(len(said))
        )

    @cached_property
    def lookups(self) -> dict[Any, Any]:
        """A table that `information.sight` keeps beside these rules."""
        return {}

    @cached_property
    def proposal_turns_left(self) -> tuple[int, ...]:
        """For each turn number 0..T+1, how many proposal turns remain, that turn included."""
        left = [0] * (self.max_turns + 2)
        for number in range(self.max_turns, 0, -1):
            left[number] = left[number + 1] + (self.seats[number].role is Role.PROPOSER)
        left[0] = left[1]
        return tuple(left)


SETTINGS: dict[str, Reader[Any]] = {
    name: choice(get_args(hint)) if get_origin(hint) is Literal else whole(*limits(hint).values())
    for name, hint in keys(Rules).items()
    if name != "schedule"
}
"""How each setting but the schedule is read from a file; `Rules` takes what passes."""
SAVED: dict[str, Reader[Any]] = {**SETTINGS, "schedule": line(200)}
"""The same and the schedule's text, as tables keep them; `Rules.in_full` reads it."""


def ruled(schedule: Schedule, **settings: Any) -> Rules:
    """Return rules of a schedule: agents and turns are as many as it has, where it says so; the rest as ``settings``.

    ``ruled(Debate(3, 2), final_answer="majority_of_agents")``. Raises ConfigError as `Rules` does.
    """
    return Rules(schedule=schedule, **{**_sizes(schedule), **settings})


def _sizes(schedule: Schedule) -> dict[str, int]:
    sizes = {"num_agents": getattr(schedule, "agents", None), "max_turns": getattr(schedule, "turns", None)}
    return {name: size for name, size in sizes.items() if size is not None}


def under(rules: Rules, controller: object) -> Rules:
    """Return the rules that a method's dialogues have: ``rules``, but for what its controller asks for.

    A method with rules of its own has a method ``plays(rules)`` that makes them of the run's (`agents.methods`). A
    controller may name a final answer by an attribute ``final_answer`` (`baselines.MajorityVoting`); None is the
    rules' own.
    """
    plays = getattr(controller, "plays", None)
    if plays is not None:
        rules = _played(plays, rules)
    asked = getattr(controller, "final_answer", None)
    return rules if asked in (None, rules.final_answer) else _ending(rules, asked)


@lru_cache(maxsize=64)
def _played(plays: Any, rules: Rules) -> Rules:
    made: Rules = plays(rules)
    return made


@lru_cache(maxsize=64)
def _ending(rules: Rules, final_answer: Any) -> Rules:
    return replace(rules, final_answer=final_answer)


class Proposal(NamedTuple):
    """A proposal with the vote it has (or last had): +1 for each RIGHT, -1 for each WRONG."""

    utterance: Utterance
    turn: int
    vote: int = 0
    reviews: int = 0
    last_verdict: Verdict = _NO_VERDICT

    @property
    def valid(self) -> bool:
        """Whether an answer could be parsed; what a reader of the text can see without the gold answer."""
        return self.utterance.grade is not _UNPARSABLE

    @property
    def correct(self) -> bool:
        """Whether the answer was graded correct (a timeout is not)."""
        return self.utterance.grade is _CORRECT


class DialogueState(NamedTuple):
    """A dialogue between two turns. ``turn`` is the number of the next turn, from 1 to T + 1."""

    rules: Rules
    task: Task
    turn: int = 1
    proposals: tuple[Proposal, ...] = ()  # oldest first
    turns: tuple[Turn, ...] = ()  # oldest first
    over: bool = False

    @property
    def pending(self) -> Proposal | None:
        """The newest proposal, which reviewers judge and proposers keep; None before the first."""
        return self.proposals[-1] if self.proposals else None

    @property
    def seat(self) -> Seat:
        """Who acts next; after the end, whoever has the last turn of the horizon."""
        return self.rules.seats[self.turn if not self.over else -1]

    @property
    def history(self) -> tuple[Turn, ...]:
        """The spoken turns that the acting seat reads: the last ``history_window`` of the readable ones."""
        spoken = [t for t in self.rules.schedule.readable(self.turns, self.seat) if t.utterance is not None]
        return tuple(spoken[len(spoken) - min(self.rules.history_window, len(spoken)) :])


def initial(task: Task, rules: Rules) -> DialogueState:
    """Return the state before turn 1."""
    state: DialogueState = _build(DialogueState, (rules, task, 1, (), (), False))
    return state


def seat(state: DialogueState) -> Seat:
    """Return who acts next."""
    return state.seat


def is_over(state: DialogueState) -> bool:
    """Return whether the dialogue has ended. The end is a termination, never a truncation."""
    return state.over


def legal_actions(state: DialogueState) -> tuple[int, int]:
    """Return the mask (SKIP, SPEAK) of the acting seat; after the end it is (0, 0)."""
    if state.over:
        return OVER
    if state.proposals:
        return FREE
    return MUST_SPEAK if state.rules.seats[state.turn].role is _PROPOSER else MUST_SKIP


def advance(state: DialogueState, action: int, utterance: Utterance | None = None) -> DialogueState:
    """Play one turn and return the next state.

    ``utterance`` is what the seat says; it is required with SPEAK and forbidden with SKIP, and a
    proposal must carry its grade. Raises IllegalActionError when the mask forbids the action.
    """
    rules, task, number, proposals, turns, over = state
    speak = True if action == 1 else False  # noqa: SIM210 (half the time of bool(), and a plain bool for any number)
    mask = FREE if proposals and not over else legal_actions(state)
    if not mask[speak] or not (speak or action == 0):
        raise IllegalActionError(state.seat, action, mask)
    if speak is (utterance is None):
        raise ValueError(f"{Action(action).name} at turn {number} goes with {'an' if speak else 'no'} utterance")
    here, kept = rules.seats[number], False
    if utterance is None:
        kept = here.role is _PROPOSER and rules.stop_when == "kept"
    elif here.role is _PROPOSER:
        if utterance.grade is None:
            raise ValueError(f"the proposal at turn {number} has no grade; let referee.judge() read it first")
        proposals = (*proposals, _build(Proposal, (utterance, number, 0, 0, _NO_VERDICT)))
    else:
        old, verdict = proposals[-1], utterance.verdict
        judged = (old.utterance, old.turn, old.vote + verdict, old.reviews + 1, verdict)
        proposals = (*proposals[:-1], _build(Proposal, judged))
    turns = (*turns, _build(Turn, (number, here, _ACTIONS[speak], utterance)))
    over = kept or number == rules.max_turns
    after: DialogueState = _build(DialogueState, (rules, task, number + 1, proposals, turns, over))
    return after


def final_answer(state: DialogueState) -> Proposal | None:
    """Return the proposal that counts as the dialogue's answer so far, or None before the first.

    Answers are compared as strings: the referee gives equal answers of one dialogue the same string.
    """
    if not state.proposals:
        return None
    rule = state.rules.final_answer
    if rule == "last":
        return state.proposals[-1]
    ranked = [p for p in state.proposals if p.valid] or list(state.proposals)
    if rule == "highest_vote":
        return max(ranked, key=lambda p: (p.vote, p.turn))
    if rule == "majority_of_agents":
        newest = {state.rules.seats[p.turn].agent: p for p in ranked}
        ranked = list(newest.values())
    return most_common(ranked)


def most_common(proposals: list[Proposal]) -> Proposal:
    """Return the newest of those that give the most frequent answer."""
    support = Counter(p.utterance.answer for p in proposals)
    return max(proposals, key=lambda p: (support[p.utterance.answer], p.turn))
