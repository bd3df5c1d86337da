"""What a comparison trains before it plays: controllers that have learned nothing yet, on the train split alone.

A `School` teaches one after the other. Controllers that learn from play (`regret_matching`) are given episodes, those
that learn from trees (`cfr_plus`) the dialogue trees of the train split, grown once for all of them (`train_trees`).
All others (gates from openings, bandits from returns) are given dialogues by `trainers.outcomes`.
What was learned is left in the run's folder, and taken over from there when an earlier process has left it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracer_env.compositions import Composition, information_named
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.executors.seam import Executor
from tracer_env.intake.table_files import read_kept, take_over
from tracer_env.interfaces import Controller, Information, Scenario, Speaker
from tracer_env.parts.lessons import Lessons, split_of
from tracer_env.parts.seams import costs_nothing, parts_of
from tracer_env.parts.task_contracts import task_at
from tracer_env.registry import OURS, resolve
from tracer_env.runs.config import Config
from tracer_env.runs.folder import RunFolder
from tracer_env.runs.kept_controllers import controller_files, seats_of, tables_of
from tracer_env.runs.train_trees import TrainTrees
from tracer_env.storage.files import write_text
from tracer_env.terminal.progress import Reporter
from tracer_env.trees.keys import fitted_on
from tracer_env.trees.tree import DialogueTrees

__all__ = [
    "Lesson",
    "School",
    "costs",
    "episodes_for",
    "episodes_of",
    "keep_given",
    "key_of_tables",
    "lessons_in",
    "lessons_of",
    "training_episodes",
    "untrained",
    "ways_of",
    "write_controller",
]


def training_episodes(config: Config, speaker: Speaker) -> int:
    """Return how many episodes a table is trained on: as configured, else 10,000 simulated or 100 with a model."""
    return config.training.episodes or episodes_for(costs_nothing(speaker))


def episodes_for(free: bool) -> int:
    """Return on how many episodes a table is trained where nobody says it: by whether words are free."""
    return 10_000 if free else 100


def untrained(controller: Any) -> bool:
    """Return whether a controller can learn and has not learned anything yet."""
    if parts := parts_of(controller):
        return any(untrained(part) for part in parts.values())
    if not hasattr(controller, "load_state_dict"):  # a user's own may have rows that are something else
        return False
    return getattr(controller, "rows", None) == {} or getattr(controller, "learned", True) is False


def lessons_in(tasks: Scenario, episodes: int) -> Lessons:
    """Return what a table is taught by so many episodes: episode e plays task e mod n."""
    return Lessons.of((task_at(tasks, place) for place in range(min(episodes, len(tasks)))), split_of(tasks))


def lessons_of(controller: Any) -> Lessons:
    """Return what the tables inside a controller say they were trained on."""
    joined = Lessons()
    for table in tables_of(controller):
        joined |= getattr(table, "lessons", Lessons())
    return joined


@dataclass(frozen=True)
class Lesson:
    """How a controller that learns from outcomes is taught."""

    episodes: int
    seed: int
    update_every: int
    key: Callable[[], str | Information]  # of its tables, buckets cut on the train trees
    trees: Callable[[], DialogueTrees]  # of the train split, grown when they are asked for
    tell: Reporter


class School:
    """Teaches the controllers of a comparison on the train split ``tasks``; ``speaker`` says the words.

    ``trees`` is where a model's trees of the train split are grown (None: the folder's ``trees``), ``executor`` who
    grows them (None: this process).
    """

    def __init__(
        self,
        folder: RunFolder,
        tasks: Scenario,
        speaker: Speaker,
        tell: Reporter,
        trees: Path | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.folder, self.tasks, self.speaker, self.tell = folder, tasks, speaker, tell
        self.trees = TrainTrees(folder.config, tasks, speaker, trees or folder.path / "trees", tell, executor)
        self._files = controller_files(folder.path, folder.config.evaluation.methods)

    def lessons(self, controller: Controller) -> Lessons:
        """Return what a controller is about to be taught."""
        if ways_of(controller) == {"trees"}:
            return self.trees.lessons
        steps = ways_of(controller) == {"steps"}  # which may come round to all tasks
        return lessons_in(self.tasks, len(self.tasks) if steps else self._episodes(controller))

    def teach(self, name: str, controller: Controller) -> dict[str, Any]:
        """Train a controller, or take it over from the folder when an earlier process has; return its course."""
        file = self._files[name]
        if file.is_file():
            return take_over(file, tables_of(controller))
        ways = ways_of(controller)
        if len(ways) > 1:
            raise ConfigError(
                f"{name!r} joins controllers that learn from {' and from '.join(sorted(ways))}; "
                "train one of them first, and give the file that it is written to"
            )
        teachers = {"trees": self._from_trees, "play": self._from_play}
        training = teachers.get(ways.pop(), self._from_outcomes)(name, controller)
        write_controller(file, [table.state_dict() for table in tables_of(controller)], training, seats_of(controller))
        return training

    def _from_play(self, name: str, controller: Controller) -> dict[str, Any]:
        train, _ = resolve("trainer", OURS["train_controller"])
        config = self.folder.config
        episodes = training_episodes(config, self.speaker)
        self.tell.start(f"training {name}", episodes)
        run = train(
            controller,
            self.tasks,
            _drawing(self.speaker, config),
            config.rules,
            episodes,
            seed=config.training_seed,
            update_every=config.training.update_every,
            information=self._key(name, controller),
            after_window=lambda run: self.tell.reach(run.episodes, f"average regret {run.curve[-1][1]:.4f}"),
        )
        training: dict[str, Any] = run.to_data()
        return training

    def _key(self, name: str, controller: Controller) -> str | Information:
        return key_of_tables(name, controller, self.trees)

    def _from_outcomes(self, name: str, controller: Controller) -> dict[str, Any]:
        teach, _ = resolve("trainer", OURS["teach_on_outcomes"])
        config, episodes = self.folder.config, self._episodes(controller)
        lesson = Lesson(
            episodes,
            config.training_seed,
            config.training.update_every,
            lambda: self._key(name, controller),
            lambda: self.trees.grown,
            self.tell,
        )
        course: dict[str, Any] = teach(
            controller, name, self.tasks, _drawing(self.speaker, config), config.rules, lesson
        )
        return course

    def _episodes(self, controller: Controller) -> int:
        return episodes_of(controller, self.folder.config, self.speaker)

    def _from_trees(self, name: str, controller: Controller) -> dict[str, Any]:
        teach, _ = resolve("trainer", OURS["teach_on_trees"])
        trees = self.trees.grown
        course: dict[str, Any] = teach(controller, trees, self.folder.config.training_seed, self.tell, name)
        return {**self.trees.cost, **course}


def key_of_tables(name: str, controller: Controller, trees: TrainTrees) -> str | Information:
    """Return the one key that the tables of a controller are told apart by, its buckets cut on the train trees.

    Raises ConfigError for tables of several keys.
    """
    keys = {table.information for table in tables_of(controller) if hasattr(table, "information")}
    if len(keys) > 1:
        raise ConfigError(f"{name!r} joins tables of several keys ({', '.join(sorted(keys))}); train them one by one")
    key: str = keys.pop()
    asked = information_named(key)
    unfitted = isinstance(asked, Composition) and asked.unfitted
    return fitted_on(trees.grown, asked) if unfitted else key


def episodes_of(controller: Controller, config: Config, speaker: Speaker) -> int:
    """Return on how many episodes a controller is trained: as many as all are, or the most that teach it more."""
    asked = training_episodes(config, speaker)
    most = [getattr(table, "most_episodes", asked) for table in tables_of(controller) if untrained(table)]
    return int(min([asked, *most]))


def keep_given(folder: RunFolder, given: Mapping[str, Controller]) -> None:
    """Keep the tables of methods that came trained; raises RunFolderError where a run goes on with another one."""
    files = controller_files(folder.path, folder.config.evaluation.methods)
    for name, controller in given.items():
        tables = [table.state_dict() for table in tables_of(controller)]
        if not tables:
            continue
        if not files[name].is_file():
            write_controller(files[name], tables, None, seats_of(controller))
        elif read_kept(files[name])["tables"] != json.loads(json.dumps(tables)):
            raise RunFolderError(
                f"{folder.path} was started with another table for {name}: give back the one that it was, or begin a "
                "new run"
            )


def _drawing(speaker: Speaker, config: Config) -> Speaker:
    """Return the speaker, drawing among what was recorded where training has a seed that the recording has not."""
    drawn = getattr(speaker, "under_any_seed", None)
    return drawn() if drawn is not None and config.training_seed != config.seed else speaker


def ways_of(controller: Any) -> set[str]:
    """Return what the tables inside a controller learn from that have learned nothing yet: ``play``, ``trees``."""
    return {getattr(table, "learns_from", "play") for table in tables_of(controller) if untrained(table)}


def costs(training: Mapping[str, Mapping[str, Any]], seeds: Sequence[int] = ()) -> list[str]:
    """Return what a model said in training, in words; nothing where words were free. Trees are counted once for all.

    With ``seeds`` the training of each stands under its number.
    """
    if seeds:
        return [f"seed {seed}: {told}" for seed in seeds for told in costs(training[str(seed)])]
    grown = {name: one for name, one in training.items() if one.get("free") is False}
    told = []
    if grown:
        one = next(iter(grown.values()))
        told.append(
            f"{one['tokens']:,} tokens in {one['utterances']:,} utterances: the trees of {one['tasks']:,} train tasks, "
            f"for {', '.join(grown)}"
        )
    return told


def write_controller(
    file: Path,
    tables: Sequence[Mapping[str, Any]],
    training: Mapping[str, Any] | None,
    seats: Mapping[str, int | None] | None = None,
) -> None:
    """Write tables and how they were trained, if here; a file with one table is a controller that can be loaded."""
    saved = {**(tables[0] if len(tables) == 1 else {}), "tables": list(tables), "seats": seats}
    if training is not None:
        saved |= {"training": training, "average_regret_curve": training["average_regret_curve"]}
    write_text(file, json.dumps(saved, indent=1) + "\n", inside=file.parent.parent)
