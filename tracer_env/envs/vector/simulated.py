"""Simulated dialogues in step: B of them, one array operation where a single dialogue has one statement.

Each dialogue is a situation of a `Machine` and a place in its stream of luck (`randomness`). A turn adds one
constant to the place, mixes it, compares the 48 bits of luck with the thresholds of the situation and looks up
the next one. Thresholds are whole numbers: for u = k / 2^48 the comparison u < p in float64, which is what
the single speaker makes, is k < ceil(p * 2^48) exactly, since multiplying by a power of two does not round.

Work is cut into slices of a few thousand dialogues, so that what a turn touches stays in the second-level cache.

Signals hang on no choice and change no situation, so they are drawn only when somebody reads them: a dialogue keeps
where its stream stood at its newest proposal and review, and `SimulatedDialogues.told` draws the rest from there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.envs.vector.machine import ACTION, QUIET, THRESHOLDS, Machine
from tracer_env.envs.vector.rates import Rates
from tracer_env.randomness import GOLDEN, Purpose, counter, scramble, task_key
from tracer_env.rules import Rules
from tracer_env.types import SIGNALS, Role, Task

__all__ = [
    "SimulatedDialogues",
    "episode_streams",
    "quantised",
    "scramble",
    "seed_keys",
    "wrong_answer_counts",
]

_WORD = 1 << 64
_QUANTILES = 256
_SLICE = 8192

_QUANTILE, _TO_LUCK = np.uint64(_QUANTILES - 1), np.uint64(16)
_STEP = np.uint64(GOLDEN)
_FIRST = np.uint64(counter(0, Purpose.OUTCOME) * GOLDEN % _WORD)
_NEXT_TURN = np.uint64((counter(1, 0) - counter(0, 0)) * GOLDEN % _WORD)
_TO_CONTENT = np.uint64((Purpose.CONTENT - Purpose.OUTCOME) * GOLDEN % _WORD)
_TO_SIGNAL = np.uint64((Purpose.SIGNAL - Purpose.OUTCOME) * GOLDEN % _WORD)

Index = NDArray[np.int64]
Counts = NDArray[np.int32]
Bits = NDArray[np.uint64]


def quantised(chance: float, bits: int = 48) -> np.uint64:
    """Return the k below which ``bits`` bits of luck, read as a fraction, are less than ``chance``."""
    return np.uint64(math.ceil(math.ldexp(chance, bits)))


def seed_keys(seeds: Bits) -> Bits:
    """Return what a stream takes from its seed, for many seeds."""
    x = seeds + _STEP
    return scramble(x, x, np.empty_like(x))


def episode_streams(keys: Bits, task_keys: Bits, world: Index) -> Bits:
    """Return the streams of episodes: `seed_keys`, keys of tasks (changed in place) and worlds, all (m,)."""
    x, scratch = task_keys, np.empty_like(task_keys)
    x ^= keys
    x += _STEP
    scramble(x, x, scratch)
    turns = np.multiply(world.view(np.uint64), _STEP, out=scratch)
    turns += _STEP
    x += turns
    return scramble(x, x, scratch)


def wrong_answer_counts(rates: Rates, tasks: Sequence[Task]) -> Index:
    """Return how many different wrong answers each task has: letters of a choice come round again."""
    return np.array(
        [min(rates.distractors, max(len(t.options), 4) - 1) if t.kind == "choice" else rates.distractors for t in tasks]
    )


class SimulatedDialogues:
    """B dialogues of one simulated speaker: `begin` some, `play` a turn of some or of all.

    ``code`` is where each stands in the machine, ``tokens`` what it has cost so far, both (B,) and updated in place;
    ``turns`` counts what was played. With ``signals`` they remember what `told` needs.
    """

    def __init__(
        self,
        machine: Machine,
        rates: Rates,
        rules: Rules,
        tasks: Sequence[Task],
        size: int,
        signals: bool = False,
    ) -> None:
        self.machine, self.size = machine, size
        self._rates = rates
        self._spoke = np.zeros((2, size), dtype=np.uint64) if signals else None  # by role: `_place` when last it spoke
        self.turns = 0
        self.code = np.zeros(size, dtype=np.int64)
        self.tokens = np.zeros(size, dtype=np.int32)
        self._place = np.zeros(size, dtype=np.uint64)  # where the stream stands: the OUTCOME draw of the last turn
        self._luck(rates, tasks)
        self._costs(rates, rules)
        room = min(size, _SLICE)
        self._work = tuple(np.empty(room, dtype=kind) for kind in ("u8", "u8", "u8", "u8", "i8", "u1"))
        self._rows = np.arange(size)

    def _luck(self, rates: Rates, tasks: Sequence[Task]) -> None:
        self._task_keys = np.array([task_key(task.id) for task in tasks], dtype=np.uint64)
        open_share = 1.0 - rates.invalid
        chances = np.array([rates.chances(task.difficulty) for task in tasks])
        high = np.empty((len(THRESHOLDS), len(tasks)), dtype=np.uint64)
        for row in (0, 1):  # skill, mend
            high[row] = [quantised(rates.invalid + open_share * chance) for chance in chances[:, row]]
        high[2] = quantised(rates.invalid + open_share * (1.0 - rates.cave))
        read = 1.0 - rates.no_verdict
        high[3] = quantised(rates.no_verdict + read * rates.tpr)
        high[4] = quantised(rates.no_verdict + read * rates.tnr)
        silent, invalid = quantised(rates.no_verdict), quantised(rates.invalid)
        self._low = np.where(self.machine.reviews, silent, invalid)
        self._high, self._row_start = high.ravel(), self.machine.threshold * len(tasks)
        self._task = np.zeros(self.size, dtype=np.int64)
        repeated = int(quantised(rates.repeat))
        self._always_repeats = repeated == 1 << 48
        self._repeat = np.uint64(repeated << 16) if 0 < repeated < 1 << 48 else None
        self._spread, self._spans = int(rates.distractors), wrong_answer_counts(rates, tasks)
        self._counts_answers = self.machine.moves > 2 * ACTION
        fixed = (self.machine.speak == 0.0) | (self.machine.speak == 1.0)
        self._sure = bool(fixed.all())
        self._speak = np.array([quantised(chance, 53) for chance in self.machine.speak])

    def _costs(self, rates: Rates, rules: Rules) -> None:
        lengths = np.zeros((3, _QUANTILES), dtype=np.int32)
        lengths[Role.PROPOSER], lengths[Role.REVIEWER] = rates.proposer_lengths, rates.reviewer_lengths
        prompts = np.array([[rates.proposer_prompt_tokens], [rates.reviewer_prompt_tokens], [0]], dtype=np.int32)
        self._lengths, self._fixed = lengths.ravel(), (lengths + prompts).ravel()
        self._length_row = self.machine.length_row * _QUANTILES
        self._said = (self.machine.length_row != QUIET).astype(np.int32)
        window = rules.history_window
        self._share = rates.reread if window > 0 else 0.0
        self._read = np.zeros(self.size, dtype=np.int32)  # completion tokens inside the window
        self._window = window if 0 < window < rules.max_turns - 1 else 0  # 0: nothing ever leaves it
        self._recent = np.zeros((self.size, self._window), dtype=np.int32)
        self._oldest = np.zeros(self.size, dtype=np.int64)

    # -- playing ---------------------------------------------------------------------------------

    def begin(self, who: Index, keys: Bits, task: Index, world: Index) -> None:
        """Put dialogues ``who`` before turn 1 of tasks in worlds; ``keys`` are their `seed_keys`, all (m,)."""
        x = episode_streams(keys, self._task_keys.take(task, mode="clip"), world)
        x += _FIRST
        self._place[who] = x
        self._task[who] = task
        self.code[who] = self.tokens[who] = self._read[who] = 0
        if self._window:
            self._recent[who] = self._oldest[who] = 0

    def play(self, actions: NDArray[np.uint8], price: float = 0.0) -> NDArray[np.float64]:
        """Play one turn of every dialogue; where an action is forced it is taken whatever ``actions`` say.

        Returns what the moves pay (B,), less ``price`` for each token spent.
        """
        reward = np.empty(self.size)
        for start in range(0, self.size, _SLICE):
            here = slice(start, min(start + _SLICE, self.size))
            state = self.code[here], self._place[here], self._read[here]
            spent = self._turn(*state, self._rows[here], self._task[here], actions[here], reward[here])
            self.tokens[here] += spent
            if price:
                reward[here] -= price * spent
        return reward

    def play_some(self, who: Index, actions: NDArray[np.uint8], price: float = 0.0) -> NDArray[np.float64]:
        """Play one turn of dialogues ``who``; actions and result are (m,)."""
        reward = np.empty(len(who))
        for start in range(0, len(who), _SLICE):
            here = slice(start, start + _SLICE)
            some = who[here]
            code, place, read = self.code[some], self._place[some], self._read[some]
            spent = self._turn(code, place, read, some, self._task[some], actions[here], reward[here])
            self.code[some], self._place[some], self._read[some] = code, place, read
            self.tokens[some] += spent
            if price:
                reward[here] -= price * spent
        return reward

    def fixed_choices(self, who: Index, chances: NDArray[np.float64] | None = None) -> NDArray[np.uint8]:
        """Return what the fixed controllers choose at the next turn of dialogues ``who``, (m,).

        ``chances``: their P(SPEAK), instead of that which the machine has of the situations.
        """
        code = self.code[who]
        if self._sure and chances is None:
            sure: NDArray[np.bool_] = self.machine.speak[code] == 1.0
            return sure.astype(np.uint8)
        to_choice = counter(1, Purpose.CHOICE) - counter(0, Purpose.OUTCOME)
        bits = self._place[who] + np.uint64(to_choice * GOLDEN % _WORD)
        scramble(bits, bits, np.empty_like(bits))
        bits >>= np.uint64(11)
        speaks: NDArray[np.bool_] = bits < self._speak[code] if chances is None else np.ldexp(bits, -53) < chances
        return speaks.astype(np.uint8)

    def told(self, role: Role, who: Index) -> dict[str, NDArray[Any]]:
        """Return the signals of the pending proposals of dialogues ``who``, or of the newest reviews of these.

        ``agrees`` and each of `SIGNALS` by its name, (m,), with ``tokens``, what the utterance was long. Ask only for
        what was said: of a dialogue without a proposal, or whose pending one has no review, they mean nothing.
        """
        if self._spoke is None:
            raise ValueError("these dialogues remember no signals: build them with signals=True")
        place, code, scratch = self._spoke[role, who], self.code[who], np.empty(len(who), dtype=np.uint64)
        quantile = scramble(place, np.empty_like(place), scratch) & _QUANTILE
        tokens = self._lengths[quantile.astype(np.int64) + role * _QUANTILES]
        place += _TO_SIGNAL
        noise, machine, read = scramble(place, place, scratch), self.machine, self._rates.signals
        if role is Role.PROPOSER:
            drawn = read.proposals(noise, machine.grade[code], tokens)
        else:
            drawn = read.reviews(noise, machine.grade[code], machine.verdict[code], tokens)
        return dict(zip((*SIGNALS, "agrees", "tokens"), (*drawn, tokens), strict=True))

    def _turn(
        self,
        code: Index,
        place: Bits,
        read: Counts,
        rows: Index,
        task: Index,
        actions: NDArray[np.uint8],
        reward: NDArray[np.float64],
    ) -> Counts:
        """Play a turn of m dialogues, changing ``code``, ``place``, ``read``, ``reward``; return the tokens spent."""
        machine, m = self.machine, len(code)
        self.turns += m
        bits, luck, high, scratch, move, said = (part[:m] for part in self._work)
        place += _NEXT_TURN
        scramble(place, bits, scratch)
        np.right_shift(bits, _TO_LUCK, out=luck)
        self._row_start.take(code, out=move, mode="clip")
        move += task
        self._high.take(move, out=high, mode="clip")
        np.add(actions, actions, out=said)
        self._add_repeats(said, place, move.view(np.uint64), scratch)
        said += said
        said |= luck >= high
        said += said
        self._low.take(code, out=high, mode="clip")
        said |= luck >= high
        np.multiply(code, machine.moves, out=move)
        move += said
        if self._counts_answers:
            move += self._wrong_answers(bits, task)
        if self._spoke is not None:
            said_by = self._length_row.take(move, mode="clip")
            for role in (0, 1):
                spoke = np.flatnonzero(said_by == role * _QUANTILES)
                self._spoke[role, rows[spoke]] = place[spoke]
        machine.reward.take(move, out=reward, mode="clip")
        machine.next.take(move, out=code, mode="clip")
        bits &= _QUANTILE
        return self._spend(move, bits.view(np.int64), read, rows, scratch.view(np.int64))

    def _add_repeats(self, said: NDArray[np.uint8], place: Bits, content: Bits, scratch: Bits) -> None:
        if self._repeat is not None:
            np.add(place, _TO_CONTENT, out=content)
            said |= scramble(content, content, scratch) < self._repeat
        elif self._always_repeats:
            said |= np.uint8(1)

    def _wrong_answers(self, bits: Bits, task: Index) -> Index:
        drawn = (bits >> np.uint64(8) & _QUANTILE).astype(np.int64) * self._spread // _QUANTILES
        told_apart: Index = drawn % self._spans[task]
        return told_apart * (2 * ACTION)

    def _spend(self, move: Index, quantile: Index, read: Counts, rows: Index, scratch: Index) -> Counts:
        """Return the tokens of the turn, prompt and completion, and let the window move on."""
        spoken = self._said.take(move, mode="clip")
        quantile += self._length_row.take(move, out=scratch, mode="clip")
        spent: Counts = self._fixed.take(quantile, mode="clip")
        made = self._lengths.take(quantile, out=scratch.view(np.int32)[: len(move)], mode="clip")
        if self._share == 1.0:
            spent += read * spoken
        elif self._share > 0.0:
            spent += (self._share * read).astype(np.int32) * spoken
        read += made
        if self._window:
            slot, talks = self._oldest[rows], spoken > 0
            read -= self._recent[rows, slot] * spoken
            self._recent[rows[talks], slot[talks]] = made[talks]
            self._oldest[rows] = (slot + spoken) % self._window
        return spent
