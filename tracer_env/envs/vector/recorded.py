"""Recorded dialogues in step: B of them, each turn one look into the arrays of dialogue trees.

A recording holds what every path of choices leads to, so a dialogue is a row of the trees, a node on its path, and
a situation of the same `Machine` that simulated dialogues run on. Where luck decides what a simulated speaker
says, the recording does: its grades, answers and verdicts are written down once as the bits of a move, and its
tokens beside them. The nodes of a row are numbered 1 .. 2^T - 1 through all depths, so that speaking and
skipping lead from node i to 2 i + 1 and 2 i, and 0 stands before turn 1.

Which row a dialogue plays is decided as the recorded speaker decides it, and what cannot be played is put to that
speaker, whose error says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tracer_env.envs.vector.machine import ACTION, Machine
from tracer_env.envs.vector.parts import HINT
from tracer_env.envs.vector.simulated import episode_streams, seed_keys
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Request
from tracer_env.parts.seams import trees_of
from tracer_env.randomness import Purpose, stream, task_key, uniforms
from tracer_env.rules import Rules, initial
from tracer_env.trees.levels import Level
from tracer_env.trees.observed import pending_signals
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import SIGNALS, Grade, Role, Task, Utterance, Verdict

__all__ = ["RecordedDialogues", "Recording", "recorded_wrong_answers", "recording_of"]

Index = NDArray[np.int64]
Bits = NDArray[np.uint64]


class Recording(Protocol):
    """What is used of a recorded speaker."""

    trees: DialogueTrees
    any_seed: bool

    def check(self, rules: Rules) -> None:
        """Raise ConfigError when dialogues under ``rules`` are not among the recorded ones."""
        ...

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        """Return what was recorded; raises ConfigError for whatever was not."""
        ...


def recording_of(speaker: Any, rules: Rules) -> Recording | None:
    """Return a speaker that plays dialogue trees back, None for any other.

    Raises ConfigError when dialogues under ``rules`` are not among the recorded ones.
    """
    if trees_of(speaker) is None or getattr(speaker, "any_seed", None) is None:
        return None
    recording: Recording = speaker
    recording.check(rules)
    return recording


def recorded_wrong_answers(trees: DialogueTrees, rules: Rules) -> int:
    """Return how many wrong answers have to be told apart on the path where most of them differ, at least 1."""
    return 1 + max((int(numbers.max()) for numbers in _path_numbers(trees, rules).values()), default=0)


class RecordedDialogues:
    """B dialogues of one recording: `begin` some, `play` a turn of some or of all.

    ``code`` is where each stands in the machine, ``tokens`` what it has cost so far, both (B,) and updated in place;
    ``turns`` counts what was played. Raises ConfigError for rules or tasks that were not recorded, and for grades
    that the machine does not know.
    """

    def __init__(self, machine: Machine, speaker: Recording, rules: Rules, tasks: Sequence[Task], size: int) -> None:
        self.machine, self.size = machine, size
        self.turns = 0
        self.code = np.zeros(size, dtype=np.int64)
        self.tokens = np.zeros(size, dtype=np.int32)
        self._speaker, self._rules, self._tasks, trees = speaker, rules, tuple(tasks), speaker.trees
        for task in self._tasks:
            self._ask(task, stream(trees.seed, task.id))
        self._width = 1 << rules.max_turns
        self._said, self._spent = _tables(trees, rules, counts=machine.moves > 2 * ACTION)
        places = {task.id: place for place, task in enumerate(trees.tasks)}
        self._places = np.array([places[task.id] for task in self._tasks], dtype=np.int64)
        self._task_keys = np.array([task_key(task.id) for task in self._tasks], dtype=np.uint64)
        self._own = seed_keys(np.array([trees.seed % (1 << 64)], dtype=np.uint64))[0]
        self._noise = np.zeros(size, dtype=np.uint64)
        self._start = np.zeros(size, dtype=np.int64)  # where the nodes of its row begin
        self._node = np.zeros(size, dtype=np.int64)
        self._told: dict[str, NDArray[np.float64]] = {}
        self._turn_of = machine.record["turn"].astype(np.int64)

    def _ask(self, task: Task, noise: int) -> None:
        state = initial(task, self._rules)
        self._speaker.speak([Request(state, state.seat, noise)])

    # -- playing ---------------------------------------------------------------------------------

    def begin(self, who: Index, keys: Bits, task: Index, world: Index) -> None:
        """Put dialogues ``who`` before turn 1 of tasks in worlds; ``keys`` are their `seed_keys`, all (m,).

        Raises the recorded speaker's ConfigError for another seed than the recording's, unless it allows any.
        """
        trees = self._speaker.trees
        noise = episode_streams(keys, self._task_keys[task], world)
        own, row = keys == self._own, world % trees.worlds
        if self._speaker.any_seed:
            drawn = (noise % np.uint64(trees.worlds)).astype(np.int64)
            row = np.where(own & (world < trees.worlds), world, drawn)
        elif not own.all():
            first = int(np.argmin(own))
            self._ask(self._tasks[int(task[first])], int(noise[first]))
        row = self._places[task] + row * len(trees.tasks)
        self._noise[who], self._start[who] = noise, row * self._width
        self.code[who] = self.tokens[who] = self._node[who] = 0

    def play(self, actions: NDArray[np.uint8], price: float = 0.0) -> NDArray[np.float64]:
        """Play one turn of every dialogue; turn 1 is spoken whatever ``actions`` say.

        Returns what the moves pay (B,), less ``price`` for each token spent.
        """
        return self._turn(slice(None), actions, price)

    def play_some(self, who: Index, actions: NDArray[np.uint8], price: float = 0.0) -> NDArray[np.float64]:
        """Play one turn of dialogues ``who``; actions and result are (m,)."""
        return self._turn(who, actions, price)

    def fixed_choices(self, who: Index, chances: NDArray[np.float64] | None = None) -> NDArray[np.uint8]:
        """Return what the fixed controllers choose at the next turn of dialogues ``who``; see `SimulatedDialogues`."""
        code = self.code[who]
        chances = self.machine.speak[code] if chances is None else chances
        speaks = uniforms(self._noise[who], self._turn_of[code], Purpose.CHOICE) < chances
        return speaks.astype(np.uint8)

    def told(self, role: Role, who: Index) -> dict[str, NDArray[Any]]:
        """Return the signals of the pending proposals of dialogues ``who``, or of the newest reviews of these.

        ``agrees`` and ``margin``, or the other `SIGNALS` by their names with ``tokens``, what the proposal was long;
        (m,) each.
        """
        if not self._told:
            self._told = _told(self._speaker.trees, self._rules)
        at = self._start[who] + self._node[who]
        wanted = _OF_REVIEWS if role is Role.REVIEWER else _OF_PROPOSALS
        return {name: self._told[kept][at] for name, kept in wanted.items()}

    def _turn(self, who: Index | slice, actions: NDArray[np.uint8], price: float) -> NDArray[np.float64]:
        node = self._node[who]
        self.turns += len(node)
        node = 2 * node + (actions | (node == 0))
        at = self._start[who] + node
        move = self.code[who] * self.machine.moves + self._said[at]
        spent = self._spent[at]
        reward: NDArray[np.float64] = self.machine.reward[move]
        self._node[who] = node
        self.code[who] = self.machine.next[move]
        self.tokens[who] += spent
        if price:
            reward -= price * spent
        return reward


# -- what was recorded ---------------------------------------------------------------------------


def _tables(trees: DialogueTrees, rules: Rules, counts: bool) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the bits of the move that leads to each node, and what it cost, both (R * 2^T,)."""
    said = np.zeros((trees.rows, 1 << rules.max_turns), dtype=np.int32)
    spent = np.zeros_like(said)
    numbers = _path_numbers(trees, rules) if counts else {}
    for depth, level in enumerate(trees.levels[: rules.max_turns]):
        here = slice(1 << depth, 2 << depth)
        bits = _reviews(level) if rules.seats[depth + 1].role is Role.REVIEWER else _proposals(level)
        if depth in numbers:
            bits += numbers[depth] * (2 * ACTION)
        said[:, here] = np.where(level.utterance >= 0, ACTION | bits, 0)
        spent[:, here] = level.prompt_tokens + level.completion_tokens
    return said.ravel(), spent.ravel()


