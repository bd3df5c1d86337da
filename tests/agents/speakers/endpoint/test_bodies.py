"""Bodies: exactly what is sent."""

from __future__ import annotations

import pytest
from faulty import request

from tracer_env.agents.speakers.endpoint.bodies import Form, most_tokens, seed_of
from tracer_env.errors import ConfigError

MESSAGES = [{"role": "system", "content": "Job."}, {"role": "user", "content": "Ask: é"}]


def test_a_chat() -> None:
    assert Form("m").body(MESSAGES, 7) == {
        "model": "m",
        "messages": MESSAGES,
        "temperature": 0.3,
        "max_tokens": 256,
        "seed": 7,
    }


def test_a_completion_is_plain_text() -> None:
    body = Form("m", chat=False, logprobs=True, limit_as="max_completion_tokens").body(MESSAGES, 7)
    assert body == {
        "model": "m",
        "prompt": "### Instruction\nJob.\n\n### Task\nAsk: é\n\n### Reply\n",
        "stop": ["\n###"],
        "temperature": 0.3,
        "max_tokens": 256,
        "seed": 7,
        "logprobs": 0,
    }


def test_what_is_left_out_and_put_in() -> None:
    form = Form("m", temperature=None, seeds=False, logprobs=True, system=False, extra={"top_p": 0.9})
    assert form.body(MESSAGES, 7) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Job.\n\nAsk: é"}],
        "max_tokens": 256,
        "logprobs": True,
        "top_p": 0.9,
    }


@pytest.mark.parametrize("key", ["seed", "messages", "max_tokens", "n", "stream", "api_key", "Authorization"])
def test_extra_takes_no_key_that_is_ours_or_secret(key: str) -> None:
    with pytest.raises(ConfigError, match=f"speaker.extra.{key}"):
        Form("m", extra={key: "secret"})


def test_seeds_hang_on_request_and_candidate() -> None:
    seeds = {seed_of(request(number), candidate) for number in range(5) for candidate in range(4)}
    assert len(seeds) == 20
    assert all(0 <= seed < 1 << 31 for seed in seeds)
    assert seed_of(request(3), 2) == seed_of(request(3, candidates=9), 2)


def test_no_body_can_be_billed_for_more() -> None:
    assert most_tokens(Form("m").body(MESSAGES, 7), 256) == (4 + 7 + 3 * 16, 256)
    prompt = Form("m", chat=False).body(MESSAGES, 7)
    assert most_tokens(prompt, 9) == (len(prompt["prompt"].encode()) + 2 * 16, 9)
