"""Scene: one episode as a rich renderable.

The question, then each turn with who acted, what was chosen and how likely that was, what both actions
were worth, what was said, what the speaker told of its words, what the other choice would have said where
that was drawn, the verdict, vote and tokens so far (`turns`); last the answer against the gold one.

Texts come from models and data sets, so they are never read as markup, and characters that could steer a
terminal are spelled out (`plain`). Long texts are folded in the middle: answers stand at the end. Colours
are the terminal's own sixteen, so they fit its theme.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from tracer_env.display.texts import Beside, Folded, one_line
from tracer_env.display.turns import GRADES, ROLES, Turn, outcome
from tracer_env.episodes.choosing import flip
from tracer_env.episodes.transcript import Transcript
from tracer_env.types import Role, Utterance

__all__ = ["WIDEST", "answered", "cost", "heading", "pieces", "render", "summary", "turns_of"]

WIDEST = 132
"""Columns; beyond, right and left stand too far apart to be read together."""


def render(transcript: Transcript) -> RenderableType:
    """Return the whole episode as one renderable, made for 80 columns and more."""
    return Group(*pieces(transcript))


def pieces(transcript: Transcript, blind: bool = False) -> Iterator[RenderableType]:
    """Yield the episode in the order in which it is told: the question, each turn, the end.

    ``blind`` keeps the gold answer, grades and values back until the end.
    """
    yield Constrain(_opening(transcript, blind), WIDEST)
    for turn in turns_of(transcript, blind):
        yield Constrain(Padding(turn, (0, 0, 1, 0)), WIDEST)
    yield Constrain(_closing(transcript), WIDEST)


def summary(transcript: Transcript) -> RenderableType:
    """Return a line for each turn: what it came to, against the gold answer."""
    lines: list[RenderableType] = []
    for each in turns_of(transcript):
        turn, said = each.turn, each.turn.utterance
        line = Text.assemble((f"  {turn.turn:<3}", "bold"), (f"{turn.role.name.lower():<9}", ROLES[turn.role]))
        line.append(f"{turn.action.name:<6}", "bold" if said is not None else "dim")
        unsaid = turn.other if said is None else None
        line.append("had it spoken: " if unsaid is not None else "", "dim")
        if said is not None or unsaid is not None:
            line.append_text(outcome(turn, said or unsaid or Utterance(""), each.pending))
        lines.append(line)
    return Group(*lines)


def turns_of(transcript: Transcript, blind: bool = False, whole: bool = False) -> list[Turn]:
    """Return the turns, each with the proposal that was pending before it and the tokens spent up to its end."""
    spent, pending, turns = 0, None, []
    for turn in transcript.turns:
        spent += turn.tokens
        turns.append(Turn(turn, pending, spent, blind, whole))
        if turn.role is Role.PROPOSER and turn.utterance is not None:
            pending = turn.utterance
    return turns


def heading(transcript: Transcript) -> RenderableType:
    """Return the first line: the method, the task, and which episode it is."""
    task = transcript.task
    where = Text.assemble(
        (one_line(transcript.method), "bold"), (f"  {one_line(task.scenario)} · {one_line(task.id)}", "dim")
    )
    place = Text(f"episode {transcript.episode} · world {transcript.world} · seed {transcript.seed}", "dim")
    return Beside(where, place)


def _opening(transcript: Transcript, blind: bool) -> RenderableType:
    parts: list[RenderableType] = [Folded(transcript.task.question, "bold")]
    if not blind:
        parts.append(Text.assemble(("gold ", "dim"), (one_line(transcript.task.answer), "bold green")))
    return Group(heading(transcript), Rule(style="bright_black"), Padding(Group(*parts), (0, 2, 1, 2)))


def _closing(transcript: Transcript) -> RenderableType:
    if transcript.failed:
        return Group(Rule(style="bright_black"), answered(transcript))
    return Group(Rule(style="bright_black"), Beside(answered(transcript, gold=True), cost(transcript)))


def answered(transcript: Transcript, gold: bool = False) -> Text:
    """Return what the episode came to: the answer, its grade, and a flip where there is one."""
    if transcript.failed:
        return Text.assemble(("failed   ", "bold red"), one_line(transcript.failed))
    final = transcript.final
    words, style = GRADES[final.grade]
    end = Text.assemble(("answer ", "dim"), (one_line(final.answer or "none"), f"bold {style}"))
    end.append(f" (turn {transcript.final_turn})   ", "dim")
    if gold:
        end.append_text(Text.assemble(("gold ", "dim"), (one_line(transcript.task.answer), "bold"), "   "))
    end.append(words, f"bold {style}")
    marker = flip(transcript)
    if marker:
        end.append("   ")
        end.append(f" {marker} ", f"bold black on {style}")
    return end


def cost(transcript: Transcript) -> Text:
    """Return what the episode cost: calls, tokens, and tokens that were drawn and not said."""
    calls, tokens = sum(turn.calls for turn in transcript.turns), sum(turn.tokens for turn in transcript.turns)
    unsaid = sum(turn.other.tokens for turn in transcript.turns if turn.other is not None)
    told = Text(f"{calls} call{'s' * (calls != 1)} · {tokens:,} tokens", "dim")
    return told.append(f" · {unsaid:,} not said" if unsaid else "")
