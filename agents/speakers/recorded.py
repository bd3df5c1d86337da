"""A speaker that plays saved dialogue trees back: what a model said, without the model.

    RecordedSpeaker("trees")        registered as recorded:trees

Trees hold the utterance of every choice, so any controller can be played against the recording, in any
environment. An utterance is found by the task, the world (recovered from the request's noise) and the path of
choices; its answer and grade are those of the recording, not read again. Worlds beyond the recorded ones begin
again with the first: good for training, no new evidence, so that an evaluation refuses them (`worlds`).

What is played must be what was recorded: the same tasks, seed, agents, schedule and history window, and no
utterance of somebody else on the path. The dialogue may be shorter than the recorded one, may end at a
keep, and may count another proposal as final: none of these changes what was said (a model that is told how many
turns there are might have spoken otherwise in a shorter dialogue).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import fields
from pathlib import Path

import numpy as np

from tracer_env.errors import ConfigError
from tracer_env.interfaces import Request
from tracer_env.randomness import streams
from tracer_env.rules import DialogueState, Rules
from tracer_env.trees.shipped import RECORDINGS
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Task, Utterance

__all__ = ["RecordedSpeaker", "ShippedSmolLM2", "ShippedSpeaker"]

_FURTHEST = 1 << 16


class RecordedSpeaker:
    """Says what the folder ``path`` (or a set of trees) recorded.

    ``any_seed``: noise of another seed picks one of the task's recorded worlds; without it, it is an error.
    Raises RunFolderError or DataError for a folder that cannot be read, ConfigError for trees without texts.
    """

    free = True
    """Asking costs nothing, so what a SKIP leaves unsaid may be looked up just to be shown."""

    def __init__(self, path: str | Path | DialogueTrees, *, any_seed: bool = False) -> None:
        self.trees = trees = path if isinstance(path, DialogueTrees) else DialogueTrees.load(path)
        self.name = "the recording" if isinstance(path, DialogueTrees) else f"recorded:{path}"
        if trees.texts is None:
            raise ConfigError(f"{self.name} keeps no texts, so nothing can be played back; grow the trees with texts")
        self.any_seed = any_seed
        self._texts = trees.texts
        self._places = {task.id: place for place, task in enumerate(trees.tasks)}
        worlds = np.repeat(np.arange(trees.worlds), len(trees.tasks))
        noise = streams(trees.seed, [task.id for task in trees.tasks] * trees.worlds, worlds)
        self._rows: dict[int, int] = dict(zip(noise.tolist(), range(trees.rows), strict=True))
        self._said: dict[int, Utterance] = {}
        self._checked: Rules | None = None

    def __repr__(self) -> str:
        return f"RecordedSpeaker({self.name!r}, tasks={len(self.trees.tasks)}, worlds={self.trees.worlds})"

    @property
    def words(self) -> str:
        """Whose words these are."""
        return f"recorded words of {self.trees.speaker or 'a speaker without a name'}"

    @property
    def worlds(self) -> int:
        """How many worlds were recorded."""
        return self.trees.worlds

    def worlds_under(self, seed: int) -> int:
        """The recorded ones; one where ``any_seed`` draws them under another seed, since two may be the same."""
        drawn = self.any_seed and (seed - self.trees.seed) % (1 << 64) != 0
        return 1 if drawn else self.trees.worlds

    def under_any_seed(self) -> RecordedSpeaker:
        """Return the same recording with ``any_seed``."""
        drawn = copy(self)
        drawn.any_seed = True
        return drawn

    def check(self, rules: Rules) -> None:
        """Raise ConfigError when dialogues under ``rules`` are not among the recorded ones."""
        recorded = self.trees.rules
        wrong = [
            f"{name} {getattr(recorded, name)} not {getattr(rules, name)}"
            for name in ("num_agents", "history_window", "schedule")
            if getattr(recorded, name) != getattr(rules, name)
        ]
        if rules.max_turns > recorded.max_turns:
            wrong.append(f"at most {recorded.max_turns} turns, not {rules.max_turns}")
        if recorded.stop_when == "kept" and rules.stop_when != "kept":
            wrong.append(f"stop_when {recorded.stop_when!r} not {rules.stop_when!r}")
        if wrong:
            raise ConfigError(f"{self.name} was recorded under other rules: {', '.join(wrong)}")

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        """Return what was recorded; raises ConfigError for whatever was not."""
        return [self._say(request) for request in requests]

    def _say(self, request: Request) -> Utterance:
        state = request.state
        if state.rules is not self._checked:
            self.check(state.rules)
            self._checked = state.rules
        if request.candidates != 1:
            raise ConfigError(f"{self.name} holds one utterance a turn; {request.candidates} candidates were asked for")
        row = self._row(state.task, request.stream)
        node, heard = 1, -1  # the path of choices, and the turn that was spoken last
        for turn in state.turns[1:]:
            node = 2 * node + turn.action
            if turn.utterance is not None:
                heard = turn.number
        path = node - (1 << max(state.turn - 2, 0))
        self._check_heard(state, row, path, heard if heard > 0 else 1)
        return self._recorded(row, state.turn, 2 * path + 1 if state.turn > 1 else 0, state.rules)

    def _recorded(self, row: int, turn: int, node: int, rules: Rules) -> Utterance:
        index = int(self.trees.levels[turn - 1].utterance[row, node])
        if index < 0:
            raise ConfigError(f"{self.name} has nothing at turn {turn} on this path: the recorded dialogue had ended")
        said = self._said.get(index)
        if said is None:
            kept = self._texts[index]  # of trees in memory it may render itself
            told = {each.name: getattr(kept, each.name) for each in fields(Utterance)} | {"rule": "given"}
            if kept.answer is not None:
                told["answer"] = self._common_answer(row, turn, node)
            said = self._said[index] = Utterance(**told)
        return said

    def _common_answer(self, row: int, turn: int, node: int) -> str | None:
        """Return the string that stands for all equal answers of a row, so that the rules can count them."""
        wanted = self.trees.levels[turn - 1].answer[row, node]
        for level in self.trees.levels:
            for at in np.flatnonzero((level.utterance[row] >= 0) & (level.answer[row] == wanted)):
                said = self._texts[int(level.utterance[row, at])]
                if said.answer is not None:
                    return said.answer
        return None

    def _check_heard(self, state: DialogueState, row: int, path: int, heard: int) -> None:
        """Refuse a dialogue in which somebody else spoke last: the recording does not know what comes then."""
        if state.turn == 1:
            return
        spoken = state.turns[heard - 1].utterance
        recorded = self._recorded(row, heard, path >> (state.turn - 1 - heard), state.rules)
        if spoken is not recorded and (spoken is None or spoken.text != recorded.text):
            raise ConfigError(
                f"{self.name} does not know this dialogue: turn {heard} of task {state.task.id!r} was said by somebody "
                "else; a recording plays all seats"
            )

    # -- which tree ----------------------------------------------------------------------------

    def _row(self, task: Task, noise: int) -> int:
        row = self._rows.get(noise)
        if row is None:
            row = self._rows[noise] = self._further(task, noise)
        recorded = self.trees.tasks[row % len(self.trees.tasks)]
        if task is not recorded and (task.id, task.question) != (recorded.id, recorded.question):
            raise ConfigError(f"{self.name} knows another task as {recorded.id!r}; {self._remedy()}")
        return row

    def _further(self, task: Task, noise: int) -> int:
        """Return the row for noise that was not recorded: a later world, or another seed where that is allowed."""
        trees, place = self.trees, self._places.get(task.id)
        if place is None:
            raise ConfigError(f"{self.name} has no task {task.id!r}; {self._remedy()}")
        if self.any_seed:
            return place + noise % trees.worlds * len(trees.tasks)
        first, size = trees.worlds, 1024
        while first < _FURTHEST:
            found = np.flatnonzero(streams(trees.seed, [task.id] * size, np.arange(first, first + size)) == noise)
            if len(found):
                return place + (first + int(found[0])) % trees.worlds * len(trees.tasks)
            first, size = first + size, 2 * size
        raise ConfigError(
            f"{self.name} was recorded with the seed {trees.seed}, and task {task.id!r} is played with another; "
            f"{self._remedy()}, or allow other seeds with any_seed=true"
        )

    def _remedy(self) -> str:
        return f"play the recording's own tasks (scenario {self.name}) with its own seed ({self.trees.seed})"


class ShippedSpeaker(RecordedSpeaker):
    """Plays back the recording of nano that comes with the package, under any seed."""

    shipped = "recorded"

    def __init__(self) -> None:
        super().__init__(RECORDINGS[self.shipped], any_seed=True)
        self.name = "the recording of the package" if self.shipped == "recorded" else self.shipped


class ShippedSmolLM2(ShippedSpeaker):
    """Plays back the recording of SmolLM2 that comes with the package, under any seed."""

    shipped = "recorded-smollm2"
