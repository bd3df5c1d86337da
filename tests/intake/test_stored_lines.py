"""Gzipped lines from elsewhere: counted, numbered in errors, and given up before they fill the memory."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from pathlib import Path

import pytest

from tracer_env.errors import DataError
from tracer_env.intake.checked import Misfit, whole
from tracer_env.intake.stored_lines import LONGEST, at_most, read_lines


def packed(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content))
    return path


@pytest.mark.parametrize("content", [b"1\n2\n3\n", b"1\n2\n3", b" 1\n 2 \n3\n"])
def test_lines_are_read_in_order(tmp_path: Path, content: bytes) -> None:
    assert list(read_lines(packed(tmp_path / "f", content), whole(), 3)) == [1, 2, 3]


def test_a_longer_file_than_one_piece(tmp_path: Path) -> None:
    values = list(range(100_000, 200_000))
    content = "".join(f"{value}\n" for value in values).encode()
    assert list(read_lines(packed(tmp_path / "f", content), whole(), len(values))) == values


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1\n2\n3\n4\n", "f holds more than 3 lines"),
        (b"1\n2.5\n", r"f: line 2: the whole is 2\.5; it must be a whole number"),
        (b"1\n\n2\n", "f: line 2 cannot be read: Expecting value"),
        (b"1\n" + b"[" * 10_000 + b"\n", "f: line 2 cannot be read: it is nested more than 64 deep"),
        (b"\xff\n", "f: line 1 cannot be read: it is not UTF-8 at byte 0"),
        (b"1\nNaN\n", "f: line 2 cannot be read: NaN is no number"),
    ],
)
def test_the_line_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(read_lines(packed(tmp_path / "f", content), whole(), 3))


def test_what_is_no_gzip_or_is_cut(tmp_path: Path) -> None:
    whole_file = gzip.compress(b"1\n2\n3\n" * 1000)
    for content in (b"no gzip at all", whole_file[:-9], whole_file[:20] + b"\xff\xff" + whole_file[22:], b"\x1f\x8b"):
        (tmp_path / "f").write_bytes(content)
        with pytest.raises(DataError, match=r"is damaged after line \d+|cannot be read"):
            list(read_lines(tmp_path / "f", whole(), 3000))


def test_a_line_of_gigabytes_costs_no_more_than_it_may_hold(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b'"' + b" " * (1 << 22)
    pieces = [packer.compress(block) for _ in range(64)]
    (tmp_path / "f").write_bytes(b"".join(pieces) + packer.flush())
    tracemalloc.start()
    with pytest.raises(DataError, match=f"f: line 0 cannot be read: the next line has more than {LONGEST} bytes"):
        list(read_lines(tmp_path / "f", whole(), 3))
    assert tracemalloc.get_traced_memory()[1] < 3 * LONGEST
    tracemalloc.stop()


def test_what_a_file_can_hold(tmp_path: Path) -> None:
    file = packed(tmp_path / "f", b'{"text":""}\n' * 100_000)
    assert at_most(file) >= 100_000
    file.write_bytes(b"")
    assert at_most(file) == 0


def test_a_reader_tells_its_place(tmp_path: Path) -> None:
    def fussy(value: object) -> None:
        raise Misfit("is odd", "field")

    with pytest.raises(DataError, match="f: line 1: field is odd"):
        list(read_lines(packed(tmp_path / "f", b"{}\n"), fussy, 1))
