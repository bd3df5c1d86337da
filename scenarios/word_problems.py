"""The word problems behind `arithmetic`: one function a story, (question, answer) by construction.

A story draws its numbers so that the answer is a whole number that is not negative: what is given
away is drawn together with what is left, what is shared is drawn as shares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from tracer_env.randomness import Purpose, draw

__all__ = ["LEVELS", "Dice", "Problem"]

_Item = TypeVar("_Item")


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split(", "))


_NAMES = _listed(
    "Ada, Ben, Chloe, Dan, Elif, Femi, Grace, Hugo, Ines, Jonas, Kira, Liam, Maya, Noor, Omar, "
    "Paula, Quinn, Rosa, Sven, Tara, Uma, Viktor, Wen, Yara, Zoe, Amir, Bea, Carlos, Dina, Emil"
)
_THINGS = _listed(
    "apples, books, marbles, stickers, pencils, shells, coins, stamps, buttons, cookies, "
    "flowers, cards, balloons, beads, oranges, postcards, toy cars, candles, pebbles, eggs"
)
_WARES = _listed("notebooks, mugs, plants, lamps, scarves, puzzles, kites, baskets, caps, brushes, cushions, jars")


class Dice:
    """Numbered draws from one stream; ``attempt`` opens a fresh sequence."""

    def __init__(self, stream: int, attempt: int) -> None:
        self._stream, self._attempt, self._count = stream, attempt, 0

    def between(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both included."""
        self._count += 1
        return low + draw(self._stream, self._attempt, Purpose.CONTENT, self._count) % (high - low + 1)

    def pick(self, items: Sequence[_Item]) -> _Item:
        """Return one of ``items``."""
        return items[self.between(0, len(items) - 1)]

    def names(self) -> tuple[str, str]:
        """Return two different names."""
        first = self.between(0, len(_NAMES) - 1)
        return _NAMES[first], _NAMES[(first + self.between(1, len(_NAMES) - 1)) % len(_NAMES)]

    def thing(self) -> str:
        """Return something that can be counted."""
        return self.pick(_THINGS)

    def ware(self) -> str:
        """Return something that can be bought."""
        return self.pick(_WARES)


Problem = Callable[[Dice], tuple[str, int]]


def _finds(d: Dice) -> tuple[str, int]:
    (name, _), thing, a = d.names(), d.thing(), d.between(2, 30)
    b = d.between(2, 39 - a)
    verb = d.pick(("finds", "buys", "gets", "picks up"))
    return f"{name} has {a} {thing} and {verb} {b} more. How many {thing} does {name} have now?", a + b


def _together(d: Dice) -> tuple[str, int]:
    (first, second), thing, a = d.names(), d.thing(), d.between(2, 30)
    b = d.between(2, 39 - a)
    return f"{first} has {a} {thing} and {second} has {b} {thing}. How many {thing} do they have together?", a + b


def _two_days(d: Dice) -> tuple[str, int]:
    (name, _), thing, a = d.names(), d.thing(), d.between(2, 30)
    b = d.between(2, 39 - a)
    early, late = d.pick(
        (("On Monday", "on Tuesday"), ("In the morning", "in the evening"), ("Last week", "this week"))
    )
    return f"{early} {name} sold {a} {thing}, and {late} {b}. How many {thing} did {name} sell in all?", a + b


def _shelves(d: Dice) -> tuple[str, int]:
    thing, a = d.thing(), d.between(2, 30)
    b = d.between(2, 39 - a)
    place = d.pick(("box", "drawer", "bag", "basket", "tin"))
    return f"One {place} holds {a} {thing} and another holds {b}. How many {thing} are in both?", a + b


def _older(d: Dice) -> tuple[str, int]:
    (first, second), a = d.names(), d.between(3, 28)
    b = d.between(2, 39 - a)
    return f"{first} is {a} years old, and {second} is {b} years older. How old is {second}?", a + b


def _gives_away(d: Dice) -> tuple[str, int]:
    (first, second), thing, left, gone = d.names(), d.thing(), d.between(3, 60), d.between(3, 39)
    return f"{first} had {left + gone} {thing} and gave {gone} of them to {second}. How many are left?", left


def _comes_and_goes(d: Dice) -> tuple[str, int]:
    (name, _), thing, a, b = d.names(), d.thing(), d.between(10, 60), d.between(5, 39)
    c = d.between(2, a + b - 1)
    return f"{name} had {a} {thing}, got {b} more and then lost {c}. How many {thing} does {name} have now?", a + b - c


def _difference(d: Dice) -> tuple[str, int]:
    (first, second), thing, a, more = d.names(), d.thing(), d.between(5, 60), d.between(3, 39)
    return (
        f"{first} collected {a + more} {thing} and {second} collected {a}. "
        f"How many more {thing} than {second} does {first} have?"
    ), more


def _bus(d: Dice) -> tuple[str, int]:
    a, off, on = d.between(20, 60), d.between(3, 19), d.between(3, 29)
    return (
        f"A bus carries {a} people. At a stop {off} get off and {on} get on. How many are on the bus now?",
        a - off + on,
    )


def _three_rows(d: Dice) -> tuple[str, int]:
    (name, _), a, b, c = d.names(), d.between(10, 40), d.between(10, 40), d.between(5, 30)
    return (
        f"{name} ran {a} minutes on Friday, {b} on Saturday and {c} on Sunday. How many minutes is that in total?",
        a + b + c,
    )


