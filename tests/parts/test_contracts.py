"""Each part gives back everything that it must not, and the error names the part, the task, the turn and the value."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import tracer_env
from tracer_env.agents.controllers.baselines import Always
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.speakers.cached import CachedSpeaker
from tracer_env.agents.speakers.cast import CastSpeaker
from tracer_env.episodes.rollout import Job, rollout
from tracer_env.errors import ControllerError, InformationError, PartError, RewardError, SpeakerError
from tracer_env.interfaces import Request
from tracer_env.parts.contracts import heard, key_of, payment, probability, spoken, well_formed, worth
from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.types import Grade, Signals, Task, Utterance, Verdict
from tracer_env.verification.referee import ask, ask_each

TASK = Task("sum-1", "What is 1 + 1?", "2")
FIRST = initial(TASK, Rules())
SECOND = advance(FIRST, 1, Utterance("2", answer="2", rule="given", grade=Grade.CORRECT))
REQUEST = Request(FIRST, FIRST.seat, 1)
PLACE = r"agent_0 \(proposer\) at turn 1 of task 'sum-1'"


class Text(str):
    __slots__ = ()


class Mine:
    """A speaker that returns what it was told to."""

    def __init__(self, *said: Any) -> None:
        self.said = said

    def speak(self, requests: Sequence[Request]) -> Any:
        return [*self.said]


def said(**fields: Any) -> Utterance:
    return Utterance(**{"text": "2", **fields})


BAD_UTTERANCES = {
    "None": None,
    "a text": "2",
    "a dict": {"text": "2"},
    "no text": said(text=None),
    "a number as text": said(text=2),
    "bytes as text": said(text=b"2"),
    "negative tokens": said(prompt_tokens=-1),
    "signals that are none": said(signals=None),
    "signals of another shape": said(signals=(1.0, 2.0)),
    "a signal that is no number": said(signals=Signals(logprob_mean=math.nan)),
    "a signal without end": said(signals=Signals(logprob_sum=-math.inf)),
    "a log-probability above 0": said(signals=Signals(logprob_min=0.5)),
    "a signal as text": said(signals=Signals(logprob_mean="-1")),  # type: ignore[arg-type]
    "true as a signal": said(signals=Signals(logprob_mean=True)),
    "a signal beyond all texts": said(signals=Signals(logprob_sum=-1e300)),
    "signals that contradict each other": said(signals=Signals(-1.0, -2.0, -3.0)),
    "a proposal with a margin": said(signals=Signals(margin=1.0)),
    "a given proposal that agrees": said(rule="given", grade=Grade.CORRECT, answer="2", agrees=1),
    "fractional tokens": said(completion_tokens=1.5),
    "whole float tokens": said(completion_tokens=2.0),
    "NaN tokens": said(prompt_tokens=math.nan),
    "tokens as text": said(completion_tokens="7"),
    "true tokens": said(prompt_tokens=True),
    "astronomical tokens": said(prompt_tokens=10**30),
    "no tokens": said(completion_tokens=None),
    "another finish": said(finish="tired"),
    "finish none": said(finish=None),
    "negative dropped": said(dropped=-1),
    "dropped as text": said(dropped="0"),
    "positive log-probability": said(token_ids=(1,), logprobs=(0.5,)),
    "NaN log-probability": said(token_ids=(1,), logprobs=(math.nan,)),
    "a log-probability too few": said(token_ids=(1, 2), logprobs=(-0.5,)),
    "negative token id": said(token_ids=(-1,), logprobs=(-0.5,)),
    "token ids as text": said(prompt_ids=("a",)),
    "given without a grade": said(rule="given", answer="2"),
    "given with a number as answer": said(rule="given", answer=2, grade=Grade.WRONG),
    "given with half a surrogate": said(rule="given", answer="\ud800", grade=Grade.WRONG),
    "given with a verdict": said(rule="given", answer="2", grade=Grade.WRONG, verdict=Verdict.RIGHT),
    "given with a number as grade": said(rule="given", answer="2", grade=1),
}


@pytest.mark.parametrize("one", BAD_UTTERANCES.values(), ids=BAD_UTTERANCES)
@pytest.mark.parametrize("around", [lambda mine: mine, CachedSpeaker, lambda mine: CastSpeaker({"proposer": mine})])
def test_an_utterance_that_is_not_sound_is_refused_by_name(one: Any, around: Callable[[Any], Any]) -> None:
    with pytest.raises(SpeakerError, match=rf"^Mine\.speak returned .*for {PLACE}"):
        spoken(around(Mine(one)), [REQUEST])


@pytest.mark.parametrize("given", [None, 7, "2", {0: said()}, iter([said()]), {said()}, lambda: None])
def test_something_else_than_a_list_is_refused(given: Any) -> None:
    class Odd:
        def speak(self, requests: Sequence[Request]) -> Any:
            return given

    for speaker in (Odd(), CachedSpeaker(Odd()), CastSpeaker({"proposer": Odd()})):
        with pytest.raises(SpeakerError, match=rf"^Odd\.speak returned .* for 1 candidates, for {PLACE}"):
            spoken(speaker, [REQUEST])


@pytest.mark.parametrize("count", [0, 1, 3, 50])
def test_too_few_and_too_many_are_refused(count: int) -> None:
    with pytest.raises(SpeakerError, match=rf"returned {count} items for 2 candidates, for {PLACE} or"):
        spoken(Mine(*[said()] * count), [REQUEST, REQUEST])


def test_a_speaker_that_cannot_be_waited_for_is_refused() -> None:
    class Late:
        async def speak(self, requests: Sequence[Request]) -> Any:
            return [said()]

    speaker: Any = Late()
    with pytest.raises(SpeakerError, match=r"Late.speak returned <coroutine object .*Late.speak>"):
        spoken(speaker, [REQUEST])


GOOD = {
    "as it should be": said(prompt_tokens=3, completion_tokens=4),
    "a subclass of str": said(text=Text("2")),
    "numpy's text": said(text=np.str_("2")),
    "numpy's whole numbers": said(prompt_tokens=np.int64(3), completion_tokens=np.uint8(4)),
    "a list of ids": said(token_ids=[1, 2], logprobs=[-0.5, 0.0]),
    "numpy's ids": said(prompt_ids=np.arange(3).tolist(), token_ids=(np.int32(1),), logprobs=(np.float32(-1.0),)),
    "an empty text": said(text=""),
    "NUL and other signs": said(text="\x00\x1b[0m 2"),
}


@pytest.mark.parametrize("one", GOOD.values(), ids=GOOD)
def test_what_is_meant_well_becomes_plain(one: Utterance) -> None:
    (plain,) = spoken(Mine(one), [REQUEST])
    assert type(plain.text) is str
    assert type(plain.prompt_tokens) is int
    assert type(plain.completion_tokens) is int
    assert all(type(ids) is tuple for ids in (plain.prompt_ids, plain.token_ids, plain.logprobs))
    assert plain.text == one.text
    assert plain.tokens == one.tokens


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("\udc00", "\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
        ("é\U0001f600", "é\U0001f600"),
        ("\ufeffa", "\ufeffa"),
        ("plain", "plain"),
    ],
)
def test_half_of_a_surrogate_pair_is_replaced(text: str, plain: str) -> None:
    assert well_formed(text) == plain
    assert spoken(Mine(said(text=text)), [REQUEST])[0].text == plain
    made = tracer_env.make_speaker(lambda prompt: text)
    assert spoken(made, [REQUEST])[0].text == plain


def test_what_a_review_says_of_answers_is_not_taken() -> None:
    odd = said(text="RIGHT", answer="7", grade=Grade.CORRECT, rule="boxed")
    review = ask(Mine(odd), [Request(SECOND, SECOND.seat, 1)], tracer_env.make_scenario([TASK]))[0]
    assert (review.answer, review.grade, review.rule, review.verdict) == (None, None, "", Verdict.RIGHT)
    proposal = ask(Mine(said(verdict=Verdict.RIGHT)), [REQUEST], tracer_env.make_scenario([TASK]))[0]
    assert (proposal.verdict, proposal.grade) == (Verdict.NONE, Grade.CORRECT)


# -- raising ---------------------------------------------------------------------------------------


class Choosy:
    """A speaker that raises for one task, with all that it is asked together."""

    def __init__(self, bad: str) -> None:
        self.bad, self.asked = bad, 0

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        self.asked += len(requests)
        if any(request.state.task.id == self.bad for request in requests):
            raise RuntimeError("two\nlines\x1b[0m of trouble")
        return [said() for _ in requests]


def requests_for(count: int) -> list[Request]:
    states = [initial(Task(f"t{number}", "What is 1 + 1?", "2"), Rules()) for number in range(count)]
    return [Request(state, state.seat, 1) for state in states]


def test_what_raised_is_found_among_many_and_told_in_one_line() -> None:
    scenario, speaker = tracer_env.make_scenario([TASK]), Choosy("t11")
    with pytest.raises(SpeakerError) as caught:
        ask(speaker, requests_for(16), scenario)
    line = str(caught.value)
    assert line.startswith(r"Choosy.speak raised RuntimeError: two lines\x1b[0m of trouble, for agent_0 (proposer) at ")
    assert "turn 1 of task 't11'" in line
    assert "\n" not in line
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert speaker.asked <= 48


def test_one_request_that_fails_takes_no_other_with_it() -> None:
    scenario = tracer_env.make_scenario([TASK])
    for speaker in (Choosy("t3"), CachedSpeaker(Choosy("t3"))):
        for size in (1, 5, 16):
            found = ask_each(speaker, requests_for(size), scenario)
            failed = [place for place, one in enumerate(found) if isinstance(one, PartError)]
            assert failed == ([3] if size > 3 else [])
            assert all("task 't3'" in str(found[place]) for place in failed)


def test_what_is_not_sound_is_not_kept_by_the_memory() -> None:
    speaker = Mine(said(), said(text=None), said())
    memory = CachedSpeaker(speaker)
    with pytest.raises(SpeakerError, match="task 't1'"):
        memory.speak(requests_for(3))
    assert memory.knows(requests_for(3)) == [True, False, True]
    assert [isinstance(one, PartError) for one in heard(speaker, requests_for(3))] == [False, True, False]


class Lying(list[Utterance]):
    def __len__(self) -> int:
        return 1


def test_lists_that_lie_and_tasks_that_were_cancelled_are_faults_like_any() -> None:
    class Odd:
        def __init__(self, given: Any) -> None:
            self.given = given

        def speak(self, requests: Sequence[Request]) -> Any:
            if isinstance(self.given, BaseException):
                raise self.given
            return self.given

    for given in (Lying([said()] * 3), asyncio.CancelledError(), GeneratorExit()):
        with pytest.raises(SpeakerError, match=rf"^Odd.speak r.*{PLACE}"):
            spoken(Odd(given), [REQUEST])


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_who_stops_the_program_is_not_held_up(stop: type[BaseException]) -> None:
    def end(*_: Any) -> Any:
        raise stop

    class Ends:
        speak = speak_probability = end

    with pytest.raises(stop):
        spoken(Ends(), [REQUEST])
    with pytest.raises(stop):
        probability(Ends(), FIRST, "key")


def test_a_function_is_named_with_the_task_at_which_it_raised() -> None:
    def answers(prompt: str) -> str:
        return {}[prompt]  # type: ignore[no-any-return]

    with pytest.raises(SpeakerError, match=rf"^the function answers raised KeyError: .*for {PLACE}"):
        spoken(tracer_env.make_speaker(answers), [REQUEST])


# -- controllers, information, rewards -------------------------------------------------------------


class Decides:
    def __init__(self, chance: Any) -> None:
        self.chance = chance

    def speak_probability(self, state: DialogueState, key: str) -> Any:
        return self.chance() if callable(self.chance) else self.chance


@pytest.mark.parametrize(
    "chance",
    [
        None,
        "0.5",
        b"1",
        2.0,
        -0.1,
        1.0000001,
        math.nan,
        math.inf,
        -math.inf,
        1j,
        [0.5],
        np.array([0.5, 0.5]),
        {},
        10**400,
        Decimal("0.5"),
        np.float64(2.0),
        np.nan,
        lambda: 1 / 0,
    ],
)
def test_what_is_no_probability_is_refused_by_name(chance: Any) -> None:
    here = r"agent_1 \(reviewer\) at turn 2 of task 'sum-1'"
    for controller in (Decides(chance), CastController({"proposer": Always(), "reviewer": Decides(chance)})):
        with pytest.raises(ControllerError, match=rf"^Decides\.speak_probability (returned|raised) .*for {here}"):
            probability(controller, SECOND, "key")


@pytest.mark.parametrize(
    ("chance", "number"),
    [(0, 0.0), (1, 1.0), (0.25, 0.25), (True, 1.0), (np.float32(0.5), 0.5), (np.array(0.5), 0.5), (np.bool_(0), 0.0)],
)
def test_what_is_meant_as_a_probability_is_taken(chance: Any, number: float) -> None:
    found = probability(Decides(chance), SECOND, "key")
    assert type(found) is float
    assert found == number


@pytest.mark.parametrize("key", [None, 7, b"key", ("a",), "\ud800", ["key"]])
def test_a_key_that_is_no_text_is_refused(key: Any) -> None:
    def seen(state: DialogueState) -> Any:
        return key

    with pytest.raises(InformationError, match=rf"^the information function seen returned .*for {PLACE}"):
        key_of(seen, FIRST)
    env = tracer_env.raw_env("arithmetic", "simulated")
    env.information = seen
    with pytest.raises(InformationError, match="function seen returned"):
        env.reset(seed=1)


@pytest.mark.parametrize("paid", [None, 1.0, (), (1.0,), (1.0, 2.0, 3.0), (math.nan, 0.0), ("1", 0.0), (None, 1), "ab"])
def test_a_reward_that_does_not_pay_each_agent_is_refused(paid: Any) -> None:
    def pays(before: DialogueState, after: DialogueState) -> Any:
        return paid

    with pytest.raises(RewardError, match=rf"^the reward pays returned .*for {PLACE}.*each of 2 agents"):
        payment(pays, FIRST, SECOND)
    env = tracer_env.raw_env("arithmetic", "simulated", reward=pays)
    env.reset(seed=1)
    with pytest.raises(RewardError, match="the reward pays returned"):
        env.step(1)


def test_rewards_that_pay_are_taken() -> None:
    assert payment(lambda before, after: [1, np.float32(0.5)], FIRST, SECOND) == (1.0, 0.5)  # type: ignore[arg-type, return-value]
    assert payment(lambda before, after: np.array([1.0, 2.0]), FIRST, SECOND) == (1.0, 2.0)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("paid", ["1", math.nan, math.inf, [1.0], 1j])
def test_what_an_utterance_earns_is_a_number_or_nothing(paid: Any) -> None:
    def earns(state: DialogueState, utterance: Utterance) -> Any:
        return paid

    with pytest.raises(RewardError, match=rf"^the reward earns returned .*for {PLACE}"):
        worth(earns, FIRST, said())
    assert worth(lambda state, utterance: None, FIRST, said()) is None
    assert worth(lambda state, utterance: 1, FIRST, said()) == 1.0


# -- where they are asked --------------------------------------------------------------------------


def test_dialogues_and_environments_tell_the_same() -> None:
    scenario = tracer_env.make_scenario([TASK])
    job = Job(0, "mine", Decides(2.0), TASK, 0, 0)
    with pytest.raises(ControllerError, match="turn 2 of task 'sum-1'"):
        rollout([job], Mine(said()), scenario, Rules(), tracer_env.information.vote_and_time)
    env = tracer_env.raw_env(scenario, Mine(said(prompt_tokens=-1)))
    env.reset(seed=1)
    with pytest.raises(SpeakerError, match=rf"prompt_tokens is -1; .*for {PLACE}"):
        env.step(1)
    env = tracer_env.raw_env(scenario, Choosy("sum-1"))
    env.reset(seed=1)
    with pytest.raises(SpeakerError, match=rf"^Choosy.speak raised RuntimeError.*for {PLACE}"):
        env.step(1)


def test_signals_are_kept_as_float32() -> None:
    told = ask(Mine(said(signals=Signals(logprob_mean=np.float64(-0.1)))), [REQUEST], tracer_env.make_scenario([TASK]))[
        0
    ].signals
    assert told == Signals(logprob_mean=float(np.float32(-0.1)))
    assert type(told.logprob_mean) is float


@pytest.mark.parametrize("agrees", [2, True, "1", None])
def test_a_given_review_agrees_by_a_sign(agrees: object) -> None:
    review = Request(SECOND, SECOND.seat, 1)
    with pytest.raises(SpeakerError, match="agrees"):
        ask(Mine(said(rule="given", verdict=Verdict.RIGHT, agrees=agrees)), [review], tracer_env.make_scenario([TASK]))
