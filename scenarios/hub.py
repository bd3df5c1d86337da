"""Any question-and-answer dataset of a hub: ``hf:<repo>::<configuration>``, ``modelscope:<repo>::<subset>``.

The columns are found by name: the question in ``question``, ``problem`` or ``prompt``; the answer in ``answer``,
``solution`` or ``target``. The kind of the answers is read off all of them together:

    all hold ``####``            number, what follows the last one
    all hold ``\\boxed{}``        math, what the last one holds
    all are letters A to J       choice
    all are single numbers       number
    some hold LaTeX              math
    else                         text

``kind=`` overrides it. ``path`` reads a local JSONL file with the same columns instead of the hub.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tracer_env.errors import ConfigError, DataError, MissingExtraError
from tracer_env.scenarios.base import TaskList, check_limit
from tracer_env.scenarios.sources import Loader, Row, hub_rows, huggingface_rows, read_rows
from tracer_env.types import Task
from tracer_env.verification.verifiers import boxed_answer, verifier_for

__all__ = ["HuggingFace", "ModelScope", "detect_kind"]

_QUESTIONS = ("question", "problem", "prompt")
_ANSWERS = ("answer", "solution", "target")


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
        if path is not None:
            rows = read_rows(path, split)
        else:
            rows = hub_rows(repo, configuration or None, split, loader or self.default_loader)
        question, answer = _column(rows[0], _QUESTIONS, "question"), _column(rows[0], _ANSWERS, "answer")
        found, answers = detect_kind([row.text(answer) for row in rows])
        if kind is not None and kind != found:
            found, answers = kind, [row.text(answer) for row in rows]
        tasks = [
            Task(f"{name}-{split}-{number:06d}", row.text(question), text, found, 0.5, (), name)
            for number, (row, text) in enumerate(zip(rows, answers, strict=True))
        ]
        super().__init__(tasks, name, limit, [row.where for row in rows])


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