def _packs(d: Dice) -> tuple[str, int]:
    (name, _), thing, packs, each, extra = d.names(), d.thing(), d.between(3, 9), d.between(3, 12), d.between(2, 30)
    return (
        f"{name} buys {packs} packs of {each} {thing} and already had {extra}. How many {thing} does {name} have now?"
    ), packs * each + extra


def _rows_taken(d: Dice) -> tuple[str, int]:
    (name, _), thing, rows, each = d.names(), d.thing(), d.between(3, 9), d.between(4, 12)
    gone = d.between(2, rows * each - 1)
    return (
        f"{name} lays out {rows} rows of {each} {thing} and takes {gone} away. How many {thing} are still there?"
    ), rows * each - gone


def _bill(d: Dice) -> tuple[str, int]:
    (name, _), ware, count, price, fee = d.names(), d.ware(), d.between(3, 9), d.between(3, 15), d.between(2, 20)
    return (
        f"{name} orders {count} {ware} at ${price} each and pays ${fee} for delivery. "
        "How many dollars is that in total?"
    ), count * price + fee


def _weeks(d: Dice) -> tuple[str, int]:
    (name, _), pages, days, extra = d.names(), d.between(5, 20), d.between(3, 9), d.between(5, 40)
    return (
        f"{name} reads {pages} pages a day for {days} days and {extra} more on the day after. "
        f"How many pages did {name} read?"
    ), pages * days + extra


def _two_wares(d: Dice) -> tuple[str, int]:
    (name, _), first, a, p, b, q = (
        d.names(),
        d.ware(),
        d.between(3, 9),
        d.between(4, 15),
        d.between(3, 9),
        d.between(4, 15),
    )
    second = d.pick([ware for ware in _WARES if ware != first])
    return (
        f"{name} sells {a} {first} for ${p} each and {b} {second} for ${q} each. How many dollars does {name} earn?"
    ), a * p + b * q


def _shared(d: Dice) -> tuple[str, int]:
    (name, _), thing, share, friends, bags = d.names(), d.thing(), d.between(3, 15), d.between(3, 8), d.between(2, 6)
    return (
        f"{name} has {share * friends * bags} {thing}. {name} packs them evenly into {bags} bags "
        f"and shares one bag evenly among {friends} friends. How many {thing} does each friend get?"
    ), share


def _change(d: Dice) -> tuple[str, int]:
    (name, _), ware, count, price, other = d.names(), d.ware(), d.between(3, 9), d.between(4, 18), d.between(3, 30)
    cost = count * price + other
    paid = cost + d.between(1, 60)
    return (
        f"{name} buys {count} {ware} at ${price} each and a bag for ${other}, and pays with ${paid}. "
        "How many dollars come back?"
    ), paid - cost


def _trip(d: Dice) -> tuple[str, int]:
    (name, _), fast, hours, slow, more = (
        d.names(),
        d.between(40, 90),
        d.between(2, 5),
        d.between(10, 30),
        d.between(2, 5),
    )
    return (
        f"{name} drives {hours} hours at {fast} km an hour and then cycles {more} hours at {slow} km an hour. "
        "How many km is that altogether?"
    ), fast * hours + slow * more


def _sale(d: Dice) -> tuple[str, int]:
    (name, _), ware, count, units, percent = (
        d.names(),
        d.ware(),
        d.between(2, 9),
        d.between(1, 8),
        d.pick((10, 20, 25, 40, 50)),
    )
    price = 20 * units
    return (
        f"A shop takes {percent}% off {ware} that cost ${price} each. {name} buys {count} of them. "
        f"How many dollars does {name} pay?"
    ), count * price * (100 - percent) // 100


def _savings(d: Dice) -> tuple[str, int]:
    (name, _), wage, hours, weeks = d.names(), 10 * d.between(1, 4), d.between(4, 20), d.between(3, 8)
    percent, gift = d.pick((10, 20, 30, 50, 60)), d.between(5, 90)
    return (
        f"{name} earns ${wage} an hour and works {hours} hours a week. {name} saves {percent}% of the pay "
        f"for {weeks} weeks and is then given ${gift}. How many dollars does {name} have saved?"
    ), wage * hours * percent // 100 * weeks + gift


def _orchard(d: Dice) -> tuple[str, int]:
    (name, _), rows, trees, each = d.names(), d.between(3, 9), 10 * d.between(1, 3), d.between(3, 12)
    percent, boxes = d.pick((10, 20, 30, 40)), d.between(2, 20)
    kept = rows * trees * (100 - percent) // 100
    return (
        f"{name} plants {rows} rows of {trees} trees, and {percent}% of them do not grow. "
        f"Each of the others gives {each} pears. {name} sells {boxes} pears. How many pears are left?"
    ), kept * each - boxes


def _tank(d: Dice) -> tuple[str, int]:
    (name, _), litres, percent, rate, minutes = (
        d.names(),
        100 * d.between(2, 9),
        d.pick((10, 20, 25, 50)),
        d.between(3, 12),
        d.between(4, 15),
    )
    used = d.between(2, 3) * d.between(2, 8)
    return (
        f"A tank of {name} holds {litres} litres and is {percent}% full. "
        f"A pump adds {rate} litres a minute for {minutes} minutes, then {used} litres are used. "
        "How many litres are in the tank?"
    ), litres * percent // 100 + rate * minutes - used


LEVELS: dict[int, tuple[Problem, ...]] = {
    1: (_finds, _together, _two_days, _shelves, _older),
    2: (_gives_away, _comes_and_goes, _difference, _bus, _three_rows),
    3: (_packs, _rows_taken, _bill, _weeks),
    4: (_two_wares, _shared, _change, _trip),
    5: (_sale, _savings, _orchard, _tank),
}
"""The stories of each level."""
