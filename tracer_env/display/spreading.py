"""Where words of a picture go so that none lies on another: labels beside lines, numbers beside dots."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import cos, hypot, pi, sin

__all__ = ["apart", "spread_out"]

_DIRECTIONS = [(0.7, -0.7), (1.0, 0.0), (0.7, 0.7), (0.0, 1.0), (0.0, -1.0), (-0.7, -0.7), (-1.0, 0.0), (-0.7, 0.7)]
_GAP = 15.0  # between the middles of two labels


def apart(places: Sequence[float], top: float, bottom: float) -> list[float]:
    """Move places apart by at least a line's height, in order, and keep them within bounds if they fit."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + _GAP)
    limit = bottom
    for index in reversed(order):
        moved[index] = min(moved[index], limit)
        limit = moved[index] - _GAP
    rise = max(0.0, top - min(moved, default=top))
    return [place + rise for place in moved]


def spread_out(
    dots: Sequence[tuple[float, float]], box: tuple[float, float, float, float]
) -> list[tuple[float, float]]:
    """Return a place for each dot's number: near it, inside the box, on no dot and on no other number.

    ``box`` is left, top, right, bottom. The nearest place is taken that belongs to its dot by the eye, else, in a
    crowd, the nearest that overlaps nothing; without any the last that was tried, moved into the box.
    """
    found: list[tuple[float, float]] = []
    for dot in dots:
        near = ((dot[0] + away * a, dot[1] + away * b) for away in _NEAR for a, b in _DIRECTIONS)
        far = ((dot[0] + away * cos(turn), dot[1] + away * sin(turn)) for away in _FAR for turn in _TURNS)
        place = next((each for each in near if _free(each, dots, dot, found, box, 0.8)), None)
        place = place or next((each for each in far if _free(each, dots, dot, found, box, 0.0)), None)
        x, y = place or dot
        found.append((min(max(x, box[0] + 8), box[2] - 8), min(max(y, box[1] + 4), box[3] - 4)))
    return found


_NEAR = (14.0, 20.0, 28.0, 38.0, 50.0, 64.0, 80.0)
_FAR = tuple(14.0 + 6.0 * step for step in range(60))
_TURNS = tuple(2 * pi * step / 24 for step in range(24))


def _free(
    place: tuple[float, float],
    dots: Sequence[tuple[float, float]],
    own: tuple[float, float],
    numbers: Sequence[tuple[float, float]],
    box: tuple[float, float, float, float],
    share: float,
) -> bool:
    """Return whether a number may stand at a place, ``share`` as far from other dots as from its own, or further."""
    x, y = place
    if not (box[0] + 8 <= x <= box[2] - 8 and box[1] + 4 <= y <= box[3] - 4):
        return False
    nearest = hypot(x - own[0], y - own[1])
    others = all(hypot(x - a, y - b) >= max(14.0, share * nearest) for a, b in dots if (a, b) != own)
    return others and all(abs(x - a) >= 17 or abs(y - b) >= 14 for a, b in numbers)
