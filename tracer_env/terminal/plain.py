"""Plain text: what a model wrote, made safe to print.

A control character can clear a terminal, a bidirectional mark can reorder a line, a lone surrogate cannot
be encoded at all. `visible` spells such characters out, so that a text shows what it is and does nothing.
`command` writes what is to be pasted into a shell, which then means exactly these words; `as_json` writes JSON in
which the same characters are escaped. All that is printed goes through these (`screen`).
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import PurePath
from typing import Any

__all__ = ["as_json", "command", "visible"]

# Controls (but tab and line feed), soft hyphen, marks of direction, odd spaces of width zero (joiners are
# kept, since scripts and emoji need them), line separators, surrogates, non-characters, tags.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""Return ``text`` with unseen characters spelled out (``\x1b``), line ends as ``\n`` and tabs as spaces."""
    return _UNSEEN.sub(_spelled, text.replace("\r\n", "\n")).expandtabs(4)


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def as_json(data: Any, indent: int | None = None) -> str:
    """Return data as JSON in which no character acts: what `visible` spells out is escaped inside the strings."""
    written = json.dumps(data, ensure_ascii=False, allow_nan=False, indent=indent)
    return _UNSEEN.sub(lambda match: json.dumps(match[0])[1:-1] if match[0] != "\x7f" else "\\u007f", written)


def command(*words: str | PurePath) -> str:
    """Return the words as a shell takes them: pasted, they are these words and nothing is expanded or run.

    A path that begins with a dash is written so that it is no option. What cannot be shown, and the quotation
    marks that `narrow` would turn into those of the shell, is spelled out in the form ``$'...'``, which bash, zsh and
    ksh read; to others it is some other word, and as harmless.
    """
    return " ".join(map(_word, words))


def _word(word: str | PurePath) -> str:
    text = str(word)
    if isinstance(word, PurePath) and text.startswith("-"):
        text = f"./{text}"
    if not re.search(r"[\n\t‘’“”]", text) and not _UNSEEN.search(text):
        return shlex.quote(text)
    return "$'" + "".join(map(_in_ansi_quotes, text)) + "'"


def _in_ansi_quotes(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if character in "'\\!" or code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    if character not in "‘’“”" and not _UNSEEN.match(character):
        return character
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
