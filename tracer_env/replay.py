"""Replay: find the episodes worth looking at, and walk through them.

`select` keeps one kind of episode, `most_interesting` picks one, `replay` shows them in the terminal with
keys for next, previous, go to and quit, or prints them all where nobody is there to press keys. How an
episode looks is in `scene`, how it becomes a file in `pictures`; both doors, `render` and `export`, stand
here too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from math import isfinite

from rich.console import Console
from rich.text import Text

from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.pager import Keys, open_keys
from tracer_env.pictures import export
from tracer_env.plain import visible
from tracer_env.scene import flip, pieces, render
from tracer_env.screen import Screen
from tracer_env.transcript import Transcript
from tracer_env.types import Grade, Role, Utterance, Verdict

__all__ = ["SELECTIONS", "export", "most_interesting", "render", "replay", "select"]

SELECTIONS = ("flips", "wrong", "disagreements")


def select(transcripts: Sequence[Transcript], only: str | None = None) -> list[Transcript]:
    """Return the episodes of one kind, in order; all of them when ``only`` is None.

    - ``flips``: the first proposal is wrong and the answer correct, or the other way round;
    - ``wrong``: the answer is wrong or unparsable (a timeout is unknown, so it is not among them);
    - ``disagreements``: a verdict that contradicts the truth, or methods among ``transcripts`` of which
      one is right and another wrong on the same task and world.
    """
    if only is None:
        return list(transcripts)
    if only == "flips":
        return [t for t in transcripts if flip(t)]
    if only == "wrong":
        return [t for t in transcripts if t.final.grade in (Grade.WRONG, Grade.UNPARSABLE)]
    if only == "disagreements":
        split = _split(transcripts)
        return [t for t in transcripts if (t.task.id, t.world) in split or _misjudged(t)]
    raise ConfigError(f"--only is {only!r}{did_you_mean(only, SELECTIONS)}")


def most_interesting(by_method: Mapping[str, Sequence[Transcript]]) -> Transcript:
    """Return a flip if there is one, else a disagreement, else the longest episode.

    Among flips, wrong made right goes first, and then where a reviewer saw the mistake; among equals
    the first in order. The longest has most utterances, then most tokens. Raises ConfigError without
    an episode.
    """
    everything = [t for transcripts in by_method.values() for t in transcripts]
    if not everything:
        raise ConfigError("there is no episode to replay; run one first")
    flips = select(everything, "flips")
    if flips:
        return max(flips, key=lambda t: (t.correct, t.correct and _caught(t)))
    disagreements = select(everything, "disagreements")
    return disagreements[0] if disagreements else max(everything, key=_length)


def replay(
    transcripts: Sequence[Transcript],
    *,
    console: Console | None = None,
    speed: float = 0.0,
    interactive: bool | None = None,
) -> None:
    """Show the episodes; with ``interactive``, one at a time with keys.

    ``speed`` is in turns a second, 0 shows an episode at once; any key but q then shows the rest.
    ``interactive=None`` asks whether a terminal is attached to both ends. Keys: n, space or arrow right for the
    next episode, p or arrow left for the one before, g for a task id or a number, q to leave. Raises
    ConfigError for a negative speed or without an episode.
    """
    screen = Screen() if console is None else console
    if not (isfinite(speed) and speed >= 0):
        raise ConfigError(f"--speed must be a number of turns a second, 0 or more, got {speed!r}")
    if not transcripts:
        raise ConfigError("there is no episode to replay; choose others, or leave --only out")
    if _attended(screen) if interactive is None else interactive:
        with open_keys() as keys:
            _walk(transcripts, screen, keys, speed)
        return
    for index, transcript in enumerate(transcripts):
        screen.print() if index else None
        _show(transcript, screen, speed, None)


def _attended(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal and sys.stdin.isatty()


def _walk(transcripts: Sequence[Transcript], console: Console, keys: Keys, speed: float) -> None:
    place, last, shown = 0, len(transcripts) - 1, -1
    while True:
        if place != shown:
            console.clear()
            if not _show(transcripts[place], console, speed, keys):
                return
            shown = place
            _status(console, f"{place + 1} of {last + 1}   n next · p previous · g go to · q quit")
        command = keys.read()
        if command == "quit":
            return
        if command == "next":
            place = min(place + 1, last)
        elif command == "previous":
            place = max(place - 1, 0)
        elif command == "go":
            console.print("go to (task id or number): ", end="", markup=False)
            wanted = keys.line()
            found = _find(transcripts, wanted, place)
            if found is None:
                _status(console, f"no episode '{visible(wanted)}'; give a task id, or a number from 1 to {last + 1}")
            place = place if found is None else found


def _show(transcript: Transcript, console: Console, speed: float, keys: Keys | None) -> bool:
    """Print an episode piece by piece; return False when it was interrupted by ``quit``."""
    hurried = speed == 0
    for index, piece in enumerate(pieces(transcript)):
        if index and not hurried:
            if keys is None:
                time.sleep(1 / speed)
            elif keys.pause(1 / speed):
                hurried = True
                if keys.read() == "quit":
                    return False
        console.print(piece)
    return True


def _status(console: Console, words: str) -> None:
    console.print(Text(words, "dim"))


def _find(transcripts: Sequence[Transcript], wanted: str, place: int) -> int | None:
    """Return the next episode after ``place`` with this task id, else the one with this number."""
    count = len(transcripts)
    for step in range(1, count + 1):
        index = (place + step) % count
        if transcripts[index].task.id == wanted:
            return index
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 else 0
    return number - 1 if 1 <= number <= count else None


def _reviews(transcript: Transcript) -> list[tuple[Utterance, Utterance]]:
    """Pairs of a review and the proposal it was about."""
    pairs, pending = [], None
    for turn in transcript.turns:
        if turn.utterance is None:
            continue
        if turn.role is Role.PROPOSER:
            pending = turn.utterance
        elif pending is not None:
            pairs.append((turn.utterance, pending))
    return pairs


def _misjudged(transcript: Transcript) -> bool:
    return any(
        review.verdict is not Verdict.NONE
        and proposal.grade is not Grade.TIMEOUT
        and (review.verdict is Verdict.RIGHT) is not (proposal.grade is Grade.CORRECT)
        for review, proposal in _reviews(transcript)
    )


def _caught(transcript: Transcript) -> bool:
    return any(
        review.verdict is Verdict.WRONG and proposal.grade in (Grade.WRONG, Grade.UNPARSABLE)
        for review, proposal in _reviews(transcript)
    )


def _split(transcripts: Sequence[Transcript]) -> set[tuple[str, int]]:
    """Tasks and worlds on which one method is right and another wrong."""
    seen: dict[tuple[str, int], set[bool]] = {}
    for t in transcripts:
        if t.final.grade is not Grade.TIMEOUT:
            seen.setdefault((t.task.id, t.world), set()).add(t.correct)
    return {pair for pair, outcomes in seen.items() if len(outcomes) == 2}


def _length(transcript: Transcript) -> tuple[int, int]:
    said = [turn.utterance for turn in transcript.turns if turn.utterance is not None]
    return len(said), sum(u.tokens for u in said)
