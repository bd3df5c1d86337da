from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from tracer_env.agents.speakers.models.nano import Nano
from tracer_env.errors import ConfigError, DataError
from tracer_env.interfaces import Request
from tracer_env.randomness import stream
from tracer_env.rules import Rules, initial
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.nano.training import NanoConfig, main, train_nano

TINY = NanoConfig(questions=60, vocabulary=320, hidden=16, inner=16, layers=1, heads=2, steps=6, batch=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("nano") / "first"
    train_nano(out, seed=3, config=TINY)
    return out


def test_the_same_seed_writes_the_same_bytes(folder: Path) -> None:
    before = torch.random.get_rng_state()
    second, other = folder.parent / "second", folder.parent / "other"
    told = train_nano(second, seed=3, config=TINY)
    assert torch.equal(before, torch.random.get_rng_state())
    assert told["vocabulary"] == 320
    assert told["parameters"] == 320 * 16 + 4 * 16 * 16 + 3 * 16 * 16 + 3 * 16
    files = sorted(path.name for path in folder.iterdir())
    assert "model.safetensors" in files
    assert "tokenizer.json" in files
    for name in files:
        assert (folder / name).read_bytes() == (second / name).read_bytes(), name
    train_nano(other, seed=4, config=TINY)
    assert (folder / "model.safetensors").read_bytes() != (other / "model.safetensors").read_bytes()
    assert (folder / "tokenizer.json").read_bytes() == (other / "tokenizer.json").read_bytes()


def test_what_is_written_names_no_place_and_is_rounded_to_bfloat16(folder: Path) -> None:
    for path in folder.iterdir():
        assert str(folder.parent).encode() not in path.read_bytes()
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        assert file.metadata() == {"format": "pt"}
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.bfloat16}  # noqa: SIM118
    assert json.loads((folder / "config.json").read_text())["architectures"] == ["LlamaForCausalLM"]


def test_the_speaker_reads_the_folder(folder: Path) -> None:
    speaker = Nano(str(folder), max_new_tokens=8)
    task = Arithmetic(level=1)[0]
    state = initial(task, Rules())
    (said,) = speaker.speak([Request(state, state.seat, stream(0, task.id))])
    assert 1 <= len(said.token_ids) <= 8
    ids = speaker.loaded.tokenizer(task.question + "é\n", add_special_tokens=False)["input_ids"]
    assert speaker.loaded.tokenizer.decode(ids) == task.question + "é\n"


def test_nothing_is_overwritten(folder: Path) -> None:
    with pytest.raises(DataError, match="exists already"):
        train_nano(folder, config=TINY)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "nano.steps must be at least 1"),
        ({"vocabulary": 100}, "at least 262"),
        ({"hidden": 20, "heads": 4}, "multiple of twice"),
    ],
)
def test_a_config_that_cannot_work_is_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        NanoConfig(**settings)  # type: ignore[arg-type]


def test_the_command_line_wants_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--threads", "1"])
    assert "training needs --out DIR" in capsys.readouterr().err


def test_the_command_line_prints_the_figures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--evaluate", "--out", str(folder), "--tasks", "4", "--threads", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["level 1", "level 2"]
    assert "reviewer_greedy" in lines[0]
