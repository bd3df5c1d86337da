"""Arrays of an archive from elsewhere: which kinds are taken, and what is refused before it is unpacked."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracer_env.intake.checked import Misfit
from tracer_env.intake.stored_arrays import UNPACKING, Wanted, load_arrays

SMALL = {"a": Wanted(np.int8, (2, 3))}
TRUTH = {"a": Wanted(np.bool_, (2, 3))}
NUMBERS = np.arange(6).reshape(2, 3) - 2


def packed(path: Path, array: Any) -> Path:
    np.savez_compressed(path, a=array)
    return path


@pytest.mark.parametrize("kind", ["i1", "i2", ">i4", "<i8", ">i8"])
def test_whole_numbers_of_any_width_are_taken_when_they_fit(tmp_path: Path, kind: str) -> None:
    found = load_arrays(packed(tmp_path / "f.npz", NUMBERS.astype(kind)), SMALL)["a"]
    assert found.dtype == np.int8
    assert found.tolist() == NUMBERS.tolist()
    order = load_arrays(packed(tmp_path / "g.npz", np.asfortranarray(NUMBERS.astype(kind))), SMALL)["a"]
    assert order.tolist() == NUMBERS.tolist()
    assert order.flags.c_contiguous


def test_truth_values_are_taken_for_truth_values_alone(tmp_path: Path) -> None:
    truth = packed(tmp_path / "f.npz", NUMBERS > 0)
    assert load_arrays(truth, TRUTH)["a"].tolist() == (NUMBERS > 0).tolist()
    with pytest.raises(Misfit, match="a holds 'bool' where whole numbers must stand"):
        load_arrays(truth, SMALL)
    with pytest.raises(Misfit, match="a holds 'int8' where truth values must stand"):
        load_arrays(packed(tmp_path / "f.npz", np.ones((2, 3), np.int8)), TRUTH)
    odd = np.ones((2, 3), np.uint8) * 7
    with pytest.raises(Misfit, match="bytes that are no truth values"):
        load_arrays(packed(tmp_path / "f.npz", odd.view(np.bool_)), TRUTH)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((2, 3), 257), r"leaves the range -128 to 127: it holds 257 to 257"),
        (np.full((2, 3), 2**64 - 1, np.uint64), "leaves the range"),
        (np.full((2, 3), np.nan), "holds 'float64' where"),
        (np.zeros((2, 3)), "holds 'float64' where"),
        (np.zeros((2, 3), np.complex128), "holds 'complex128' where"),
        (np.zeros((2, 3), "M8[D]"), r"holds 'datetime64\[D\]' where"),
        (np.zeros((2, 3), "m8[s]"), r"holds 'timedelta64\[s\]' where"),
        (np.full((2, 3), "1"), "holds '<U1' where"),
        (np.full((2, 3), b"1"), r"holds '\|S1' where"),
        (np.zeros((2, 3), [("x", "i1")]), r"holds \"\[\('x', 'i1'\)\]\" where"),
        (np.zeros((2, 3), "V4"), r"holds '\|V4' where"),
        (np.full((2, 3), None), "holds 'object' where"),
        (np.zeros((3, 2), np.int8), r"has the shape \(3, 2\), not \(2, 3\)"),
        (np.zeros((2, 3, 1), np.int8), r"has the shape \(2, 3, 1\)"),
        (np.int8(3), r"has the shape \(\)"),
        (np.zeros((0, 3), np.int8), r"has the shape \(0, 3\)"),
    ],
)
def test_what_is_refused(tmp_path: Path, array: Any, message: str) -> None:
    with pytest.raises(Misfit, match=f"^a {message}"):
        load_arrays(packed(tmp_path / "f.npz", array), SMALL)


def raw(path: Path, *entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def bytes_of(array: Any, **header: Any) -> bytes:
    """Return an array's file; ``header`` says something else than what follows."""
    buffer = io.BytesIO()
    about = {**np.lib.format.header_data_from_array_1_0(array), **header}
    np.lib.format.write_array_header_1_0(buffer, about)
    return buffer.getvalue() + array.tobytes()


ONES = np.ones((2, 3), np.int8)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "a is missing"),
        ([("b.npy", bytes_of(ONES))], r"b\.npy is none of the arrays"),
        ([("a.npy", bytes_of(ONES)), ("a.npy", bytes_of(ONES))], r"a\.npy is there twice"),
        ([("a.npy", bytes_of(ONES)), ("../b.npy", b"")], r"\.\./b\.npy is none of the arrays"),
        ([("a.npy", b"")], "a cannot be unpacked"),
        ([("a.npy", b"\x93NUMPY\x01\x00\xff\xff{")], "a cannot be unpacked"),
        ([("a.npy", bytes_of(ONES)[:-1])], "a ends too early"),
        ([("a.npy", bytes_of(ONES) + b"\0" * 5000)], "a has .* bytes, which is not what"),
        ([("a.npy", bytes_of(ONES) + b"\0")], "a goes on after its last number"),
        ([("a.npy", bytes_of(ONES, shape=(10**12, 10**6)))], "a has the shape"),
        ([("a.npy", bytes_of(ONES, descr="|O"))], "a holds 'object' where"),
    ],
)
def test_archives_that_are_made_up(tmp_path: Path, entries: list[tuple[str, bytes]], message: str) -> None:
    with pytest.raises(Misfit, match=message):
        load_arrays(raw(tmp_path / "f.npz", *entries), SMALL)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_that_numpy_does_not_write(tmp_path: Path, method: int) -> None:
    with pytest.raises(Misfit, match="packed in a way that is not read"):
        load_arrays(raw(tmp_path / "f.npz", ("a.npy", bytes_of(ONES)), method=method), SMALL)


def test_an_archive_that_swells_is_not_unpacked(tmp_path: Path) -> None:
    size = 64 << 20
    file = raw(tmp_path / "f.npz", ("a.npy", bytes_of(np.zeros(size, np.int8))))
    assert file.stat().st_size < size // 500
    tracemalloc.start()
    with pytest.raises(Misfit, match="no dialogues shrink so much"):
        load_arrays(file, {"a": Wanted(np.int8, (size,))})
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04" + b"\0" * 50, b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f.npz").write_bytes(content)
    with pytest.raises((Misfit, *UNPACKING)):
        load_arrays(tmp_path / "f.npz", SMALL)
