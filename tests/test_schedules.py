"""Schedules: who sits when, who reads what, and the names that settings give them; all tables by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from moves import TASK, proposal, review

from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.reading import read_proposal
from tracer_env.rules import DialogueState, Rules, advance, final_answer, initial, ruled
from tracer_env.schedules import (
    SCHEDULES,
    Debate,
    Independent,
    Layers,
    Panel,
    RoundRobin,
    Schedule,
    Sides,
    schedule_named,
    schedule_text,
)
from tracer_env.types import Role, Seat, Turn

P, R = Role.PROPOSER, Role.REVIEWER


@dataclass(frozen=True)
class Own:
    """A schedule of a user's own: everybody proposes and has read nothing."""

    def seat(self, turn: int, num_agents: int) -> Seat:
        return Seat(0, P)

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        return ()


# -- who sits when -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "settings", "expected"),
    [
        (Independent(3), {"num_agents": 1}, "0P 0P 0P"),
        (Independent(4), {"num_agents": 3}, "0P 1P 2P 0P"),
        (Independent(2, reviewed=True), {"num_agents": 1}, "0P 0R 0P 0R"),
        (Independent(2, reviewed=True), {"num_agents": 2}, "0P 1R 0P 1R"),
        (Independent(3, reviewed=True), {"num_agents": 3}, "0P 2R 1P 2R 0P 2R"),
        (Debate(3, 2), {}, "0P 1P 2P 0P 1P 2P"),
        (Debate(1, 2), {}, "0P 0P"),
        (Panel(2), {"max_turns": 7}, "0P 1R 2R 0P 1R 2R 0P"),
        (Sides(2), {}, "0P 1P 0P 1P 2P"),
        (Layers(2, 3), {}, "0P 1P 2P 0P"),
        (Layers(3, 2), {}, "0P 1P 0P 1P 0P"),
    ],
)
def test_seats(schedule: Schedule, settings: dict[str, int], expected: str) -> None:
    rules = ruled(schedule, **settings)
    assert " ".join(f"{seat.agent}{'PR'[seat.role]}" for seat in rules.seats[1:]) == expected


@pytest.mark.parametrize(
    ("schedule", "jobs"),
    [
        (Independent(2), ["", ""]),
        (Debate(2, 2), ["", "", "debater", "debater"]),
        (Sides(2), ["", "negative", "affirmative", "negative", "judge"]),
        (Layers(2, 2), ["", "", "aggregator"]),
    ],
)
def test_jobs(schedule: Schedule, jobs: list[str]) -> None:
    rules = ruled(schedule, num_agents=getattr(schedule, "agents", 1))
    assert list(rules.jobs[1:]) == jobs


# -- who reads what ------------------------------------------------------------------------------


def played(rules: Rules, moves: str) -> DialogueState:
    """Play letters (see `moves`), the answer of a proposal being its letter: a, b, ...; x has none."""
    state = initial(TASK, rules)
    for letter in moves:
        if letter == ".":
            state = advance(state, 0)
        elif letter in "+-0":
            state = advance(state, 1, review(letter))
        else:
            said = proposal("I", None) if letter == "x" else proposal("W", letter)
            state = advance(state, 1, said)
    return state


@pytest.mark.parametrize(
    ("schedule", "moves", "numbers"),
    [
        (Independent(3), "ab", []),
        (Independent(2, reviewed=True), "a", [1]),
        (Independent(2, reviewed=True), "a+", []),
        (Independent(2, reviewed=True), "a+b", [3]),
        (Independent(2, reviewed=True), "a+.", [1]),  # the second proposer kept silent
        (Debate(3, 3), "ab", []),
        (Debate(3, 3), "abc", [1, 2, 3]),
        (Debate(3, 3), "abca", [1, 2, 3]),
        (Debate(3, 3), "abcab.", [3, 4, 5]),  # the third kept silent: what it said before stands
        (Debate(3, 3), "abcabc", [4, 5, 6]),
        (Panel(2), "a", [1]),
        (Panel(2), "a+", [1]),
        (Panel(2), "a+-", [1, 2, 3]),
        (Panel(2), "a+-b-", [1, 2, 3, 4]),
        (Sides(1), "a", [1]),
        (Sides(1), "ab", [1, 2]),
        (Layers(3, 2), "a", []),
        (Layers(3, 2), "ab", [1, 2]),
        (Layers(3, 2), "aba", [1, 2]),
        (Layers(3, 2), "abab", [3, 4]),
    ],
)
def test_what_may_be_read(schedule: Schedule, moves: str, numbers: list[int]) -> None:
    settings = {} if hasattr(schedule, "agents") else {"num_agents": 2}
    state = played(ruled(schedule, **settings, **({"max_turns": 9} if isinstance(schedule, Panel) else {})), moves)
    readable = state.rules.schedule.readable(state.turns, state.seat)
    assert [turn.number for turn in readable] == numbers
    spoken = {turn.number for turn in state.turns if turn.utterance is not None}
    assert [turn.number for turn in state.history] == [number for number in numbers if number in spoken][-4:]


