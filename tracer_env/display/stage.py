"""Stage: an episode that is higher than the terminal, one turn at a time.

    method, task                         episode, world, seed
    the question, folded                 gold
    ‹ the strip: each turn's role, action and verdict, the current one marked ›
    the current turn in full, page by page where it is long
    the answer                           calls, tokens

`fits` says whether an episode needs it; `Stage` draws one turn of it in exactly so many lines, so that nothing scrolls.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.rule import Rule
from rich.segment import Segment
from rich.text import Text

from tracer_env.display.scene import WIDEST, answered, cost, heading, render, turns_of
from tracer_env.display.texts import Beside, Folded, one_line
from tracer_env.display.turns import ROLES
from tracer_env.episodes.transcript import Transcript, TurnRecord
from tracer_env.types import Action, Grade, Role, Utterance

__all__ = ["Stage", "fits", "strip"]

_CELL = 16  # columns of a turn in the strip
_MARKS = {Grade.CORRECT: ("✓", "green"), Grade.WRONG: ("✗", "red"), Grade.UNPARSABLE: ("✗", "red")}
_LEAST = 3  # lines for the current turn, however low the terminal is
Line = list[Segment]


def fits(transcript: Transcript, console: Console, below: int) -> bool:
    """Return whether the whole episode leaves ``below`` lines of the terminal free."""
    return len(_lines(render(transcript), console)) + below <= console.height


def strip(transcript: Transcript, current: int | None, width: int) -> tuple[Text, Text]:
    """Return two lines: number and role of each turn, and what it did; ``current`` is the place of the marked one.

    Where not all turns have room, those round the current one are shown, between arrows.
    """
    turns, room = turns_of(transcript), max(1, width // _CELL)
    first, end = 0, len(turns)
    if end > room:
        room = max(1, (width - 4) // _CELL)
        first = min(max(0, (current or 0) - room // 2), end - room)
        end = first + room
    upper = Text(("‹ " if first else "  ") * (len(turns) > room), "bold", no_wrap=True)
    lower = Text("  " * (len(turns) > room), no_wrap=True)
    for place in range(first, end):
        turn, marked = turns[place].turn, place == current
        style = f"bold black on {ROLES[turn.role]}" if marked else f"bold {ROLES[turn.role]}"
        upper.append(f"{turn.turn} {turn.role.name.lower()}"[: _CELL - 1], style)
        _pad(upper, lower, did(turn, turns[place].pending))
    upper.append("›" if end < len(turns) else "", "bold")
    return upper, lower


def did(turn: TurnRecord, pending: Utterance | None) -> Text:
    """Return what a turn came to in a few letters: the action, and the grade or verdict of what was said."""
    if turn.utterance is None or turn.action is Action.SKIP:
        return Text("SKIP", "dim")
    said = turn.utterance
    if turn.role is Role.PROPOSER:
        mark, style = _MARKS.get(said.grade, ("?", "yellow")) if said.grade is not None else ("?", "yellow")
        word = one_line(said.answer) if said.answer is not None else "none"
    else:
        known = pending is not None and pending.grade in _MARKS and said.verdict.name != "NONE"
        well = known and pending is not None and said.verdict.fits(pending.grade is Grade.CORRECT)
        mark, style = (("✓", "green") if well else ("✗", "red")) if known else ("?", "yellow")
        word = said.verdict.name
    told = Text.assemble(("SPEAK ", "bold"), (f"{mark} {word}", style))
    told.truncate(_CELL - 2, overflow="ellipsis")
    return told


def _pad(upper: Text, lower: Text, told: Text) -> None:
    start = lower.cell_len
    lower.append_text(told)
    upper.append(" " * (start + _CELL - upper.cell_len))
    lower.append(" " * (start + _CELL - lower.cell_len))


@dataclass
class Stage:
    """One episode on a terminal; made anew when either changes.

    `pages` of each turn are counted from the height that is left for it, which the question's folding leaves.
    """

    transcript: Transcript
    console: Console
    below: int = 1  # lines for the status
    _turns: dict[int, list[Line]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        width, height = self.console.width, self.console.height
        asked = Folded(self.transcript.task.question, "bold", max(3, height // 7))
        gold = Text.assemble(("gold ", "dim"), (one_line(self.transcript.task.answer), "bold green"))
        gold.truncate(min(width, WIDEST), overflow="ellipsis")
        self._top: list[Line] = []
        for part in (heading(self.transcript), asked, gold):
            self._top += _lines(part, self.console)
        foot = answered(self.transcript)
        end = foot if self.transcript.failed else Beside(foot, cost(self.transcript))
        self._end = _lines(Rule(style="bright_black"), self.console) + _lines(end, self.console)
        self._room = max(_LEAST, height - self.below - len(self._top) - 4 - len(self._end))

    def pages(self, turn: int) -> int:
        """Return how many pages a turn has."""
        lines = len(self._of(turn))
        return 1 if lines <= self._room else -(-lines // (self._room - 1))

    def page(self, turn: int, page: int) -> Page:
        """Return a page of a turn, in as many lines as the terminal has less those below."""
        lines, rule = self._of(turn), _lines(Rule(style="bright_black"), self.console)
        shown = lines
        if len(lines) > self._room:
            step = self._room - 1
            shown = lines[page * step : (page + 1) * step]
            rest = len(lines) - (page + 1) * step
            more = f"   ⋯ {rest} more line{'s' * (rest != 1)}: space" if rest > 0 else ""
            shown = [*shown, *[[Segment("")]] * (step - len(shown)), *_lines(Text(more, "bold yellow"), self.console)]
        filled = [*shown, *[[Segment("")]] * (self._room - len(shown))]
        upper, lower = strip(self.transcript, turn, min(self.console.width, WIDEST))
        bar = [*_lines(upper, self.console), *_lines(lower, self.console)]
        return Page([*self._top, *rule, *bar, *rule, *filled, *self._end])

    def _of(self, turn: int) -> list[Line]:
        if turn not in self._turns:
            self._turns = {turn: _lines(turns_of(self.transcript, whole=True)[turn], self.console)}
        return self._turns[turn]


@dataclass(frozen=True)
class Page:
    """Lines that were rendered for the terminal at hand."""

    lines: list[Line]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines:
            yield from line
            yield Segment.line()


def _lines(part: RenderableType, console: Console) -> list[Line]:
    return console.render_lines(Constrain(part, WIDEST), pad=False)
