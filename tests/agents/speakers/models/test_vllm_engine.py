"""vLLM as an engine, on nano in float32. Runs where vLLM is: `benchmarks/vllm_environment.py` makes such a place."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from moves import TASK, play

if importlib.util.find_spec("vllm") is None:
    pytest.skip("vLLM is not installed; benchmarks/vllm_environment.py runs these tests", allow_module_level=True)

from tracer_env.agents.speakers.models.engine import Ask, Completion, Sampling
from tracer_env.agents.speakers.models.nano import Nano
from tracer_env.agents.speakers.models.vllm_speaker import VLLMSpeaker
from tracer_env.errors import ConfigError, DataError, SpeakerError
from tracer_env.interfaces import Request
from tracer_env.parts.casting import make_speaker
from tracer_env.randomness import stream
from tracer_env.store.database import open_store
from tracer_env.trainers.gspo.finetune import LoRA

ENDS = frozenset({2})
pytestmark = pytest.mark.filterwarnings("ignore")  # vLLM and torch warn of each other


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two adapters for nano that say something else, each in its way."""
    out, voice = tmp_path_factory.mktemp("adapters"), Nano()
    policies = LoRA(r=8, alpha=16).prepare(voice, ["proposer", "reviewer"], 0)
    for seed, name in enumerate(policies.names):
        generator = torch.Generator().manual_seed(seed)
        for path, parameter in policies.parameters(name).items():
            if ".lora_B." in path:
                parameter.data = 0.1 * torch.randn(parameter.shape, generator=generator)
        policies.save(name, out / name)
    policies.close()
    return out


@pytest.fixture(scope="module")
def voice(adapters: Path) -> VLLMSpeaker:
    return VLLMSpeaker("nano", kv_memory=0.25, adapters=str(adapters))


@pytest.fixture(scope="module")
def ours(adapters: Path) -> Nano:
    return Nano(adapters=str(adapters))


def requests(count: int) -> list[Request]:
    letters = ["", "W", "W-", "W-C"]
    states = [play(letters[i % 4], task=replace(TASK, question=f"What is {i % 8} + 4?")) for i in range(count)]
    return [Request(state, state.seat, stream(3, TASK.id, i)) for i, state in enumerate(states)]


def asks(voice: VLLMSpeaker, adapter: bool = False, watched: bool = False) -> list[Ask]:
    return [
        Ask(voice.prompt(one)[0], 7 * i + (1 << 63), voice.adapter_for(one.seat) if adapter else None, watched)
        for i, one in enumerate(requests(16))
    ]


def by_transformers(ours: Any, ask: Ask, done: Completion, heat: float, adapter: str | None) -> torch.Tensor:
    """Return the log-probabilities (steps, V) of the model as transformers computes them."""
    ours.loaded.use(adapter)
    ids = torch.tensor([[*ask.ids, *done.token_ids]])
    with torch.no_grad():
        logits = ours.loaded.model(ids).logits[0, len(ask.ids) - 1 : -1]
    ours.loaded.use(None)
    return (logits / heat).log_softmax(-1)


def chosen(table: torch.Tensor, ids: Sequence[int]) -> list[float]:
    found: list[float] = table.gather(-1, torch.tensor(list(ids))[:, None])[:, 0].tolist()
    return found


def close(left: Completion, right: Completion) -> bool:
    return left.token_ids == right.token_ids and left.logprobs == pytest.approx(right.logprobs, abs=1e-3)


@pytest.mark.parametrize("heat", [1.0, 0.7])
def test_log_probabilities_are_those_of_transformers(voice: VLLMSpeaker, ours: Nano, heat: float) -> None:
    asked, sampling = asks(voice), Sampling(40, heat, ENDS)
    done = voice.engine.complete(asked, sampling)
    assert len({tuple(one.token_ids) for one in done}) > 4
    for ask, one in zip(asked, done, strict=True):
        assert one.logprobs == pytest.approx(
            chosen(by_transformers(ours, ask, one, heat, None), one.token_ids), abs=1e-3
        )
        assert one.own == (one.logprobs if heat == 1 else [])
        assert (one.token_ids[-1] == 2) is (one.finish == "stop")
        assert 2 not in one.token_ids[:-1]


