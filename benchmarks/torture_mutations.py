"""Mutations of the files that a stranger could send: JSON, gzipped lines, archives of arrays, tensors, bare bytes.

    json_text(rng, content)      a value replaced, taken away, doubled or added, somewhere in the document
    lines(rng, content)          likewise in one line of a gzip file
    arrays(rng, content)         likewise among the arrays of an npz file
    tensors(rng, content)        likewise among the tensors of a safetensors file, or in its head

Each takes a good file and gives another; one in four is cut, flipped or recoded as bytes instead. The values are those
that readers are known to stumble over: other kinds, bounds passed by one, numbers beyond all bounds, depth, surrogates,
terminal codes, paths that climb, names that would be imported, pickles.
"""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Mutate", "arrays", "json_text", "lines", "raw_bytes", "tensors"]

Mutate = Callable[[random.Random, bytes], bytes]

_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 2.5, -0.0, 1e308, 10**9, 10**30, -(2**31), 2**31, 2**53 + 1, 2**63),
    *("", "1", "true", "null", "x", "\x1b[2J", "a\nb", "../../x", "/etc/passwd", "os:abort", "code:interact"),
    *("(([a-z._0-9]+)+)+!", "[bold]", "$(touch X)", [], {}, [[]], [1, 2], [None], {"x": 1}, {"": []}),
)
_RAW = (
    *("NaN", "Infinity", "-Infinity", "1e999", "9" * 400, "9" * 5000, '"\\ud800"', '{"\\udfff": 1}', "-0", "1.0"),
    *("[" * 10_000 + "]" * 10_000, '{"a":' * 5_000 + "1" + "}" * 5_000, "[" * 70 + "]" * 70),
    *("[" + "0," * 100_000 + "0]", '"' + "x" * 1_000_000 + '"', '{"a": 1, "a": 2}', '"\\u0000"'),
)
_MARK = "@@{}@@"


