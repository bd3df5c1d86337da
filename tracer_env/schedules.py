"""Schedules: who sits at which turn, in which role, and which earlier turns that seat may read.

    RoundRobin()                    the paper's: agents in order, odd turns propose, everybody reads everything
    Independent(k)                  k proposals that have not read each other; ``reviewed``: each is judged at once
    Debate(agents, rounds)          all answer, then all answer anew, having read what each said last
    Panel(reviewers=k)              a proposal, then k reviews of it that have not read each other
    Sides(rounds)                   an affirmative and a negative side, and a judge who answers in the end
    Layers(layers, agents)          proposals layer by layer, each reading the layer below; the last is one alone

A schedule is asked for seats once for each turn, and for what may be read at each utterance. Beside the two methods of
`Schedule` it may have ``agents`` and ``turns`` (how many it seats and how long it is; rules that say otherwise are
refused), and ``job(turn)``: what a seat is there for, where that is more than its role. Prompts go by that word, and
whoever reads one proposal alone takes the one that `read_proposal` picks of those it may read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

from annotated_types import Ge, Le

from tracer_env.errors import UnknownNameError
from tracer_env.settings import Settings, as_data, check_call
from tracer_env.specs import name_and_settings
from tracer_env.types import Role, Seat, Turn

__all__ = [
    "JOBS",
    "SCHEDULES",
    "Debate",
    "Independent",
    "Layers",
    "Panel",
    "RoundRobin",
    "Schedule",
    "Sides",
    "schedule_named",
    "schedule_text",
]

JOBS = ("debater", "affirmative", "negative", "judge", "aggregator")
"""What a seat may be there for besides proposing and reviewing."""

_Few = Annotated[int, Ge(1), Le(64)]
_PROPOSER, _REVIEWER = Role.PROPOSER, Role.REVIEWER


@runtime_checkable
class Schedule(Protocol):
    """Who sits next, in which role, and which earlier turns that seat may read."""

    def seat(self, turn: int, num_agents: int) -> Seat:
        """Return the seat of turn ``turn`` (from 1)."""
        ...

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        """Return those of the played turns that ``seat`` may read, oldest first.

        ``turns`` are all turns before this one, silent ones included, so that the next number is ``len(turns) + 1``.
        """
        ...


@dataclass(frozen=True, slots=True)
class RoundRobin:
    """The paper's schedule: agent (turn - 1) mod N acts, odd turns propose, everyone reads everything."""

    def seat(self, turn: int, num_agents: int) -> Seat:
        return Seat((turn - 1) % num_agents, _PROPOSER if turn % 2 else _REVIEWER)

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        return turns


