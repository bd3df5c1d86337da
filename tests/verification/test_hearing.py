"""What seats hear: words outside of reasoning blocks, under the names that the scenario leaves out of reading."""

from __future__ import annotations

from typing import Any

import pytest
from moves import TASK

import tracer_env
from tracer_env.interfaces import Request
from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.types import Grade, Utterance, Verdict
from tracer_env.verification.hearing import WORDLESS, heard


def dialogue(proposal: str, review: str) -> DialogueState:
    state = advance(initial(TASK, Rules()), 1, Utterance(proposal, answer="42", grade=Grade.CORRECT))
    return advance(state, 1, Utterance(review, verdict=Verdict.RIGHT))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<think>41? no</think>Final answer: 42", "Final answer: 42"),
        ("it is 41, hm</think> Final answer: 42", "Final answer: 42"),
        ("a < b <THINKING>so</THINKING> and 42", "a < b  and 42"),
        ("<think>all of it</think>", WORDLESS),
        ("42 <think>or perhaps", WORDLESS),
        ("a < b > c", "a < b > c"),
        ("<plan>first</plan>42", "<plan>first</plan>42"),
    ],
)
def test_blocks_are_not_heard(text: str, words: str) -> None:
    state = heard(dialogue(text, "RIGHT"))
    assert state.turns[0].utterance is not None
    assert state.turns[0].utterance.text == words
    assert state.pending is not None
    assert state.pending.utterance.text == words
    assert (state.pending.vote, state.pending.correct, state.turn) == (1, True, 3)


def test_the_names_are_those_of_the_scenario() -> None:
    state = dialogue("<plan>first</plan>42 <think>sure</think>", "RIGHT <plan>so be it</plan>")
    assert [turn.utterance and turn.utterance.text for turn in heard(state, ("plan",)).turns] == [
        "42 <think>sure</think>",
        "RIGHT",
    ]
    assert heard(state, ()) is state
    plain = dialogue("42", "RIGHT")
    assert heard(plain) is plain


def test_function_speakers_are_not_told() -> None:
    prompts: list[str] = []

    def listening(prompt: str) -> str:
        prompts.append(prompt)
        return "<think>I would say 7</think>Final answer: 3"

    env = tracer_env.raw_env("arithmetic", listening)
    env.reset(seed=0)
    env.step(1)
    env.step(1)
    assert "I would say 7" not in prompts[1]
    assert "Final answer: 3" in prompts[1]
    assert env.state_now.turns[0].utterance is not None
    assert "I would say 7" in env.state_now.turns[0].utterance.text  # the record keeps it
    kept = tracer_env.raw_env(tracer_env.make_scenario("arithmetic", unread=()), listening)
    kept.reset(seed=0)
    kept.step(1)
    kept.step(1)
    assert "I would say 7" in prompts[-1]


def test_language_models_are_not_told(llama: str) -> None:
    from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker

    speaker: Any = HuggingFaceSpeaker(llama, max_new_tokens=4)
    state = dialogue("<think>hush</think>Final answer: 42", "RIGHT")
    state = state._replace(turns=state.turns[:1], turn=2)
    asked = [Request(state, state.rules.seats[2], 0, 1, unread) for unread in (None, ())]
    told = [speaker.loaded.tokenizer.decode(speaker.prompt(request)[0]) for request in asked]
    assert "hush" not in told[0]
    assert "hush" in told[1]
