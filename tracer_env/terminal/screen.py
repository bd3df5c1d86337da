"""The screen: the one way by which anything is printed, on stdout and stderr alike.

    say(f"run     {path}")          a line, or several
    complain(f"error: {message}")   the same on stderr
    say_json(data)                  one JSON document
    say_json_list(items)            one JSON list, an item at a time
    Screen().print(table)           what rich draws: tables, panels, bars

Ids, paths, names and messages come from files and models, so nothing that is printed is taken for more than text:
characters that would steer a terminal are spelled out (`plain.visible`), and nothing is read as rich's markup. The
colours and cursor movements of rich itself pass, since they are no text.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from tracer_env.terminal.narrow import holds_all
from tracer_env.terminal.plain import as_json, visible

__all__ = ["Screen", "complain", "say", "say_json", "say_json_list"]


class Screen(Console):
    """A rich console on which texts only show: no markup, no emoji codes, no character that acts."""

    def __init__(self, stderr: bool = False, **settings: Any) -> None:
        super().__init__(stderr=stderr, markup=False, highlight=False, emoji=False, **settings)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as rich does, with each text made visible; every nested piece comes by here too."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


def say(text: str = "", end: str = "\n") -> None:
    """Print a text on stdout."""
    print(visible(text), end=end)


def complain(text: str) -> None:
    """Print a text on stderr, at once."""
    print(visible(text), file=sys.stderr, flush=True)


def say_json(data: Any) -> None:
    """Print one JSON document on stdout, in ASCII where the terminal or pipe lacks characters."""
    print(_holdable(as_json(data, indent=1)))


def say_json_list(items: Iterable[Any]) -> None:
    """Print a JSON list on stdout, each item as soon as it comes; the bytes are those of `say_json`."""
    between = "["
    for item in items:
        text = _holdable(as_json(item, indent=1))
        print(between + "\n " + text.replace("\n", "\n "), end="")
        between = ","
    print("[]" if between == "[" else "\n]")


def _holdable(text: str) -> str:
    return text if holds_all(sys.stdout) else re.sub(r"[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], text)
