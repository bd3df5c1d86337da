"""The record of a training run: one line of numbers a step, in ``metrics.jsonl``, and TensorBoard's scalars.

    {"step": 40, "reward": 0.5, "accuracy": 0.75, "kl": null, "seconds": 3.1, ...}

Each line is forced to the disk as it is written, so a run that is killed keeps all but the line it was writing.
A run that is continued from a checkpoint first cuts the record back to the checkpoint's step:
after that the file is as if the run had never stopped, but for the clock's numbers, which
``comparable`` leaves out. TensorBoard's files cannot be cut; they are told to forget the later steps instead.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import IO, Any

from tracer_env.errors import ConfigError, DiskError, MissingExtraError, RunFolderError, UnknownNameError
from tracer_env.intake.bounded import parse
from tracer_env.intake.checked import plain, read, record, whole
from tracer_env.storage.files import append, cut, write_text

__all__ = ["REPORTS", "TrainingLog", "comparable", "read_metrics"]

REPORTS = ("jsonl", "tensorboard", "none")
"""What ``report_to`` may name; ``metrics.jsonl`` is written in any case, "none" says nothing but it."""

_FILE = "metrics.jsonl"
_CLOCK = re.compile(r"(^|[/_])(seconds|tokens_per_second|memory)($|[/_])")


class TrainingLog:
    """Writes the numbers of each step into ``folder``; nothing is made on the disk before the first of them.

    Raises UnknownNameError for an unknown report, MissingExtraError when TensorBoard is asked for and missing.
    """

    def __init__(self, folder: Path, report_to: Sequence[str] = ()) -> None:
        wanted = [report_to] if isinstance(report_to, str) else list(report_to)
        for name in wanted:
            if name not in REPORTS:
                raise UnknownNameError("report_to", name, REPORTS)
        if "none" in wanted and "tensorboard" in wanted:
            raise ConfigError("report_to names both 'none' and 'tensorboard'; leave one of them out")
        self.folder = folder
        self._begun = False
        self._board = _Board(folder / "tensorboard") if "tensorboard" in wanted else None

    def write(self, step: int, metrics: Mapping[str, float | int | None]) -> None:
        """Append the numbers of a step. One that is not finite stands as null: JSON has no word for it.

        Raises DiskError when the disk does not take them.
        """
        if "step" in metrics:
            raise ConfigError("the metrics hold 'step', which is the record's own key; name it otherwise")
        line = json.dumps({"step": step, **{name: _finite(value) for name, value in metrics.items()}})
        try:
            self._begin()
            append(self.folder / _FILE, f"{line}\n".encode(), inside=self.folder)
            if self._board is not None:
                self._board.write(step, metrics)
        except OSError as error:
            raise DiskError(
                f"cannot write to {self.folder / _FILE}: {error.strerror or error}; make room there and continue "
                "with --resume"
            ) from error

    def read(self) -> list[dict[str, Any]]:
        """Return the lines that are complete, in order."""
        return read_metrics(self.folder)

    def cut(self, step: int) -> None:
        """Drop the lines after ``step``, and a last line that was cut off; call it before a run is continued.

        Raises RunFolderError when another line is damaged.
        """
        path = self.folder / _FILE
        if path.exists():
            kept = [json.dumps(line) + "\n" for line in read_metrics(self.folder) if line["step"] <= step]
            write_text(path, "".join(kept), inside=self.folder)
        if self._board is not None:
            self._board.forget_after(step)

    def close(self) -> None:
        """Close TensorBoard's file; writing again opens another."""
        if self._board is not None:
            self._board.close()

    def _begin(self) -> None:
        """Before the first line: make the folder, and cut off a line that a killed run was writing."""
        if self._begun:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / _FILE
        if path.exists():
            cut(path, _whole(path.read_bytes()), inside=self.folder)
        self._begun = True


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's ``metrics.jsonl``, in order; a last line that is not complete yet is left out.

    Raises RunFolderError, with its number, for any other line that is none of ours.
    """
    path = folder / _FILE
    if not path.exists():
        return []
    content = path.read_bytes()
    found: list[dict[str, Any]] = []
    for number, text in enumerate(content[: _whole(content)].splitlines(), start=1):
        where = f"{path} line {number}"
        line = parse(text, where, error=RunFolderError)
        entry = read(line, _LINE, where, error=RunFolderError)
        if found and entry["step"] <= found[-1]["step"]:
            raise RunFolderError(
                f"{where}: step {entry['step']} comes after step {found[-1]['step']}; each has one line, in order: "
                "take the wrong one out"
            )
        found.append(entry)
    return found


_LINE = record({"step": whole(0)}, others=plain(2))


def comparable(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line without what the clock and the machine put in, so that two runs can be compared.

    Left out is each key with ``seconds``, ``tokens_per_second`` or ``memory`` as one of its words
    (``rollout_seconds`` and ``memory/peak`` too).
    """
    return {name: value for name, value in line.items() if not _CLOCK.search(name)}


class _Board:
    """TensorBoard's event files, written by its own library, without torch; made with the first number."""

    def __init__(self, folder: Path) -> None:
        if find_spec("tensorboard") is None:
            raise MissingExtraError("report_to='tensorboard'", "tensorboard", "train")
        self._folder = folder
        self._writer: Any = None

    def write(self, step: int, metrics: Mapping[str, float | int | None]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [
            Summary.Value(tag=name, simple_value=float(value)) for name, value in metrics.items() if value is not None
        ]
        self._add(step, summary=Summary(value=values))

    def forget_after(self, step: int) -> None:
        """Tell the readers that what the earlier files hold of later steps does not count."""
        from tensorboard.compat.proto.event_pb2 import SessionLog

        self._add(step + 1, session_log=SessionLog(status=SessionLog.START))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _add(self, step: int, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        if self._writer is None:
            self._writer = RecordWriter(self._made())
            self._writer.write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
        self._writer.write(Event(wall_time=time.time(), step=step, **content).SerializeToString())
        self._writer.flush()

    def _made(self) -> IO[bytes]:
        """Make an event file under a name that sorts by time, and without the host's name, which others put in."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for number in count():
            with suppress(FileExistsError):
                return (self._folder / f"events.out.tfevents.{int(time.time()):010d}.{number}").open("xb")
        raise AssertionError("numbers do not end")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _whole(content: bytes) -> int:
    """Return the length of the lines that end."""
    return content.rfind(b"\n") + 1
