"""The simulated speaker: outcomes at the stated rates, words that say what was drawn, the same luck for all."""

from __future__ import annotations

import copy
import math
import pickle
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moves import play

from tracer_env.agents.speakers.simulated.rates import PRESETS, Simulation
from tracer_env.agents.speakers.simulated.speaker import SimulatedProposal, SimulatedReview, SimulatedSpeaker
from tracer_env.episodes.rollout import Job, everything, rollout
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.information import vote_and_time
from tracer_env.interfaces import Request
from tracer_env.parts.casting import make_scenario
from tracer_env.randomness import stream
from tracer_env.rules import DialogueState, Proposal, Rules, initial
from tracer_env.types import Action, Grade, Role, Seat, Task, Turn, Utterance, Verdict
from tracer_env.verification.verdicts import read_verdict

TASK = Task("sum-1", "What is 6 times 7?", "42")
DRAWS = 20_000
RATES = {"skill": 0.62, "mend": 0.72, "repeat": 0.5, "tpr": 0.85, "tnr": 0.7}
PENDING = {"C": (Grade.CORRECT, 0), "W": (Grade.WRONG, 2), "I": (Grade.UNPARSABLE, -1)}


def standing(letter: str, vote: int = 0, turn: int = 3) -> DialogueState:
    """A dialogue in which a simulated proposal of that grade stands, with that vote."""
    if letter == "":
        return initial(TASK, Rules())
    grade, answer_id = PENDING[letter]
    said = SimulatedProposal(TASK, grade, answer_id, 90, 120)
    first = Turn(1, Seat(0, Role.PROPOSER), Action.SPEAK, said)
    return DialogueState(Rules(), TASK, turn, (Proposal(said, 1, vote, abs(vote)),), (first,))


def spoken(speaker: SimulatedSpeaker, state: DialogueState, count: int = DRAWS) -> list[Utterance]:
    return speaker.speak([Request(state, state.seat, stream(0, "t", world)) for world in range(count)])


def close(hits: int, rate: float, draws: int = DRAWS) -> bool:
    return abs(hits - draws * rate) <= 4 * math.sqrt(draws * rate * (1 - rate)) + 1e-9


# -- rates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("letter", "vote", "correct"),
    [
        ("", 0, 0.97 * 0.62),
        ("I", 0, 0.97 * 0.62),  # nothing valid stands: a fresh start
        ("I", -1, 0.97 * 0.62),
        ("W", -1, 0.97 * 0.72),  # mended
        ("W", -2, 0.97 * 0.72),
        ("C", -1, 0.97 * 0.70),  # did not cave in
        ("W", 0, 0.97 * 0.5 * 0.62),  # not repeated, and fresh
        ("W", 2, 0.97 * 0.5 * 0.62),
        ("C", 0, 0.97 * (0.5 + 0.5 * 0.62)),
        ("C", 1, 0.97 * (0.5 + 0.5 * 0.62)),
    ],
)
def test_rates_of_proposals(letter: str, vote: int, correct: float) -> None:
    grades = Counter(said.grade for said in spoken(SimulatedSpeaker(**RATES), standing(letter, vote)))
    assert close(grades[Grade.UNPARSABLE], 0.03)
    assert close(grades[Grade.CORRECT], correct)
    assert grades.total() == grades[Grade.UNPARSABLE] + grades[Grade.CORRECT] + grades[Grade.WRONG]


@pytest.mark.parametrize(
    ("letter", "right", "wrong"),
    [("C", 0.98 * 0.85, 0.98 * 0.15), ("W", 0.98 * 0.3, 0.98 * 0.7), ("I", 0.98 * 0.3, 0.98 * 0.7)],
)
def test_rates_of_reviews(letter: str, right: float, wrong: float) -> None:
    verdicts = Counter(said.verdict for said in spoken(SimulatedSpeaker(**RATES), standing(letter, turn=2)))
    assert close(verdicts[Verdict.NONE], 0.02)
    assert close(verdicts[Verdict.RIGHT], right)
    assert close(verdicts[Verdict.WRONG], wrong)


def test_wrong_answers_are_equally_likely() -> None:
    said = spoken(SimulatedSpeaker(skill=0.0, invalid=0.0), standing(""))
    answers = Counter(utterance.answer for utterance in said)
    assert set(answers) == {"43", "41", "44", "40"}
    assert all(close(count, 0.25) for count in answers.values())


