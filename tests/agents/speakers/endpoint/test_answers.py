"""Answers of servers: what is read, what is malformed, what is unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tracer_env.agents.speakers.endpoint.answers import Answer, Malformed, read_answer

USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


def _read(choice: Any, usage: Any = USAGE, chat: bool = True, most: int = 64) -> Answer:
    return read_answer(json.dumps({"choices": [choice], "usage": usage}).encode(), chat, most)


def _chat(finish: Any = "stop", **message: Any) -> dict[str, Any]:
    return {"message": message, "finish_reason": finish}


@pytest.mark.parametrize(
    ("choice", "answer"),
    [
        (_chat(content=" 7 \n"), Answer("7", "stop", (5, 3))),
        (_chat("length", content="7"), Answer("7", "length", (5, 3))),
        (_chat("content_filter", content="7"), Answer("7", "stop", (5, 3))),
        (_chat(content="7", reasoning_content="3 + 4"), Answer("7", "stop", (5, 3), reasoning="3 + 4")),
        (_chat(content="7", reasoning="3 + 4"), Answer("7", "stop", (5, 3), reasoning="3 + 4")),
        (_chat("length", content=None, reasoning="3 +"), Answer("", "length", (5, 3), reasoning="3 +")),
        (_chat(content=None, refusal="I will not."), Answer("I will not.", "stop", (5, 3))),
        (_chat(content=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), Answer("ab", "stop", (5, 3))),
    ],
)
def test_answers_of_chats(choice: dict[str, Any], answer: Answer) -> None:
    assert _read(choice) == answer


def test_answers_of_completions() -> None:
    choice = {"text": " 7", "finish_reason": "length", "logprobs": {"token_logprobs": [-0.5, -1]}}
    assert _read(choice, chat=False) == Answer("7", "length", (5, 3), logprobs=(-0.5, -1.0))


def test_where_no_reason_is_told_the_limit_tells_it() -> None:
    assert _read(_chat(None, content="7"), most=3).finish == "length"
    assert _read(_chat(None, content="7"), most=4).finish == "stop"


@pytest.mark.parametrize(
    ("logprobs", "read"),
    [
        ({"content": [{"logprob": -0.25}, {"logprob": 0.0001}]}, (-0.25, 0.0)),
        ({"content": [{"logprob": -0.25}, {"logprob": None}]}, ()),
        ({"content": [{"logprob": -0.25}, {"logprob": 3.0}]}, ()),
        ({"content": [{"logprob": True}]}, ()),
        ({"content": None}, ()),
        (None, ()),
    ],
)
def test_log_probabilities_are_those_of_all_tokens_or_none(logprobs: Any, read: tuple[float, ...]) -> None:
    assert _read({**_chat(content="7"), "logprobs": logprobs}).logprobs == read


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        (None, "the reply tells no usage"),
        ({"prompt_tokens": 5}, "completion_tokens is None"),
        ({"prompt_tokens": 5, "completion_tokens": -1}, "completion_tokens is -1"),
        ({"prompt_tokens": "5", "completion_tokens": 1}, "prompt_tokens is '5'"),
        ({"prompt_tokens": 5.0, "completion_tokens": 1}, "prompt_tokens is 5.0"),
        ({"prompt_tokens": True, "completion_tokens": 1}, "prompt_tokens is True"),
        ({"prompt_tokens": 0, "completion_tokens": 1}, "prompt_tokens is 0"),
        ({"prompt_tokens": 5, "completion_tokens": 0}, "no completion token for a text"),
        ({"prompt_tokens": 5, "completion_tokens": 65}, "completion_tokens is 65, and at most 64 were allowed"),
        ({**USAGE, "total_tokens": 9}, "total_tokens is 9, and the parts are 5 and 3"),
    ],
)
def test_wrong_usage_is_unknown_and_says_why(usage: Any, reason: str) -> None:
    answer = _read(_chat(content="7"), usage)
    assert (answer.text, answer.usage, answer.unknown) == ("7", None, reason)


@pytest.mark.parametrize(
    ("content", "reason", "usage"),
    [
        (b'{"choices": [', "the reply is no JSON", None),
        (b"\xff", "the reply is no JSON: it is not UTF-8", None),
        (b"[]", "the reply is [], and no object", None),
        (b'{"choices": []}', "too few choices", None),
        (json.dumps({"choices": [], "usage": USAGE}).encode(), "too few choices", (5, 3)),
        (json.dumps({"choices": [{"message": None}], "usage": USAGE}).encode(), "has no message", (5, 3)),
        (json.dumps({"choices": [{"message": {"role": "assistant"}}]}).encode(), "has no text", None),
        (json.dumps({"choices": [{"message": {"content": 7}}]}).encode(), "has no text", None),
    ],
)
def test_malformed_answers(content: bytes, reason: str, usage: tuple[int, int] | None) -> None:
    with pytest.raises(Malformed) as caught:
        read_answer(content, True, 64)
    assert reason in str(caught.value)
    assert caught.value.usage == usage
