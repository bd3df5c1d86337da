"""Growing dialogue trees: every choice on every task, with one batched speaker call a turn.

    expand(tasks, speaker, rules, seed, worlds) -> DialogueTrees

Level by level: at depth d each live node of all tasks and worlds is given the utterance of the seat that
moves there; its SKIP child repeats it, its SPEAK child has the utterance in it. The utterances are
those that play produces on the same path with the same seed, for any speaker that is a function of state
and noise.

Two ways lead there. Any speaker: states of `rules`, moved by `advance` and judged by the referee. A speaker
with a method ``in_rows`` (the simulated one): numpy arrays, chunk by chunk, and no text is written until
somebody reads it. Both give the same trees; answer ids differ in their numbers only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, overload

import numpy as np

from tracer_env.interfaces import Request, Scenario, Speaker
from tracer_env.parts.casting import make_scenario, make_speaker
from tracer_env.parts.lessons import split_of
from tracer_env.parts.seams import check_plays
from tracer_env.parts.task_contracts import check_tasks, inside, same
from tracer_env.parts.worlds import check_worlds, played_in
from tracer_env.randomness import stream
from tracer_env.rules import DialogueState, Rules, advance, final_answer, initial
from tracer_env.terminal.progress import NoReporter, Reporter
from tracer_env.trees.arrays import blank_levels, grow_arrays, number_utterances
from tracer_env.trees.levels import Level
from tracer_env.trees.shape import check_growable, node_of, over_nodes, places, spoken_nodes, utterances
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import SIGNALS, UNTOLD, Grade, Task, Utterance
from tracer_env.verification.referee import ask

__all__ = ["SaidAgain", "expand", "speaker_name"]


def expand(
    tasks: str | Scenario | Sequence[Task],
    speaker: str | Speaker | Callable[[str], str],
    rules: Rules | None = None,
    seed: int = 0,
    worlds: int = 1,
    *,
    scenario: str | Scenario | None = None,
    texts: bool = True,
    reporter: Reporter | None = None,
) -> DialogueTrees:
    """Grow the trees of all tasks in worlds 0 .. worlds - 1; row r is task r mod n in world r div n.

    ``scenario`` grades the answers where the tasks' own kind is not enough; ``texts=False`` keeps the numbers alone.
    Nothing is kept when it is interrupted, or when the speaker fails (SpeakerError); `run.expand_run` writes a folder
    that can be resumed. Raises ConfigError for rules that no tree can hold, for no tasks and for worlds that the
    speaker does not have, UnknownNameError for names.
    """
    played = rules or Rules()
    check_growable(played)
    listed, voice = make_scenario(tasks), make_speaker(speaker)
    grader = listed if scenario is None else make_scenario(scenario)
    check_tasks(listed)
    check_plays(voice, played)
    check_worlds(voice, worlds, seed)
    tell, chosen = reporter or NoReporter(), tuple(listed)
    said: Sequence[Utterance]
    if hasattr(voice, "in_rows") and played.reads_all:
        levels = grow_arrays(voice, chosen, played, seed, worlds, tell)
        said = SaidAgain(chosen, voice, grader, played, seed, worlds)
    else:
        levels, said = _grow_states(voice, grader, chosen, played, seed, range(len(chosen) * worlds), tell)
    return DialogueTrees(
        played, chosen, worlds, seed, levels, said if texts else None, speaker_name(speaker), split_of(listed)
    )


def speaker_name(speaker: object) -> str:
    """Return the name under which trees remember a speaker: as it was asked for, else its class."""
    return speaker if isinstance(speaker, str) else getattr(speaker, "stands_for", type(speaker).__name__)


class SaidAgain(Sequence[Utterance]):
    """The utterances of a speaker that costs nothing, said again when they are read: no text is kept."""

    def __init__(
        self, tasks: tuple[Task, ...], speaker: Speaker, grader: Scenario, rules: Rules, seed: int, worlds: int
    ) -> None:
        self._tasks, self._speaker, self._grader, self._rules, self._seed = tasks, speaker, grader, rules, seed
        self._rows = len(tasks) * worlds
        self._each = utterances(rules)

    def __len__(self) -> int:
        return self._rows * self._each

    @overload
    def __getitem__(self, index: int) -> Utterance: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Utterance]: ...
    def __getitem__(self, index: int | slice) -> Utterance | Sequence[Utterance]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} utterances, so there is no number {index}")
        row, place = divmod(int(index) % len(self), self._each)
        depth, node = node_of(self._rules, place)
        world, number = played_in(row, len(self._tasks))
        task = self._tasks[number]
        state, noise = initial(task, self._rules), stream(self._seed, task.id, world)
        for above in range(depth + 1):
            speaks = spoken_nodes(self._rules, above)[node >> (depth - above)]
            said = ask(self._speaker, [Request(state, state.seat, noise)], self._grader)[0] if speaks else None
            state = advance(state, int(speaks), said)
        spoken = state.turns[-1].utterance
        assert spoken is not None
        return spoken

    def __iter__(self) -> Iterator[Utterance]:
        for first in range(0, self._rows, 64):
            rows = range(first, min(first + 64, self._rows))
            yield from _grow_states(
                self._speaker, self._grader, self._tasks, self._rules, self._seed, rows, NoReporter()
            )[1]


def _grow_states(
    speaker: Speaker,
    grader: Scenario,
    tasks: tuple[Task, ...],
    rules: Rules,
    seed: int,
    rows: range,
    tell: Reporter,
) -> tuple[tuple[Level, ...], list[Utterance]]:
    """Grow some rows through states; return their levels and utterances, row by row."""
    jobs = [(world, tasks[number]) for world, number in (played_in(row, len(tasks)) for row in rows)]
    noise = [stream(seed, task.id, world) for world, task in jobs]
    front: list[list[DialogueState]] = [[initial(task, rules)] for _, task in jobs]
    each, levels = utterances(rules), blank_levels(rules, len(jobs))
    texts: list[Utterance | None] = [None] * (len(jobs) * each)
    ids = [_AnswerIds(grader) for _ in jobs]
    tell.start("growing trees", len(texts))
    meter = _Meter(tell)
    for depth, level in enumerate(levels):
        asked = [
            (row, node)
            for row, states in enumerate(front)
            for node, state in enumerate(states)
            if not state.over and (depth == 0 or not over_nodes(rules, depth - 1)[node])
        ]
        requests = [Request(front[row][node], front[row][node].seat, noise[row]) for row, node in asked]
        said = dict(zip(asked, ask(speaker, requests, grader), strict=True))
        meter.count(said.values())
        front = [_children(states, row, said, depth) for row, states in enumerate(front)]
        for row, states in enumerate(front):
            for node, state in enumerate(states):
                spoken = said.get((row, node >> 1)) if node % 2 or depth == 0 else None
                _write(level, row, node, state, spoken, ids[row])
                if spoken is not None:
                    texts[row * each + places(rules, depth)[node]] = _light(spoken)
    number_utterances(rules, levels, 0)
    return levels, [said for said in texts if said is not None]


def _light(said: Utterance) -> Utterance:
    """Return an utterance without its token ids, which would be most of a tree's weight."""
    if not said.prompt_ids and not said.token_ids:
        return said
    return replace(said, prompt_ids=(), token_ids=(), logprobs=())


