"""Which episodes of a run are shown inside its report: of each kind some, of all methods alike, a bounded few.

    picker = Picker()
    picker.add(told, offset)         each episode once, in file order: a dozen bytes of it are kept
    picker.pick(200)                 those that are shown, in file order, with what they are

First come flips, disagreements, wrong answers and the rest with a quarter of the room each; room that is left goes to
the first of them that has more. Within a kind methods take turns.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

import numpy as np
from numpy.typing import NDArray

from tracer_env.episodes.choosing import Chooser, Look, look
from tracer_env.episodes.transcript import Transcript

__all__ = ["Pick", "Picker"]


@dataclass(frozen=True, slots=True)
class Pick:
    """An episode to be shown: where its line begins, and what it is."""

    offset: int
    flips: bool
    disagrees: bool
    wrong: bool


class Picker:
    """Keeps a few numbers of each episode; updated in place."""

    def __init__(self) -> None:
        self._offsets, self._methods, self._flips = array("q"), array("i"), bytearray()
        self._names: dict[str, int] = {}
        self._wrong, self._disagreements = Chooser("wrong"), Chooser("disagreements")

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, told: Transcript, offset: int, seen: Look | None = None) -> None:
        """Look at one more episode, whose line begins at ``offset``, or take what was ``seen`` of it."""
        seen = look(told) if seen is None else seen
        self._offsets.append(offset)
        self._methods.append(self._names.setdefault(told.method, len(self._names)))
        self._flips.append(seen.flips)
        self._wrong.add(told, seen)
        self._disagreements.add(told, seen)

    def counts(self) -> tuple[int, int, int]:
        """Return how many episodes flipped, disagree, are wrong."""
        return sum(self._flips), len(self._disagreements.chosen()), len(self._wrong.chosen())

    def pick(self, most: int) -> list[Pick]:
        """Return at most so many episodes."""
        count = len(self)
        flips = np.frombuffer(bytes(self._flips), dtype=np.uint8) > 0
        disagrees, wrong = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
        disagrees[self._disagreements.chosen()] = True
        wrong[self._wrong.chosen()] = True
        kinds = [self._in_turn(places) for places in (flips, disagrees, wrong, np.ones(count, dtype=bool))]
        chosen: dict[int, None] = {}
        for quota in (max(1, most // len(kinds)), most):
            for kind in kinds:
                new = (place for place in kind if place not in chosen)
                chosen |= dict.fromkeys(islice(new, min(quota, most - len(chosen))))
        return [
            Pick(self._offsets[place], bool(flips[place]), bool(disagrees[place]), bool(wrong[place]))
            for place in sorted(chosen)
        ]

    def _in_turn(self, fits: NDArray[np.bool_]) -> Sequence[int]:
        """Return the places that fit, the first of each method before the second of any."""
        methods = np.frombuffer(self._methods, dtype=np.int32) if len(self) else np.zeros(0, dtype=np.int32)
        by_method = [np.flatnonzero(fits & (methods == number))[:_KEPT].tolist() for number in range(len(self._names))]
        return [place for turn in _turns(by_method) for place in turn if place is not None]


_KEPT = 10_000  # of a method and a kind: more is never shown


def _turns(by_method: Sequence[Sequence[int]]) -> Iterator[tuple[int | None, ...]]:
    return zip_longest(*by_method)
