"""`tracer-env train --method regret_matching`: a controller's training as a run folder.

After each window (every second at most) the tables, the curve and the number of episodes are written to
``checkpoint.json``, under a temporary name and renamed. ``resume`` goes on from there and ends with the same
tables as never having stopped. The trained controller is ``controllers/<method>.json``, a file that
`compare`, `play` and `make_controller` take.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.intake.checked import listed, load, number, plain, record, whole
from tracer_env.intake.table_files import MOST
from tracer_env.interfaces import Scenario, Speaker
from tracer_env.parts.casting import make_controller, make_speaker
from tracer_env.parts.own_parts import take_in
from tracer_env.parts.seams import check_plays, costs_nothing
from tracer_env.parts.task_contracts import check_each
from tracer_env.parts.trust import check_recorded
from tracer_env.runs.config import TRAINING_SECTIONS, Config
from tracer_env.runs.folder import RunFolder
from tracer_env.runs.learning import training_episodes, write_controller
from tracer_env.runs.settling import like, of_training, taught
from tracer_env.runs.spending import billed, check_budget
from tracer_env.runs.splits import training_scenario
from tracer_env.store.keeping import check_store, kept
from tracer_env.terminal.progress import NoReporter, Reporter
from tracer_env.trainers.regret.trainer import ControllerTraining, train_controller

__all__ = ["check_sections", "train_run"]

_SAVE_EVERY = 1.0  # seconds


def train_run(
    config: Config | None,
    method: str = "regret_matching",
    out: Path | None = None,
    resume: Path | None = None,
    reporter: Reporter | None = None,
    trust_code: bool = False,
) -> dict[str, Any]:
    """Train a tabular controller in a run folder and return what ``train --json`` prints.

    Without a ``config`` a resumed folder's own is taken, and what it names of code is refused unless ``trust_code`` is
    given (`trust`). Raises UserError subclasses for whatever cannot work, before the folder is made.
    """
    folder, controller, tasks, speaker = _opened(config, method, out, resume, trust_code)
    with (
        folder.owned(),
        billed(speaker, folder.config.budget, folder.path),
        kept(speaker, folder.config.speaker.store, folder.path),
    ):
        if resume is not None:
            folder.check_tasks(tasks)
            folder.check_models(speaker)
        folder.write_environment(tasks, ("torch", "transformers"), speaker)
        return _train(folder, controller, method, tasks, speaker, reporter or NoReporter())


def _train(
    folder: RunFolder, controller: RegretMatching, method: str, tasks: Scenario, speaker: Speaker, tell: Reporter
) -> dict[str, Any]:
    asked = folder.config
    checkpoint = folder.path / "checkpoint.json"
    run, saved_at = _restored(checkpoint, controller), time.monotonic()
    episodes = training_episodes(asked, speaker)
    tell.start(f"training {method}", episodes, run.episodes)

    def after_window(run: ControllerTraining) -> None:
        nonlocal saved_at
        tell.reach(run.episodes, f"average regret {run.curve[-1][1]:.4f}")
        if time.monotonic() - saved_at >= _SAVE_EVERY:
            _save(folder, controller, run)
            saved_at = time.monotonic()

    train_controller(
        controller,
        tasks,
        speaker,
        asked.rules,
        episodes,
        seed=asked.training_seed,
        update_every=asked.training.update_every,
        information=asked.information,
        resume=run,
        after_window=after_window,
    )
    _save(folder, controller, run)
    training = run.to_data()
    file = folder.path / "controllers" / f"{controller.name}.json"
    write_controller(file, [controller.state_dict()], training)
    return {
        "run": str(folder.path),
        "controller": str(file),
        "method": method,
        "seed": asked.training_seed,
        "config": asked.to_data(),
        "turns_per_second": run.turns / run.seconds if run.seconds else None,
        **training,
    }


def _opened(
    config: Config | None, method: str, out: Path | None, resume: Path | None, trust_code: bool
) -> tuple[RunFolder, RegretMatching, Scenario, Speaker]:
    """Make or reopen the run folder, once everything that is needed has been made and checked."""
    asked = config or Config()
    if resume is not None:
        folder = RunFolder.reopen(resume, config and like(config, RunFolder.reopen(resume).config))
        folder.check_trained()
        asked = folder.config
        if config is None:
            check_recorded(asked.to_data(), resume, trust_code=trust_code)
    asked.check_seedless("train")
    asked.check_alone("train")
    check_sections(asked, method)
    take_in(asked.information)
    controller = make_controller(method, asked.rules, asked.information)
    if not isinstance(controller, RegretMatching):
        raise ConfigError(f"{method!r} keeps no table to train; try regret_matching or regret_matching_plus")
    tasks = training_scenario(asked)
    check_each(tasks)
    speaker = make_speaker(asked.speaker.name, **asked.speaker.settings)
    check_plays(speaker, asked.rules)
    check_budget(speaker, asked.budget)
    check_store(speaker, asked.speaker.store)
    if resume is None:
        folder = RunFolder.create(taught(of_training(asked), costs_nothing(speaker)), "train", out)
    return folder, controller, tasks, speaker


def check_sections(config: Config, method: str) -> None:
    """Raise ConfigError for settings of a language model's training: nothing would read them here."""
    for section in TRAINING_SECTIONS:
        for key in config.to_data().get(section, ()):
            raise ConfigError(
                f"{section}.{key} is for training a language model, and method {method} trains a controller alone; "
                "leave it out, or take --method gspo or tracer"
            )


def _save(folder: RunFolder, controller: RegretMatching, run: ControllerTraining) -> None:
    data = {
        "controller": controller.state_dict(),
        "episodes": run.episodes,
        "curve": run.curve,
        "turns": run.turns,
        "tokens": run.tokens,
        "counterfactual_tokens": run.counterfactual_tokens,
        "seconds": run.seconds,
    }
    folder.write("checkpoint.json", json.dumps(data) + "\n")


_COUNT = whole(0)
_STATE = record(
    {
        "controller": record({}, others=plain(4)),
        "episodes": _COUNT,
        "curve": listed(listed(number(0), 2, 2)),
        "turns": _COUNT,
        "tokens": _COUNT,
        "counterfactual_tokens": _COUNT,
        "seconds": number(0),
    }
)


def _restored(path: Path, controller: RegretMatching) -> ControllerTraining:
    run, remedy = ControllerTraining(controller), "delete it to begin again"
    if not path.is_file():
        return run
    data = load(path, _STATE, most=MOST, error=RunFolderError, remedy=remedy)
    try:
        controller.load_state_dict(data["controller"])
    except ConfigError as error:
        raise RunFolderError(f"{path}: {error}; {remedy}") from error
    run.curve = [(int(episode), value) for episode, value in data["curve"]]
    for name in ("episodes", "turns", "tokens", "counterfactual_tokens", "seconds"):
        setattr(run, name, data[name])
    return run
