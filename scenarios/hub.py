"""Any question-and-answer dataset of a hub: ``hf:<repo>::<configuration>``, ``modelscope:<repo>::<subset>``.

The columns are found by name: the question in ``question``, ``problem`` or ``prompt``; the answer in ``answer``,
``solution`` or ``target``. Rows with ``options`` or ``choices`` become lettered choices (`options` says which forms
and answers are known). The kind of other answers is read off all of them together:

    all hold ``####``            number, what follows the last one
    all hold ``\\boxed{}``        math, what the last one holds
    all are letters A to J       choice
    all are single numbers       number
    some hold LaTeX              math
    else                         text

``kind=`` overrides it. ``path`` reads a local JSONL file with the same columns instead of the hub. The split ``tune``
is a fifth of the questions of ``train`` (`splits`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tracer_env.errors import ConfigError, DataError, MissingExtraError
from tracer_env.scenarios.base import TaskList, check_limit, check_split, lettered
from tracer_env.scenarios.options import Options, lettered_answers, options_of
from tracer_env.scenarios.rows import Row
from tracer_env.scenarios.sources import Loader, hub_rows, huggingface_rows
from tracer_env.scenarios.splits import source_of
from tracer_env.scenarios.tables import read_rows
from tracer_env.types import Task
from tracer_env.verification.verifiers import boxed_answer, verifier_for

__all__ = ["HuggingFace", "ModelScope", "detect_kind"]

_QUESTIONS = ("question", "problem", "prompt")
_ANSWERS = ("answer", "solution", "target")
_LOCAL_SPLITS = ("train", "tune", "validation", "valid", "dev", "test")
"""What a file beside the hub may be called; the hub itself knows the splits of its sets."""


class HuggingFace(TaskList):
    """One split of a dataset on the Hugging Face hub; the extra ``data``. No code of the hub is run."""

    prefix = "hf"
    default_loader: Callable[..., Iterable[Mapping[str, Any]]] = staticmethod(huggingface_rows)

    def __init__(
        self,
        repository: str,
        path: str | None = None,
        split: str = "test",
        limit: int | None = None,
        seed: int = 0,
        kind: str | None = None,
        loader: Loader | None = None,
    ) -> None:
        check_limit(limit)
        name = f"{self.prefix}:{repository}"
        repo, _, configuration = repository.partition("::")
        if not repo:
            raise ConfigError(f"{name} needs a repository: {self.prefix}:<repository>::<configuration>")
        if kind is not None:
            verifier_for(kind)  # an unknown kind is refused before anything is loaded
        if path is not None:
            check_split(name, split, _LOCAL_SPLITS)
            rows = read_rows(path, split)
        else:
            rows = hub_rows(repo, configuration or None, split, loader or self.default_loader)
        tasks = _tasks(rows, f"{name}-{source_of(split)}", kind, name)
        super().__init__(tasks, name, limit, [row.where for row in rows], split)


class ModelScope(HuggingFace):
    """One split of a dataset on ModelScope; the package ``modelscope``."""

    prefix = "modelscope"

    @staticmethod
    def default_loader(repository: str, subset: str | None, split: str) -> Iterable[Mapping[str, Any]]:
        """Load rows from ModelScope without running code from there."""
        try:
            from modelscope.msdatasets import MsDataset
        except ImportError as error:
            hint = "pip install modelscope"
            raise MissingExtraError(f"loading {repository}", "modelscope", "", hint) from error
        rows: Iterable[Mapping[str, Any]] = MsDataset.load(
            repository, subset_name=subset, split=split, trust_remote_code=False
        )
        return rows


def _tasks(rows: Sequence[Row], prefix: str, kind: str | None, name: str) -> list[Task]:
    question = _column(rows[0], _QUESTIONS, "question")
    texts = [row.text(question) for row in rows]
    options = _all_options(rows) if kind in (None, "choice") else None
    if options is not None:
        kind, answers = "choice", lettered_answers(rows, options)
        texts = [lettered(text, each.texts) for text, each in zip(texts, options, strict=True)]
    else:
        answer = _column(rows[0], _ANSWERS, "answer")
        answers = [row.text(answer) for row in rows]
        found, held = detect_kind(answers)
        if kind in (None, found):
            kind, answers = found, held
    return [
        Task(f"{prefix}-{n:06d}", texts[n], answers[n], kind, 0.5, options[n].texts if options else (), name)
        for n in range(len(rows))
    ]


def _all_options(rows: Sequence[Row]) -> list[Options] | None:
    """Return the options of all rows, or None when the first row has none."""
    if options_of(rows[0]) is None:
        return None
    found = []
    for row in rows:
        options = options_of(row)
        if options is None:
            raise DataError(f"{row.where}: this row has no options, the first one has; all rows must have some")
        found.append(options)
    return found


def detect_kind(answers: Sequence[str]) -> tuple[str, list[str]]:
    """Return the kind that all ``answers`` share and the answers with their solutions cut off."""
    if all("####" in answer for answer in answers):
        return "number", [answer.rpartition("####")[2].strip() for answer in answers]
    held = [boxed for answer in answers if (boxed := boxed_answer(answer)) is not None]
    if len(held) == len(answers):
        return "math", held
    plain = [answer.strip() for answer in answers]
    if all(len(answer) == 1 and answer in "ABCDEFGHIJ" for answer in plain):
        return "choice", plain
    if all(_is_number(answer) for answer in plain):
        return "number", plain
    return ("math" if any(mark in answer for answer in plain for mark in "\\$^") else "text"), plain


def _is_number(answer: str) -> bool:
    return not any(letter.isalpha() for letter in answer) and verifier_for("number").read(answer) is not None


def _column(row: Row, names: Sequence[str], what: str) -> str:
    for name in names:
        if name in row.values:
            return name
    have = ", ".join(map(str, row.values)) or "none"
    raise DataError(f"{row.where}: no {what} column: one of {', '.join(names)} is needed, the columns are: {have}")
