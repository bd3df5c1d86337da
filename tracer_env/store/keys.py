"""What an answer hangs on, as 32 bytes: equal keys, equal answers.

    key = blake2b( source | prompt | seed | candidate )

``source`` is what asks of one kind have in common, as canonical JSON: the engine and its model, the adapter, the
settings of sampling. A ``Prompt`` is the exact token ids, or the messages where a server makes the tokens. Both enter
by their digests, so no end of one can pass for the beginning of the other. How a task is called, which run asks, and
where a model lies enter nowhere.
"""

from __future__ import annotations

import hashlib
import json
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

__all__ = ["Prompt", "key_of", "prompt_of_data", "prompt_of_ids", "source_of"]

_SIZE = 32
_WORD = "I"  # 4 bytes, as checked by a test


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model reads: ``form`` is ``ids`` (little-endian 32-bit numbers) or ``json`` (canonical)."""

    form: str
    data: bytes
    digest: bytes  # 32 bytes

    @classmethod
    def of(cls, form: str, data: bytes) -> Prompt:
        """Return the prompt of these bytes."""
        return cls(form, data, _hash(b"prompt", form.encode() + b"\0" + data))


def prompt_of_ids(ids: Sequence[int]) -> Prompt:
    """Return the prompt of token ids, each from 0, below 2**32."""
    words = array(_WORD, ids)
    if sys.byteorder == "big":
        words.byteswap()
    return Prompt.of("ids", words.tobytes())


def prompt_of_data(data: Any) -> Prompt:
    """Return the prompt of plain data, such as the messages of a chat."""
    return Prompt.of("json", _canonical(data).encode())


def source_of(**facts: Any) -> str:
    """Return the canonical text of what asks of one kind have in common: plain data, sorted by name."""
    return _canonical(facts)


def key_of(source: str, prompt: Prompt, seed: int, candidate: int = 0) -> bytes:
    """Return the key of an answer: 32 bytes. ``seed`` and ``candidate`` lie from 0, below 2**64.

    An engine that draws by the seed alone has a seed for each candidate, and leaves ``candidate`` at 0.
    """
    numbers = seed.to_bytes(8, "little") + candidate.to_bytes(8, "little")
    return _hash(b"said", _source_digest(source) + prompt.digest + numbers)


def _canonical(data: Any) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


@lru_cache(maxsize=256)
def _source_digest(source: str) -> bytes:
    return _hash(b"source", source.encode())


def _hash(what: bytes, data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_SIZE, person=b"utterance " + what).digest()
