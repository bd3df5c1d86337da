"""Signals of the simulated speaker: as telling as stated, a draw of their own, the same one for one and for many."""

from __future__ import annotations

import copy
import pickle
from itertools import product

import numpy as np
import pytest
from forest import PICKS, SUMS
from hypothesis import given
from hypothesis import strategies as st

from tracer_env.agents.speakers.simulated.rates import PRESETS, Simulation
from tracer_env.agents.speakers.simulated.signals import LEVELS, SignalTables, separation, size_area
from tracer_env.agents.speakers.simulated.speaker import SimulatedProposal, SimulatedReview, SimulatedSpeaker
from tracer_env.envs.vector.machine import compile_machine
from tracer_env.envs.vector.simulated import SimulatedDialogues, seed_keys
from tracer_env.interfaces import Request
from tracer_env.parts.casting import make_controller, make_reward
from tracer_env.randomness import Purpose, draw, stream, streams
from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.types import SIGNALS, UNTOLD, Grade, Role, Signals, Task, Verdict

TASK = Task("sum-1", "What is 6 times 7?", "42")
NOISE = np.array([draw(stream(7, "t", world), 1, Purpose.SIGNAL) for world in range(20_000)], dtype=np.uint64)
GRADES = (Grade.CORRECT, Grade.WRONG, Grade.UNPARSABLE)


def area(right: np.ndarray, wrong: np.ndarray) -> float:
    """The share of pairs in which the right one has the higher value, ties half."""
    order = np.sort(wrong)
    below, upto = np.searchsorted(order, right, "left"), np.searchsorted(order, right, "right")
    return float((below + upto).mean() / 2 / len(wrong))


def plain(array: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in array.ravel()]


# -- how well they tell right from wrong ------------------------------------------------------------


def test_separation_by_hand() -> None:
    """sqrt(2) times the normal quantile: 0.841 is Phi(1); 0.76025 is Phi(1 / sqrt(2))."""
    assert separation(0.5) == 0.0
    assert separation(0.8413447460685429) == pytest.approx(2**0.5)
    assert separation(0.7602499389065233) == pytest.approx(1.0)
    assert separation(1.0) == 8.0


def test_areas_of_sizes_by_hand() -> None:
    """tpr 0.8, tnr 0.5: 0.4 from the verdicts, and A of 0.8 * 0.5 + 0.2 * 0.5 = 0.5 from the sizes."""
    assert size_area(0.75, 0.8, 0.5) == pytest.approx(0.7)
    assert size_area(0.65, 0.8, 0.5) == pytest.approx(0.5)
    assert size_area(0.3, 0.8, 0.5) == 0.5  # never surer when wrong
    assert size_area(0.95, 0.8, 0.5) == 1.0
    assert size_area(0.9, 1.0, 1.0) == 0.5  # nobody errs, so no two sizes are compared


@pytest.mark.parametrize("confidence", [0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0])
def test_confidence_is_the_area(confidence: float) -> None:
    tables = Simulation(confidence=confidence).signals
    right, wrong = (
        tables.proposals(noise, np.full(len(noise), grade, np.int8), np.full(len(noise), 50)).logprob_mean
        for noise, grade in ((NOISE[::2], Grade.CORRECT), (NOISE[1::2], Grade.WRONG))
    )
    assert area(right, wrong) == pytest.approx(confidence, abs=0.012)
    if confidence == 1.0:
        assert right.min() > wrong.max()


