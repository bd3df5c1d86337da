"""Texts of strangers on a screen: broken to the width at hand, folded in the middle, set beside one another.

`Folded` keeps the head and the tail of a long text, since answers stand at the end. `Beside` puts two short texts on
one line where both fit and on two where they do not, so that neither is cut.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tracer_env.terminal.plain import visible

__all__ = ["Beside", "Folded", "one_line"]

_LINES = 14  # a text of more lines is folded
_HEAD, _TAIL = 8, 4  # what is kept of it
_CHARACTERS = 20_000  # beyond this the middle is cut before any line is broken
_ON_ONE_LINE = 2000  # characters of an answer or a name


@dataclass(frozen=True, slots=True)
class Folded:
    """A text broken to the width at hand; of more than ``lines`` lines the middle is folded away.

    At least 3 lines stay; ``lines=None`` folds nothing but the middle of a text beyond 100,000 characters.
    """

    text: str
    style: str = ""
    lines: int | None = _LINES

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown, half = self.text, (_CHARACTERS if self.lines is not None else 5 * _CHARACTERS) // 2
        if len(shown) > 2 * half:
            shown = f"{shown[:half]}\n⋯ {len(shown) - 2 * half:,} characters ⋯\n{shown[-half:]}"
        lines = Text(visible(shown).strip("\n"), style=self.style).wrap(console, options.max_width)
        if self.lines is None or len(lines) <= self.lines:
            yield from lines
            return
        head, tail = (_HEAD, _TAIL) if self.lines == _LINES else (max(1, self.lines - 2), 1)
        yield from lines[:head]
        yield Text(f"⋯ {len(lines) - head - tail} lines folded ⋯", style="dim")
        yield from lines[-tail:]


@dataclass(frozen=True, slots=True)
class Beside:
    """Two texts, left and right on one line, or below one another where the line is too short for both."""

    left: Text
    right: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        free = options.max_width - self.left.cell_len - self.right.cell_len
        if free >= 2 and "\n" not in self.left.plain:
            yield Text.assemble(self.left, " " * free, self.right)
        else:
            yield from (self.left, self.right)


def one_line(text: str) -> str:
    """Return a text on one line, its middle cut away where it is longer than anybody reads."""
    half = _ON_ONE_LINE // 2
    cut = text if len(text) <= _ON_ONE_LINE else f"{text[:half]}⋯ {len(text) - 2 * half:,} characters ⋯{text[-half:]}"
    return visible(cut).replace("\n", " ")
