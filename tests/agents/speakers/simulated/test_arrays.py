"""Outcomes as arrays: draw by draw those of the scalar speaker."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_env.agents.speakers.simulated.arrays import SimulatedArrays, luck
from tracer_env.agents.speakers.simulated.rates import PRESETS, Simulation
from tracer_env.agents.speakers.simulated.speaker import SimulatedProposal, SimulatedSpeaker
from tracer_env.interfaces import Request
from tracer_env.randomness import Purpose, draw
from tracer_env.rules import DialogueState, Proposal, Rules
from tracer_env.types import Action, Grade, Role, Seat, Task, Turn, Utterance

PENDING = {Grade.CORRECT: 0, Grade.WRONG: 3, Grade.UNPARSABLE: -1}
SIMULATIONS = [*PRESETS.values(), Simulation(invalid=0.5, no_verdict=0.5, repeat=0.9), Simulation(skill=0.0, tpr=1.0)]


def _scalar(simulation: Simulation, task: Task, luck_: int, turn: int, grade: Grade | None, vote: int) -> Utterance:
    proposals: tuple[Proposal, ...] = ()
    turns: tuple[Turn, ...] = ()
    if grade is not None:
        said = SimulatedProposal(task, grade, PENDING[grade], 1, 1)
        proposals = (Proposal(said, 1, vote),)
        turns = (Turn(1, Seat(0, Role.PROPOSER), Action.SPEAK, said),)
    state = DialogueState(Rules(), task, turn, proposals, turns)
    return SimulatedSpeaker(simulation).speak([Request(state, state.seat, luck_)])[0]


CASE = st.tuples(
    st.integers(0, 2**64 - 1),
    st.floats(0, 1),
    st.sampled_from(list(PENDING)),
    st.integers(-3, 3),
    st.sampled_from([3, 5]),
)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(SIMULATIONS), st.lists(CASE, min_size=1, max_size=6), st.sampled_from([3, 5]))
def test_arrays_equal_the_scalar_speaker(simulation: Simulation, cases: list, turn: int) -> None:
    tasks = [Task(f"t{i}", "?", "42", difficulty=case[1]) for i, case in enumerate(cases)]
    arrays = SimulatedArrays(simulation, tasks)

    def bits(at: int, purpose: Purpose) -> np.ndarray:
        return np.array([draw(case[0], at, purpose) for case in cases], dtype=np.uint64)

    grades = np.array([case[2] for case in cases], dtype=np.int8)
    votes = np.array([case[3] for case in cases])
    fresh = [_scalar(simulation, task, case[0], 1, None, 0) for task, case in zip(tasks, cases, strict=True)]
    assert arrays.fresh(bits(1, Purpose.OUTCOME), arrays.skill).tolist() == [said.grade for said in fresh]
    renewed = [_scalar(simulation, t, c[0], turn, c[2], c[3]) for t, c in zip(tasks, cases, strict=True)]
    outcome, content = bits(turn, Purpose.OUTCOME), bits(turn, Purpose.CONTENT)
    found = arrays.refreshed(outcome, content, arrays.skill, arrays.mend, grades, votes)
    assert found.tolist() == [said.grade for said in renewed]
    wrong = arrays.wrong_answers(bits(1, Purpose.OUTCOME))
    for said, number in zip(fresh, wrong, strict=True):
        if said.grade is Grade.WRONG:
            assert isinstance(said, SimulatedProposal)
            assert said.answer_id == number
    reviews = [_scalar(simulation, t, c[0], 2, c[2], c[3]) for t, c in zip(tasks, cases, strict=True)]
    verdicts = arrays.verdicts(bits(2, Purpose.OUTCOME), grades)
    assert verdicts.dtype == np.int8
    assert verdicts.tolist() == [said.verdict for said in reviews]


def test_skill_and_mend_stand_by_task() -> None:
    tasks = [Task(str(d), "?", "1", difficulty=d) for d in (0.5, 0.9)]
    arrays = SimulatedArrays(Simulation(skill=0.62, mend=0.72), tasks)
    assert arrays.skill == pytest.approx([0.62, 0.4230], abs=1e-4)
    assert arrays.mend == pytest.approx([0.72, 0.5361], abs=1e-4)


def test_luck_is_a_number_below_one() -> None:
    bits = np.array([0, 2**64 - 1, 2**63], dtype=np.uint64)
    assert luck(bits).tolist() == [0.0, 1 - 2.0**-48, 0.5]
