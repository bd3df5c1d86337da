"""One turn as a rich renderable: who acted, what was chosen, what it was worth, what was said, what would have been.

Below `WIDE` columns values stand in the turn's first line, from there on in a column beside what was said. ``blind``
leaves out all that the gold answer tells: grades, values, whether a verdict was right, and what was not said.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tracer_env.display.texts import Beside, Folded, one_line
from tracer_env.episodes.transcript import TurnRecord
from tracer_env.types import Action, Grade, Role, Utterance, Verdict

__all__ = ["GRADES", "ROLES", "WIDE", "Turn", "outcome", "signed", "told"]

WIDE = 120
"""So many columns have room for a turn's values beside it."""

ROLES = {Role.PROPOSER: "cyan", Role.REVIEWER: "magenta"}
GRADES = {
    Grade.CORRECT: ("✓ correct", "green"),
    Grade.WRONG: ("✗ wrong", "red"),
    Grade.UNPARSABLE: ("✗ no answer found", "red"),
    Grade.TIMEOUT: ("? the checker ran out of time", "yellow"),
    None: ("? not graded", "yellow"),
}
_STATES = {1: "states the same answer", -1: "states another answer"}
_BAR = 10
_FACTS = 30  # columns of the values beside a turn


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn, in as many lines as it needs.

    ``pending`` is the proposal before it, ``spent`` the tokens up to its end; ``whole`` folds nothing.
    """

    turn: TurnRecord
    pending: Utterance | None
    spent: int
    blind: bool = False
    whole: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        color, spoke = ROLES[self.turn.role], self.turn.action is Action.SPEAK
        wide = options.max_width >= WIDE
        who = Text.assemble(
            (f"{self.turn.turn:<2} ", "bold"),
            (f"{self.turn.role.name.lower()} ", f"bold {color}"),
            (f"agent_{self.turn.agent}", color),
        )
        foot = Text(f"vote {signed(self.turn.vote)} · {self.spent:,} tokens so far", "dim")
        said = self._said()
        if not wide:
            said[-1:] = [Beside(said[-1], foot)] if isinstance(said[-1], Text) else [said[-1], foot]
        head = _columns(who, _Choice(self.turn, color, not wide), Text() if wide or self.blind else _values(self.turn))
        grid = Table.grid(expand=True)
        grid.add_column(width=1, style=f"on {color}" if spoke else "on bright_black")
        grid.add_column(width=1)
        grid.add_column(ratio=1)
        row: list[RenderableType] = ["", "", Group(head, Padding(Group(*said), (0, 0, 0, 3)))]
        if wide:
            grid.add_column(width=3)
            grid.add_column(width=_FACTS)
            row += ["", self._facts(color, foot)]
        grid.add_row(*row)
        yield grid

    def _said(self) -> list[RenderableType]:
        turn, lines = self.turn, None if self.whole else 14
        if turn.utterance is None:
            return self._silence(lines)
        came_to = outcome(turn, turn.utterance, self.pending, self.blind)
        if turn.free and not self.blind:
            came_to.append("   had it skipped: silence", "dim")
        return [Folded(turn.utterance.text, lines=lines), *told(turn.utterance), came_to]

    def _silence(self, lines: int | None) -> list[RenderableType]:
        """A silent turn: what it left alone, and what speaking would have said."""
        turn, pending, shown = self.turn, self.pending, Text()
        if pending is None:
            shown.append("nothing is pending")
        else:
            shown.append("keeps " if turn.role is Role.PROPOSER else "leaves alone ")
            shown.append("an unreadable answer" if pending.answer is None else one_line(pending.answer), "bold")
        if self.blind:
            return [shown]
        if turn.other is None:
            shown.append("   had it spoken: not drawn" if turn.free else "", "dim")
            return [shown]
        came_to = outcome(turn, turn.other, pending)
        came_to.stylize("dim")
        shown.append("   had it spoken: ", "dim")
        return [shown.append_text(came_to), Folded(turn.other.text, "dim italic", lines), *told(turn.other)]

    def _facts(self, color: str, foot: Text) -> RenderableType:
        """What stands beside a turn on a wide terminal."""
        likely = Text("no choice", "dim")
        if self.turn.free:
            likely = Text.assemble(("p(speak) ", "dim"), f"{self.turn.speak_probability:.2f} ")
            likely.append_text(_bar(self.turn.speak_probability, color))
        values = [] if self.blind else [_values(self.turn)]
        return Group(likely, *values, *foot.split(" · "))


@dataclass(frozen=True, slots=True)
class _Choice:
    """The action and, where it is wanted, how likely SPEAK was, as a number and, where it fits, as a bar."""

    turn: TurnRecord
    color: str
    likely: bool

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        spoke, likely = self.turn.action is Action.SPEAK, self.turn.speak_probability
        shown = Text(no_wrap=True, overflow="ellipsis")
        shown.append(
            f" {self.turn.action.name:^5} ", f"bold black on {self.color}" if spoke else "white on bright_black"
        )
        if not self.likely:
            yield shown
            return
        if not self.turn.free:
            yield shown.append("  no choice", "dim")
            return
        shown.append("  p(speak) ", "dim")
        shown.append(f"{likely:.2f} ")
        if options.max_width >= shown.cell_len + _BAR:
            shown.append_text(_bar(likely, self.color))
        else:
            shown.rstrip()
        yield shown


def _bar(likely: float, color: str) -> Text:
    filled = round(_BAR * min(max(likely, 0.0), 1.0))
    return Text.assemble(("━" * filled, color), ("─" * (_BAR - filled), "bright_black"))


def _values(turn: TurnRecord) -> Text:
    """What both actions were worth; the one taken stands out."""
    spoke = turn.action is Action.SPEAK
    drawn = "not drawn" if turn.speak_value is None else signed(turn.speak_value)
    return Text.assemble(
        ("value: skip ", "dim"),
        (f"{signed(turn.skip_value):>2}", "dim" if spoke else "bold"),
        ("  speak ", "dim"),
        (f"{drawn:>2}", "bold" if spoke else "dim"),
    )


def outcome(turn: TurnRecord, said: Utterance, pending: Utterance | None, blind: bool = False) -> Text:
    """Return what an utterance came to: the grade of a proposal, whether a verdict was right."""
    if blind:
        words = f"says {said.verdict.name}" if turn.role is Role.REVIEWER else f"answers {one_line(said.answer or '?')}"
        style = "default"
    elif turn.role is Role.REVIEWER:
        words, style = _judgement(said, pending)
    else:
        words, style = GRADES[said.grade]
        words += f" {one_line(said.answer)}" if said.answer is not None else ""
    found = Text.assemble((words, f"bold {style}"))
    if said.finish == "length":
        found.append("  cut at the token limit", "yellow")
    return found


def told(said: Utterance) -> list[Text]:
    """Return what a speaker told of its words, on one line: mean log-probability, a verdict's margin, its own answer.

    Nothing where it told nothing.
    """
    mean, margin = said.signals.logprob_mean, said.signals.margin
    parts = [] if mean is None else [f"log-probability {_decimal(mean, 3)} a token"]
    parts += [] if margin is None else [f"margin {_decimal(margin, 1)}"]
    parts += [_STATES[said.agrees]] if said.agrees else []
    return [Text(" · ".join(parts), "dim")] if parts else []


def _judgement(said: Utterance, pending: Utterance | None) -> tuple[str, str]:
    if said.verdict is Verdict.NONE:
        return "? no verdict found", "yellow"
    grade = None if pending is None else pending.grade
    if grade is None or grade is Grade.TIMEOUT:
        return f"? {said.verdict.name}, and the grade is unknown", "yellow"
    fits = said.verdict.fits(grade is Grade.CORRECT)
    return (f"✓ {said.verdict.name}: well judged", "green") if fits else (f"✗ {said.verdict.name}: misjudged", "red")


def signed(value: float) -> str:
    """Return a number with its sign as people write it: +1, −1, 0."""
    return "0" if value == 0 else f"{value:+g}".replace("-", "−")


def _decimal(value: float, digits: int) -> str:
    """A measured number with its sign, a large one by its magnitude."""
    shown = f"{value:+.{digits}f}" if abs(value) < 1e6 else f"{value:+.0e}"
    return shown.replace("-", "−")


def _columns(who: Text, choice: _Choice, values: Text) -> Table:
    grid = Table.grid(expand=True)
    grid.add_column(width=22, no_wrap=True)
    grid.add_column(ratio=1, no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_row(who, choice, values)
    return grid
