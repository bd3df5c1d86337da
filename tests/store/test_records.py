"""Records: bit for bit what was put in, and nothing that is none."""

from __future__ import annotations

import math
import struct
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_env.store.records import Record, checksum, packed, unpacked

NARROW = st.floats(max_value=0, allow_nan=False, allow_infinity=False, width=32)
WIDE = st.floats(max_value=0, allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


def bits(values: tuple[float, ...]) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


@given(st.data(), TEXTS, st.sampled_from(["stop", "length"]), st.integers(0, 6), st.booleans())
def test_what_is_unpacked_is_what_was_packed_bit_for_bit(
    data: st.DataObject, text: str, finish: str, steps: int, narrow: bool
) -> None:
    numbers = st.lists(NARROW if narrow else WIDE, min_size=steps, max_size=steps).map(tuple)
    ids = st.lists(st.integers(0, 2**32 - 1), min_size=steps, max_size=steps).map(tuple)
    record = Record(
        finish,  # type: ignore[arg-type]
        text,
        data.draw(TEXTS),
        data.draw(ids),
        data.draw(numbers),
        data.draw(numbers),
        tuple(data.draw(numbers) for _ in range(steps)),
        data.draw(st.none() | st.tuples(st.integers(0, 10**9), st.integers(0, 10**9))),
        data.draw(st.integers(0, 9)),
        data.draw(TEXTS),
    )
    found = unpacked(packed(record))
    assert found == record
    assert bits(found.logprobs + found.own) == bits(record.logprobs + record.own)
    assert packed(found) == packed(record)


def test_minus_zero_and_minus_infinity_keep_their_bits() -> None:
    record = Record("stop", token_ids=(1,), logprobs=(-0.0,), own=(-1e-45,), watched=((-math.inf, 0.1),))
    found = unpacked(packed(record))
    assert math.copysign(1, found.logprobs[0]) == -1
    assert found == record


def wire(**fields: object) -> bytes:
    return msgspec.msgpack.encode({"f": "stop", **fields})


FLOATS = b"d" + struct.pack("<2d", -1.0, -2.0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        packed(Record("stop"))[:-1],
        packed(Record("stop")) + b"\x00",
        msgspec.msgpack.encode({"f": "end"}),
        msgspec.msgpack.encode({}),
        wire(z=1),
        wire(t=b"text"),
        wire(i=b"123"),
        wire(l=b"x12345678"),
        wire(l=b"f123"),
        wire(i=b"1234", l=FLOATS),
        wire(l=b"d" + struct.pack("<d", math.nan)),
        wire(l=b"d" + struct.pack("<d", -math.inf)),
        wire(o=b"d" + struct.pack("<d", 0.5)),
        wire(w=FLOATS),
        wire(i=b"1234", w=FLOATS, n=2),
        wire(i=b"12341234", w=b"d" + struct.pack("<3d", 0, 0, 0), n=2),
        wire(i=b"1234", w=b"d" + struct.pack("<d", math.nan), n=1),
        wire(d=-1),
        wire(u=[1, 10**10]),
        wire(u=[1]),
        wire(n=10**12),
    ],
)
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which of its words is nobody's affair: it counts as damaged
        unpacked(data)


def test_what_is_too_long_is_not_kept() -> None:
    with pytest.raises(ValueError, match="at most"):
        packed(Record("stop", "x" * (33 << 20)))
    with pytest.raises(ValueError, match="different lengths"):
        packed(Record("stop", token_ids=(1, 2), watched=((1.0,), (1.0, 2.0))))


def test_a_checksum_belongs_to_one_key_and_every_bit() -> None:
    data = packed(replace(Record("stop"), text="four"))
    told = checksum(b"k" * 32, data)
    assert told != checksum(b"l" * 32, data)
    for place in range(len(data)):
        for bit in range(8):
            other = bytearray(data)
            other[place] ^= 1 << bit
            assert checksum(b"k" * 32, bytes(other)) != told
