"""Reasoning blocks: what a model writes for itself before it speaks, and what is left when that is not read.

    <think>The answer is B?</think>C        C is read
    B, I suppose</think>C                   C is read: the block was opened in the prompt
    C <think>or perhaps                     nothing is read: the block is not closed, so it is unknown what was said

Names count in any case, ``<think >`` and ``<think effort="low">`` too, blocks may stand in one another, and a closing
tag closes what was opened inside of it. Reading leaves blocks out, and so do the prompts of others (`hearing`);
transcripts and token counts keep them. Which names are left out is the setting ``unread`` of a scenario (default
`UNREAD`; none: all is read).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

__all__ = ["UNREAD", "check_unread", "spoken", "unread_of"]

UNREAD = ("think", "thinking", "reasoning")
"""Names of the blocks that reading leaves out unless a scenario says otherwise."""
_NAME = re.compile(r"[A-Za-z][\w-]{0,31}")


def check_unread(names: object) -> tuple[str, ...]:
    """Return the names of blocks as a tuple; raises ValueError with the reason when they are none."""
    if isinstance(names, str) or not isinstance(names, Collection):
        raise ValueError(f"must be a list of names such as {list(UNREAD)}, got {names!r:.80}")
    for name in names:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"must hold names such as 'think', got {name!r:.80}")
    return tuple(names)


def unread_of(scenario: object) -> tuple[str, ...]:
    """Return the names of the blocks that a scenario leaves out of reading: its own ``unread``, else `UNREAD`."""
    return tuple(getattr(scenario, "unread", UNREAD))


def spoken(text: str, unread: tuple[str, ...] = UNREAD) -> str | None:
    """Return ``text`` without its reasoning blocks, or None when one of them is not closed."""
    if "<" not in text or not unread:
        return text
    kept: list[str] = []
    opened: list[str] = []
    start = 0
    for tag in _tags(unread).finditer(text):
        name = tag["name"].lower()
        if not tag["close"]:
            if not opened:
                kept.append(text[start : tag.start()])
            opened.append(name)
        elif name in opened:
            while opened.pop() != name:
                pass
        else:  # opened before the text began: what stands before is unread
            kept, opened = [], []
        start = tag.end()
        if len(opened) > _MAX_OPEN:
            return None
    return None if opened else "".join([*kept, text[start:]])


_MAX_OPEN = 50


@lru_cache(maxsize=16)
def _tags(unread: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(map(re.escape, unread))
    return re.compile(rf"<(?P<close>/?)(?P<name>{names})(?:[ \t][^<>\n]{{0,80}})?>", re.IGNORECASE)
