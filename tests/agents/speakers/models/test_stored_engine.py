"""An engine in front of another: nothing that was said is computed twice, and nothing of it changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from moves import TASK, play

from tracer_env.agents.speakers.models.engine import Ask, Completion, Engine, ModelFacts, Sampling
from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.agents.speakers.models.stored_engine import StoredEngine
from tracer_env.errors import DataError
from tracer_env.interfaces import Request
from tracer_env.randomness import stream
from tracer_env.store.database import Store, open_store

SAMPLING = Sampling(8, 0.8, frozenset({2}))


class Counting:
    """Counts what it hands on to the engine behind."""

    def __init__(self, inner: Engine) -> None:
        self.inner, self.asked, self.calls = inner, 0, 0

    @property
    def facts(self) -> ModelFacts:
        return self.inner.facts

    def identity(self) -> str:
        return self.inner.identity()

    def adapter_identity(self, name: str) -> str:
        return self.inner.adapter_identity(name)

    def complete(self, asked: Sequence[Ask], sampling: Sampling) -> list[Completion]:
        self.calls, self.asked = self.calls + 1, self.asked + len(asked)
        return self.inner.complete(asked, sampling)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = open_store(tmp_path / "s.db")
    yield found
    found.close()


def speaker(path: str, **settings: object) -> HuggingFaceSpeaker:
    fixed = {"dtype": "float32", "device": "cpu", "max_new_tokens": 12, "examples": 2, "temperature": 0.8}
    return HuggingFaceSpeaker(path, **{**fixed, **settings})  # type: ignore[arg-type]


def requests() -> list[Request]:
    """Both roles, two candidates each."""
    states = [play(letters, task=replace(TASK, scenario="arithmetic")) for letters in ("", "W", "W-")]
    return [Request(state, state.seat, stream(3, TASK.id, 0), 2) for state in states]


def test_a_speaker_that_keeps_says_the_same_bytes_and_computes_once(llama: str, store: Store) -> None:
    expected = speaker(llama).speak(requests())
    voice = speaker(llama)
    voice.engine = counting = Counting(voice.engine)
    voice.keep(store)
    assert voice.speak(requests()) == expected
    assert (counting.calls, counting.asked) == (1, 6)
    assert voice.speak(requests()) == expected
    assert (counting.calls, counting.asked) == (1, 6)
    other = speaker(llama)
    other.engine = behind = Counting(other.engine)
    other.keep(store)
    assert other.speak(list(reversed(requests()))) == [expected[i] for i in (4, 5, 2, 3, 0, 1)]
    assert behind.calls == 0
    other.keep(None)
    assert other.engine is behind
    assert voice.settings == other.settings


def test_another_ask_or_sampling_is_computed(llama: str, store: Store) -> None:
    engine = StoredEngine(behind := Counting(speaker(llama).engine), store)
    ask = Ask((5, 6, 7), 11)
    engine.complete([ask], SAMPLING)
    for count, (one, sampling) in enumerate(
        [
            (ask._replace(ids=(5, 6)), SAMPLING),
            (ask._replace(seed=12), SAMPLING),
            (ask, replace(SAMPLING, temperature=0.7)),
            (ask, replace(SAMPLING, max_tokens=7)),
            (ask, replace(SAMPLING, ends=frozenset({2, 9}))),
            (ask._replace(watched=True), replace(SAMPLING, watch=(3, 4))),
        ],
        start=2,
    ):
        engine.complete([one], sampling)
        assert behind.asked == count
    for same in (ask._replace(shared=2), ask):
        engine.complete([same], SAMPLING)
    engine.complete([ask], replace(SAMPLING, watch=(3, 4)))  # which nobody watches
    assert behind.asked == 7


def test_equal_asks_of_one_call_are_computed_once_and_the_first_is_what_stays(llama: str, store: Store) -> None:
    engine = StoredEngine(behind := Counting(speaker(llama).engine), store)
    ask = Ask((5, 6, 7), 11)
    one, two, other = engine.complete([ask, ask, ask._replace(seed=3)], SAMPLING)
    assert one == two
    assert behind.asked == 2
    assert engine.complete([ask._replace(seed=3)], SAMPLING) == [other]


def test_weights_that_have_been_trained_are_another_model(llama: str, store: Store) -> None:
    from tracer_env.agents.speakers.models.weights import withdraw

    voice = speaker(llama)
    engine = StoredEngine(behind := Counting(voice.engine), store)
    engine.complete([Ask((5, 6, 7), 11)], SAMPLING)
    withdraw(voice.loaded)
    next(voice.loaded.model.parameters()).data.add_(0.25)
    engine.complete([Ask((5, 6, 7), 11)], SAMPLING)
    assert behind.asked == 2


def test_offline_a_miss_names_model_task_and_turn(llama: str, tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    voice = speaker(llama)
    voice.keep(store)
    voice.speak(requests()[:1])
    store.close()
    store = open_store(tmp_path / "s.db", offline=True)
    voice.keep(store)
    assert len(voice.speak(requests()[:1])) == 2
    with pytest.raises(DataError) as caught:
        voice.speak(requests())
    line = str(caught.value)
    assert f"has no answer of {Path(llama).name}@sha256:" in line
    assert f"for agent_1 (reviewer) at turn 2 of task '{TASK.id}'" in line
    store.close()
