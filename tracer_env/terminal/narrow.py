r"""Terminals and pipes that cannot show every character: plain letters instead of a crash after the work is done.

    with printable():            # stdout and stderr, while a command runs
        print("Δ ±")             # prints "d +-" where the encoding is ascii, "d ±" where it is cp1252

What we draw ourselves (signs, bars, box lines) has a plain stand-in; any other character that the encoding lacks is
spelled as ``\u00e9``, and half of a surrogate pair, which no encoding has, as ``\ud800``. JSON documents stay
exact: `holds_all` says when a writer has to escape by itself.
"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TextIO

__all__ = ["holds_all", "plain_letters", "printable"]

_HANDLER = "tracer_env.plain_letters"
_STAND_INS = {
    **dict.fromkeys("─━╌╍┄┅╴╶╸╺−–—‐‑", "-"),
    **dict.fromkeys("│┃║╎┆┊", "|"),
    **dict.fromkeys("═", "="),
    **dict.fromkeys("└┘┌┐├┤┬┴┼", "+"),
    **dict(zip("▁▂▃▄▅▆▇█▏▎▍▌▋▊▉", "_.:-=+*#|||||##", strict=True)),
    **{"Δ": "d", "±": "+-", "→": ">", "←": "<", "…": "...", "⋯": "...", "·": ".", "•": "*", "²": "2", "×": "x"},
    **{"✓": "v", "✗": "x", "⚠": "!", "≤": "<=", "≥": ">=", "≈": "~", "‘": "'", "’": "'", "“": '"', "”": '"'},
    **{"\u00a0": " ", "\u202f": " "},
}


def plain_letters(text: str) -> str:
    """Return ``text`` in ASCII: stand-ins for what we draw, escapes for everything else."""
    return "".join(character if character.isascii() else _plain(character) for character in text)


def holds_all(stream: TextIO) -> bool:
    """Return whether a stream's encoding has every character."""
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-")
    return encoding.startswith(("utf-8", "utf-16", "utf-32", "utf8"))


@contextmanager
def printable() -> Iterator[None]:
    """Let stdout and stderr write what they can and plain letters for the rest, until the block ends."""
    codecs.register_error(_HANDLER, _replace)
    streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, TextIOWrapper)]
    before = [stream.errors for stream in streams]
    for stream in streams:
        stream.reconfigure(errors=_HANDLER)
    try:
        yield
    finally:
        for stream, errors in zip(streams, before, strict=True):
            if not stream.closed:
                stream.reconfigure(errors=errors)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain_letters(error.object[error.start : error.end]), error.end


def _plain(character: str) -> str:
    if (known := _STAND_INS.get(character)) is not None:
        return known
    code = ord(character)
    if 0x2500 <= code < 0x2580:
        return "+"  # corners and crossings of boxes
    if 0x2800 <= code < 0x2900:
        return "*"  # what turns while we wait is drawn in Braille
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
