"""Three splits of one set of tasks: ``train`` to learn on, ``tune`` to choose settings on, ``test`` to be judged on.

    in_tune(question)          whether a question that would train is kept for choosing
    part_of(tasks, "tune")     the tasks of a train split that are in one of its two parts
    source_of("tune")          "train": the file, or the split of a hub, that a split is taken out of

Nobody publishes a split for choosing, so it comes out of train: one question in five, by a hash of the question and of
nothing else. The same question is therefore in tune wherever it stands, under whatever id, in a file, in a generator
or on a hub, and train and tune share none. The test split is never touched: its tasks and ids are what they were.

Tasks keep the ids that they have in the train split. Tasks that are made by their index draw again until they fall
where they should; files and hubs are divided. A recording may have been made of train tasks alone, of which none is
in tune; so that it has a tune split of its own, its questions are hashed together with a word (``of``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tracer_env.types import Task

__all__ = ["DIVIDED", "TRAIN", "TUNE", "TUNE_SHARE", "in_tune", "part_of", "source_of"]

TRAIN, TUNE = "train", "tune"
DIVIDED = (TRAIN, TUNE)
"""The splits that a train split is divided into."""
TUNE_SHARE = 0.2
"""Which share of the questions of a train split is kept for choosing."""
_ALL = 2**64


def in_tune(question: str, of: str = "") -> bool:
    """Return whether a question of a train split belongs to ``tune``; spaces and capital letters make no difference.

    ``of`` is another way of dividing, independent of the first.
    """
    plain = " ".join(question.split()).casefold().encode("utf-8", "surrogatepass")
    drawn = hashlib.blake2b(plain, digest_size=8, person=b"tracer-env tune", salt=of.encode()).digest()
    return int.from_bytes(drawn, "big") < TUNE_SHARE * _ALL


def part_of(tasks: Sequence[Task], split: str) -> list[Task]:
    """Return the tasks of a train split that are in ``split``, in order; all of them where it is neither part.

    A handful of tasks that would all be kept for choosing trains, and nothing is kept.
    """
    kept = [split in DIVIDED and in_tune(task.question) for task in tasks]
    if all(kept):
        return [] if split == TUNE else list(tasks)
    return [task for task, chosen in zip(tasks, kept, strict=True) if chosen is (split == TUNE)]


def source_of(split: str) -> str:
    """Return the name of the split whose tasks are divided: ``train`` for ``tune``, else the split itself."""
    return TRAIN if split == TUNE else split
