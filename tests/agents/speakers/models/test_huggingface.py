from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from moves import TASK, play

from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.agents.speakers.models.transformers_engine import stopped_by
from tracer_env.agents.speakers.prompts import PLAIN_STOP
from tracer_env.errors import ConfigError, DataError, SpeakerError
from tracer_env.interfaces import Request
from tracer_env.randomness import stream
from tracer_env.rules import Rules
from tracer_env.types import Utterance


def speaker(path: str, **settings: object) -> HuggingFaceSpeaker:
    fixed = {"dtype": "float32", "device": "cpu", "temperature": 1.0, "max_new_tokens": 24, "examples": 0}
    return HuggingFaceSpeaker(path, **{**fixed, **settings})  # type: ignore[arg-type]


def request(letters: str = "", world: int = 0, candidates: int = 1, question: str = TASK.question) -> Request:
    state = play(letters, task=replace(TASK, question=question, scenario="arithmetic"))
    return Request(state, state.seat, stream(3, TASK.id, world), candidates)


def mixed() -> list[Request]:
    """Sixteen requests of both roles, of several lengths and turns."""
    letters = ["", "W", "W-", "W-C"]
    return [request(letters[i % 4], world=i, question="Why? " * (1 + i * 7 % 5)) for i in range(16)]


@pytest.fixture(params=["llama", "gpt2"])
def path(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


def same(left: Utterance, right: Utterance) -> bool:
    close = all(abs(a - b) < 1e-3 for a, b in zip(left.logprobs, right.logprobs, strict=True))
    return left.token_ids == right.token_ids and left.text == right.text and close


def test_a_text_does_not_hang_on_its_batch(path: str) -> None:
    voice = speaker(path)
    together = voice.speak(mixed())
    alone = [voice.speak([one])[0] for one in mixed()]
    assert len({u.token_ids for u in alone}) == 16
    assert all(same(a, b) for a, b in zip(alone, together, strict=True))


def test_a_text_does_not_hang_on_kept_prefixes_nor_on_splitting(path: str) -> None:
    plain = speaker(path, examples=2, reuse_prefix=False).speak(mixed())
    kept = speaker(path, examples=2).speak(mixed())
    split = speaker(path, examples=2, max_batch_tokens=1).speak(mixed())
    assert all(same(a, b) for a, b in zip(plain, kept, strict=True))
    assert all(same(a, b) for a, b in zip(plain, split, strict=True))


def test_the_shared_opening_is_computed_once_a_role(llama: str) -> None:
    voice = speaker(llama, examples=2, max_new_tokens=2)
    voice.loaded.prefixes.clear()
    voice.speak(mixed())
    voice.speak(mixed())
    assert len(voice.loaded.prefixes) == 2
    ids, _ = voice.prompt(request())
    opening = voice._opening(request().state.task, request().seat.role)
    assert ids[: len(opening)] == opening
    assert 0 < len(ids) - len(opening) < 80


def test_candidate_0_is_the_same_however_many_are_asked(llama: str) -> None:
    voice = speaker(llama)
    four, one = voice.speak([request(candidates=4)]), voice.speak([request()])
    assert same(four[0], one[0])
    assert len({u.token_ids for u in four}) == 4
    assert len({u.prompt_ids for u in four}) == 1


def test_uneven_candidates_come_back_in_request_order(llama: str) -> None:
    voice = speaker(llama)
    asked = [request(world=0, candidates=2), request("W", world=1, candidates=3), request("W-", world=2)]
    flat = voice.speak(asked)
    parts = [u for one in asked for u in voice.speak([one])]
    assert len(flat) == 6
    assert all(same(a, b) for a, b in zip(flat, parts, strict=True))


def test_ids_and_logprobs_are_those_of_the_model(llama: str) -> None:
    voice = speaker(llama, temperature=0.7)
    for said in voice.speak(mixed()):
        ids = torch.tensor([said.prompt_ids + said.token_ids])
        with torch.no_grad():
            logits = voice.loaded.model(ids).logits[0, len(said.prompt_ids) - 1 : -1]
        expected = (logits / 0.7).log_softmax(-1).gather(-1, torch.tensor(said.token_ids)[:, None])[:, 0]
        assert torch.tensor(said.logprobs).numpy() == pytest.approx(expected.numpy(), abs=1e-3)
        assert said.prompt_tokens == len(said.prompt_ids)
        assert said.completion_tokens == len(said.token_ids) == len(said.logprobs)


def test_a_reply_ends_at_the_end_token_or_is_marked_as_cut(llama: str) -> None:
    voice = speaker(llama, max_new_tokens=40)
    end = voice.loaded.tokenizer.convert_tokens_to_ids("<|im_end|>")
    said = voice.speak([request(candidates=64)])
    assert {u.finish for u in said} == {"stop", "length"}
    for u in said:
        assert (u.token_ids[-1] == end) is (u.finish == "stop")
        assert end not in u.token_ids[:-1]
        assert u.finish == "stop" or len(u.token_ids) == 40
        assert "<|im_end|>" not in u.text


def test_temperature_zero_is_greedy_and_needs_no_noise(llama: str) -> None:
    voice = speaker(llama, temperature=0)
    said = voice.speak([request(world=0, candidates=2), request(world=1)])
    assert len({u.token_ids for u in said}) == 1


def test_the_noise_hangs_on_the_turn_and_the_stream(llama: str) -> None:
    voice = speaker(llama)
    first, again, other = voice.speak([request(), request(), request(world=1)])
    assert same(first, again)
    assert first.token_ids != other.token_ids


def test_speakers_of_one_model_share_its_weights(llama: str) -> None:
    left, right = speaker(llama), speaker(llama + "/.", temperature=0.2)
    assert left.loaded is right.loaded
    assert speaker(llama, dtype="bfloat16").loaded is not left.loaded
    assert speaker(llama, dtype="bfloat16").loaded.model.dtype is torch.bfloat16


def test_a_long_dialogue_loses_its_oldest_utterances_and_counts_them(llama: str) -> None:
    whole = speaker(llama, max_new_tokens=8)
    needed = len(whole.prompt(request("W-"))[0])
    tight = speaker(llama, max_new_tokens=8, context=needed + 7)
    said = tight.speak([request("W-", candidates=2), request("")])
    assert [u.dropped for u in said] == [1, 1, 0]
    assert len(said[0].prompt_ids) < needed
    text = tight.loaded.tokenizer.decode(said[0].prompt_ids)
    assert "proposal W" not in text
    assert "review -" in text
    assert TASK.question in text


def test_a_question_that_does_not_fit_is_an_error(llama: str) -> None:
    with pytest.raises(ConfigError, match="does not fit into the model's context"):
        speaker(llama, max_new_tokens=8, context=20).speak([request()])
    with pytest.raises(ConfigError, match="leaves no room for a prompt"):
        speaker(llama, max_new_tokens=30, context=20)


def test_without_a_chat_template_a_reply_ends_at_the_next_section(gpt2: str) -> None:
    voice = speaker(gpt2)
    ids = [voice.loaded.tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("a b\n##", "a b\n###")]
    assert voice._sampling.stops == (PLAIN_STOP,)
    assert [stopped_by(voice.loaded.tokenizer, [PLAIN_STOP])(one) for one in ids] == [False, True]
    assert voice.loaded.tokenizer.decode(voice.prompt(request())[0]).endswith("### Reply\n")


def test_a_template_that_refuses_a_system_message_gets_it_with_the_question(tmp_path: Path) -> None:
    voice = speaker(tiny.save(tmp_path, template=tiny.NO_SYSTEM), max_new_tokens=2)
    text = voice.loaded.tokenizer.decode(voice.prompt(request())[0])
    assert text.index("Solve the question") < text.index("What is 6 times 7?")
    assert len(voice.speak([request()])) == 1


def test_auto_examples_are_for_small_models(llama: str) -> None:
    task = request().state.task
    small = speaker(llama, examples="auto")
    assert len(small.prompts.opening(task, request().seat.role)) == 13
    assert small.settings["examples"] == 8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1}, "speaker.temperature must be a number from 0, got -1"),
        ({"temperature": float("nan")}, "speaker.temperature"),
        ({"temperature": "hot"}, "speaker.temperature"),
        ({"max_new_tokens": 0}, "speaker.max_new_tokens must be a whole number from 1, got 0"),
        ({"max_new_tokens": 2.5}, "speaker.max_new_tokens"),
        ({"max_batch_tokens": 0}, "speaker.max_batch_tokens"),
        ({"context": 0}, "speaker.context"),
        ({"dtype": "bfloat"}, "speaker.dtype is 'bfloat'; did you mean 'bfloat16'"),
        ({"device": "abacus"}, "speaker.device 'abacus' is not available here"),
        ({"examples": "many"}, "examples must be 'auto' or a whole number"),
        ({"proposer_prompt": "{questoin}"}, "unknown placeholder"),
    ],
)
def test_settings_that_cannot_work_are_refused(llama: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        speaker(llama, **settings)


def test_a_path_without_a_model_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot load a causal language model from") as caught:
        speaker(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_no_requests_are_no_utterances(llama: str) -> None:
    assert speaker(llama).speak([]) == []


def test_the_context_is_the_models_own(llama: str) -> None:
    assert speaker(llama).context == 4096
    assert Rules().history_window == 4


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_are_one_line(odd: float, temperature: float, llama: str) -> None:
    voice = speaker(llama, temperature=temperature)
    head = voice.loaded.model.get_output_embeddings().weight.data
    kept = head.clone()
    head[3] = odd
    try:
        with pytest.raises(
            SpeakerError, match=r"llama.* no finite numbers, in float32, at token 1 .*; load the model"
        ) as told:
            voice.speak(mixed())
    finally:
        head.copy_(kept)
    assert "\n" not in str(told.value)
    assert len(voice.speak(mixed())) == 16


def test_half_precision_that_overflows_is_told_to_use_more(llama: str) -> None:
    voice = speaker(llama, dtype="bfloat16")
    head = voice.loaded.model.get_output_embeddings().weight.data
    kept = head.clone()
    head[:] = 3e38
    try:
        with pytest.raises(SpeakerError, match=r"in bfloat16.*try speaker\.dtype=float32"):
            voice.speak(mixed())
    finally:
        head.copy_(kept)


def test_a_question_about_the_dialogue_is_answered_briefly_and_changes_no_word(path: str) -> None:
    voice, said = speaker(path), mixed()
    asked = [one._replace(question="Speak? YES or NO.") for one in said]
    both = voice.speak([each for pair in zip(said, asked, strict=True) for each in pair])
    assert all(same(a, b) for a, b in zip(voice.speak(said), both[::2], strict=True))
    answers = both[1::2]
    assert all(0 < answer.completion_tokens <= 8 for answer in answers)
    assert all(answer.signals.margin is None for answer in answers)  # it is no review
    shown = voice.loaded.tokenizer.decode(answers[1].prompt_ids)
    assert "Speak? YES or NO." in shown
    assert "proposal W" in shown
    assert "first word of your reply is RIGHT" not in shown
