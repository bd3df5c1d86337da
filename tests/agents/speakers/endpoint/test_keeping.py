"""Answers of a server that are kept: asked once, whatever becomes of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from faulty import Faults, FaultServer, request

from tracer_env.agents.speakers.endpoint import waits
from tracer_env.agents.speakers.endpoint.speaker import EndpointSpeaker
from tracer_env.errors import DataError, SpeakerError
from tracer_env.store.database import open_store


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(waits, "FIRST", 0.001)


def speaker(url: str, **settings: object) -> EndpointSpeaker:
    return EndpointSpeaker("m", **{"base_url": url, "logprobs": True, **settings})  # type: ignore[arg-type]


def test_a_server_is_asked_once_and_the_same_comes_back(tmp_path: Path) -> None:
    asked = [request(0, 3), request(1), request(0, 2)]
    with FaultServer() as server:
        plain = speaker(server.url).speak(asked)
        before = server.seen.attempts
        first = speaker(server.url)
        first.keep(open_store(tmp_path / "s.db"))
        assert first.speak(asked) == plain
        assert server.seen.attempts - before == 4
        again = speaker(server.url, timeout=7.0, retries=1)
        again.keep(open_store(tmp_path / "s.db"))
        assert again.speak(asked) == plain
        assert server.seen.attempts - before == 4
        again.keep(None)
        again.speak(asked)
        assert server.seen.attempts - before == 10
    open_store(tmp_path / "s.db").close()


def test_another_form_is_another_question(tmp_path: Path) -> None:
    with FaultServer() as server:
        for count, settings in enumerate(
            ({}, {"temperature": 0.7}, {"seeds": False}, {"extra": {"top_p": 0.9}}, {"form": "completion"}), start=1
        ):
            voice = speaker(server.url, **settings)
            voice.keep(open_store(tmp_path / "s.db"))
            voice.speak([request(0)])
            voice.speak([request(0)])
            assert server.seen.attempts == count
    open_store(tmp_path / "s.db").close()


def test_what_a_server_answered_is_kept_though_the_rest_failed(tmp_path: Path) -> None:
    asked = [request(number) for number in range(12)]
    with FaultServer(Faults(0.4, ("error",))) as server:
        voice = speaker(server.url, retries=0)
        voice.keep(open_store(tmp_path / "s.db"))
        said = voice.speak_each(asked)
        failed = sum(isinstance(one, SpeakerError) for one in said)
        assert 0 < failed < 12
    with FaultServer() as server:
        voice = speaker(server.url)
        store = open_store(tmp_path / "s.db")
        assert store.kept == 12 - failed
        store.close()
    offline = open_store(tmp_path / "s.db", offline=True)
    voice = speaker("http://127.0.0.1:1/v1")
    voice.keep(offline)
    with pytest.raises(
        DataError, match=r"--offline: the store .* has no answer of m for agent_0 \(proposer\) at turn 1"
    ):
        voice.speak(asked)
    offline.close()
