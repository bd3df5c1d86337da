"""Comparing methods: same tasks, same utterances, one row each, in a run folder.

`evaluate` plays every method on every task and yields the transcripts; `compare` does the whole job from a
`Config`: trains the tables that have not been trained (on the train split alone), plays, computes the
metrics, writes the report. All methods play a task with the same noise, and what a model says to the
same prompt with the same seed is generated once and shared, so differences between rows are
differences between choices.

Episodes stand in the file task by task, and method by method inside a task; a killed run is continued at
the first task that is not complete. How many dialogues run at once changes nothing in a file of
simulated speakers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from tracer_env.blame import told
from tracer_env.casting import make_controller, make_scenario, make_speaker
from tracer_env.compositions import check_ready, information_named
from tracer_env.config import Config
from tracer_env.contracts import well_formed
from tracer_env.episodes.mending import recover
from tracer_env.episodes.promise import Promise
from tracer_env.errors import ConfigError
from tracer_env.failures import POLICIES
from tracer_env.interfaces import Controller, Scenario, Speaker
from tracer_env.learning import School, keep_given, lessons_of, training_scenario, untrained
from tracer_env.lessons import Lessons
from tracer_env.outcome import described
from tracer_env.plain import command
from tracer_env.progress import NoReporter, Reporter
from tracer_env.registry import build
from tracer_env.report import write_report
from tracer_env.rollout import Counterfactuals, Job, everything, nothing, rollout
from tracer_env.rules import Rules
from tracer_env.runs import RunFolder
from tracer_env.task_contracts import check_tasks, task_at
from tracer_env.transcript import Transcript, transcript_at
from tracer_env.trust import check_recorded
from tracer_env.worlds import check_worlds

__all__ = [
    "Comparison",
    "compare",
    "evaluate",
]


_ROUNDS = 3  # how often what is missing is played, while somebody takes episodes out


@dataclass(frozen=True)
class Comparison:
    """What `compare` returns: the rows as plain data, where the run lies, and an episode worth a look."""

    run: RunFolder
    rows: list[dict[str, Any]]
    training: dict[str, Any]
    interesting: Transcript

    def to_data(self) -> dict[str, Any]:
        """Return what ``compare --json`` prints."""
        return {
            "run": str(self.run.path),
            "seed": self.run.config.seed,
            "config": self.run.config.to_data(),
            "rows": self.rows,
            "training": self.training,
            "warnings": self.warnings,
            "replay": self.replay_command,
        }

    @property
    def failed(self) -> int:
        """How many episodes failed, of all methods."""
        return sum(row.get("failed", 0) for row in self.rows)

    @property
    def warnings(self) -> list[str]:
        """What must be known before a row is believed: of methods that were trained on tasks of this comparison."""
        tasks = (self.run.environment() or {}).get("tasks")
        return [
            f"{row['method']} was trained on {row['trained_on']} of the {tasks} tasks that it is compared on; "
            "its row is no held-out result"
            for row in self.rows
            if row.get("trained_on")
        ]

    @property
    def retry_command(self) -> str:
        """The command that plays the tasks again on which an episode failed."""
        return command("tracer-env", "compare", "--resume", self.run.path, "--retry-failed")

    @property
    def replay_command(self) -> str:
        """The command that shows the most interesting episode, to be pasted into a shell."""
        shown = self.interesting
        return command("tracer-env", "replay", self.run.path, f"--method={shown.method}", f"--episode={shown.task.id}")


def evaluate(
    methods: Mapping[str, Controller],
    scenario: Scenario,
    speaker: Speaker,
    rules: Rules,
    seed: int = 0,
    information: str = "vote_and_time",
    worlds: int = 1,
    batch_size: int = 64,
    counterfactuals: str = "auto",
    done: Collection[int] = (),
    on_error: str = "stop",
) -> Iterator[list[Transcript]]:
    """Play all methods on all tasks and worlds; yield the transcripts in blocks of whole tasks.

    ``batch_size`` is how many dialogues run at once; the episodes numbered ``done`` are skipped. For the values of
    ``counterfactuals`` and ``on_error`` see `EvaluationConfig`. Raises ScenarioError for a task that is
    none, ConfigError for worlds that the speaker does not have.
    """
    check_worlds(speaker, worlds, seed)
    key, count = information_named(information), len(scenario)
    free = bool(getattr(speaker, "free", False))
    wanted = ("all" if free else "shared") if counterfactuals == "auto" else counterfactuals
    at_once = max(1, batch_size // len(methods))
    waiting = (episode for episode in range(count * worlds) if episode not in done)
    while episodes := list(islice(waiting, at_once)):
        jobs = [
            Job(episode, name, controller, task_at(scenario, episode % count), episode // count, seed)
            for episode in episodes
            for name, controller in methods.items()
        ]
        shared = speaker
        which: Counterfactuals = everything if wanted == "all" else nothing
        if not free:
            cached = build("speaker", "tracer_env.agents.speakers.cached:CachedSpeaker", speaker)
            shared = cached
            which = _shared(cached.knows) if wanted == "shared" else which
        yield rollout(jobs, shared, scenario, rules, key, which, on_error=POLICIES[on_error])


def _shared(knows: Callable[..., list[bool]]) -> Counterfactuals:
    """Draw what costs nothing: requests that another method makes too, or made before."""
    return lambda spoken, unspoken: knows(unspoken, spoken)


def compare(
    config: Config | None = None,
    *,
    out: Path | str | None = None,
    resume: Path | str | None = None,
    trust_code: bool = False,
    scenario: Scenario | None = None,
    speaker: Speaker | None = None,
    controllers: Mapping[str, Controller] | None = None,
    retry_failed: bool = False,
    reporter: Reporter | None = None,
) -> Comparison:
    """Compare methods and leave a run folder behind.

    ``scenario``, ``speaker`` and ``controllers`` replace what ``config`` would make. ``resume`` continues a folder and
    refuses a changed config; without a ``config`` the folder's own is taken. Code that a folder's config or a
    controller's file names is refused unless ``trust_code`` is given (`trust`). ``retry_failed`` plays tasks again on
    which an episode of the folder failed. Raises UserError subclasses for
    whatever cannot work, before the folder is made.
    """
    asked = config or Config()
    if controllers is not None:
        _check_names(controllers)
        asked = replace(asked, evaluation=replace(asked.evaluation, methods=tuple(controllers)))
    if resume is not None:
        folder = RunFolder.reopen(Path(resume), None if config is None else asked)
        folder.check_compared()
        asked = folder.config
    if resume is not None and config is None:
        replaced = {"scenario": scenario, "speaker": speaker, "evaluation": controllers}
        told = {key: value for key, value in asked.to_data().items() if replaced.get(key) is None}
        check_recorded(told, folder.path, trust_code=trust_code)
    asked.check_unhooked("compare")
    check_ready(information_named(asked.information))
    tell = reporter or NoReporter()
    rules = asked.rules
    tasks = _scenario(asked) if scenario is None else make_scenario(scenario)
    check_tasks(tasks)
    names = asked.evaluation.methods
    made = dict(controllers or {name: make_controller(name, rules, asked.information, trust_code) for name in names})
    to_train = {name: controller for name, controller in made.items() if untrained(controller)}
    train_tasks = training_scenario(asked) if to_train else None
    voices = make_speaker(asked.speaker.name, **asked.speaker.settings) if speaker is None else make_speaker(speaker)
    if hasattr(voices, "check"):
        voices.check(rules)
    check_worlds(voices, asked.evaluation.worlds, asked.seed)
    if resume is None:
        folder = RunFolder.create(asked, "compare", Path(out) if out is not None else None)
    with folder.owned():
        if resume is not None:
            folder.check_tasks(tasks)
            folder.check_models(voices)
        school = None if train_tasks is None else School(folder, train_tasks, voices, tell)
        taught = {name: lessons_of(one) | _due(school, name in to_train, one) for name, one in made.items()}
        seen = {name: count for name, lessons in taught.items() if (count := lessons.among(tasks))}
        methods = {name: described(one) for name, one in made.items()}
        folder.write_environment(tasks, ("torch", "transformers", "gymnasium", "pettingzoo"), voices, seen, methods)
        keep_given(folder, {name: one for name, one in made.items() if name not in to_train})
        training = {name: school.teach(name, controller) for name, controller in to_train.items() if school}
        promise = folder.promise(tasks)
        if retry_failed:
            recover(folder.episodes, promise, again=lambda told: bool(told.failed))
        _play(folder, promise, made, tasks, voices, tell)
        found = folder.settle(asked.evaluation.against, promise)
        write_report(folder.path)
        best = int(found.ledger.offsets[found.highlights.best()])
        interesting = transcript_at(folder.episodes, best)
    return Comparison(folder, folder.metrics()["rows"], training, interesting)


def _due(school: School | None, to_train: bool, controller: Controller) -> Lessons:
    return school.lessons(controller) if school is not None and to_train else Lessons()


def _check_names(controllers: Mapping[str, Controller]) -> None:
    """Raise ConfigError for the name of a method that no file could hold, and for what is no controller."""
    for name, controller in controllers.items():
        if not isinstance(name, str) or not name or well_formed(name) != name:
            raise ConfigError(f"the name of a method must be a text that can be written, got {told(name)}")
        if not isinstance(controller, Controller):
            raise ConfigError(f"method {told(name)} is {told(controller)}, which has no method speak_probability()")


def _scenario(config: Config) -> Scenario:
    asked = config.scenario
    return make_scenario(
        asked.name, path=asked.path, split=asked.split, limit=asked.limit, seed=config.seed, **asked.settings
    )


def _play(
    folder: RunFolder,
    promise: Promise,
    methods: Mapping[str, Controller],
    tasks: Scenario,
    speaker: Speaker,
    tell: Reporter,
) -> None:
    """Play what is not there yet, and once more what somebody took out of the file meanwhile."""
    total = promise.tasks * promise.worlds
    for _ in range(_ROUNDS):
        done = recover(folder.episodes, promise)
        if len(done) == total:
            return
        tell.start("playing", total, len(done))
        _play_rest(folder, done, methods, tasks, speaker, tell)


def _play_rest(
    folder: RunFolder,
    done: set[int],
    methods: Mapping[str, Controller],
    tasks: Scenario,
    speaker: Speaker,
    tell: Reporter,
) -> None:
    config, reached = folder.config, len(done)
    blocks = evaluate(
        methods,
        tasks,
        speaker,
        config.rules,
        config.seed,
        config.information,
        config.evaluation.worlds,
        config.evaluation.batch_size,
        config.evaluation.counterfactuals,
        done,
        config.evaluation.on_error,
    )
    for block in blocks:
        folder.append(block)
        reached += len(block) // len(methods)
        tell.reach(reached, _running_accuracy(block))


def _running_accuracy(block: Sequence[Transcript]) -> str:
    return f"right {sum(t.correct for t in block) / len(block):.0%} of the last {len(block)}"
