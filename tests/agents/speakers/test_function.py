from __future__ import annotations

import pytest
from moves import play

from tracer_env.agents.speakers.function import FunctionSpeaker
from tracer_env.errors import ConfigError, SpeakerError
from tracer_env.interfaces import Request


def ask(letters: str = "", candidates: int = 1) -> Request:
    state = play(letters)
    return Request(state, state.seat, 1, candidates)


def test_the_function_reads_what_a_language_model_reads() -> None:
    prompts: list[str] = []
    speaker = FunctionSpeaker(lambda prompt: prompts.append(prompt) or "Final answer: 42")  # type: ignore[func-returns-value]
    first, second, third = speaker.speak([ask(), ask("W", candidates=2)])
    assert prompts[0].startswith(
        "### Instruction\nSolve the question in short steps. End your reply with one line: Final"
    )
    assert play("").task.question in prompts[0]
    assert prompts[0].endswith("### Reply\n")
    assert "proposal W" in prompts[1] == prompts[2]
    assert "The first word of your reply is RIGHT if it is correct or WRONG" in prompts[1]
    assert (first.text, first.completion_tokens, first.prompt_tokens) == (
        "Final answer: 42",
        3,
        len(prompts[0].split()),
    )
    assert second == third


def test_anything_but_a_string_is_an_error() -> None:
    with pytest.raises(
        SpeakerError,
        match=r"the function <lambda> returned 42 for a prompt, for agent_0 .*string",
    ):
        FunctionSpeaker(lambda prompt: 42).speak([ask()])  # type: ignore[arg-type, return-value]
    with pytest.raises(ConfigError, match="needs a function prompt -> text"):
        FunctionSpeaker("text")  # type: ignore[arg-type]