def test_two_adapters_share_a_batch_and_the_base_stays_the_base_beside_them(voice: VLLMSpeaker, ours: Nano) -> None:
    asked, sampling = asks(voice, adapter=True), Sampling(24, 1.0, ENDS)
    asked[0] = asked[0]._replace(adapter=None)
    assert len({ask.adapter for ask in asked}) == 3
    done = voice.engine.complete(asked, sampling)
    inside = {voice.adapters[key]: ours.adapters[key] for key in ("proposer", "reviewer")}
    for ask, one in zip(asked, done, strict=True):
        mine = inside[ask.adapter] if ask.adapter else None
        assert one.logprobs == pytest.approx(
            chosen(by_transformers(ours, ask, one, 1.0, mine), one.token_ids), abs=1e-3
        )


@pytest.mark.parametrize("adapter", [False, True])
def test_a_text_does_not_hang_on_its_batch(voice: VLLMSpeaker, adapter: bool) -> None:
    asked, sampling = asks(voice, adapter), Sampling(24, 1.0, ENDS)
    together = voice.engine.complete(asked, sampling)
    assert all(close(voice.engine.complete([a], sampling)[0], b) for a, b in zip(asked, together, strict=True))


def test_equal_seeds_meet_equal_luck_on_neighbouring_prompts(llama: str) -> None:
    """Of a model that knows nothing nearly the noise alone decides: one seed says one text, two seeds two."""
    flat = VLLMSpeaker(llama, dtype="float32", examples=0, kv_memory=0.1, max_new_tokens=4)
    sampling = Sampling(4, 2.0)
    left, right = (flat.prompt(one)[0] for one in (requests(1)[0], requests(5)[4]))
    assert left != right
    seeds = [977 * number + 2 * number for number in range(32)]
    one, other, moved = (
        flat.engine.complete([Ask(ids, seed + more) for seed in seeds], sampling)
        for ids, more in ((left, 0), (right, 0), (right, 5000))
    )
    assert sum(a.token_ids == b.token_ids for a, b in zip(one, other, strict=True)) >= 24
    assert len({tuple(a.token_ids) for a in one}) == 32
    assert sum(a.token_ids == b.token_ids for a, b in zip(one, moved, strict=True)) <= 1


def test_greedy_texts_and_margins_are_those_of_our_own_decoding(adapters: Path) -> None:
    one = VLLMSpeaker("nano", temperature=0, kv_memory=0.25, adapters=str(adapters))
    other = Nano(temperature=0, adapters=str(adapters))
    said, expected = one.speak(requests(8)), other.speak(requests(8))
    assert [u.token_ids for u in said] == [u.token_ids for u in expected]
    for mine, theirs in zip(said, expected, strict=True):
        assert [x is None for x in mine.signals] == [x is None for x in theirs.signals]
        told = [(a, b) for a, b in zip(mine.signals, theirs.signals, strict=True) if a is not None]
        assert [a for a, _ in told] == pytest.approx([b for _, b in told], abs=1e-2)
    assert any(u.signals.margin is not None for u in said)


def test_watched_places_are_log_probabilities_at_temperature_1_up_to_a_constant(voice: VLLMSpeaker, ours: Nano) -> None:
    watch = (291, 292, 19)
    asked, sampling = asks(voice, watched=True)[:4], Sampling(6, 0.5, ENDS, (), watch)
    for ask, one in zip(asked, voice.engine.complete(asked, sampling), strict=True):
        table = by_transformers(ours, ask, one, 1.0, None)[:, list(watch)]
        seen = torch.tensor(one.watched)
        assert seen.shape == (len(one.token_ids), 3)
        assert torch.allclose(seen[:, :1] - seen, table[:, :1] - table, atol=1e-3)
        assert one.logprobs == pytest.approx(
            chosen(by_transformers(ours, ask, one, 0.5, None), one.token_ids), abs=1e-3
        )