def raw_bytes(rng: random.Random, content: bytes) -> bytes:
    """Cut, flip, insert, double or recode."""
    place = rng.randrange(len(content) + 1)
    kind = rng.randrange(9)
    if kind < 3:
        flipped = bytearray(content)
        for _ in range(rng.randint(1, 8)):
            flipped[rng.randrange(len(flipped))] = rng.randrange(256)
        return bytes(flipped)
    if kind == 3:
        return content[:place]
    if kind == 4:
        return content[:place] + rng.randbytes(rng.randint(1, 40)) + content[place:]
    if kind == 5:
        return content[:place] + content[place // 2 :]
    if kind == 6:
        return b"\xef\xbb\xbf" + content
    if kind == 7:
        return content.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-32", "utf-8")))
    return rng.choice((b"", b"\0" * 100, rng.randbytes(300), b"[" * 100_000, b"{}", b"[]", b"null", b"\xff\xfe"))


def json_text(rng: random.Random, content: bytes) -> bytes:
    """Change one to three values of a document."""
    if rng.random() < 0.25:
        return raw_bytes(rng, content)
    return _written(_changed(rng, json.loads(content)))


def lines(rng: random.Random, content: bytes) -> bytes:
    """Change a line of a gzip file, the number of its lines, or the file itself."""
    if rng.random() < 0.2:
        return raw_bytes(rng, content)
    rows = gzip.decompress(content).splitlines()
    place = rng.randrange(len(rows))
    kind = rng.random()
    if kind < 0.75:
        rows[place] = _written(_changed(rng, json.loads(rows[place]))).rstrip(b"\n")
    elif kind < 0.85:
        rows[place] = raw_bytes(rng, rows[place])
    else:
        rows = rng.choice(([*rows, rows[place]], rows[:place] + rows[place + 1 :], rows[::-1], [b" " * 20_000_000]))
    return gzip.compress(b"\n".join(rows) + b"\n", compresslevel=1)


class _Canary:
    """Unpickled, it opens a file for writing, which the sweep notices."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, ("/tmp/unpickled", "w")


def arrays(rng: random.Random, content: bytes) -> bytes:
    """Change an array's values, kind or shape; take one away; add one."""
    if rng.random() < 0.25:
        return raw_bytes(rng, content)
    with np.load(io.BytesIO(content)) as stored:
        found = dict(stored)
    name = rng.choice(sorted(found))
    array = found[name]
    kind = rng.randrange(8)
    if kind < 3:
        changed = array.astype(rng.choice((array.dtype, np.int64)))
        changed[rng.randrange(len(changed)), rng.randrange(changed.shape[1])] = rng.choice((-1, 0, 1, 2, 3, 5, 100))
        found[name] = changed
    elif kind == 3:
        wanted = rng.choice(("f2", "f8", "c16", "M8[s]", "m8[D]", "U3", "S2", "O", ">i4", ">i8", "u8", "?", "V4", "i1"))
        found[name] = array.astype(np.int64).astype(wanted) if wanted != "V4" else array.view("V1")
    elif kind == 4:
        found[name] = rng.choice((array.T, array[:0], array[..., None], array[:1], np.int8(3), array.ravel()))
    elif kind == 5:
        found[rng.choice(("x", "../x", name + "_", "grade_99"))] = found.pop(name) if rng.random() < 0.5 else array
    elif kind == 6:
        found[name] = np.full(array.shape, rng.choice((2**62, -(2**62), 257, -129, 10**6)))
    else:
        found[name] = np.full(array.shape, _Canary(), dtype=object)
    buffer = io.BytesIO()
    (np.savez_compressed if rng.random() < 0.7 else np.savez)(buffer, **found)
    return buffer.getvalue()


def tensors(rng: random.Random, content: bytes) -> bytes:
    """Change a tensor's values, kind, shape or name, or the head of the file."""
    import torch
    from safetensors.torch import load, save

    if rng.random() < 0.25:
        return raw_bytes(rng, content)
    if rng.random() < 0.3:
        size = int.from_bytes(content[:8], "little")
        head = _written(_changed(rng, json.loads(content[8 : 8 + size])))
        claimed = rng.choice((len(head), len(head), len(head), 1 << 62, 3))
        return claimed.to_bytes(8, "little") + head + content[8 + size :]
    found = load(content)
    name = rng.choice(sorted(found))
    tensor = found[name]
    kind = rng.randrange(6)
    if kind == 0 and tensor.numel():
        tensor.view(-1)[rng.randrange(tensor.numel())] = rng.choice(
            (float("nan"), float("inf"), -float("inf"), -1.0, 3e38)
        )
    elif kind == 1:
        found[name] = tensor.to(rng.choice((torch.int32, torch.bool, torch.float16, torch.float64, torch.complex64)))
    elif kind == 2:
        shapes = (
            tensor[None],
            tensor.reshape(-1),
            tensor.reshape(-1)[:0],
            torch.ones(()),
            torch.ones(100, 1),
            torch.ones(3, 3),
        )
        found[name] = rng.choice(shapes).clone()
    elif kind == 3:
        del found[name]
    elif kind == 4:
        found[rng.choice((name + "x", "", "\x1b[2J", "../" + name, "a" * 5000))] = tensor.clone()
    else:
        found = {name: tensor.clone()}
    return save({key: each.contiguous() for key, each in found.items()})


# -- inside --------------------------------------------------------------------------------------


def _changed(rng: random.Random, data: Any) -> Any:
    for _ in range(rng.randint(1, 3)):
        places = _places(data)
        if not places:
            return _value(rng)
        container, key = rng.choice(places)
        kind = rng.randrange(10)
        if kind < 6:
            container[key] = _value(rng)
        elif kind == 6:
            del container[key]
        elif kind == 7 and isinstance(container, dict):
            container[rng.choice(("extra", "../x", "\x1b[1m", "", key + "s", "x" * 5000))] = _value(rng)
        elif kind == 8:
            other, place = rng.choice(places)
            if _holds(other, place) and other[place] is not container:
                container[key] = json.loads(json.dumps(other[place]))
        elif isinstance(container[key], int | float) and not isinstance(container[key], bool):
            container[key] += rng.choice((-1, 1, 0.5, 1000, -(10**9)))
    return data


def _value(rng: random.Random) -> Any:
    number = rng.randrange(len(_VALUES) + len(_RAW))
    if number < len(_VALUES):
        return json.loads(json.dumps(_VALUES[number]))
    return _MARK.format(number - len(_VALUES))


def _written(data: Any) -> bytes:
    text = json.dumps(data)
    for number, raw in enumerate(_RAW):
        text = text.replace(f'"{_MARK.format(number)}"', raw)
    return text.encode() + b"\n"


def _holds(container: Any, key: Any) -> bool:
    return key in container if isinstance(container, dict) else isinstance(key, int) and key < len(container)


def _places(data: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) of a document, at most some thousands."""
    found: list[tuple[Any, Any]] = []
    waiting = [data]
    while waiting and len(found) < 4000:
        one = waiting.pop()
        keys = list(one) if isinstance(one, dict) else list(range(len(one))) if isinstance(one, list) else []
        for key in keys:
            found.append((one, key))
            waiting.append(one[key])
    return found
