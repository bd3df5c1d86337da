"""Scene: one episode as a rich renderable.

The question, then each turn with who acted, what was chosen and how likely that was, what both actions
were worth, what was said, what the speaker told of its words, what the other choice would have said where
that was drawn, the verdict, vote and tokens so far; last the answer against the gold one.

Texts come from models and data sets, so they are never read as markup, and characters that could steer a
terminal are spelled out (`plain`). Long texts are folded in the middle: answers stand at the end. Colours
are the terminal's own sixteen, so they fit its theme.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from tracer_env.episodes.choosing import flip
from tracer_env.episodes.transcript import Transcript, TurnRecord
from tracer_env.terminal.plain import visible
from tracer_env.types import Action, Grade, Role, Utterance, Verdict

__all__ = ["Folded", "flip", "pieces", "render"]

_ROLE = {Role.PROPOSER: "cyan", Role.REVIEWER: "magenta"}
_GRADE = {
    Grade.CORRECT: ("✓ correct", "green"),
    Grade.WRONG: ("✗ wrong", "red"),
    Grade.UNPARSABLE: ("✗ no answer found", "red"),
    Grade.TIMEOUT: ("? the checker ran out of time", "yellow"),
    None: ("? not graded", "yellow"),
}
_LINES = 14  # a text of more lines is folded
_HEAD, _TAIL = 8, 4  # what is kept of it
_CHARACTERS = 20_000  # beyond this the middle is cut before any line is broken
_ON_ONE_LINE = 2000  # characters of an answer or a name
_BAR = 10


@dataclass(frozen=True, slots=True)
class Folded:
    """A text broken to the width at hand, its middle folded away when it runs over many lines."""

    text: str
    style: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown, half = self.text, _CHARACTERS // 2
        if len(shown) > _CHARACTERS:
            shown = f"{shown[:half]}\n⋯ {len(shown) - 2 * half:,} characters ⋯\n{shown[-half:]}"
        lines = Text(visible(shown).strip("\n"), style=self.style).wrap(console, options.max_width)
        if len(lines) > _LINES:
            yield from lines[:_HEAD]
            yield Text(f"⋯ {len(lines) - _HEAD - _TAIL} lines folded ⋯", style="dim")
            yield from lines[-_TAIL:]
        else:
            yield from lines


def _short(text: str) -> str:
    """A text on one line, its middle cut away where it is longer than anybody reads."""
    half = _ON_ONE_LINE // 2
    cut = text if len(text) <= _ON_ONE_LINE else f"{text[:half]}⋯ {len(text) - 2 * half:,} characters ⋯{text[-half:]}"
    return visible(cut)


def render(transcript: Transcript) -> RenderableType:
    """Return the whole episode as one renderable, made for 80 columns and more."""
    return Group(*pieces(transcript))


def pieces(transcript: Transcript) -> Iterator[RenderableType]:
    """Yield the episode in the order in which it is told: the question, each turn, the end."""
    yield _opening(transcript)
    spent, pending = 0, None
    for turn in transcript.turns:
        spent += turn.utterance.tokens if turn.utterance is not None else 0
        yield _turn(turn, pending, spent)
        if turn.role is Role.PROPOSER and turn.utterance is not None:
            pending = turn.utterance
    yield _closing(transcript, spent)


def _opening(transcript: Transcript) -> RenderableType:
    task = transcript.task
    where = Text(no_wrap=True, overflow="ellipsis")
    where.append(_short(transcript.method), "bold")
    where.append(f"  {_short(task.scenario)} · {_short(task.id)}", "dim")
    place = Text(f"episode {transcript.episode} · world {transcript.world} · seed {transcript.seed}", "dim")
    gold = Text.assemble(("gold ", "dim"), (_short(task.answer), "bold green"))
    return Group(
        _sides(where, place),
        Rule(style="bright_black"),
        Padding(Group(Folded(task.question, "bold"), gold), (0, 2, 1, 2)),
    )


def _turn(turn: TurnRecord, pending: Utterance | None, spent: int) -> RenderableType:
    color, spoke = _ROLE[turn.role], turn.action is Action.SPEAK
    who = Text(no_wrap=True)
    who.append(f"{turn.turn:<2} ", "bold")
    who.append(f"{turn.role.name.lower()} ", f"bold {color}")
    who.append(f"agent_{turn.agent}", color)
    body = _silence(turn, pending)
    if turn.utterance is not None:
        outcome = _outcome(turn, turn.utterance, pending)
        outcome.append("   had it skipped: silence" if turn.free else "", "dim")
        body = [Folded(turn.utterance.text), *_told(turn.utterance), outcome]
    body[-1] = _sides(body[-1], Text(f"vote {_signed(turn.vote)} · {spent:,} tokens so far", "dim"))
    grid = Table.grid(expand=True)
    grid.add_column(width=1, style=f"on {color}" if spoke else "on bright_black")
    grid.add_column(width=1)
    grid.add_column(ratio=1)
    grid.add_row("", "", Group(_columns(who, _Choice(turn, color), _values(turn)), Padding(Group(*body), (0, 0, 0, 3))))
    return Padding(grid, (0, 0, 1, 0))


@dataclass(frozen=True, slots=True)
class _Choice:
    """The action and how likely SPEAK was, as a number and, where it fits, as a bar."""

    turn: TurnRecord
    color: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        spoke, likely = self.turn.action is Action.SPEAK, self.turn.speak_probability
        shown = Text(no_wrap=True, overflow="ellipsis")
        shown.append(
            f" {self.turn.action.name:^5} ", f"bold black on {self.color}" if spoke else "white on bright_black"
        )
        if not self.turn.free:
            yield shown.append("  no choice", "dim")
            return
        shown.append("  p(speak) ", "dim")
        shown.append(f"{likely:.2f} ")
        if options.max_width >= shown.cell_len + _BAR:
            filled = round(_BAR * min(max(likely, 0.0), 1.0))
            shown.append("━" * filled, self.color)
            shown.append("─" * (_BAR - filled), "bright_black")
        else:
            shown.rstrip()
        yield shown


def _values(turn: TurnRecord) -> Text:
    """What both actions were worth; the one taken stands out."""
    spoke = turn.action is Action.SPEAK
    drawn = "not drawn" if turn.speak_value is None else _signed(turn.speak_value)
    return Text.assemble(
        ("value: skip ", "dim"),
        (f"{_signed(turn.skip_value):>2}", "dim" if spoke else "bold"),
        ("  speak ", "dim"),
        (f"{drawn:>2}", "bold" if spoke else "dim"),
    )


def _outcome(turn: TurnRecord, said: Utterance, pending: Utterance | None) -> Text:
    """What an utterance came to: the grade of a proposal, whether a verdict was right."""
    if turn.role is Role.REVIEWER:
        words, style = _judgement(said, pending)
    else:
        words, style = _GRADE[said.grade]
        words += f" {_short(said.answer)}" if said.answer is not None else ""
    found = Text()
    found.append(words, f"bold {style}")
    if said.finish == "length":
        found.append("  cut at the token limit", "yellow")
    return found


def _told(said: Utterance) -> list[RenderableType]:
    """What a speaker told of its words, on one line: the mean log-probability, a verdict's margin, its own answer."""
    mean, margin = said.signals.logprob_mean, said.signals.margin
    parts = [] if mean is None else [f"log-probability {_decimal(mean, 3)} a token"]
    parts += [] if margin is None else [f"margin {_decimal(margin, 1)}"]
    parts += [_STATES[said.agrees]] if said.agrees else []
    return [Text(" · ".join(parts), "dim")] if parts else []