def _children(
    states: list[DialogueState], row: int, said: dict[tuple[int, int], Utterance], depth: int
) -> list[DialogueState]:
    if depth == 0:
        return [advance(states[0], 1, said[row, 0])]
    grown = []
    for node, state in enumerate(states):
        spoken = said.get((row, node))
        grown += [state, state] if spoken is None else [advance(state, 0), advance(state, 1, spoken)]
    return grown


def _write(level: Level, row: int, node: int, state: DialogueState, spoken: Utterance | None, ids: _AnswerIds) -> None:
    pending, final = state.pending, final_answer(state)
    assert pending is not None
    assert pending.utterance.grade is not None
    assert final is not None
    level.grade[row, node] = pending.utterance.grade
    level.vote[row, node] = pending.vote
    level.answer[row, node] = ids.number(pending.utterance, state)
    level.final_correct[row, node] = final.correct
    if spoken is not None:
        level.verdict[row, node] = spoken.verdict
        level.prompt_tokens[row, node] = spoken.prompt_tokens
        level.completion_tokens[row, node] = spoken.completion_tokens
        level.agrees[row, node] = spoken.agrees
        if spoken.signals is not UNTOLD:
            for name, value in zip(SIGNALS, spoken.signals, strict=True):
                getattr(level, name)[row, node] = np.nan if value is None else value


class _AnswerIds:
    """Numbers the answers of a row: 0 for the correct one, else in order of appearance; equal ones share a number."""

    def __init__(self, grader: Scenario) -> None:
        self._grader = grader
        self._known: dict[str, int] = {}
        self._wrong: list[str] = []

    def number(self, said: Utterance, state: DialogueState) -> int:
        """Return the id of a proposal's answer, -1 where it has none."""
        if said.answer is None or said.grade is Grade.UNPARSABLE:
            return -1
        found = self._known.get(said.answer)
        if found is None:
            found = self._known[said.answer] = 0 if said.grade is Grade.CORRECT else self._place(said.answer, state)
        return found

    def _place(self, answer: str, state: DialogueState) -> int:
        for place, other in enumerate(self._wrong, start=1):
            if same(inside(self._grader, state), other, answer, state):
                return place
        self._wrong.append(answer)
        return len(self._wrong)


class _Meter:
    """Tells the reporter how many utterances there are and how fast tokens come."""

    def __init__(self, tell: Reporter) -> None:
        self._tell, self._began, self._done, self._tokens = tell, time.monotonic(), 0, 0

    def count(self, said: Any) -> None:
        """Take note of what was just said."""
        for utterance in said:
            self._done += 1
            self._tokens += utterance.completion_tokens
        passed = max(time.monotonic() - self._began, 1e-9)
        self._tell.reach(self._done, f"{self._tokens / passed:,.0f} tokens/s")