@pytest.mark.parametrize(("tpr", "tnr", "margin", "found"), [(0.85, 0.7, 0.85, 0.85), (0.8, 0.5, 0.99, 0.9)])
def test_the_margin_is_the_area_as_far_as_the_verdicts_let_it(
    tpr: float, tnr: float, margin: float, found: float
) -> None:
    rates = Simulation(tpr=tpr, tnr=tnr, margin=margin)
    luck = np.random.default_rng(0).random(len(NOISE))
    grade = np.tile([Grade.CORRECT, Grade.WRONG], len(NOISE) // 2).astype(np.int8)
    verdict = np.where(grade == Grade.CORRECT, np.where(luck < tpr, 1, -1), np.where(luck < tnr, -1, 1))
    told = rates.signals.reviews(NOISE, grade, verdict.astype(np.int8), np.full(len(NOISE), 9)).margin
    assert (np.sign(told) == verdict).all()
    assert area(told[::2], told[1::2]) == pytest.approx(found, abs=0.012)


def test_a_reviewers_own_answer() -> None:
    tables = Simulation(own=0.4, own_tpr=0.9, own_tnr=0.7).signals
    shares = {}
    for grade in GRADES:
        grades = np.full(len(NOISE), grade, np.int8)
        found = tables.reviews(NOISE, grades, np.zeros_like(grades), np.ones_like(grades)).agrees
        shares[grade] = [float((found == value).mean()) for value in (1, -1)]
    assert shares[Grade.CORRECT] == pytest.approx([0.36, 0.04], abs=0.012)
    assert shares[Grade.WRONG] == pytest.approx([0.12, 0.28], abs=0.012)
    assert shares[Grade.UNPARSABLE] == [0.0, 0.0]  # there is no answer to agree with
    silent = Simulation(own=0.0).signals.reviews(NOISE, grades, np.zeros_like(grades), np.ones_like(grades))
    assert not silent.agrees.any()


def test_the_middle_and_the_spread() -> None:
    tables = SignalTables((0.8, 0.2, 0.5), (0.5, 2.0, 0.5), (0.0, 0.5, 0.5))
    logs = np.log(-tables.means.astype(float))
    assert logs[:2].mean() == pytest.approx(np.log(0.2))
    assert logs.std(axis=1) == pytest.approx([0.5] * 3, rel=0.01)
    assert (logs[0] - logs[1]).mean() == pytest.approx(0.5 * separation(0.8))
    assert np.median(tables.margins) == pytest.approx(2.0, rel=0.01)
    assert tables.means.shape == (3, LEVELS)


@pytest.mark.parametrize("tokens", [1, 2, 40])
def test_the_least_likely_token_lies_between_the_mean_and_the_sum(tokens: int) -> None:
    told = Simulation().signals.proposals(NOISE, np.zeros(len(NOISE), np.int8), np.full(len(NOISE), tokens))
    assert (told.logprob_mean < 0).all()
    assert (told.logprob_min <= told.logprob_mean).all()
    assert (told.logprob_sum <= told.logprob_min).all()
    wide = told.logprob_mean.astype(float) * tokens
    assert (told.logprob_sum == wide.astype(np.float32)).all()
    assert np.isnan(told.margin).all()


# -- one and many -----------------------------------------------------------------------------------

SIMULATIONS = [*PRESETS.values(), Simulation(confidence=1.0, own=1.0, margin=1.0), Simulation(surprise_spread=0.0)]


@given(
    st.sampled_from(SIMULATIONS),
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5),
    st.integers(1, 10**6),
)
def test_arrays_equal_single_draws(simulation: Simulation, lucks: list[int], tokens: int) -> None:
    tables, noise = simulation.signals, np.array(lucks, dtype=np.uint64)
    lengths = np.full(len(lucks), tokens)
    for grade, verdict in product(GRADES, Verdict):
        grades, verdicts = (np.full(len(lucks), value, np.int8) for value in (grade, verdict))
        said = [tables.proposal(luck, grade is Grade.CORRECT, tokens) for luck in lucks]
        many = tables.proposals(noise, grades, lengths)
        assert [plain(getattr(many, name)) for name in SIGNALS] == [list(row) for row in zip(*said, strict=True)]
        reviewed = [tables.review(luck, grade, verdict, tokens) for luck in lucks]
        many = tables.reviews(noise, grades, verdicts, lengths)
        rows = zip(*(told for told, _ in reviewed), strict=True)
        assert [plain(getattr(many, name)) for name in SIGNALS] == [list(row) for row in rows]
        assert many.agrees.tolist() == [agrees for _, agrees in reviewed]
        assert many.logprob_sum.dtype == many.margin.dtype == np.float32


def first(speaker: SimulatedSpeaker, world: int = 0, task: Task = TASK) -> DialogueState:
    state = initial(task, Rules())
    return advance(state, 1, speaker.speak([Request(state, state.seat, stream(0, task.id, world))])[0])


def test_an_utterance_draws_from_its_own_place() -> None:
    speaker = SimulatedSpeaker()
    state = first(speaker)
    proposal, noise = state.proposals[-1].utterance, stream(0, TASK.id)
    drawn = draw(noise, 1, Purpose.SIGNAL)
    assert proposal.signals == speaker.simulation.signals.proposal(
        drawn, proposal.grade is Grade.CORRECT, proposal.completion_tokens
    )
    review = speaker.speak([Request(state, state.seat, noise, 3)])
    told = [
        speaker.simulation.signals.review(
            draw(noise, 2, Purpose.SIGNAL, candidate), proposal.grade, one.verdict, one.completion_tokens
        )
        for candidate, one in enumerate(review)
    ]
    assert [(one.signals, one.agrees) for one in review] == told
    assert len({one.signals.logprob_mean for one in review}) == 3


def test_signals_survive_pickling_and_copying() -> None:
    speaker = SimulatedSpeaker(own=1.0)
    for world in range(20):
        state = first(speaker, world)
        proposal = state.proposals[-1].utterance
        (review,) = speaker.speak([Request(state, state.seat, stream(0, TASK.id, world))])
        for twin in (copy.copy(review), pickle.loads(pickle.dumps(review))):
            assert (twin.signals, twin.agrees) == (review.signals, review.agrees)
            assert abs(twin.agrees) == (proposal.grade is not Grade.UNPARSABLE)
        assert pickle.loads(pickle.dumps(proposal)).signals == proposal.signals
        assert type(proposal.signals) is Signals