def test_a_repeated_answer_is_the_same_answer() -> None:
    said = spoken(SimulatedSpeaker(repeat=1.0, invalid=0.0), standing("W"), 200)
    assert {(utterance.grade, utterance.answer) for utterance in said} == {(Grade.WRONG, "41")}


@pytest.mark.parametrize(("letter", "grade"), [("C", Grade.CORRECT), ("W", Grade.WRONG)])
def test_what_another_speaker_proposed_is_repeated_by_its_grade(letter: str, grade: Grade) -> None:
    state = play(letter + ".", Rules(num_agents=3))
    said = spoken(SimulatedSpeaker(repeat=1.0, invalid=0.0), state, 200)
    assert {utterance.grade for utterance in said} == {grade}


def test_the_papers_lone_proposer() -> None:
    """Right 0.916 of the time on tasks of any difficulty, 336 tokens a call."""
    tasks = make_scenario("arithmetic", limit=1000)
    speaker = SimulatedSpeaker("paper_qwen2.5_7b")
    states = [initial(task, Rules()) for task in tasks]
    said = speaker.speak(
        [Request(s, s.seat, stream(1, s.task.id, world)) for world in range(DRAWS // 1000) for s in states]
    )
    assert close(sum(utterance.grade is Grade.CORRECT for utterance in said), 0.916)
    mean = sum(utterance.tokens for utterance in said) / DRAWS
    assert abs(mean - 336) <= 4 * 0.35 * 200 / math.sqrt(DRAWS) + 0.5


def test_the_papers_calls_cost_336_tokens_at_every_turn() -> None:
    tasks = make_scenario("arithmetic", limit=400)

    class Speak:
        def speak_probability(self, state: DialogueState, key: str) -> float:
            return 1.0

    jobs = [Job(e, "m", Speak(), task, 0, 0) for e, task in enumerate(tasks)]
    told = rollout(jobs, SimulatedSpeaker("paper_qwen2.5_7b"), tasks, Rules(), vote_and_time)
    tokens = [turn.utterance.tokens for t in told for turn in t.turns if turn.utterance]
    assert len(tokens) == 2000
    assert abs(sum(tokens) / 2000 - 336) <= 4 * 70 / math.sqrt(2000) + 0.5


def test_completion_lengths() -> None:
    for state, mean in ((standing(""), 120), (standing("C", turn=2), 60)):
        lengths = [said.completion_tokens for said in spoken(SimulatedSpeaker(), state)]
        assert abs(sum(lengths) / DRAWS - mean) <= 4 * 0.35 * mean / math.sqrt(DRAWS) + 0.5


def test_prompts_grow_with_what_is_reread() -> None:
    assert spoken(SimulatedSpeaker(), standing(""), 1)[0].prompt_tokens == 90
    assert spoken(SimulatedSpeaker(), standing("C", turn=2), 1)[0].prompt_tokens == 90 + 120
    assert spoken(SimulatedSpeaker(reread=0.5), standing("C"), 1)[0].prompt_tokens == 90 + 60
    assert spoken(SimulatedSpeaker(reread=0.0), standing("C"), 1)[0].prompt_tokens == 90


@pytest.mark.parametrize(("window", "total"), [(0, 0), (1, 30), (2, 50), (9, 60)])
def test_only_the_window_is_reread(window: int, total: int) -> None:
    said = [SimulatedProposal(TASK, Grade.WRONG, 1, 90, length) for length in (10, 20, 30)]
    turns = tuple(
        Turn(number, Seat(0, Role.PROPOSER), Action.SPEAK if words else Action.SKIP, words)
        for number, words in enumerate([said[0], said[1], None, said[2]], start=1)
    )
    rules = Rules(max_turns=9, history_window=window)
    state = DialogueState(rules, TASK, 5, (Proposal(said[2], 4),), turns)
    assert spoken(SimulatedSpeaker(), state, 1)[0].prompt_tokens == 90 + total


# -- words ---------------------------------------------------------------------------------------

CHOICES = [Task(f"c{i}", "Which?", "ABCD"[i % 4], "choice", i / 8, ("p", "q", "r", "s"), "letters") for i in range(8)]
WORDS = [Task(f"w{i}", "Where?", name, "text", i / 4) for i, name in enumerate(["Paris", "Rome", "Oslo", "New York"])]


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("tasks", ["arithmetic", CHOICES, WORDS], ids=["number", "choice", "text"])
def test_the_verifiers_read_what_was_drawn(tasks: str | list[Task], preset: str) -> None:
    scenario = make_scenario(tasks, limit=40)
    text = scenario[0].kind == "text"
    speaker = SimulatedSpeaker(preset, **({"invalid": 0.0} if text else {}))  # any last line is an answer in words
    jobs = [Job(e, "m", _Speak(), scenario[e % len(scenario)], e // len(scenario), 0) for e in range(80)]
    seen = Counter[str]()
    for told in rollout(jobs, speaker, scenario, Rules(), vote_and_time, everything):
        for turn in told.turns:
            for said in filter(None, (turn.utterance, turn.other)):
                if turn.role is Role.REVIEWER:
                    assert read_verdict(said.text) is said.verdict
                    continue
                assert scenario.grade(said.text, told.task) is said.grade
                assert scenario.extract(said.text).answer == said.answer
                seen[str(said.grade)] += 1
    assert seen.total() > 100
    assert len(seen) >= 2


class _Speak:
    def speak_probability(self, state: DialogueState, key: str) -> float:
        return 0.7


@pytest.mark.parametrize("state", [standing(""), standing("C", turn=2), standing("I", turn=2), standing("W", -1)])
def test_utterances_survive_pickling_and_copying(state: DialogueState) -> None:
    for said in spoken(SimulatedSpeaker("weak_reviewer"), state, 50):
        for twin in (pickle.loads(pickle.dumps(said)), copy.copy(said), copy.deepcopy(said)):
            assert type(twin) is (SimulatedReview if said.grade is None else SimulatedProposal)
            assert twin == said
            assert hash(twin) == hash(said)
            assert (twin.text, twin.answer, twin.grade, twin.verdict) == (
                said.text,
                said.answer,
                said.grade,
                said.verdict,
            )
            assert (twin.prompt_tokens, twin.completion_tokens) == (said.prompt_tokens, said.completion_tokens)


def test_an_utterance_is_whole_though_lazy() -> None:
    said = spoken(SimulatedSpeaker(), standing(""), 1)[0]
    assert (said.rule, said.finish, said.dropped, said.token_ids, said.logprobs) == ("given", "stop", 0, (), ())
    with pytest.raises(AttributeError):
        said.grade = Grade.CORRECT  # type: ignore[misc]
    assert said.tokens == said.prompt_tokens + said.completion_tokens


# -- luck ----------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4),
    st.sampled_from(["", "C", "W", "I"]),
    st.integers(-2, 2),
    st.integers(1, 3),
)
def test_a_batch_says_what_single_requests_say(lucks: list[int], letter: str, vote: int, candidates: int) -> None:
    speaker, state = SimulatedSpeaker("harsh"), standing(letter, vote)
    requests = [Request(state, state.seat, luck, candidates) for luck in lucks]
    together = speaker.speak(requests)
    assert len(together) == len(lucks) * candidates
    assert together == [said for request in requests for said in speaker.speak([request])]
    alone = [speaker.speak([Request(state, state.seat, luck)])[0] for luck in lucks]
    assert together[::candidates] == alone  # candidate 0 is what play says


def test_the_turn_has_luck_of_its_own() -> None:
    speaker = SimulatedSpeaker()
    lengths = {
        tuple(said.completion_tokens for said in spoken(speaker, standing("C", turn=turn), 20)) for turn in (3, 5)
    }
    assert len(lengths) == 2


# -- construction --------------------------------------------------------------------------------


def test_presets_can_be_overridden() -> None:
    assert SimulatedSpeaker("harsh", skill=0.1).simulation == Simulation(tpr=0.5, tnr=0.95, cave=0.4, skill=0.1)
    assert SimulatedSpeaker(Simulation(skill=0.2)).simulation.skill == 0.2
    assert SimulatedSpeaker().free


def test_unknown_presets_and_rates_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown preset of the simulated speaker 'balancd'; did you mean"):
        SimulatedSpeaker("balancd")
    with pytest.raises(ConfigError, match="the simulated speaker has no rate 'skil'; did you mean 'skill'"):
        SimulatedSpeaker(skil=0.5)
    with pytest.raises(ConfigError, match=r"speaker\.skill must lie between 0 and 1, got 7"):
        SimulatedSpeaker(skill=7)