def test_only_the_papers_schedule_has_everybody_read_everything() -> None:
    assert Rules().reads_all
    assert Rules(num_agents=5, max_turns=9).reads_all
    for schedule in (Independent(2), Debate(2, 2), Panel(2), Sides(1), Layers(2, 2)):
        assert not ruled(schedule, num_agents=getattr(schedule, "agents", 1)).reads_all, schedule
    assert not Rules(schedule=Own()).reads_all
    assert ruled(Panel(1), max_turns=5).reads_all  # one reviewer has nobody beside him


# -- the one proposal that a seat goes by --------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "moves", "answer", "vote"),
    [
        (Rules(), "", None, 0),
        (Rules(), "a+", "a", 1),
        (Rules(), "a-b", "b", 0),
        (ruled(Independent(3), num_agents=1), "ab", None, 0),
        (ruled(Independent(2, reviewed=True), num_agents=2), "a-", None, 0),
        (ruled(Independent(2, reviewed=True), num_agents=2), "a-b", "b", 0),
        (ruled(Panel(2), max_turns=6), "a+-", "a", 0),
        (ruled(Panel(2), max_turns=6), "a--", "a", -2),
        (ruled(Debate(3, 2)), "aba", "a", 0),  # one other agrees, one does not
        (ruled(Debate(3, 2)), "aaa", "a", 2),
        (ruled(Debate(3, 2)), "abc", "c", -2),  # a tie goes to the newest
        (ruled(Debate(3, 2)), "axx", "a", -2),  # none agrees, and no answer is no agreement
        (ruled(Debate(3, 2)), "xxx", None, -2),
        (ruled(Sides(1)), "ab", "b", -1),
        (ruled(Layers(2, 2)), "aa", "a", 1),
    ],
)
def test_the_proposal_that_a_seat_goes_by(rules: Rules, moves: str, answer: str | None, vote: int) -> None:
    found, support = read_proposal(played(rules, moves))
    assert ((None if found is None else found.utterance.answer), support) == (answer, vote)


@pytest.mark.parametrize(
    ("moves", "answer"),
    [
        ("abcabc", "c"),
        ("abcbba", "b"),
        ("aaabcb", "b"),  # the first round no longer counts
        ("abc..a", "a"),  # the silent ones hold what they said: a, b, a
        ("abcxxa", "a"),  # an agent holds its newest answer that can be read: a, b, a
        ("xxxxxx", None),
    ],
)
def test_most_agents_decide(moves: str, answer: str | None) -> None:
    found = final_answer(played(ruled(Debate(3, 2), final_answer="majority_of_agents"), moves))
    assert found is not None
    assert found.utterance.answer == answer


# -- sizes and names -----------------------------------------------------------------------------


def test_rules_of_other_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"rules\.num_agents is 2, but the schedule Debate.* has 3 agents; set"):
        Rules(schedule=Debate(3, 2), max_turns=6)
    with pytest.raises(ConfigError, match=r"rules\.max_turns is 5, but the schedule .* has 6 turns"):
        Rules(schedule=Debate(3, 2), num_agents=3)
    with pytest.raises(ConfigError, match="must have seat"):
        Rules(schedule="debate")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "schedule", [RoundRobin(), Independent(4, reviewed=True), Debate(4, 3), Panel(3), Sides(1), Layers(3, 2)]
)
def test_a_schedule_is_a_text_in_settings(schedule: Schedule) -> None:
    text = schedule_text(schedule)
    assert text is not None
    assert schedule_named(text) == schedule
    read = Rules(**Rules.in_full({"schedule": text}))
    assert read.schedule == schedule
    assert read.num_agents == getattr(schedule, "agents", 2)


def test_names() -> None:
    assert schedule_text(Own()) is None
    assert [schedule_text(SCHEDULES[name]()).partition(":")[0] for name in SCHEDULES] == [*SCHEDULES]  # type: ignore[union-attr]
    with pytest.raises(UnknownNameError, match="unknown schedule 'debat'; did you mean 'debate'"):
        schedule_named("debat")
    with pytest.raises(ConfigError, match="no setting 'agent'; did you mean 'agents'"):
        schedule_named("debate:agent=3")
    with pytest.raises(ConfigError, match="agents must be a whole number from 1 to 64, got 0"):
        schedule_named("debate:agents=0")