_STATES = {1: "states the same answer", -1: "states another answer"}


def _judgement(said: Utterance, pending: Utterance | None) -> tuple[str, str]:
    if said.verdict is Verdict.NONE:
        return "? no verdict found", "yellow"
    grade = None if pending is None else pending.grade
    if grade is None or grade is Grade.TIMEOUT:
        return f"? {said.verdict.name}, and the grade is unknown", "yellow"
    fits = said.verdict.fits(grade is Grade.CORRECT)
    return (f"✓ {said.verdict.name}: well judged", "green") if fits else (f"✗ {said.verdict.name}: misjudged", "red")


def _silence(turn: TurnRecord, pending: Utterance | None) -> list[RenderableType]:
    """A silent turn: what it left alone, and what speaking would have said."""
    shown = Text()
    if pending is None:
        shown.append("nothing is pending")
    else:
        shown.append("keeps " if turn.role is Role.PROPOSER else "leaves alone ")
        shown.append("an unreadable answer" if pending.answer is None else _short(pending.answer), "bold")
    if turn.other is None:
        shown.append("   had it spoken: not drawn" if turn.free else "", "dim")
        return [shown]
    outcome = _outcome(turn, turn.other, pending)
    outcome.stylize("dim")
    shown.append("   had it spoken: ", "dim")
    return [shown.append_text(outcome), Folded(turn.other.text, "dim italic"), *_told(turn.other)]


def _closing(transcript: Transcript, spent: int) -> RenderableType:
    if transcript.failed:
        return Group(Rule(style="bright_black"), Text.assemble(("failed   ", "bold red"), _short(transcript.failed)))
    final = transcript.final
    words, style = _GRADE[final.grade]
    end = Text.assemble(("answer ", "dim"), (_short(final.answer or "none"), f"bold {style}"))
    end.append(f" (turn {transcript.final_turn})   ", "dim")
    end.append_text(Text.assemble(("gold ", "dim"), (_short(transcript.task.answer), "bold"), "   "))
    end.append(words, f"bold {style}")
    marker = flip(transcript)
    if marker:
        end.append("   ")
        end.append(f" {marker} ", f"bold black on {style}")
    calls = sum(turn.utterance is not None for turn in transcript.turns)
    unsaid = sum(turn.other.tokens for turn in transcript.turns if turn.other is not None)
    cost = Text(f"{calls} calls · {spent:,} tokens", "dim")
    cost.append(f" · {unsaid:,} not said" if unsaid else "")
    return Group(Rule(style="bright_black"), _sides(end, cost))


def _signed(value: float) -> str:
    """A number with its sign as people write it: +1, −1, 0."""
    return "0" if value == 0 else f"{value:+g}".replace("-", "−")


def _decimal(value: float, digits: int) -> str:
    """A measured number with its sign, a large one by its magnitude."""
    shown = f"{value:+.{digits}f}" if abs(value) < 1e6 else f"{value:+.0e}"
    return shown.replace("-", "−")


def _sides(left: RenderableType, right: RenderableType) -> Table:
    grid = Table.grid(expand=True, padding=(0, 2, 0, 0))
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True, vertical="bottom")
    grid.add_row(left, right)
    return grid


def _columns(who: Text, choice: _Choice, values: Text) -> Table:
    grid = Table.grid(expand=True)
    grid.add_column(width=22, no_wrap=True)
    grid.add_column(ratio=1, no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_row(who, choice, values)
    return grid
