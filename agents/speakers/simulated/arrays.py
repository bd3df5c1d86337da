"""The simulated speaker for many dialogues at once: the same outcomes as `simulated`, as numpy arrays.

Every array has one entry a dialogue, shape (B,). Grades are the numbers of `Grade`, verdicts those of
`Verdict`. Equality with the scalar speaker is tested draw by draw.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.speakers.simulated.rates import QUANTILES, Simulation
from tracer_env.types import Grade, Task

__all__ = ["SimulatedArrays", "luck"]

_UNIT = 2.0**-48
_LOW = np.uint64(QUANTILES - 1)
_WRONG, _CORRECT, _UNPARSABLE = (np.int8(grade) for grade in (Grade.WRONG, Grade.CORRECT, Grade.UNPARSABLE))


class SimulatedArrays:
    """Outcomes of one `Simulation` over a fixed list of tasks."""

    def __init__(self, simulation: Simulation, tasks: Sequence[Task]) -> None:
        self.simulation = simulation
        chances = np.array([simulation.chances(task.difficulty) for task in tasks], dtype=np.float64)
        self.skill, self.mend = np.ascontiguousarray(chances.T)  # (tasks,) each

    def fresh(self, bits: NDArray[np.uint64], skill: NDArray[np.float64]) -> NDArray[np.int8]:
        """Return the grades of proposals with nothing (or nothing valid) pending."""
        return self._graded(luck(bits), skill)

    def refreshed(
        self,
        bits: NDArray[np.uint64],
        content: NDArray[np.uint64],
        skill: NDArray[np.float64],
        mend: NDArray[np.float64],
        pending: NDArray[np.int8],
        vote: NDArray[np.integer],
    ) -> NDArray[np.int8]:
        """Return the grades of new proposals, ``pending`` being the grades of those that stand."""
        valid = pending != _UNPARSABLE
        down = valid & (vote < 0)
        chance = np.where(down, np.where(pending == _CORRECT, 1.0 - self.simulation.cave, mend), skill)
        drawn, grade = luck(bits), pending
        repeated = valid & ~down & (luck(content) < self.simulation.repeat) & (drawn >= self.simulation.invalid)
        grade = np.where(repeated, pending, self._graded(drawn, chance))
        return grade

    def verdicts(self, bits: NDArray[np.uint64], pending: NDArray[np.int8]) -> NDArray[np.int8]:
        """Return the verdicts (+1 RIGHT, -1 WRONG, 0 none) on proposals with the grades ``pending``."""
        rates, drawn = self.simulation, luck(bits)
        silent = rates.no_verdict
        right = drawn < silent + (1.0 - silent) * rates.tpr
        wrong = drawn < silent + (1.0 - silent) * rates.tnr
        said = np.where(pending == _CORRECT, right, ~wrong)
        return np.where(drawn < silent, 0, np.where(said, 1, -1)).astype(np.int8)

    def wrong_answers(self, bits: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return which wrong answer (from 1) a wrong proposal gives."""
        share = (bits >> np.uint64(8) & _LOW).astype(np.int64)
        picked: NDArray[np.int64] = 1 + share * self.simulation.distractors // QUANTILES
        return picked

    def _graded(self, drawn: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.int8]:
        invalid = self.simulation.invalid
        correct = drawn < invalid + (1.0 - invalid) * chance
        return np.where(drawn < invalid, _UNPARSABLE, np.where(correct, _CORRECT, _WRONG))


def luck(bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return the top 48 bits as a number in [0, 1)."""
    return (bits >> np.uint64(16)).astype(np.float64) * _UNIT
