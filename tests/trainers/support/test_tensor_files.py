"""Tensors on disk and optimisers that go on as if they had never stopped, compared bit by bit."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tracer_env.errors import ConfigError, MissingExtraError, RunFolderError
from tracer_env.trainers.support import tensor_files
from tracer_env.trainers.support.tensor_files import (
    load_tensors,
    optimiser_state,
    restore_optimiser,
    save_tensors,
    system_error,
)

Weights = dict[str, torch.nn.Parameter]


def _bytes(tensor: Tensor) -> bytes:
    return bytes(tensor.detach().contiguous().flatten().view(torch.uint8).tolist())


# -- files ---------------------------------------------------------------------------------------


def test_every_bit_comes_back(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    saved = {
        "float": torch.randn(3, 5, generator=generator),
        "bfloat16": torch.randn(7, generator=generator).to(torch.bfloat16),
        "odd": torch.tensor([3.4e38, -1.2e-38, -0.0, 1e-45]),
        "scalar": torch.tensor(3.0),
        "whole": torch.tensor([2**62 + 1, -1]),
        "turned": torch.randn(2, 3, generator=generator).t(),
        "none": torch.zeros(0, 4),
    }
    file = tmp_path / "a.safetensors"
    save_tensors(file, saved)
    loaded = load_tensors(file)
    assert loaded.keys() == saved.keys()
    for name, tensor in saved.items():
        assert (loaded[name].dtype, loaded[name].shape) == (tensor.dtype, tensor.shape)
        assert _bytes(loaded[name]) == _bytes(tensor)
    assert list(tmp_path.iterdir()) == [file]


def test_tied_tensors_and_views_are_saved_apart(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    file = tmp_path / "a.safetensors"
    save_tensors(file, {"a": whole, "b": whole, "head": whole[:2], "tail": whole[4:]})
    loaded = load_tensors(file)
    assert {name: tensor.tolist() for name, tensor in loaded.items()} == {
        "a": [0, 1, 2, 3, 4, 5],
        "b": [0, 1, 2, 3, 4, 5],
        "head": [0, 1],
        "tail": [4, 5],
    }


def test_loaded_tensors_do_not_hang_on_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    save_tensors(file, {"a": torch.ones(100_000)})
    loaded = load_tensors(file)
    file.write_bytes(b"")
    assert loaded["a"].sum() == 100_000
    assert loaded["a"].data_ptr() % 64 == 0


@pytest.mark.parametrize("content", [b"", b"\x10", b"\xff" * 40, b"\x02\x00\x00\x00\x00\x00\x00\x00{]"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(content)
    with pytest.raises(
        RunFolderError, match=r"cannot read tensors from .*a\.safetensors: .*; continue from another checkpoint"
    ):
        load_tensors(file)
    with pytest.raises(RunFolderError, match="cannot read tensors from"):
        load_tensors(tmp_path / "absent")


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    save_tensors(file, {"a": torch.ones(1000)})
    whole = file.read_bytes()
    file.write_bytes(whole[:2000])
    with pytest.raises(RunFolderError, match="cannot read tensors from"):
        load_tensors(file)


def test_numbers_that_are_not_finite_are_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    save_tensors(file, {"a": torch.ones(3), "b": torch.tensor([1.0, float("nan")])})
    with pytest.raises(RunFolderError, match="the tensor 'b' holds a number that is not finite; continue from another"):
        load_tensors(file)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """The library's own error, made by the limit of a process on the size of files."""
    code = (
        "import resource, sys, torch\n"
        "from pathlib import Path\n"
        "from tracer_env.trainers.support.tensor_files import save_tensors\n"
        "file = Path(sys.argv[1])\n"
        "save_tensors(file, {'a': torch.ones(10)})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: save_tensors(file, {'a': torch.ones(1_000_000)})\n"
        "except OSError as error: print(error.errno)\n"
    )
    file = tmp_path / "a.safetensors"
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(errno.EFBIG)]
    assert load_tensors(file)["a"].tolist() == [1.0] * 10
    assert list(tmp_path.iterdir()) == [file]


def test_the_system_speaks_through_other_errors() -> None:
    class SafetensorError(Exception):
        """Named as the library's."""

    full = system_error(SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"))
    assert full is not None
    assert full.errno == errno.ENOSPC
    own = OSError(errno.EACCES, "no")
    assert system_error(own) is own
    assert system_error(SafetensorError("header too small")) is None
    assert system_error(ValueError("(os error 28)")) is None


def test_other_errors_of_writing_pass(tmp_path: Path) -> None:
    with pytest.raises(AttributeError):
        save_tensors(tmp_path / "a", {"a": 3})  # type: ignore[dict-item]
    assert list(tmp_path.iterdir()) == []


def test_safetensors_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor_files, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"needs the package 'safetensors'; .*tracer-env\[hf\]"):
        load_tensors(tmp_path / "a")


# -- optimisers ----------------------------------------------------------------------------------