_OF_PROPOSALS = {name: name for name in SIGNALS if name != "margin"} | {"tokens": "completion_tokens"}
_OF_REVIEWS = {"margin": "margin", "agrees": "agrees"}


def _told(trees: DialogueTrees, rules: Rules) -> dict[str, NDArray[np.float64]]:
    """Return what was told of the pending proposal and its newest review at each node, (R * 2^T,) each."""
    names = [*_OF_PROPOSALS.values(), *_OF_REVIEWS.values()]
    kept = {name: np.full((trees.rows, 1 << rules.max_turns), np.nan) for name in names}
    for depth in range(rules.max_turns):
        here = pending_signals(trees, depth)
        for name, array in kept.items():
            array[:, 1 << depth : 2 << depth] = here[name]
    return {name: array.ravel() for name, array in kept.items()}


def _proposals(level: Level) -> NDArray[np.int32]:
    """Return the bits of proposals: whether there is an answer, and whether it is wrong."""
    if ((level.grade == Grade.TIMEOUT) & (level.utterance >= 0)).any():
        raise ConfigError(f"the recording holds proposals whose grading timed out, and the tables know none; {HINT}")
    answered, wrong = level.grade != Grade.UNPARSABLE, level.grade == Grade.WRONG
    bits: NDArray[np.int32] = answered.astype(np.int32) | wrong.astype(np.int32) << 1
    return bits


def _reviews(level: Level) -> NDArray[np.int32]:
    """Return the bits of reviews: whether there is a verdict, and whether it misjudges the pending proposal."""
    read = level.verdict != Verdict.NONE
    misjudged = read & ((level.verdict == Verdict.RIGHT) != (level.grade == Grade.CORRECT))
    bits: NDArray[np.int32] = read.astype(np.int32) | misjudged.astype(np.int32) << 1
    return bits


def _path_numbers(trees: DialogueTrees, rules: Rules) -> dict[int, NDArray[np.int32]]:
    """Number the wrong proposals of each proposal depth from 0, in the order in which a path meets new answers.

    Equality with earlier answers of the dialogue is all that counting answers hangs on, and so few numbers do.
    Nodes without a new wrong proposal have 0. Shapes (R, 2^d).
    """
    earlier: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []  # answer and number on the path, -1 for none
    found = {}
    for depth, level in enumerate(trees.levels[: rules.max_turns]):
        if depth:
            earlier = [(np.repeat(answer, 2, axis=1), np.repeat(number, 2, axis=1)) for answer, number in earlier]
        if rules.seats[depth + 1].role is Role.REVIEWER:
            continue
        new = np.zeros(level.answer.shape, dtype=np.int32)
        for _, number in earlier:
            np.maximum(new, number + 1, out=new)
        for answer, number in earlier:
            new = np.where((number >= 0) & (answer == level.answer), number, new)
        counts = (level.utterance >= 0) & (level.grade == Grade.WRONG)
        earlier.append((level.answer, np.where(counts, new, np.int32(-1))))
        found[depth] = np.where(counts, new, np.int32(0))
    return found
