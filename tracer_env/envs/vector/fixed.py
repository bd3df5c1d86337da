"""What fixed controllers choose in the vector environment, those too whose keys hang on what was told of the words.

A machine holds P(SPEAK) of each situation. A table that hears confidence has one for each situation and bucket: its
turns have a table of their own here, looked up by the codes of `VectorKeys`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.envs.vector.keys import Dialogues, VectorKeys, plain_parts, told_parts
from tracer_env.envs.vector.machine import Machine, fixed_keys
from tracer_env.interfaces import Controller, Information
from tracer_env.parts.seams import at_seat
from tracer_env.rules import Rules

__all__ = ["FixedChoices"]

Index = NDArray[np.int64]
_NOWHERE: Any = None  # a table reads its key alone


class FixedChoices:
    """The choices of all seats that do not learn; ``hears`` says whether what was told counts for one of them.

    ``tell`` is the key of those without one of their own, which read the dialogue: nothing that was told is in it.
    """

    def __init__(
        self, machine: Machine, rules: Rules, learns: Sequence[bool], others: Controller, tell: Information
    ) -> None:
        self._machine, self._turn_of = machine, machine.record["turn"].astype(np.int64)
        self._plain = np.zeros(len(machine.states), dtype=np.int64)
        self._tables: dict[int, tuple[VectorKeys, NDArray[np.float64]]] = {}
        for turn, key in fixed_keys(rules, learns, others, tell).items():
            if told_parts(key):
                self._tables[turn] = self._table(turn, key, at_seat(others, rules.seats[turn]))
        self.hears = bool(self._tables)

    def _table(self, turn: int, key: Information, table: Controller) -> tuple[VectorKeys, NDArray[np.float64]]:
        plain, numbers = plain_parts(key), dict[str, int]()
        for code in np.flatnonzero((self._turn_of == turn) & self._machine.inside).tolist():
            self._plain[code] = numbers.setdefault(plain(self._machine.states[code]), len(numbers))
        keys = VectorKeys(self._machine, key, tuple(numbers))
        return keys, np.array([table.speak_probability(_NOWHERE, name) for name in keys.names], dtype=np.float64)

    def of(self, dialogues: Dialogues, who: Index) -> NDArray[np.uint8]:
        """Return what is chosen at the next turn of dialogues ``who``, (m,)."""
        if not self.hears:
            return dialogues.fixed_choices(who)
        code = dialogues.code[who]
        chances, turn = self._machine.speak[code], self._turn_of[code]
        for number, (keys, table) in self._tables.items():
            at = np.flatnonzero((turn == number) & self._machine.inside[code])
            chances[at] = table[keys.bucketed(self._plain[code[at]], dialogues, who[at])]
        return dialogues.fixed_choices(who, chances)
