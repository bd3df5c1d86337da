"""The tasks and the utterances of a folder of trees, read line by line and field by field.

    read_tasks(path, count)           the tasks, each identity once
    RecordedTexts(path, count, check) the utterances, read from the disk when the first one is asked for

Both believe no count: there must be as many lines as ``trees.json`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, overload

from msgspec import Meta, MsgspecError, Struct
from msgspec.json import Decoder

from tracer_env.errors import DataError
from tracer_env.intake.bounded import DEPTH, shown, shown_path
from tracer_env.intake.checked import Misfit, choice, flag, line, listed, number, optional, plain, record, text, whole
from tracer_env.intake.stored_lines import read_lines
from tracer_env.types import Grade, Task, Utterance, Verdict

__all__ = ["MOST_TOKENS", "TASK", "RecordedTexts", "read_tasks"]

MOST_TOKENS = (1 << 31) - 1
_GRADES = {grade.name.lower(): grade for grade in Grade}
_VERDICTS = {verdict.name.lower(): verdict for verdict in Verdict}
_TEXTS = listed(text())


def _options(value: Any) -> tuple[str, ...]:
    return tuple(_TEXTS(value))


def _grade(value: Any) -> Grade | None:
    return None if value is None else _GRADES[_grade_name(value)]


def _verdict(value: Any) -> Verdict:
    return _VERDICTS[_verdict_name(value)]


_grade_name, _verdict_name = choice(_GRADES), choice(_VERDICTS)
_TOKENS = whole(0, MOST_TOKENS)
_METADATA = record({}, others=plain(DEPTH - 4))
TASK = record(
    {"id": line(least=1), "question": text(), "answer": text()},
    may_have={
        "kind": line(100, least=1),
        "difficulty": number(0, 1),
        "options": _options,
        "scenario": line(4096),
        "metadata": _METADATA,
    },
)
"""A task as it stands in a file; what may be written as well."""
_UTTERANCE = record(
    {"text": text()},
    may_have={
        "prompt_tokens": _TOKENS,
        "completion_tokens": _TOKENS,
        "finish": line(100),
        "dropped": _TOKENS,
        "answer": optional(text()),
        "rule": line(),
        "grade": _grade,
        "verdict": _verdict,
        "counted": flag,
    },
)


class _TaskLine(Struct, forbid_unknown_fields=True):
    """A task as msgspec reads it; what it does not take is read again by `TASK`, which says why."""

    id: str
    question: str
    answer: str
    kind: str
    difficulty: Annotated[float, Meta(ge=0, le=1)]
    options: tuple[str, ...]
    scenario: str
    metadata: dict[str, Any]


class _UtteranceLine(Struct, forbid_unknown_fields=True):
    """An utterance, likewise."""

    text: str
    prompt_tokens: Annotated[int, Meta(ge=0, le=MOST_TOKENS)]
    completion_tokens: Annotated[int, Meta(ge=0, le=MOST_TOKENS)]
    finish: str = "stop"
    dropped: Annotated[int, Meta(ge=0, le=MOST_TOKENS)] = 0
    answer: str | None = None
    rule: str = ""
    grade: Literal["wrong", "correct", "unparsable", "timeout"] | None = None
    verdict: Literal["wrong", "none", "right"] = "none"


_TASK_LINE, _UTTERANCE_LINE = Decoder(_TaskLine), Decoder(_UtteranceLine)


def read_tasks(path: Path, count: int) -> tuple[Task, ...]:
    """Return the ``count`` tasks of a file; raises DataError for other lines, and for an identity that comes twice."""
    found: dict[str, Task] = {}
    for task in read_lines(path, _task, count, _quick_task):
        if task.id in found:
            raise DataError(f"{shown_path(path)}: line {len(found) + 1}: id repeats {shown(task.id)}")
        found[task.id] = task
    _check_count(path, "tasks", len(found), count)
    return tuple(found.values())


class RecordedTexts(Sequence[Utterance]):
    """The utterances of a folder, read from the disk when the first one is asked for.

    ``check`` is asked then whether they are those of the trees; it raises Misfit. ``told`` gives them their signals,
    which the trees keep.
    """

    def __init__(
        self,
        path: Path,
        count: int,
        check: Callable[[Sequence[Utterance]], None] | None = None,
        told: Callable[[Sequence[Utterance]], list[Utterance]] | None = None,
    ) -> None:
        self._path, self._count, self._check, self._told = path, count, check, told
        self._read: list[Utterance] | None = None

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Utterance: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Utterance]: ...
    def __getitem__(self, index: int | slice) -> Utterance | Sequence[Utterance]:
        return self._all()[index]

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self._all())

    def _all(self) -> list[Utterance]:
        if self._read is None:
            read = list(read_lines(self._path, _utterance, self._count, _quick_utterance))
            _check_count(self._path, "utterances", len(read), self._count)
            if self._check is not None:
                try:
                    self._check(read)
                except Misfit as misfit:
                    raise DataError(f"{shown_path(self._path)}: {misfit}") from None
            self._read = read if self._told is None else self._told(read)
        return self._read


def _check_count(path: Path, what: str, found: int, count: int) -> None:
    if found != count:
        raise DataError(f"{shown_path(path)} holds {found} {what}, trees.json says {count}")


def _task(data: Any) -> Task:
    return Task(**TASK(data))


def _utterance(data: Any) -> Utterance:
    return Utterance(**_UTTERANCE(data))


def _quick_task(content: bytes) -> Task | None:
    try:
        one = _TASK_LINE.decode(content)
    except _UNREAD:
        return None
    named, keys = one.id + one.kind + one.scenario, len(_TaskLine.__struct_fields__) + len(one.metadata)
    if not (one.id and one.kind and named.isprintable() and len(named) <= 100) or content.count(_KEY) != keys:
        return None
    _METADATA(one.metadata)
    return Task(one.id, one.question, one.answer, one.kind, one.difficulty, one.options, one.scenario, one.metadata)


def _quick_utterance(content: bytes) -> Utterance | None:
    try:
        one = _UTTERANCE_LINE.decode(content)
    except _UNREAD:
        return None
    named, keys = one.finish + one.rule, 3 + (one.finish != "stop") + (one.dropped != 0) + (one.answer is not None)
    keys += (one.rule != "") + (one.grade is not None) + (one.verdict != "none")
    if not named.isprintable() or len(named) > 100 or content.count(_KEY) != keys:
        return None
    return Utterance(
        one.text,
        one.prompt_tokens,
        one.completion_tokens,
        one.finish,
        one.dropped,
        one.answer,
        one.rule,
        None if one.grade is None else _GRADES[one.grade],
        _VERDICTS[one.verdict],
    )


_UNREAD = (MsgspecError, RecursionError, ValueError)
_KEY = b'":'
"""What stands behind each key. msgspec takes the last of two equal ones, so a line with others than we write, or with
this in a text, is read again."""
