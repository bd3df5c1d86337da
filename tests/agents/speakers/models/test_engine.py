"""The seam: what an engine in front of another sees, and that a speaker hangs on nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
from moves import TASK, play

from tracer_env.agents.speakers.models.engine import Ask, Completion, Engine, ModelFacts, Sampling
from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.agents.speakers.models.model_speaker import ModelSpeaker
from tracer_env.agents.speakers.models.transformers_engine import TransformersEngine
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Request
from tracer_env.randomness import Purpose, draw, stream


class Remembering:
    """An engine in front of another that asks it for nothing twice."""

    def __init__(self, inner: Engine) -> None:
        self.inner, self.known, self.asked = inner, {}, 0  # type: ignore[var-annotated]

    @property
    def facts(self) -> ModelFacts:
        return self.inner.facts

    def identity(self) -> str:
        return self.inner.identity()

    def adapter_identity(self, name: str) -> str:
        return self.inner.adapter_identity(name)

    def complete(self, asked: Sequence[Ask], sampling: Sampling) -> list[Completion]:
        new = [ask for ask in asked if (ask, sampling) not in self.known]
        self.asked += len(new)
        for ask, done in zip(new, self.inner.complete(new, sampling) if new else [], strict=True):
            self.known[ask, sampling] = done
        return [self.known[ask, sampling] for ask in asked]


def requests() -> list[Request]:
    """Both roles, two candidates each."""
    states = [play(letters, task=replace(TASK, scenario="arithmetic")) for letters in ("", "W", "W-")]
    return [Request(state, state.seat, stream(3, TASK.id, 0), 2) for state in states]


def speaker(path: str, **settings: object) -> HuggingFaceSpeaker:
    fixed = {"dtype": "float32", "device": "cpu", "max_new_tokens": 12, "examples": 2, "temperature": 0.8}
    return HuggingFaceSpeaker(path, **{**fixed, **settings})  # type: ignore[arg-type]


def test_an_engine_in_front_answers_with_the_same_bytes_and_asks_once(llama: str) -> None:
    plain, voice = speaker(llama), speaker(llama)
    voice.engine = front = Remembering(voice.engine)
    expected = plain.speak(requests())
    assert voice.speak(requests()) == expected
    assert front.asked == 6
    assert voice.speak(requests()) == expected
    assert front.asked == 6
    assert voice.settings == plain.settings


def test_an_ask_says_all_that_a_completion_hangs_on(llama: str) -> None:
    voice = speaker(llama)
    voice.engine = front = Remembering(voice.engine)
    voice.speak(requests())
    asks = [ask for ask, _ in front.known]
    (sampling,) = {sampling for _, sampling in front.known}
    assert [ask.watched for ask in asks] == [False, False, True, True, False, False]
    assert [ask.seed for ask in asks[:2]] == [draw(stream(3, TASK.id, 0), 1, Purpose.GENERATION, c) for c in (0, 1)]
    assert {ask.adapter for ask in asks} == {None}
    assert all(0 < ask.shared < len(ask.ids) for ask in asks)
    assert (sampling.max_tokens, sampling.temperature, sampling.stops) == (12, 0.8, ())
    assert sampling.ends == voice.loaded.ends
    bare = [ask._replace(shared=0) for ask in asks]
    done = front.inner.complete(bare, sampling)
    assert [one.token_ids for one in done] == [one.token_ids for one in front.known.values()]


def test_a_speaker_needs_an_engine_alone(llama: str) -> None:
    whole = speaker(llama)
    engine = TransformersEngine(llama, whole.loaded)
    bare = ModelSpeaker(engine, max_new_tokens=12, examples=2, temperature=0.8)
    assert bare.speak(requests()) == whole.speak(requests())
    assert bare.weights == engine.identity()
    assert {**bare.settings, "model": ""} == {**whole.settings, "model": ""}


def test_identity_is_that_of_the_weights_and_their_number_type(llama: str, tmp_path: Path) -> None:
    one, again = speaker(llama).engine.identity(), speaker(llama, temperature=0.1).engine.identity()
    assert one == again
    assert speaker(llama, dtype="bfloat16").engine.identity() != one
    assert speaker(tiny.save(tmp_path / "same")).engine.identity() == one
    other = Path(tiny.save(tmp_path / "turned"))
    told = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**told, "rms_norm_eps": 1e-3}))
    assert speaker(str(other)).engine.identity() != one  # the same weights, and other sums
    changed = speaker(tiny.save(tmp_path / "other"))
    changed.loaded.withdrawn = True  # as a training of all weights marks them
    before = changed.engine.identity()
    next(iter(changed.loaded.model.parameters())).data[0] += 1
    assert changed.engine.identity() != before


def test_an_unknown_adapter_is_an_error(llama: str) -> None:
    voice = speaker(llama)
    with pytest.raises(ConfigError, match="no adapter 'proposr'"):
        voice.engine.complete([Ask((1, 2), 0, "proposr")], Sampling(4, 1.0))
