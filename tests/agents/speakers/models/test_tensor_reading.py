"""Tensors from elsewhere: kinds, sizes and values, and the tensor named that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tracer_env.agents.speakers.models.tensor_reading import finite, read_tensors, weights
from tracer_env.errors import DataError, RunFolderError

KINDS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def test_finite_floating_point_numbers_are_read(tmp_path: Path) -> None:
    given = {str(kind): torch.tensor([[-2.5, 0.0, 3e4]], dtype=kind) for kind in KINDS}
    save_file({**given, "scalar": torch.tensor(3.0)}, tmp_path / "f")
    found = read_tensors(tmp_path / "f", "the file", weights, remedy="save it again")
    assert found.keys() == {*given, "scalar"}
    for name, tensor in given.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


@pytest.mark.parametrize(
    ("tensor", "problem"),
    [
        (torch.tensor([1.0, float("nan"), 2.0]), "holds a number that is not finite"),
        (torch.tensor([1.0, float("inf")]), "holds a number that is not finite"),
        (torch.tensor([float("-inf")], dtype=torch.bfloat16), "holds a number that is not finite"),
        (torch.tensor(float("nan"), dtype=torch.float64), "holds a number that is not finite"),
        (torch.ones(2, dtype=torch.int64), r"holds torch\.int64, not floating point numbers"),
        (torch.ones(2, dtype=torch.bool), r"holds torch\.bool"),
        (torch.ones(2, dtype=torch.complex64), r"holds torch\.complex64"),
        (torch.ones(2).to(torch.float8_e4m3fn), r"holds torch\.float8_e4m3fn"),
        (torch.ones(0, 3), r"is empty \(its shape is \(0, 3\)\)"),
    ],
)
def test_the_tensor_is_named(tmp_path: Path, tensor: torch.Tensor, problem: str) -> None:
    save_file({"a": torch.ones(2), "b\x1b": tensor}, tmp_path / "f")
    with pytest.raises(RunFolderError, match=rf"^the file .*f: the tensor 'b\\x1b' {problem}.*; save it again$"):
        read_tensors(tmp_path / "f", "the file", weights, error=RunFolderError, remedy="save it again")


def made(head: Any, body: bytes = b"", size: int | None = None) -> bytes:
    words = head if isinstance(head, bytes) else json.dumps(head).encode()
    return (len(words) if size is None else size).to_bytes(8, "little") + words + body


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"abc",
        b"no tensors at all",
        made({}, size=1 << 62),
        made(b"[" * 10_000),
        made([]),
        made({"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}),
        made({"a": {"dtype": "F32", "shape": [2**62, 8], "data_offsets": [0, 4]}}, b"\0" * 4),
        made({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, b"\0" * 4),
        made({"a": {"dtype": "WHAT", "shape": [1], "data_offsets": [0, 4]}}, b"\0" * 4),
        made({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"\0" * 4),
        made({"a": {"dtype": "F32", "shape": "1", "data_offsets": [0, 4]}}, b"\0" * 4),
    ],
)
def test_what_is_no_file_of_tensors(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(DataError, match=r"^cannot read the file .*f: .*; save it again$") as caught:
        read_tensors(tmp_path / "f", "the file", weights, remedy="save it again")
    assert "\n" not in str(caught.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(DataError, match="cannot read the file"):
            read_tensors(path, "the file", weights, remedy="save it again")


def test_a_state_may_hold_whole_numbers_and_nothing(tmp_path: Path) -> None:
    given = {"a": torch.tensor([2**62 + 1]), "b": torch.zeros(0, 4), "c": torch.ones(2).to(torch.float8_e4m3fn)}
    save_file(given, tmp_path / "f")
    assert read_tensors(tmp_path / "f", "the file", finite, remedy="").keys() == given.keys()
    save_file({"a": torch.ones(2, dtype=torch.complex64)}, tmp_path / "f")
    with pytest.raises(DataError, match="the tensor 'a' holds complex numbers"):
        read_tensors(tmp_path / "f", "the file", finite, remedy="")
