"""`tracer-env train --method gspo`, ``tracer`` and their like: the training of a language model as a run folder.

    config.toml  environment.json           what was asked for (`settings` writes every default out)
    metrics.jsonl  checkpoints/step_N/      the course of the training, and where it can be continued
    adapters/<policy>/                      what was learned to say; speakers take it as ``adapters=``
    controllers/tracer.json                 method tracer: when to speak; `compare` takes it as a method

Everything that the settings can get wrong is found before the model is loaded, and what the model can get wrong before
anything is written. ``resume`` goes on from the last checkpoint under the same settings; more steps may be asked for.
Under `accelerate launch` the first process alone writes and returns a result.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.errors import ConfigError, MissingExtraError, RunFolderError, UserError
from tracer_env.interfaces import Scenario
from tracer_env.parts.casting import make_speaker
from tracer_env.parts.own_parts import take_in
from tracer_env.parts.task_contracts import check_each
from tracer_env.parts.trust import check_recorded
from tracer_env.registry import names_code, resolve, section_class
from tracer_env.runs.config import Config
from tracer_env.runs.folder import RunFolder
from tracer_env.runs.splits import training_scenario
from tracer_env.settings import read
from tracer_env.store.keeping import NONE
from tracer_env.terminal.progress import Reporter
from tracer_env.trainers.gspo.config import GSPOSettings
from tracer_env.trainers.gspo.hooks import Hooks
from tracer_env.trainers.gspo.rewards import REWARDS
from tracer_env.trainers.gspo.state import FREE, owned_by_first
from tracer_env.trainers.gspo.trainer import GSPOTrainer
from tracer_env.trainers.runs.result import result_data
from tracer_env.trainers.runs.settings import gspo_settings, settled, tracer_settings
from tracer_env.trainers.support.log import TrainingLog
from tracer_env.trainers.support.processes import Processes, running_processes
from tracer_env.trainers.team.trainer import TeamTrainer, shares_of
from tracer_env.trainers.tracer.trainer import TracerTrainer

__all__ = ["speaker_asked", "train_run"]

_PACKAGES = ("torch", "transformers", "peft", "accelerate")
_FREE = tuple(f"gspo.{name}" for name in FREE)
"""What a continued run may change besides the number of steps."""
_SAMPLING = {"temperature": "temperature", "max_new_tokens": "max_completion_length"}


def train_run(
    config: Config | None,
    method: str = "gspo",
    out: Path | None = None,
    resume: Path | None = None,
    reporter: Reporter | None = None,
    trust_code: bool = False,
) -> dict[str, Any] | None:
    """Train a language model in a run folder and return what ``train --json`` prints.

    The training shows itself on stderr when there is a ``reporter``, which is told nothing. None is returned by all
    processes but the first. Without a ``config`` a resumed folder's own is taken, and what it names of code is refused
    unless ``trust_code`` is given (`trust`). Raises UserError subclasses for whatever cannot work, before the folder is
    made.
    """
    asked = (
        _continued(resume, config, method, trust_code) if resume is not None else settled(config or Config(), method)
    )
    take_in(asked.information)
    processes = running_processes()
    settings = gspo_settings(asked)
    hooks = Hooks.load(asked.hooks)
    parts = _learning(settings)
    TrainingLog(Path(), settings.report_to)
    if out is not None:
        RunFolder.check_free(out, asked)
    tasks = _tasks(asked)
    if resume is not None:
        RunFolder(resume, asked).check_tasks(tasks)
        with owned_by_first(resume, processes):  # refused now rather than when the model is loaded
            pass
    speaker = _speaker(asked, settings)
    folder = RunFolder(_shared_path(asked, out, resume, processes), asked)
    shared = {"rules": asked.rules, "hooks": hooks, "out": folder.path, "processes": processes, **parts}
    if resume is not None:
        settings = replace(settings, resume_from_checkpoint=str(resume))
    try:
        trainer = _trainer(asked, method, settings, speaker, tasks, {**shared, "wanted": reporter is not None})
    except UserError:
        if resume is None and processes.rank == 0:
            folder.withdraw()
        raise

    def record() -> None:
        folder.write("config.toml", asked.to_toml())
        folder.write_environment(tasks, _PACKAGES, speaker)

    trained = trainer.train(before=record)
    if processes.rank != 0:
        return None
    result = result_data(asked, folder.path, method, trainer, trained, reporter)
    if result["held_out"] is not None:
        folder.write("held_out.json", json.dumps(result["held_out"], indent=1) + "\n")
    return result


def _continued(resume: Path, config: Config | None, method: str, trust_code: bool) -> Config:
    """Return the settings that a run is continued under; raises RunFolderError for those of another run."""
    recorded = RunFolder.reopen(resume).config
    if config is None:
        check_recorded(recorded.to_data(), resume, trust_code=trust_code)
    if recorded.training.method != method:
        begun = f"method {recorded.training.method}" if recorded.training.method else "another command"
        raise RunFolderError(f"{resume} was started with {begun}, and cannot be continued with method {method}")
    asked = settled(config or recorded, method)
    before, now = (each.gspo.get("max_steps") for each in (recorded, asked))
    free = [*_FREE, *_moved(recorded, asked), "scenario.split"]  # a run of before records test
    if "information" not in recorded.tracer and asked.tracer.get("information") == recorded.information:
        free.append("tracer.information")  # a run of before says it once
    if before is not None and now is not None and now > before:
        schedule = asked.gspo["lr_scheduler_type"]
        if schedule != "constant":
            raise RunFolderError(
                f"{resume} was planned for gspo.max_steps {before}, and its {schedule} learning rate hangs on that; "
                "more steps can be added to a constant one"
            )
        free.append("gspo.max_steps")
    return RunFolder.reopen(resume, asked, free).config


def _moved(recorded: Config, asked: Config) -> list[str]:
    """Return the settings that only say where something lies: tasks, models, adapters, hooks are known by digests."""
    free = ["scenario.path", "training.path", "speaker.path", "speaker.adapters", "training.held_out"]
    free += [f"hooks.{name}" for name in asked.hooks if name in recorded.hooks]
    for key in ("scenario", "speaker"):
        before, now = (getattr(each, key).name.partition(":") for each in (recorded, asked))
        if before[1] and before[:2] == now[:2] and not names_code(key, f"{now[0]}:x"):
            free.append(f"{key}.name")
    return free


def _learning(settings: GSPOSettings) -> dict[str, Any]:
    """Return what learns and by which loss, as objects."""
    try:
        from tracer_env.trainers.gspo import loss as gspo_loss
        from tracer_env.trainers.gspo.finetune import finetune_named
    except ModuleNotFoundError as error:
        raise MissingExtraError("training a language model", error.name or "torch", "train") from error
    objectives = {"gspo": gspo_loss.gspo_loss, "grpo": gspo_loss.grpo_loss}
    return {"finetune": finetune_named(settings.finetune), "objective": objectives[settings.objective]}


def _tasks(asked: Config) -> Scenario:
    try:
        tasks = training_scenario(asked)
    except ConfigError as error:
        if not isinstance(error.__cause__, UserError):
            raise
        line = f"training needs the train split of {asked.scenario.name!r}: {error.__cause__}"
        raise ConfigError(line) from error
    check_each(tasks)
    return tasks


def _speaker(asked: Config, settings: GSPOSettings) -> Any:
    name, given = speaker_asked(asked, settings)
    return make_speaker(name, **given)


def speaker_asked(asked: Config, settings: GSPOSettings) -> tuple[str, dict[str, Any]]:
    """Return the name of the speaker that learns and its settings: it samples as the section [gspo] says.

    Raises ConfigError for what is no language model, and where the two sections say different things.
    """
    name, given = asked.speaker.name, dict(asked.speaker.settings)
    if asked.speaker.store not in (None, NONE):
        raise ConfigError(
            f"speaker.store is {asked.speaker.store!r}, but the words of a model that learns change with each step and "
            "are not kept; leave it out"
        )
    for key, ours in _SAMPLING.items():
        wanted = getattr(settings, ours)
        if given.setdefault(key, wanted) != wanted:
            raise ConfigError(
                f"speaker.{key} is {given[key]}, but candidates are drawn with gspo.{ours} {wanted}; "
                f"leave out speaker.{key}, or give both the same value"
            )
    remedy = "take --speaker nano, smollm2 or hf:PATH"
    if "=" in name.partition(":")[0]:
        raise ConfigError(f"one language model is trained for all seats, got the cast {name!r}; {remedy}")
    target, _ = resolve("speaker", name)
    if isinstance(target, type) and not issubclass(target, HuggingFaceSpeaker):
        raise ConfigError(f"only a language model can be trained, got {name!r}; {remedy}")
    return name, given


def _trainer(
    asked: Config, method: str, settings: GSPOSettings, speaker: Any, tasks: Scenario, shared: dict[str, Any]
) -> GSPOTrainer:
    reward: Any = REWARDS[settings.reward]
    if method in ("magrpo", "maporl"):
        found: Any = read(section_class(method), getattr(asked, method))
        given = {"shares": shares_of(found), "sharing": found.sharing, "reward": reward}
        return TeamTrainer(speaker, tasks, settings.training, **given, **shared)
    if method == "tracer":
        return TracerTrainer(speaker, tasks, settings.training, tracer_settings(asked), reward=reward, **shared)
    return GSPOTrainer(speaker, tasks, settings.training, role=settings.role, reward=reward, **shared)


def _shared_path(asked: Config, out: Path | None, resume: Path | None, processes: Processes) -> Path:
    """Return the run folder, which the first process makes for all."""
    if resume is not None:
        return resume
    told: list[tuple[str, str]] = []
    if processes.rank == 0:
        try:
            told = [(str(RunFolder.create(asked, "train", out).path), "")]
        except RunFolderError as error:  # the others wait for word of it
            told = [("", str(error))]
    path, failure = processes.gathered(told)[0]
    if failure:
        raise RunFolderError(failure)
    return Path(path)
