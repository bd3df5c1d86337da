"""What tokenizers and chat templates do on their own, and prompts must not hang on: today's date, an end at the end.

Some templates print the date (``strftime_now``, or ``date_string`` where it is given), so the same settings would make
another prompt tomorrow: it is pinned (setting ``date``) and stands in the record. Some tokenizers append the token that
ends a text to whatever they encode; a prompt that ends so is over before its reply has begun.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from tracer_env.errors import ConfigError

__all__ = ["TODAY", "pinned", "without_end"]

TODAY = "2026-01-01"
"""The date that templates are told unless somebody sets another."""
_ASKS = ("strftime_now", "date_string")
_CLOCK = re.compile(r"""strftime_now\(\s*(["'])([^"'\\{}]*)\1\s*\)""")
_WRITTEN = "%d %b %Y"  # as templates write it themselves where they have the clock


def pinned(date: str, tokenizer: Any) -> dict[str, str]:
    """Return what `apply_chat_template` is given besides for the date; nothing where the template asks for none.

    That is the template with the clock's answers written into it (a library passes on no function): each
    ``strftime_now`` with a format of its own answers in that format, any other in that of ``date_string``. Raises
    ConfigError when ``date`` is none such as 2026-01-31.
    """
    try:
        day = datetime.strptime(date, "%Y-%m-%d")
    except (TypeError, ValueError):
        raise ConfigError(f"speaker.date must be a date such as {TODAY}, got {date!r:.80}") from None
    if tokenizer.chat_template is None:
        return {}
    template, usual = str(tokenizer.get_chat_template()), day.strftime(_WRITTEN)
    if not any(word in template for word in _ASKS):
        return {}
    told = _CLOCK.sub(lambda found: f"{found[1]}{day.strftime(found[2])}{found[1]}", template)
    macro = f"{{%- macro strftime_now(format) -%}}{usual}{{%- endmacro -%}}"
    return {"chat_template": macro + told, "date_string": usual}


def without_end(ids: Sequence[int], ends: Collection[int]) -> tuple[int, ...]:
    """Return the ids of a prompt without end tokens behind its last word."""
    last = len(ids)
    while last and ids[last - 1] in ends:
        last -= 1
    return tuple(ids[:last])