def _weights(seed: int = 0, dtype: torch.dtype = torch.float32) -> Weights:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"first": (4, 3), "second": (3,), "idle": (2,)}
    return {name: torch.nn.Parameter(torch.randn(s, generator=generator).to(dtype)) for name, s in shapes.items()}


def _adamw(weights: Weights, lr: float = 3e-3) -> torch.optim.AdamW:
    values = list(weights.values())
    return torch.optim.AdamW([{"params": values[:1], "lr": lr}, {"params": values[1:], "weight_decay": 0.0}], lr=1e-2)


def _steps(weights: Weights, optimiser: torch.optim.Optimizer, numbers: range) -> None:
    """Each step: a loss that depends on its number, a learning rate that falls; "idle" has no gradient."""
    for number in numbers:
        generator = torch.Generator().manual_seed(number)
        data = torch.randn(5, 4, generator=generator).to(weights["first"].dtype)
        optimiser.zero_grad()
        ((data @ weights["first"]).tanh() + weights["second"]).square().mean().backward()
        for group in optimiser.param_groups:
            group["lr"] *= 0.97
        optimiser.step()


def _bits(weights: Weights) -> dict[str, bytes]:
    return {name: _bytes(weight) for name, weight in weights.items()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_ten_further_steps_are_the_same_to_the_bit(tmp_path: Path, dtype: torch.dtype) -> None:
    weights = _weights(dtype=dtype)
    optimiser = _adamw(weights)
    _steps(weights, optimiser, range(7))
    tensors, data = optimiser_state(optimiser, weights)
    save_tensors(tmp_path / "optimiser", tensors)
    save_tensors(tmp_path / "weights", weights)
    text = json.dumps(data)
    _steps(weights, optimiser, range(7, 17))

    others = _weights(seed=9, dtype=dtype)
    with torch.no_grad():
        for name, tensor in load_tensors(tmp_path / "weights").items():
            others[name].copy_(tensor)
    fresh = _adamw(others, lr=0.5)
    restore_optimiser(fresh, others, load_tensors(tmp_path / "optimiser"), json.loads(text))
    _steps(others, fresh, range(7, 17))
    assert _bits(others) == _bits(weights)
    assert fresh.param_groups[0]["lr"] == optimiser.param_groups[0]["lr"]
    assert fresh.param_groups[0]["betas"] == (0.9, 0.999)


def test_without_the_state_the_steps_differ() -> None:
    """So the test above would see a state that is lost."""
    weights, others = _weights(), _weights()
    optimiser = _adamw(weights)
    _steps(weights, optimiser, range(7))
    with torch.no_grad():
        for name, tensor in weights.items():
            others[name].copy_(tensor)
    fresh = _adamw(others)
    fresh.param_groups[0]["lr"], fresh.param_groups[1]["lr"] = (group["lr"] for group in optimiser.param_groups)
    _steps(weights, optimiser, range(7, 8))
    _steps(others, fresh, range(7, 8))
    assert _bits(others) != _bits(weights)


def test_what_the_state_holds() -> None:
    weights = _weights()
    optimiser = _adamw(weights)
    assert optimiser_state(optimiser, weights)[0] == {}
    _steps(weights, optimiser, range(2))
    tensors, data = optimiser_state(optimiser, weights)
    assert set(tensors) == {
        f"{name}::{key}" for name in ("first", "second") for key in ("exp_avg", "exp_avg_sq", "step")
    }
    assert tensors["first::step"] == 2
    assert [group["params"] for group in data["groups"]] == [["first"], ["second", "idle"]]
    assert data["groups"][0]["lr"] == 3e-3 * 0.97 * 0.97
    assert [group["weight_decay"] for group in data["groups"]] == [0.01, 0.0]
    assert data["numbers"] == {}


def test_the_restored_state_is_a_copy() -> None:
    weights = _weights()
    optimiser = _adamw(weights)
    _steps(weights, optimiser, range(2))
    tensors, data = optimiser_state(optimiser, weights)
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    others = _weights()
    fresh = _adamw(others)
    restore_optimiser(fresh, others, tensors, data)
    _steps(others, fresh, range(2, 4))
    assert all(torch.equal(tensors[name], tensor) for name, tensor in before.items())


def test_an_untouched_optimiser_comes_back_empty() -> None:
    weights = _weights()
    optimiser = _adamw(weights)
    empty = optimiser_state(optimiser, weights)
    _steps(weights, optimiser, range(2))
    restore_optimiser(optimiser, weights, *empty)
    assert optimiser_state(optimiser, weights)[0] == {}


@pytest.mark.parametrize("missing", ["first", "idle"])
def test_names_must_fit_the_optimiser(missing: str) -> None:
    weights = _weights()
    optimiser = _adamw(weights)
    fewer: dict[str, Tensor] = {name: tensor for name, tensor in weights.items() if name != missing}
    for names in (fewer, {**weights, "more": torch.zeros(1)}, {**fewer, "twice": weights["second"]}):
        with pytest.raises(ConfigError, match=r"has 3 parameters and [234] names were given"):
            optimiser_state(optimiser, names)


def test_a_state_of_other_parameters_is_refused() -> None:
    weights = _weights()
    optimiser = _adamw(weights)
    _steps(weights, optimiser, range(1))
    tensors, data = optimiser_state(optimiser, weights)
    renamed = {("other" if name == "first" else name): tensor for name, tensor in weights.items()}
    with pytest.raises(
        RunFolderError, match="first is unknown; continue with the model and the finetune that it was saved with"
    ):
        restore_optimiser(optimiser, renamed, tensors, data)
    swapped = {"first": weights["first"], "idle": weights["second"], "second": weights["idle"]}
    with pytest.raises(RunFolderError, match="grouped or ordered otherwise"):
        restore_optimiser(optimiser, swapped, tensors, data)
    short = {**data, "groups": [data["groups"][0], {**data["groups"][1], "params": ["second"]}]}
    with pytest.raises(RunFolderError, match="idle is not in it"):
        restore_optimiser(optimiser, weights, tensors, short)
    with pytest.raises(RunFolderError, match="ghost is unknown"):
        restore_optimiser(optimiser, weights, {**tensors, "ghost::exp_avg": torch.zeros(1)}, data)
    with pytest.raises(
        RunFolderError, match=r"first::exp_avg of shape \(2, 2\), but the parameter's is \(4, 3\); continue"
    ):
        restore_optimiser(optimiser, weights, {**tensors, "first::exp_avg": torch.zeros(2, 2)}, data)
    for damaged in ({}, {"groups": 3, "numbers": {}}, {"groups": [{}], "numbers": {}}, {"groups": [], "numbers": []}):
        with pytest.raises(RunFolderError, match=r"the saved optimiser: .*; continue from another"):
            restore_optimiser(optimiser, weights, tensors, damaged)


def test_settings_that_json_cannot_hold_are_refused() -> None:
    weights = _weights()
    optimiser = torch.optim.AdamW(list(weights.values()), lr=torch.tensor(0.1))
    with pytest.raises(ConfigError, match="the optimiser's lr is a Tensor; give it as a plain number"):
        optimiser_state(optimiser, weights)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("lr", "0.1", "setting 'lr' is '0.1'"),
        ("lr", None, "setting 'lr' is None"),
        ("betas", [0.9], r"setting 'betas' is \[0\.9\]"),
        ("betas", [0.9, "x"], r"setting 'betas' is \[0\.9, 'x'\]"),
        ("amsgrad", 3, "setting 'amsgrad' is 3"),
        ("stranger", 1, "setting 'stranger' is 1"),
        ("lr", float("nan"), r"groups\[0\]\.lr holds nan"),
        ("lr", [[1]], r"groups\[0\]\.lr is nested"),
        ("params", "first", r"groups\[0\]\.params is 'first'"),
    ],
)
def test_a_setting_of_another_kind_is_refused(key: str, value: Any, message: str) -> None:
    weights = _weights()
    optimiser = _adamw(weights)
    _steps(weights, optimiser, range(1))
    tensors, data = optimiser_state(optimiser, weights)
    groups = [{**data["groups"][0], key: value}, *data["groups"][1:]]
    with pytest.raises(RunFolderError, match=rf"^the saved optimiser.*{message}.*; continue from another checkpoint"):
        restore_optimiser(optimiser, weights, tensors, {**data, "groups": groups})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"first::exp_avg_sq": None}, "lacks first::exp_avg_sq"),
        ({"first::step": None}, "lacks first::step"),
        ({"first::exp_avg_sq": torch.full((4, 3), -1.0)}, "a negative number in first::exp_avg_sq"),
        ({"first::exp_avg": torch.tensor(1.0)}, r"first::exp_avg of shape \(\)"),
        ({"first::more": torch.zeros(4, 3)}, "lacks second::more"),
    ],
)
def test_a_memory_that_adamw_cannot_have(changes: dict[str, Tensor | None], message: str) -> None:
    weights = _weights()
    optimiser = _adamw(weights)
    _steps(weights, optimiser, range(1))
    tensors, data = optimiser_state(optimiser, weights)
    changed = {name: tensor for name, tensor in {**tensors, **changes}.items() if tensor is not None}
    with pytest.raises(RunFolderError, match=message):
        restore_optimiser(optimiser, weights, changed, data)


def test_numbers_beside_tensors_survive() -> None:
    """Other optimisers keep plain numbers in their state: SGD with momentum keeps None before the first step."""
    weights = _weights()
    optimiser = torch.optim.SGD(list(weights.values()), lr=0.1, momentum=0.9)
    optimiser.state[weights["idle"]]["momentum_buffer"] = None
    tensors, data = optimiser_state(optimiser, weights)
    assert (tensors, data["numbers"]) == ({}, {"idle": {"momentum_buffer": None}})
    fresh = torch.optim.SGD(list(weights.values()), lr=0.2, momentum=0.9)
    restore_optimiser(fresh, weights, tensors, json.loads(json.dumps(data)))
    assert fresh.state[weights["idle"]] == {"momentum_buffer": None}
    assert fresh.param_groups[0]["lr"] == 0.1