def test_an_adapter_that_is_put_again_is_the_new_one_at_once(voice: VLLMSpeaker, adapters: Path) -> None:
    from tracer_env.agents.speakers.models.adapter_files import read_folder

    engine: Any = voice.engine
    settings = {"r": 8, "lora_alpha": 16, "peft_type": "LORA", "target_modules": ["q_proj"], "task_type": "CAUSAL_LM"}
    _, tensors = read_folder(adapters / "proposer")
    kept = {name: tensor for name, tensor in tensors.items() if ".q_proj." in name}
    zero = {name: 0 * tensor for name, tensor in kept.items()}
    ask, sampling = asks(voice)[0], Sampling(8, 1.0, ENDS)
    (base,) = engine.complete([ask], sampling)
    found = []
    for matrices in (zero, {name: 20 * tensor for name, tensor in kept.items()}, zero):
        engine.put_adapter("tried", settings, matrices)
        found.append((engine.adapter_identity("tried"), engine.complete([ask._replace(adapter="tried")], sampling)[0]))
    assert close(found[0][1], base)
    assert not close(found[1][1], base)
    assert close(found[2][1], base)
    assert found[0][0] == found[2][0] != found[1][0]


def test_more_prompts_than_are_computed_at_once_are_all_answered(voice: VLLMSpeaker) -> None:
    long = tuple(voice.prompt(requests(1)[0])[0]) * 20
    asked = [Ask((*long, 19 + n), n) for n in range(40)]
    assert len(asked) * len(long) > 8192
    done = voice.engine.complete(asked, Sampling(3, 1.0))
    assert {len(one.token_ids) for one in done} == {3}


def test_more_adapters_than_slots_go_in_several_calls(voice: VLLMSpeaker, adapters: Path) -> None:
    engine: Any = voice.engine
    for name in ("a", "b", "c"):
        engine.read_adapter(name, adapters / "proposer")
    asked = [asks(voice)[0]._replace(adapter=name) for name in ("a", "b", "c", "a")]
    done = engine.complete(asked, Sampling(8, 1.0, ENDS))
    assert engine.slots == 2
    assert all(close(one, done[0]) for one in done)


def test_what_it_is_stands_in_the_record_and_it_is_started_once(voice: VLLMSpeaker, adapters: Path) -> None:
    assert voice.model == "nano"
    assert str(voice.settings["engine"]).startswith("vllm ")
    assert voice.settings["adapters"].keys() == {"proposer", "reviewer"}
    assert voice.weights in voice.engine.identity()
    assert make_speaker("vllm:nano", kv_memory=0.25, adapters=str(adapters), temperature=0.4).engine is voice.engine


