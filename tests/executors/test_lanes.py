"""Lanes: in order, one thread at a time but for waiting, and nothing that was paid for is lost."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
from faulty import Faults, FaultServer

import tracer_env
from tracer_env.agents.speakers.cast import CastSpeaker
from tracer_env.agents.speakers.endpoint import waits
from tracer_env.agents.speakers.function import FunctionSpeaker
from tracer_env.errors import SpeakerError
from tracer_env.executors.lanes import Lanes
from tracer_env.parts.seams import waiting_parts
from tracer_env.rules import Rules
from tracer_env.runs.config import Config
from tracer_env.runs.playing import evaluate

with_client = pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="openai is not installed")


class Waiter:
    """Waits for chunk n as long as ``waits`` says, and is seen running by whoever runs beside it."""

    def __init__(self, seconds: dict[int, float]) -> None:
        self.seconds, self.broken = seconds, threading.Event()
        self.inside = self.most_inside = self.outside = self.most_outside = 0

    def interrupt(self) -> None:
        self.broken.set()

    def work(self, number: int) -> int:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        time.sleep(0.001)
        self.inside -= 1
        with getattr(self, "waiting", nullcontext)():
            self.outside += 1
            self.most_outside = max(self.most_outside, self.outside)
            if self.broken.wait(self.seconds.get(number, 0.002)):
                raise KeyboardInterrupt
            self.outside -= 1
        if number == 13:
            raise ValueError("thirteen")
        return number

    def ready(self) -> Callable[[int], int]:
        return self.work


def _lanes(waiter: Waiter, count: int) -> Lanes:
    lanes = Lanes(waiter)  # type: ignore[arg-type]
    assert lanes.size(count, 1000, False) == 1
    return lanes


def test_results_come_in_order_and_only_waiting_overlaps() -> None:
    waiter = Waiter({0: 0.2, 3: 0.05})
    assert list(_lanes(waiter, 4).run(waiter, range(12))) == list(range(12))
    assert (waiter.most_inside, waiter.most_outside) == (1, 4)
    assert not hasattr(waiter, "waiting")


def test_after_a_failure_what_has_begun_is_finished_and_handed_on() -> None:
    waiter, found = Waiter({14: 0.2}), list[int]()
    with pytest.raises(ValueError, match="thirteen"):
        found.extend(_lanes_until(waiter, range(10, 1000), found))
    assert found[:3] == [10, 11, 12]
    assert 14 in found
    assert len(found) < 20


def _lanes_until(waiter: Waiter, chunks: range, found: list[int]) -> Iterator[int]:
    for each in _lanes(waiter, 3).run(waiter, chunks):
        found.append(each)
    yield from ()


def test_whoever_stops_reading_breaks_the_waiting_off() -> None:
    waiter = Waiter(dict.fromkeys(range(1, 50), 60.0))
    with closing(_lanes(waiter, 4).run(waiter, range(50))) as results:
        assert next(results) == 0
    assert waiter.broken.is_set()
    assert not hasattr(waiter, "waiting")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(waits, "FIRST", 0.002)
    monkeypatch.setattr(waits, "QUICK", 0.001)


def _play(speaker: Any, batch: int, on_error: str = "stop") -> list[Any]:
    methods = {name: tracer_env.make_controller(name) for name in ("always", "until_approved")}
    tasks = tracer_env.make_scenario("arithmetic", limit=12)
    blocks = evaluate(methods, tasks, speaker, Rules(), batch_size=batch, on_error=on_error)
    return [told for block in blocks for told in block]


@with_client
def test_dialogues_with_a_server_are_those_of_one_after_the_other() -> None:
    with FaultServer() as calm, FaultServer(Faults(0.1, ("cut", "few", "malformed"))) as stormy:
        alone = _play(tracer_env.make_speaker("endpoint:m", base_url=calm.url), 1)
        beside = _play(tracer_env.make_speaker("endpoint:m", base_url=stormy.url), 24)
        assert [told.to_line() for told in beside] == [told.to_line() for told in alone]
        cast = CastSpeaker(
            {
                "proposer": tracer_env.make_speaker("endpoint:m", base_url=calm.url),
                "reviewer": FunctionSpeaker(lambda prompt: "RIGHT"),
            }
        )
        assert len(waiting_parts(cast)) == 1
        assert [told.to_line() for told in _play(cast, 24)] == [told.to_line() for told in _play(cast, 1)]


@with_client
def test_episodes_that_fail_are_told_and_others_go_on() -> None:
    with FaultServer(Faults(0.1, ("malformed",))) as server:
        speaker = tracer_env.make_speaker("endpoint:m", base_url=server.url, retries=0)
        told = _play(speaker, 24, on_error="skip")
        attempts = server.seen.attempts
        assert attempts == sum(server.seen.bodies.values()) == len(server.seen.bodies)  # none was asked twice
    failed = [each for each in told if each.failed]
    assert 0 < len(failed) < len(told) == 24
    assert all("EndpointSpeaker: the reply is no JSON" in each.failed for each in failed)


@with_client
def test_what_was_played_beside_a_failure_is_kept(tmp_path: Path) -> None:
    data: dict[str, Any] = {
        "scenario": {"name": "arithmetic", "limit": 40},
        "evaluation": {"methods": ["always"], "batch_size": 8},
    }
    with FaultServer(Faults(0.02, ("malformed",))) as server:
        hasty = {"name": "endpoint:m", "base_url": server.url, "retries": 0}
        with pytest.raises(SpeakerError, match="the reply is no JSON"):
            tracer_env.compare(Config.from_data({**data, "speaker": hasty}), out=tmp_path / "run")
    kept = (tmp_path / "run" / "episodes.jsonl").read_bytes().count(b"\n")
    assert 0 < kept < 40
    patient = Config.from_data({**data, "speaker": {**hasty, "retries": 9, "concurrency": 3}})
    with FaultServer(port=int(server.url.split(":")[2].split("/")[0])):
        tracer_env.compare(patient, resume=tmp_path / "run")
        whole = tracer_env.compare(patient, out=tmp_path / "whole")
    assert (tmp_path / "run" / "episodes.jsonl").read_bytes() == whole.run.episodes.read_bytes()