@dataclass(frozen=True)
class Independent(Settings, at="schedule independent: "):
    """Samples: ``k`` proposals, none of which has read another; with ``reviewed`` a review of each follows it.

    Proposals go round the agents; reviews are the last agent's, which with two agents or more proposes nothing. A
    reviewer reads the newest proposal and nothing else.
    """

    k: _Few = 3
    reviewed: bool = False

    @property
    def turns(self) -> int:
        """How long it is: k, or 2 k with reviews."""
        return 2 * self.k if self.reviewed else self.k

    def seat(self, turn: int, num_agents: int) -> Seat:
        if not self.reviewed:
            return Seat((turn - 1) % num_agents, _PROPOSER)
        if turn % 2 == 0:
            return Seat(num_agents - 1, _REVIEWER)
        return Seat(turn // 2 % max(1, num_agents - 1), _PROPOSER)

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        if seat.role is _PROPOSER:
            return ()
        proposals = [turn for turn in turns if turn.seat.role is _PROPOSER and turn.utterance is not None]
        return tuple(proposals[-1:])


@dataclass(frozen=True)
class Debate(Settings, at="schedule debate: "):
    """Rounds of proposals: in the first nobody reads, in later ones everybody reads what each agent said last.

    One's own last proposal is among what one reads. An agent that keeps silent in a round is read by what it said
    before.
    """

    agents: _Few = 3
    rounds: _Few = 2

    @property
    def turns(self) -> int:
        """How long it is: agents times rounds."""
        return self.agents * self.rounds

    def seat(self, turn: int, num_agents: int) -> Seat:
        return Seat((turn - 1) % self.agents, _PROPOSER)

    def job(self, turn: int) -> str:
        """``debater`` from the second round on."""
        return "debater" if turn > self.agents else ""

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        before = len(turns) // self.agents * self.agents  # the turns of whole rounds
        newest = {turn.seat.agent: turn for turn in turns[:before] if turn.utterance is not None}
        return tuple(sorted(newest.values(), key=lambda turn: turn.number))


@dataclass(frozen=True)
class Panel(Settings, at="schedule panel: "):
    """A proposer and ``reviewers`` that judge each of its proposals; a review has not read those beside it.

    Agent 0 proposes at turns 1, k + 2, ..., agents 1 to k review; the proposer reads everything.
    """

    reviewers: _Few = 2

    @property
    def agents(self) -> int:
        """How many it seats: one more than reviewers."""
        return self.reviewers + 1

    def seat(self, turn: int, num_agents: int) -> Seat:
        agent = (turn - 1) % self.agents
        return Seat(agent, _REVIEWER if agent else _PROPOSER)

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        if seat.role is _PROPOSER:
            return turns
        begun = len(turns) // self.agents * self.agents + 1  # the turn of the proposer in this round
        return tuple(turn for turn in turns if turn.number <= begun)


@dataclass(frozen=True)
class Sides(Settings, at="schedule sides: "):
    """Two sides and a judge: agents 0 and 1 propose in turns for ``rounds`` rounds, then agent 2 proposes the end.

    Everybody reads everything.
    """

    rounds: _Few = 2

    @property
    def agents(self) -> int:
        """Three: affirmative, negative, judge."""
        return 3

    @property
    def turns(self) -> int:
        """How long it is: two turns a round, and the judge's."""
        return 2 * self.rounds + 1

    def seat(self, turn: int, num_agents: int) -> Seat:
        return Seat(2 if turn == self.turns else (turn - 1) % 2, _PROPOSER)

    def job(self, turn: int) -> str:
        """Which side the seat is on; the first turn merely answers."""
        if turn == self.turns:
            return "judge"
        return "" if turn == 1 else "affirmative" if turn % 2 else "negative"

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        return turns


@dataclass(frozen=True)
class Layers(Settings, at="schedule layers: "):
    """Layers of ``agents`` proposals each, of which each reads the whole layer below; the last layer is one proposal.

    In the first layer nobody reads. The last proposal is agent 0's.
    """

    layers: Annotated[int, Ge(2), Le(64)] = 2
    agents: _Few = 3

    @property
    def turns(self) -> int:
        """How long it is: agents times layers but the last, and one."""
        return (self.layers - 1) * self.agents + 1

    def seat(self, turn: int, num_agents: int) -> Seat:
        return Seat((turn - 1) % self.agents, _PROPOSER)

    def job(self, turn: int) -> str:
        """``aggregator`` from the second layer on."""
        return "aggregator" if turn > self.agents else ""

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        end = len(turns) // self.agents * self.agents
        return turns[max(0, end - self.agents) : end]


SCHEDULES: dict[str, Any] = {
    "round_robin": RoundRobin,
    "independent": Independent,
    "debate": Debate,
    "panel": Panel,
    "sides": Sides,
    "layers": Layers,
}
"""Schedules by the names that settings give them; one of a user's own is given as an object."""


def schedule_named(text: str) -> Schedule:
    """Return the schedule of a text such as ``debate:agents=3,rounds=2``.

    Raises UnknownNameError (with the nearest name), ConfigError for settings that the schedule does not have.
    """
    name, settings = name_and_settings(text)
    if name not in SCHEDULES:
        raise UnknownNameError("schedule", name, SCHEDULES)
    check_call(f"schedule {name!r}", SCHEDULES[name], (), settings)
    made: Schedule = SCHEDULES[name](**settings)
    return made


def schedule_text(schedule: Any) -> str | None:
    """Return the text that `schedule_named` reads, settings written out; None for one of a user's own."""
    name = next((name for name, kind in SCHEDULES.items() if type(schedule) is kind), None)
    settings = (
        [] if name in (None, "round_robin") else [f"{key}={_value(value)}" for key, value in as_data(schedule).items()]
    )
    return f"{name}:{','.join(settings)}" if settings else name


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