def test_what_cannot_work_is_one_clear_line(voice: VLLMSpeaker, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the model has no adapter 'x'"):
        voice.engine.complete([Ask((1, 2), 0, "x")], Sampling(4, 1.0))
    with pytest.raises(ConfigError, match="temperature is 3, and vLLM takes 0 to 2"):
        voice.engine.complete([Ask((1, 2), 0)], Sampling(4, 3.0))
    with pytest.raises(ConfigError, match="batch_invariant needs an NVIDIA GPU of compute capability"):
        VLLMSpeaker("nano", batch_invariant=True)
    with pytest.raises(DataError, match="cannot read the model"):
        VLLMSpeaker(str(tmp_path))


def test_a_store_in_front_of_it_asks_it_once(
    voice: VLLMSpeaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids, log-probabilities and signals come back to the last bit, with vLLM out of reach."""
    engine, asked = voice.engine, requests(12)
    try:
        voice.keep(open_store(tmp_path / "utterances.db"))
        first = voice.speak(asked)
        monkeypatch.setattr(engine.llm, "generate", lambda *_, **__: pytest.fail("asked again"))
        assert voice.speak(asked) == first
        assert any(said.signals for said in first)
    finally:
        voice.keep(None)
    assert voice.engine is engine


def test_an_engine_at_rest_wakes_when_it_is_asked(voice: VLLMSpeaker) -> None:
    """What vLLM is told, in which order; CPUs have no sleep mode."""
    told: list[str] = []
    llm = voice.engine.llm

    class Sleeper:
        def sleep(self, level: int) -> None:
            told.append(f"sleep {level}")

        def wake_up(self) -> None:
            told.append("wake")

        def generate(self, *given: Any, **more: Any) -> Any:
            told.append("generate")
            return llm.generate(*given, **more)

    lying: Any = copy.copy(voice.engine)
    lying.llm = Sleeper()
    lying.rest()
    lying.rest()
    for _ in range(2):
        lying.complete([Ask((1, 2), 0)], Sampling(4, 1.0))
    assert told == ["sleep 1", "wake", "generate", "generate"]


def test_what_is_computed_with_the_weights_is_part_of_what_it_is(voice: VLLMSpeaker) -> None:
    other: Any = copy.copy(voice.engine)
    other._form = "another rotation"
    assert other.identity() != voice.engine.identity()


def test_an_engine_that_failed_says_so_at_once_when_it_is_asked_again(voice: VLLMSpeaker) -> None:
    class Failing:
        asked = 0

        def generate(self, *_: object, **__: object) -> None:
            self.asked += 1
            raise RuntimeError("out of luck")

    broken: Any = copy.copy(voice.engine)
    broken.llm = Failing()
    for _ in range(2):
        with pytest.raises(SpeakerError, match=r"vLLM failed and cannot go on in this process: .*out of luck"):
            broken.complete([Ask((1, 2), 0)], Sampling(4, 1.0))
    assert broken.llm.asked == 1


def test_without_a_chat_template_a_reply_ends_at_the_next_section(tmp_path: Path) -> None:
    import tiny

    plain = VLLMSpeaker(
        tiny.save(tmp_path, template=None), dtype="float32", examples=0, kv_memory=0.1, max_new_tokens=8
    )
    words = plain.engine.facts.tokenizer
    (said,) = plain.speak(requests(1))
    assert said.completion_tokens == len(said.token_ids) <= 8
    ids = tuple(words("a b", add_special_tokens=False)["input_ids"])
    (free,) = plain.engine.complete([Ask(ids, 5)], Sampling(8, 1.0))
    stop = words.decode(free.token_ids[:3])[-2:]
    (cut,) = plain.engine.complete([Ask(ids, 5)], Sampling(8, 1.0, stops=(stop,)))
    assert cut.finish == "stop"
    assert cut.token_ids == free.token_ids[: len(cut.token_ids)]
    assert stop in words.decode(cut.token_ids)
    assert stop not in words.decode(cut.token_ids[:-1])


@pytest.mark.slow
def test_smollm2_says_what_transformers_says_of_it() -> None:
    pytest.importorskip("gguf")
    large = VLLMSpeaker("smollm2", dtype="float32", kv_memory=1.0, max_new_tokens=24, temperature=1.0)
    plain: Any = make_speaker("smollm2", dtype="float32", device="cpu", max_new_tokens=24)
    asked = [Ask(large.prompt(one)[0], 31 + n) for n, one in enumerate(requests(4))]
    assert asked[0].ids == plain.prompt(requests(1)[0])[0]
    done = large.engine.complete(asked, Sampling(24, 1.0, large.engine.facts.ends))
    for ask, one in zip(asked, done, strict=True):
        table = by_transformers(plain, ask, one, 1.0, None)
        assert one.logprobs == pytest.approx(chosen(table, one.token_ids), abs=1e-3)
