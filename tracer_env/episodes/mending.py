"""Making a file of episodes whole again: continued after a kill, put in order, repaired after two writers.

Progress is what the episodes say they are (`promise`), never how many lines there are. So a run goes on rightly when
lines, or the whole file, were taken out meanwhile: what is missing is played again, and at the end `arrange` gives the
bytes of a run that nobody disturbed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracer_env.episodes.lines import raw_lines
from tracer_env.episodes.promise import Ledger, Promise
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import DataError, RunFolderError
from tracer_env.intake.bounded import shown_path
from tracer_env.storage.files import cut, write_with

__all__ = ["Repaired", "arrange", "recover", "repair"]


@dataclass(frozen=True)
class Repaired:
    """What `repair` did."""

    kept: int  # episodes
    doubled: int  # lines that said what an earlier one says
    cut_off: bool  # whether a last line was dropped that did not end
    ordered: bool  # whether the rest was put in order

    def __str__(self) -> str:
        if not (self.doubled or self.cut_off or self.ordered):
            return f"nothing to repair: {self.kept:,} episodes, each of them once"
        if not (self.doubled or self.cut_off):
            return f"put {self.kept:,} episodes in order"
        end = " and a last line that was cut off" if self.cut_off else ""
        return f"kept {self.kept:,} episodes, took out {self.doubled:,} that stood there already{end}"


def recover(
    path: Path,
    promise: Promise,
    *,
    again: Callable[[Transcript], bool] = lambda told: False,
    watch: Callable[[Transcript, bytes], object] = lambda told, line: None,
) -> set[int]:
    """Make a file ready to be continued, and return the numbers of the episodes that every method has played.

    ``watch`` is given each episode with the bytes of its line, in file order and before any is dropped.

    Dropped are a last line that was cut off, and the episodes that not every method has played: these are played
    again, as are the tasks of which one method's episode is to be played ``again``. Raises RunFolderError for a foreign
    episode and for one that stands twice, DataError for a damaged line.
    """
    if not path.exists():
        return set()
    ledger, lines, end, dropped = Ledger(promise), [], 0, set[int]()
    for number, offset, line in raw_lines(path):
        if not line.endswith(b"\n"):
            break
        told = _told(path, number, line)
        foreign = ledger.add(told, offset, number)
        if again(told):
            dropped.add(told.episode)
        if foreign:
            raise RunFolderError(
                f"{shown_path(path)}, line {number} is no episode of this run: {foreign}; take the line out to continue"
            )
        watch(told, line)
        end = offset + len(line)
        lines.append(end)
    if ledger.doubled():
        raise RunFolderError(
            f"{shown_path(path)}: {ledger.problems()[-1]}; tracer-env verify --repair keeps the first of equal ones"
        )
    done = ledger.complete() - dropped
    kept = np.isin(ledger.places // len(promise.methods), sorted(done))
    count = int(kept.sum())
    if not kept[:count].all():
        arrange(path, ledger, kept)
    elif path.stat().st_size > (size := lines[count - 1] if count else 0):
        cut(path, size, inside=path.parent)
    return done


def arrange(path: Path, ledger: Ledger, kept: NDArray[np.bool_] | None = None) -> None:
    """Write a file anew in the order of an undisturbed run, with the episodes of the ledger that are ``kept`` alone."""
    order = np.argsort(ledger.places, kind="stable")
    _copy(path, ledger.offsets[order if kept is None else order[kept[order]]].tolist())


def repair(path: Path, promise: Promise) -> Repaired:
    """Take out the episodes that stand there already, word for word or field for field, and put the rest in order.

    Nothing is written when one stands there twice and differs: RunFolderError names it. Raises DataError for a
    damaged line, RunFolderError for a foreign one. Whoever calls it owns the folder.
    """
    first: dict[int, tuple[int, int]] = {}  # offset and number of the line, by place
    ledger, doubled, cut_off = Ledger(promise), 0, False
    for number, offset, line in raw_lines(path):
        if not line.endswith(b"\n"):
            cut_off = True
            break
        told = _told(path, number, line)
        foreign = promise.foreign(told)
        if foreign:
            raise RunFolderError(f"{shown_path(path)}, line {number} is no episode of this run: {foreign}")
        place = promise.place(told)
        if place in first:
            before, earlier = first[place]
            if not _same(path, before, line, told):
                raise RunFolderError(
                    f"{shown_path(path)}: lines {earlier} and {number} both are {promise.named(place)}, and differ; "
                    "take out the wrong one"
                )
            doubled += 1
            continue
        first[place] = (offset, number)
        ledger.add(told, offset, number)
    if doubled or cut_off or not ledger.in_order:
        arrange(path, ledger)
    return Repaired(len(first), doubled, cut_off, not ledger.in_order)


def _told(path: Path, number: int, line: bytes) -> Transcript:
    try:
        return Transcript.from_json(line)
    except DataError as error:
        raise DataError(
            f"{shown_path(path)}, line {number}: {error}; take the line out: --resume plays what is missing"
        ) from error


def _same(path: Path, offset: int, line: bytes, told: Transcript) -> bool:
    with path.open("rb") as file:
        file.seek(offset)
        before = file.readline()
    return before == line or Transcript.from_json(before) == told


def _copy(path: Path, offsets: list[int]) -> None:
    """Write the file anew from the lines at these offsets."""

    def writer(to: Path) -> None:
        with path.open("rb") as source, to.open("wb") as target:
            for offset in offsets:
                source.seek(offset)
                target.write(source.readline())

    write_with(path, writer, inside=path.parent, durable=True)
