"""The speaker: settings, utterances, and the promise that a batch changes nothing."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from faulty import Faults, FaultServer, request

import tracer_env
from tracer_env.agents.speakers.endpoint import waits
from tracer_env.agents.speakers.endpoint.answers import Answer
from tracer_env.agents.speakers.endpoint.speaker import OPENAI, EndpointSpeaker
from tracer_env.errors import ConfigError, SpeakerError
from tracer_env.parts.accounts import Account
from tracer_env.parts.contracts import heard
from tracer_env.rules import Rules
from tracer_env.types import Utterance

LOCAL = "http://127.0.0.1:1/v1"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(waits, "FIRST", 0.001)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"form": "chta"}, "speaker.form is 'chta'; did you mean 'chat'?"),
        ({"reasoning": "show"}, "speaker.reasoning is 'show'"),
        ({"temperature": -1}, "speaker.temperature must be a number from 0, or 'server'"),
        ({"temperature": "hot"}, "speaker.temperature must be a number from 0, or 'server'"),
        ({"max_new_tokens": 0}, "speaker.max_new_tokens must be a whole number from 1"),
        ({"concurrency": 0}, "speaker.concurrency must be a whole number from 1"),
        ({"retries": -1}, "speaker.retries must be a whole number of at least 0"),
        ({"timeout": 0}, "speaker.timeout must be a number of seconds above 0"),
        ({"base_url": "127.0.0.1:8000"}, "speaker.base_url must be a URL such as"),
        ({"base_url": "ftp://a/v1"}, "speaker.base_url must be a URL such as"),
        ({"price_in": 1.0}, "speaker.price_in and speaker.price_out go together"),
        ({"price_in": 1.0, "price_out": -1.0}, "price_out must be at least 0"),
        ({"price_in": 1.0, "prices": "p.toml"}, "give one of the two"),
        ({"examples": "many"}, "examples must be"),
        ({"proposer_prompt": "{questoin}"}, "unknown placeholder"),
        ({"limit_as": "max"}, "speaker.limit_as is 'max'"),
    ],
)
def test_settings_that_cannot_work(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        EndpointSpeaker("m", **{"base_url": LOCAL, **settings})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "secret"),
    [
        ({"base_url": "https://me:sk-secret-1@host/v1"}, "sk-secret-1"),
        ({"base_url": "https://host/v1?key=sk-secret-1"}, "sk-secret-1"),
        ({"api_key_env": "sk-secret-1"}, "sk-secret-1"),
        ({"extra": {"api_key": "sk-secret-1"}}, "sk-secret-1"),
    ],
)
def test_a_secret_in_the_settings_is_refused_unseen(settings: dict[str, Any], secret: str) -> None:
    with pytest.raises(ConfigError) as caught:
        EndpointSpeaker("m", **settings)
    assert secret not in str(caught.value)


def test_a_key_is_asked_for_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    hosted = EndpointSpeaker("m")
    for act in (lambda: hosted.check(Rules()), lambda: hosted.speak([request()])):
        with pytest.raises(ConfigError, match="OPENAI_API_KEY is not set"):
            act()
    with pytest.raises(ConfigError, match="OTHER_KEY is not set"):
        EndpointSpeaker("m", base_url=LOCAL, api_key_env="OTHER_KEY").check(Rules())
    EndpointSpeaker("m", base_url=LOCAL).check(Rules())  # a server of one's own asks for none
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    hosted.check(Rules())


def test_the_key_goes_to_the_server_and_its_limit_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-marker-1")
    with FaultServer() as server:
        EndpointSpeaker("m", base_url=server.url, api_key_env="MY_KEY").speak([request()])
    assert server.seen.keys == {"Bearer sk-marker-1"}
    assert EndpointSpeaker("m").form.limit_as == "max_completion_tokens"
    assert EndpointSpeaker("m", base_url=LOCAL).form.limit_as == "max_tokens"
    assert EndpointSpeaker("m").base_url == OPENAI


def test_utterances_tell_what_the_server_told() -> None:
    speaker = EndpointSpeaker("m", base_url=LOCAL)
    said = speaker.utterance(Answer("7", "length", (5, 3), logprobs=(-0.5, -1.5), reasoning="hm", dropped=2))
    assert (said.text, said.finish, said.dropped, said.counted) == ("7", "length", 2, True)
    assert (said.prompt_tokens, said.completion_tokens) == (5, 3)
    assert said.signals[:3] == (-2.0, -1.0, -1.5)
    unknown = speaker.utterance(Answer("7", unknown="no usage"))
    assert (unknown.counted, unknown.tokens) == (False, 0)


def test_reasoning_is_no_part_of_the_answer() -> None:
    answer = Answer("7", reasoning="so 8</think> or <think>")
    assert EndpointSpeaker("m", base_url=LOCAL).utterance(answer).text == "7"
    kept = EndpointSpeaker("m", base_url=LOCAL, reasoning="block").utterance(answer)
    assert kept.text == "<think>so 8<_think> or <_think></think>\n7"


@pytest.mark.parametrize("form", ["chat", "completion"])
def test_how_requests_are_batched_changes_nothing(form: str) -> None:
    asked = [request(number, candidates=1 + number % 3) for number in range(8)]
    with FaultServer() as server:
        speaker = EndpointSpeaker("m", base_url=server.url, form=form)
        whole = speaker.speak(asked)
        assert [one for each in asked for one in speaker.speak([each])] == whole
    assert len({one.text for one in whole}) > 4
    assert all(one.counted and one.prompt_tokens > 8 for one in whole)


@pytest.mark.parametrize("form", ["chat", "completion"])
def test_what_is_sent_is_the_body_and_nothing_else(form: str) -> None:
    with FaultServer(keep=True) as server:
        speaker = EndpointSpeaker("m", base_url=server.url, form=form, logprobs=True, extra={"top_p": 0.5, "x": [1]})
        questions = speaker.bodies(request(candidates=3))
        speaker.send(questions)
    bodies = sorted(server.seen.requests, key=lambda body: body["seed"])
    assert bodies == sorted([question.body for question in questions], key=lambda body: body["seed"])


def test_one_that_fails_takes_no_other_with_it() -> None:
    with FaultServer(Faults(0.5, ("malformed",))) as server:
        speaker = EndpointSpeaker("m", base_url=server.url, retries=0)
        said = heard(speaker, [request(number) for number in range(20)])
    failed = [one for one in said if isinstance(one, SpeakerError)]
    assert 0 < len(failed) < 20
    assert sum(isinstance(one, Utterance) for one in said) == 20 - len(failed)
    assert "EndpointSpeaker: the reply is no JSON" in str(failed[0])
    assert "for agent_0 (proposer) at turn 1 of task" in str(failed[0])
    assert server.seen.attempts == 20
    with FaultServer(Faults(1.0, ("malformed",))) as server, pytest.raises(SpeakerError, match="the reply is no JSON"):
        EndpointSpeaker("m", base_url=server.url, retries=0).speak([request()])


def test_it_is_made_by_its_name_and_copied_without_its_account() -> None:
    speaker = tracer_env.make_speaker("endpoint:owner/model:free", base_url=LOCAL + "/", temperature=0)
    assert (speaker.model, speaker.worlds, speaker.base_url) == ("owner/model:free", 1, LOCAL)
    assert EndpointSpeaker("m", base_url=LOCAL).worlds is None
    speaker.bill(Account(max_tokens=1))
    copy = pickle.loads(pickle.dumps(speaker))
    assert (copy.settings, copy.account.max_tokens) == (speaker.settings, None)
    assert repr(speaker) == f"EndpointSpeaker('owner/model:free', base_url='{LOCAL}')"


def test_a_budget_of_money_needs_a_price() -> None:
    with pytest.raises(ConfigError, match="--max-cost needs the price of 'm'"):
        EndpointSpeaker("m", base_url=LOCAL).bill(Account(max_cost=1.0))
    EndpointSpeaker("m", base_url=LOCAL, price_in=1, price_out=2).bill(Account(max_cost=1.0))
