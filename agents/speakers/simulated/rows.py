"""The simulated speaker for many dialogues and many nodes of each, whole utterances included.

Where `arrays` gives grades and verdicts, this gives all that a dialogue tree stores: which answer
was given, what it cost and what it tells of its words. B rows share a turn's noise with all M nodes of their
tree, since noise does not hang on choices. Arrays have shape (B, M); equality with the scalar speaker is tested on
every leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.speakers.simulated.arrays import SimulatedArrays, luck
from tracer_env.agents.speakers.simulated.rates import QUANTILES, Simulation
from tracer_env.randomness import Purpose, draws
from tracer_env.types import Grade, Task

__all__ = ["Said", "SimulatedRows"]

_LOW = np.uint64(QUANTILES - 1)


class Said(NamedTuple):
    """What was said at M nodes of B rows, shape (B, M) each."""

    grade: NDArray[np.int8]  # of a proposal; of a review: of the proposal that it judges
    verdict: NDArray[np.int8]  # of a review; 0 for a proposal
    answer: NDArray[np.int32]  # 0 the gold answer, k a wrong one, -1 none
    prompt_tokens: NDArray[np.int32]
    completion_tokens: NDArray[np.int32]
    agrees: NDArray[np.int8]  # of a review that states an answer of its own: 1 the pending one, -1 another; else 0
    logprob_sum: NDArray[np.float32]  # this and the rest: `Signals`, NaN untold
    logprob_mean: NDArray[np.float32]
    logprob_min: NDArray[np.float32]
    margin: NDArray[np.float32]


class SimulatedRows:
    """What the simulated speaker says in B dialogues with the noise ``streams``, shape (B,), one task each."""

    def __init__(self, simulation: Simulation, tasks: Sequence[Task], streams: NDArray[np.uint64]) -> None:
        if len(tasks) != len(streams):
            raise ValueError(f"{len(tasks)} tasks need as many streams, got {len(streams)}")
        self.simulation, self._streams = simulation, streams
        self._arrays = SimulatedArrays(simulation, tasks)
        wrong = [max(len(task.options), 4) - 1 if task.kind == "choice" else QUANTILES for task in tasks]
        self._wrong = np.array(wrong, dtype=np.int32)[:, None]  # how many different wrong answers there are

    def propose(
        self,
        turn: int,
        grade: NDArray[np.int8],
        vote: NDArray[np.integer],
        answer: NDArray[np.int32],
        reread: NDArray[np.integer],
    ) -> Said:
        """Return the proposals of a turn where proposals with this grade, vote and answer stand.

        ``reread`` is how many completion tokens the history window holds. Where nothing stands give UNPARSABLE.
        """
        rates, arrays = self.simulation, self._arrays
        bits, content = self._noise(turn, Purpose.OUTCOME), self._noise(turn, Purpose.CONTENT)
        new = arrays.refreshed(bits, content, arrays.skill[:, None], arrays.mend[:, None], grade, vote)
        told = 1 + (arrays.wrong_answers(bits).astype(np.int32) - 1) % self._wrong
        fresh = np.where(new == Grade.UNPARSABLE, -1, np.where(new == Grade.CORRECT, 0, told))
        again = (luck(content) < rates.repeat) & (luck(bits) >= rates.invalid)
        kept = again & (grade != Grade.UNPARSABLE) & (vote >= 0)
        lengths = np.array(rates.proposer_lengths, dtype=np.int32)[(bits & _LOW).astype(np.intp)]
        signals = rates.signals.proposals(self._noise(turn, Purpose.SIGNAL), new, lengths)
        return Said(
            grade=new,
            verdict=np.zeros_like(new),
            answer=np.where(kept, answer, fresh).astype(np.int32),
            prompt_tokens=self._prompt(rates.proposer_prompt_tokens, reread),
            completion_tokens=np.broadcast_to(lengths, new.shape),
            **signals._asdict(),
        )

    def review(
        self, turn: int, grade: NDArray[np.int8], answer: NDArray[np.int32], reread: NDArray[np.integer]
    ) -> Said:
        """Return the reviews of a turn of proposals with this grade and answer."""
        bits, rates = self._noise(turn, Purpose.OUTCOME), self.simulation
        lengths = np.array(rates.reviewer_lengths, dtype=np.int32)[(bits & _LOW).astype(np.intp)]
        verdict = self._arrays.verdicts(bits, grade)
        signals = rates.signals.reviews(self._noise(turn, Purpose.SIGNAL), grade, verdict, lengths)
        return Said(
            grade=grade,
            verdict=verdict,
            answer=answer,
            prompt_tokens=self._prompt(rates.reviewer_prompt_tokens, reread),
            completion_tokens=np.broadcast_to(lengths, grade.shape),
            **signals._asdict(),
        )

    def _noise(self, turn: int, purpose: Purpose) -> NDArray[np.uint64]:
        return draws(self._streams, turn, purpose)[:, None]

    def _prompt(self, alone: int, reread: NDArray[np.integer]) -> NDArray[np.int32]:
        tokens: NDArray[np.int32] = (alone + (self.simulation.reread * reread).astype(np.int64)).astype(np.int32)
        return tokens
