"""Plain text: what a model wrote, made safe to print.

A control character can clear a terminal, a bidirectional mark can reorder a line, a lone surrogate cannot
be encoded at all. `visible` spells such characters out, so that a text shows what it is and does nothing.
"""

from __future__ import annotations

import re

__all__ = ["visible"]

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
