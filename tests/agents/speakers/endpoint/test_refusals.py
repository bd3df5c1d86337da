"""Which failures deserve another attempt, and what is said of the others."""

from __future__ import annotations

from typing import Any

import pytest

from tracer_env.agents.speakers.endpoint.refusals import Failure, failed_status


def _failed(status: int, message: Any = "no", code: str = "") -> Failure:
    body = message if not isinstance(message, str) else {"error": {"message": message, "code": code}}
    return failed_status(status, body, None, "MY_KEY", "small")


@pytest.mark.parametrize(
    ("status", "then", "billed"),
    [
        *((status, "again", False) for status in (408, 409, 425, 429)),
        *((status, "again", True) for status in (500, 502, 503, 504, 529)),
        *((status, "over", False) for status in (400, 405, 413, 415, 422, 501, 505)),
        *((status, "all over", False) for status in (401, 402, 403, 404)),
    ],
)
def test_what_becomes_of_a_status(status: int, then: str, billed: bool) -> None:
    failure = _failed(status)
    assert (failure.then, failure.billed) == (then, billed)


def test_a_quota_that_is_used_up_will_not_pass() -> None:
    failure = _failed(429, "You exceeded your current quota", "insufficient_quota")
    assert (failure.then, failure.billed) == ("all over", False)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no", "context_length_exceeded"),
        ("This model's maximum context length is 2048 tokens. However, you requested 4000 tokens", ""),
        ("the request exceeds the available context size", ""),
        ("Input is too long for requested model", ""),
    ],
)
def test_a_prompt_that_is_too_long_is_shortened(message: str, code: str) -> None:
    assert _failed(400, message, code).then == "shorter"


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (400, "mend the setting it names"),
        (401, "set a key that this server takes in MY_KEY"),
        (403, "this key may not use this model"),
        (404, "whether the server has the model 'small'"),
        (422, "speaker.seeds=false"),
    ],
)
def test_each_refusal_is_one_line_with_a_remedy(status: int, remedy: str) -> None:
    line = str(_failed(status, "first\nsecond\x1b[31m" + "x" * 400))
    assert line.startswith(f"the server answers {status}: first second\\x1b[31mxx")
    assert remedy in line
    assert "\n" not in line
    assert len(line) < 520


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"detail": "Not Found"}, "Not Found"),
        ("<html>bad gateway</html>", "<html>bad gateway</html>"),
        ({"error": "model is loading"}, "model is loading"),
        (None, "no reason given"),
    ],
)
def test_what_other_servers_say(body: Any, said: str) -> None:
    assert str(failed_status(503, body, None, "K", "m")) == f"the server answers 503: {said}"
