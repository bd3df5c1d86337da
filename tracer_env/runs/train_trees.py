"""The train split as dialogue trees: what `cfr_plus` and its kin are trained on, grown once for a whole comparison.

How many tasks, unless ``training.tasks`` (``--train-tasks``) says it; the first of the train split, in its order:

    a recording    all that were recorded, in all recorded worlds: nothing is said anew
    simulated      at most 2,000, in as many worlds as make 2,000 trees; fewer when they are deep (4 million nodes)
    a model        at most 100, in one world; a tree of five turns is 16 utterances, and all are paid for

A model's trees are grown into the folder ``trees`` of the run, a few tasks at a time: an interruption loses no more
than those, and ``see`` and ``train --trees`` can read them later. Trees of free speakers are grown again where they
are needed again. `TrainTrees.cost` says what was said for them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tracer_env.executors.seam import Executor
from tracer_env.interfaces import Scenario, Speaker
from tracer_env.parts.lessons import Lessons, split_of
from tracer_env.parts.seams import costs_nothing, trees_of
from tracer_env.parts.task_contracts import task_at
from tracer_env.parts.worlds import worlds_of
from tracer_env.registry import OURS, build
from tracer_env.runs.config import Config
from tracer_env.terminal.progress import Reporter
from tracer_env.trees.growth import expand
from tracer_env.trees.run import expand_run
from tracer_env.trees.shape import utterances
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Task

__all__ = ["MODEL_TASKS", "SIMULATED_TREES", "TrainTrees"]

SIMULATED_TREES, MODEL_TASKS = 2000, 100
_NODES = 1 << 22


class TrainTrees:
    """Trees of the train split ``tasks``, grown when they are first asked for; ``folder`` is where a model's go."""

    def __init__(
        self,
        config: Config,
        tasks: Scenario,
        speaker: Speaker,
        folder: Path,
        tell: Reporter,
        executor: Executor | None = None,
    ) -> None:
        self._executor = executor
        self._config, self._scenario, self._speaker, self._tell = config, tasks, speaker, tell
        self.folder = folder
        self.free = costs_nothing(speaker)

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that are expanded."""
        there, asked = len(self._scenario), self._config.training.tasks
        if asked is None:
            asked = there if self._recorded is not None else self._most_trees if self.free else MODEL_TASKS
        return tuple(task_at(self._scenario, place) for place in range(min(there, asked)))

    @property
    def lessons(self) -> Lessons:
        """What a controller is taught by them."""
        return Lessons.of(self.tasks, split_of(self._scenario))

    @cached_property
    def grown(self) -> DialogueTrees:
        """The trees."""
        recorded, split = self._recorded, split_of(self._scenario)
        if recorded is not None:
            places = {task.id: place for place, task in enumerate(recorded.tasks)}
            return replace(recorded.part([places[task.id] for task in self.tasks]), split=split)
        config, worlds = self._config, self._worlds()
        seed = config.training_seed if worlds_of(self._speaker) is None else config.seed
        listed = build("scenario", OURS["task_list"], self.tasks, name=self._scenario.name)
        listed.split = split
        if self.free:
            return expand(
                listed,
                self._speaker,
                config.rules,
                seed,
                worlds,
                scenario=self._scenario,
                texts=False,
                reporter=self._tell,
            )
        begun = any((self.folder / name).is_file() for name in ("growing.json", "trees.json"))
        return expand_run(
            listed,
            self._speaker,
            config.rules,
            seed,
            worlds,
            out=self.folder,
            resume=begun,
            scenario=self._scenario,
            executor=self._executor,
            reporter=self._tell,
        )

    @property
    def cost(self) -> dict[str, Any]:
        """What was said for the trees: utterances and their tokens, and whether that was free."""
        trees = self.grown
        spent = sum(int(level.prompt_tokens.sum()) + int(level.completion_tokens.sum()) for level in trees.levels)
        return {
            "trees": trees.rows,
            "tasks": len(trees.tasks),
            "utterances": trees.rows * utterances(trees.rules),
            "tokens": spent,
            "free": self.free,
        }

    @cached_property
    def _recorded(self) -> DialogueTrees | None:
        """The trees that a recording plays back, where they are of these tasks and of the rules of the run."""
        trees = trees_of(self._speaker)
        if not isinstance(trees, DialogueTrees) or trees.rules != self._config.rules:
            return None
        asked = {task.id: task.question for task in trees.tasks}
        return trees if all(asked.get(task.id) == task.question for task in self._scenario) else None

    @property
    def _most_trees(self) -> int:
        return max(1, min(SIMULATED_TREES, _NODES >> self._config.rules.max_turns))

    def _worlds(self) -> int:
        if not self.free:
            return 1
        there = worlds_of(self._speaker, self._config.seed)
        wanted = max(1, self._most_trees // len(self.tasks))
        return wanted if there is None else min(wanted, there)