def test_utterances_by_hand_tell_nothing() -> None:
    said = SimulatedProposal(TASK, Grade.WRONG, 1, 90, 10)
    review = SimulatedReview(said, Verdict.RIGHT, 90, 10)
    assert said.signals == review.signals == UNTOLD
    assert review.agrees == 0


def test_a_repeated_answer_is_told_of_anew() -> None:
    speaker = SimulatedSpeaker(repeat=1.0, invalid=0.0)
    state = advance(first(speaker), 0)
    state = advance(state, 1, *speaker.speak([Request(state, state.seat, stream(0, TASK.id))]))
    old, new = (proposal.utterance for proposal in state.proposals)
    assert (old.answer, old.grade) == (new.answer, new.grade)
    assert old.signals != new.signals


@pytest.mark.parametrize("confidence", [0.5, 1.0])
def test_signals_change_no_text_no_grade_and_no_length(confidence: float) -> None:
    plainly, other = SimulatedSpeaker(), SimulatedSpeaker(confidence=confidence, own=0.0, margin=0.9)
    for world in range(50):
        one, two = (first(speaker, world).turns[-1].utterance for speaker in (plainly, other))
        assert one is not None
        assert two is not None
        names = ("text", "answer", "grade", "tokens")
        assert [getattr(one, name) for name in names] == [getattr(two, name) for name in names]


@pytest.mark.parametrize("tasks", [SUMS, PICKS], ids=["number", "choice"])
def test_rows_equal_the_scalar_speaker(tasks: list[Task]) -> None:
    speaker = SimulatedSpeaker("balanced", invalid=0.2, no_verdict=0.2)
    worlds = np.arange(len(tasks))
    rows = speaker.in_rows(tasks, streams(0, [task.id for task in tasks], worlds))
    zero = np.zeros((len(tasks), 1), dtype=np.int32)
    proposed = rows.propose(1, np.full(zero.shape, Grade.UNPARSABLE, np.int8), zero, zero, zero)
    reviewed = rows.review(2, proposed.grade, proposed.answer, zero)
    for row, task in enumerate(tasks):
        state = first(speaker, row, task)
        (review,) = speaker.speak([Request(state, state.seat, stream(0, task.id, row))])
        for said, many in ((state.proposals[-1].utterance, proposed), (review, reviewed)):
            assert [plain(getattr(many, name)[row])[0] for name in SIGNALS] == list(said.signals)
            assert many.agrees[row, 0] == said.agrees


@pytest.mark.parametrize("window", [0, 2, 4])
def test_thousands_in_step_are_told_what_single_dialogues_are(window: int) -> None:
    rules, size = Rules(max_turns=6, history_window=window), 60
    speaker = SimulatedSpeaker("balanced", invalid=0.15, no_verdict=0.15, repeat=0.6)
    machine = compile_machine(rules, make_reward("team"), "vote_and_time", [True] * 7, make_controller("always"))
    dialogues = SimulatedDialogues(machine, speaker.simulation, rules, SUMS, size, signals=True)
    everyone, task, world = np.arange(size), np.arange(size) % len(SUMS), np.arange(size) // len(SUMS)
    dialogues.begin(everyone, seed_keys(np.full(size, 3, dtype=np.uint64)), task, world)
    states = [initial(SUMS[place], rules) for place in task]
    noise = [stream(3, SUMS[place].id, int(w)) for place, w in zip(task, world, strict=True)]
    seen = 0
    for turn, actions in enumerate(np.random.default_rng(window).integers(0, 2, (6, size)), start=1):
        chosen = np.ones(size, dtype=np.int64) if turn == 1 else actions
        dialogues.play(chosen.astype(np.uint8))
        for index, state in enumerate(states):
            said = speaker.speak([Request(state, state.seat, noise[index])])[0] if chosen[index] else None
            states[index] = advance(state, int(chosen[index]), said)
        told = {role: dialogues.told(role, everyone) for role in (Role.PROPOSER, Role.REVIEWER)}
        for index, state in enumerate(states):
            pending = state.proposals[-1]
            spoken = [(Role.PROPOSER, pending.utterance)]
            if pending.reviews:
                last = next(t.utterance for t in reversed(state.turns) if t.seat.role is Role.REVIEWER and t.utterance)
                spoken.append((Role.REVIEWER, last))
            for role, said in spoken:
                many = told[role]
                assert [plain(many[name][index])[0] for name in SIGNALS] == list(said.signals)
                assert (many["agrees"][index], many["tokens"][index]) == (said.agrees, said.completion_tokens)
                seen += 1
    assert seen > 500


def test_dialogues_that_remember_no_signals_say_so() -> None:
    machine = compile_machine(Rules(), make_reward("team"), "vote_and_time", [True] * 6, make_controller("always"))
    dialogues = SimulatedDialogues(machine, Simulation(), Rules(), SUMS, 4)
    with pytest.raises(ValueError, match="build them with signals=True"):
        dialogues.told(Role.PROPOSER, np.arange(4))
