"""Rows for nano's schooling: token ids, and for each token what should stand there.

A row's target is mostly the token itself where a reply is learnt, and `READ` where a prompt is only read. Where a
result is shown that may be wrong, the true one is the target in its place: the pupil has to know it before it can
compare the two, and where shown and true digits differ a mistake can be told by ids and targets alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracer_env.agents.speakers.models.nano import ROLE_TOKENS
from tracer_env.trainers.nano.texts import Lesson, Step, computed, miscalculated
from tracer_env.types import Role

__all__ = ["READ", "Row", "drill", "encoded", "padded"]

Row = tuple[list[int], list[int]]
"""Token ids, and for each the token to learn there, or `READ`."""
READ = -100
"""A token that is only read; what cross_entropy leaves out."""


def drill(sums: Sequence[Step], tokenizer: Any, rng: np.random.Generator) -> Row:
    """Write lines of bare sums, every second one to be judged.

    Results and verdicts are learnt. Where a result is shown to be judged, the true one is learnt in its place: it
    has to be known before the two can be compared.
    """
    parts, truths = [f"<bos>{ROLE_TOKENS[Role.PROPOSER]}"], [""]
    for number, step in enumerate(sums):
        head, result = str(step).rsplit(" ", 1)
        shown, verdict = result, ""
        if number % 2:
            right = rng.random() < 0.5
            shown = result if right else str(miscalculated(step, rng).result)
            verdict = "RIGHT" if right else "WRONG"
        parts += [f"{head} ", f"{shown}\n"] + ([f"{verdict}\n"] if verdict else [])
        truths += ["", f"{result}\n"] + ([f"{verdict}\n"] if verdict else [])
    return _row(parts, truths, tokenizer)


def _row(parts: Sequence[str], truths: Sequence[str], tokenizer: Any) -> Row:
    """Encode parts one by one; where a truth is given, its tokens are learnt in the place of the part's."""
    ids: list[int] = []
    targets: list[int] = []
    written = tokenizer([*parts, *truths], add_special_tokens=False)["input_ids"]
    for piece, truth in zip(written[: len(parts)], written[len(parts) :], strict=True):
        ids += piece
        targets += (truth + [READ] * len(piece))[: len(piece)]
    return ids, targets


def encoded(lessons: Sequence[Lesson], tokenizer: Any) -> list[Row]:
    """Return the rows of lessons, as the speaker would send their prompts."""
    return [_row(*_parts(one), tokenizer) for one in lessons]


def _parts(one: Lesson) -> tuple[list[str], list[str]]:
    """Cut a lesson into parts with their truths: the reply is learnt, and the true results of a pending proposal."""
    shown = [(f"{head} ", f"{result}\n") for head, result in (str(step).rsplit(" ", 1) for step in one.pending)]
    start = one.prompt.rindex("".join(map("".join, shown))) if shown else len(one.prompt)
    end = start + sum(len(head) + len(result) for head, result in shown)
    parts, truths = [f"<bos>{ROLE_TOKENS[Role(one.role)]}{one.prompt[:start]}"], [""]
    for step, (head, result) in zip(one.pending, shown, strict=True):
        parts += [head, result]
        truths += ["", f"{computed(step).result}\n"]
    return [*parts, f"{one.prompt[end:]}<reply>", f"{one.reply}<eos>"], [*truths, "", f"{one.reply}<eos>"]


def padded(batch: Sequence[Row]) -> tuple[list[list[int]], list[list[int]]]:
    """Return ids and targets (B, L) of a batch, padded on the right, where nobody looks."""
    width = max(len(ids) for ids, _ in batch)
    ids = [row + [0] * (width - len(row)) for row, _ in batch]
    targets = [row + [READ] * (width - len(row)) for _, row in batch]
    return ids, targets
