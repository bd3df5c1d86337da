r"""Your own questions, named by their file: ``tracer-env compare q.jsonl``.

The file is JSON lines or CSV with a question (``question``, ``problem`` or ``prompt``) and an answer (``answer``,
``solution`` or ``target``) each; `files` tells what else a row may hold. What kind of answer each row wants is found
from its gold answer, unless the row says it (``kind``), and one file may hold several kinds:

    options, or a letter: A to J, (b), C.   choice
    one number, alone or behind ``####``    number
    LaTeX, or a formula; in ``\boxed{}``     math (the extra ``math``)
    else                                    text, such as yes, no, Paris

A folder has its own splits, ``train`` and ``test`` (``.jsonl`` or ``.csv``). A single file has none, so its questions
are divided: those whose SHA-256 comes first train (``train_share`` of them, half unless set), the others test. The
same question is on one side wherever it stands; one more question may move another. With ``train_share=0`` all of
them test, and nothing can be trained. What was found and how it was divided is `told`, for people to read.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from annotated_types import Ge, Lt

from tracer_env.errors import ConfigError
from tracer_env.scenarios.base import check_limit, check_split
from tracer_env.scenarios.files import JSONL, KINDS
from tracer_env.scenarios.options import options_of
from tracer_env.scenarios.rows import Row
from tracer_env.scenarios.splits import DIVIDED
from tracer_env.scenarios.tables import read_rows
from tracer_env.settings import require
from tracer_env.types import Task
from tracer_env.verification.verifiers import boxed_answer, verifier_for

__all__ = ["Questions", "found_kind"]

Share = Annotated[float, Ge(0), Lt(1)]
_SPLITS = ("train", "tune", "test")
_QUESTIONS, _ANSWERS = ("question", "problem", "prompt"), ("answer", "solution", "target")
_NAMES = {"number": "number", "choice": "letter", "math": "formula", "text": "text"}
_LETTER = re.compile(r"[A-J][).]?|\([A-Ja-j]\)|\[[A-Ja-j]\]")
_YES_NO = frozenset(("yes", "no", "true", "false"))
_WORDS = re.compile(r"[^\W\d_]{2,}")
_FUNCTIONS = frozenset(("sqrt", "pi", "sin", "cos", "tan", "log", "ln", "exp", "frac", "inf", "infty"))


class Questions(JSONL):
    """Questions of your own file, or of a folder with train and test; the kind of each answer is found from it."""

    def __init__(
        self,
        file: str,
        path: str | None = None,
        split: str = "test",
        limit: int | None = None,
        seed: int = 0,
        kind: str | None = None,
        train_share: Share = 0.5,
    ) -> None:
        if path is not None:
            raise ConfigError(f"{file} names your questions already; leave out the path option {path!r}")
        check_split(file, split, _SPLITS)
        check_limit(limit)
        require("", Share, train_share=train_share)
        if kind is not None and kind not in KINDS:
            verifier_for(kind)  # says what there is
        rows = [_named(row, number) for number, row in enumerate(read_rows(file, split))]
        whole = not os.path.isdir(os.path.expanduser(file))
        kept = _divided(rows, file, split, train_share) if whole else rows
        self.fill(kept, [kind or found_kind(row) for row in kept], file, split, limit)
        self.told = _told(self, len(kept), file, train_share if whole else None)


def found_kind(row: Row) -> str:
    """Return the kind of answer that a row wants, as it says itself or else as its gold answer looks."""
    if row.has("kind"):
        return row.text("kind")
    if options_of(row) is not None:
        return "choice"
    gold = row.text("answer").strip()
    if _LETTER.fullmatch(gold):
        return "choice"
    if "####" not in gold and boxed_answer(gold) is not None:
        return "math"
    if not _WORDS.search(gold.rpartition("####")[2]) and verifier_for("number").read(gold) is not None:
        return "number"
    return "math" if _is_formula(gold) else "text"


def _is_formula(gold: str) -> bool:
    """Return whether an answer is written as mathematics: LaTeX, or signs between numbers and single letters."""
    if any(mark in gold for mark in ("\\", "$", "^")):
        return True
    words = {word.lower() for word in _WORDS.findall(gold)}
    return words <= _FUNCTIONS and any(mark in gold for mark in "+*/=()") and any(map(str.isalnum, gold))


def _named(row: Row, number: int) -> Row:
    """Return a row whose question and answer are called so, and that has an id, its number in the file if need be."""
    values = {**({} if "id" in row.names() else {"id": f"{number:06d}"}), **row.values}
    for wanted, names in (("question", _QUESTIONS), ("answer", _ANSWERS)):
        held = next((name for name in names if name in values), None)
        if wanted not in values and held is not None:
            values[wanted] = values.pop(held)
    return Row(row.where, values, row.blank)


def _divided(rows: Sequence[Row], file: str, split: str, share: float) -> list[Row]:
    """Return the rows of a single file that are in a split; ConfigError when there are none."""
    _check_ids(rows)
    marks = [_mark(row) for row in rows]
    order = sorted(set(marks))
    first = 0 if not share else min(max(round(share * len(order)), 1), len(order) - 1)
    trains, wanted = set(order[:first]), split in DIVIDED
    if kept := [row for row, mark in zip(rows, marks, strict=True) if (mark in trains) is wanted]:
        return kept
    why = "train_share is 0" if not share else "it holds one question"
    raise ConfigError(
        f"{file} has nothing for the split {split!r}: {why}; give more questions, or name a folder with "
        "train.jsonl and test.jsonl"
    )


def _check_ids(rows: Sequence[Row]) -> None:
    """Raise DataError for an id that stands twice, be it on different sides: a table could not be told what it saw."""
    seen: dict[str, str] = {}
    for row in rows:
        each = row.text("id")
        if each in seen:
            raise row.wrong("id", f"repeats {each!r} of {seen[each]}")
        seen[each] = row.where


def _mark(row: Row) -> bytes:
    plain = " ".join(row.text("question").split()).casefold()
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()


def _told(found: Questions, part: int, file: str, share: float | None) -> str:
    """Return what was found in a file and how it was divided, in words."""
    counted = Counter(_named_kind(task) for task in found)
    kinds = ", ".join(
        f"{count:,} {name}{'s' * (count != 1 and name != YES_OR_NO)}" for name, count in counted.most_common()
    )
    line = f"answers: {kinds}"
    if share is None:
        return line
    if not share:
        return f"{line}; all {part:,} questions of {file} test, none train"
    return (
        f"{line}; {file} has no train split, so {share:.0%} of its questions train and the others test, by a hash of "
        "the question (scenario.train_share)"
    )


YES_OR_NO = "yes or no"


def _named_kind(task: Task) -> str:
    yes_no = task.kind == "text" and task.answer.strip().rstrip(".").casefold() in _YES_NO
    return YES_OR_NO if yes_no else _NAMES[task.kind]
