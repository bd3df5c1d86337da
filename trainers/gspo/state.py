"""What a GSPO training has to remember: the parts of its checkpoints, and what they must agree with.

    adapters/<policy>/                 the weights that learn
    optimisers/<policy>.safetensors    AdamW's moments
    trainer.json                       steps, optimiser counts, alarms, the controllers' tables, the settings

There is no generator to remember: tasks, noise and dropout are functions of the seed and the step.

A checkpoint is continued under the settings it was saved under (`told`); others are refused by name. When training is
over, `write_adapters` puts the policies where speakers find them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

from tracer_env.errors import ConfigError, DiskError, RunFolderError, UserError
from tracer_env.intake.checked import Reader, plain, record, whole
from tracer_env.interfaces import Scenario
from tracer_env.rules import Rules
from tracer_env.runs.environment import scenario_digest
from tracer_env.storage.folders import make_folder, owned
from tracer_env.storage.leftovers import put_folder, temporary_folder, temporary_name
from tracer_env.storage.places import odd
from tracer_env.trainers.gspo.config import GSPOConfig
from tracer_env.trainers.support.checkpoint import REMEDY, Checkpoint, newest
from tracer_env.trainers.support.processes import Processes
from tracer_env.trainers.support.tensor_files import OPTIMISER

__all__ = ["FREE", "Training", "check_free", "find", "owned_by_first", "parts", "restore", "told", "write_adapters"]

FREE = (
    *("save_steps", "save_total_limit", "resume_from_checkpoint", "report_to"),
    *(
        "max_batch_tokens",
        "gradient_checkpointing",
        "shard",
        "sleep",
    ),  # a run that ran out of memory must go on with less
)
"""Settings that a continued run may change; those of memory change its numbers by rounding."""
_SERVED = ("engine", "probe_bound", "importance_cap")
_HOLDS = ("checkpoints", "metrics.jsonl", "adapters")
"""What says that a folder holds a training."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class Training(Protocol):
    """What is remembered of a training, and comes back: attributes of a `trainer.GSPOTrainer`."""

    config: GSPOConfig
    speaker: Any
    scenario: Scenario
    rules: Rules
    hooks: Any
    reward: Any
    finetune: Any
    policies: Any
    trained: list[str]
    rollouts: Any
    update: Any
    alarms: dict[str, Any]
    step: int
    settings: dict[str, Any]


def told(trainer: Training) -> dict[str, Any]:
    """Return everything that the rest of the run hangs on, by name, as it comes back from a file.

    To be asked before training: a speaker's settings change with its weights. ``max_steps`` may grow as long as
    the learning rate does not hang on it. An object is known by its repr, without its address.
    """
    config, speaker = trainer.config.to_data(), trainer.speaker.settings
    if trainer.config.engine == "hf":  # as runs of before there was another one
        config = {name: value for name, value in config.items() if name not in _SERVED}
    free = (*FREE, "max_steps") if trainer.config.lr_scheduler_type == "constant" else FREE
    mine = {name.replace("-", "/", 1) for name in trainer.policies.names}
    others = {seat: digest for seat, digest in speaker.pop("adapters", {}).items() if seat not in mine}
    found: dict[str, Any] = {
        **{f"gspo.{name}": value for name, value in config.items() if name not in free},
        **{f"speaker.{name}": value for name, value in speaker.items()},
        **{f"rules.{field.name}": getattr(trainer.rules, field.name) for field in fields(trainer.rules)},
        "speaker.adapters": others,
        "finetune": repr(trainer.finetune),
        "objective": repr(trainer.update.objective),
        "reward": repr(trainer.reward),
        "policies": list(trainer.policies.names),
        "trained": trainer.trained,
        "rollouts": [type(trainer.rollouts).__name__, trainer.rollouts.told],
        "scenario": scenario_digest(trainer.scenario),
        "hooks": trainer.hooks.to_data(),
    }
    plain: dict[str, Any] = json.loads(_ADDRESS.sub("", json.dumps(found, sort_keys=True, default=repr)))
    return plain


def check_free(out: Path) -> None:
    """Raise RunFolderError when a new training cannot have the folder ``out``."""
    if out.exists() and not out.is_dir():
        raise RunFolderError(f"{out} is no folder; choose another one to train in")
    if any((out / name).exists() for name in _HOLDS):
        raise RunFolderError(f"{out} holds a training already; choose another folder, or resume from it")


def find(
    given: str | None, out: Path | None, settings: Mapping[str, Any], tell: Callable[[str], None]
) -> Checkpoint | None:
    """Return the checkpoint to go on from, if any is ``given``: the newest that holds; ``tell`` hears of the others.

    ``given``: a run's folder, its ``checkpoints``, or its newest checkpoint. None: the run in ``out`` was
    stopped before it had saved one, and begins again. Raises RunFolderError for everything else that has none,
    for other settings, and for an ``out`` that holds another training.
    """
    if given is None:
        return None
    path = Path(given)
    named = path.name if path.name.startswith("step_") else None
    root = path.parent if named else path / "checkpoints" if path.name != "checkpoints" else path
    run = root.parent
    refused: list[str] = []

    def refuse(line: str) -> None:
        refused.append(line)
        tell(line)

    if not run.is_dir():
        raise RunFolderError(f"there is no training to resume from: {run} is no folder")
    ours = out is not None and out.resolve() == run.resolve()
    if out is not None and not ours:
        check_free(out)
    found = newest(root, refuse)
    if found is None and (refused or named or not ours):
        raise RunFolderError(f"{run} holds no checkpoint to resume from; begin a new training in another folder")
    if found is not None and named not in (None, found.path.name):
        raise RunFolderError(
            f"{given} is not the newest checkpoint that holds, {found.path.name} is; resume from {run}, or move the "
            "later ones away first"
        )
    if found is not None:
        _check_settings(found, settings)
    return found


def _check_settings(found: Checkpoint, settings: Mapping[str, Any]) -> None:
    saved = found.data("trainer.json", _SETTINGS)["settings"]
    names = [name for name in sorted({*saved, *settings}) if saved.get(name) != settings.get(name)]
    if names:
        changes = ", ".join(f"{name} was {_short(saved.get(name))}, now {_short(settings.get(name))}" for name in names)
        changed = "speaker.model" in names and saved.get("speaker.model")
        other = " (the SHA-256 of the model's weights, which are others now)" if changed else ""
        raise RunFolderError(
            f"{found.path} was saved under other settings: {changes}{other}; continue it with the settings of its run, "
            "or begin a new training in another folder"
        )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def write_adapters(policies: Any, folder: Path) -> dict[str, Path]:
    """Write each policy below ``folder`` and return their folders.

    They are written beside it and then renamed, so ``folder`` holds all policies of one moment or, between two
    renames, is absent. Raises DiskError when the disk does not take them; what stood there before still stands.
    """
    from tracer_env.trainers.support.tensor_files import system_error

    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise RunFolderError(odd(folder))
    try:
        with temporary_folder(folder) as work:
            for name in policies.names:
                policies.save(name, work / name)
            put_folder(work, folder, folder.with_name(temporary_name(folder.name)))
    except Exception as error:
        system = system_error(error)
        if system is None:
            raise
        raise DiskError(
            f"cannot write {folder}: {system.strerror or system}; make room there and continue with --resume"
        ) from error
    return {name: folder / name for name in policies.names}


@contextmanager
def owned_by_first(folder: Path | None, processes: Processes) -> Iterator[None]:
    """Own the folder of a training in the first of its processes, for all; a refusal is raised in each of them."""
    with ExitStack() as held:
        told: list[str] = []
        if processes.rank == 0:
            try:
                if folder is not None:
                    make_folder(folder)
                    held.enter_context(owned(folder, ("controllers", "checkpoints", "adapters")))
                told = [""]
            except UserError as error:
                told = [str(error)]
        if failure := processes.gathered(told)[0]:  # the others wait for word of it
            raise RunFolderError(failure)
        yield


def parts(trainer: Training) -> dict[str, Any]:
    """Return the parts of a checkpoint; called by every process where layers lie in pieces."""
    from tracer_env.trainers.gspo.sharding import in_full
    from tracer_env.trainers.support.tensor_files import optimiser_state, save_tensors

    made: dict[str, Any] = {}
    memories: dict[str, Any] = {}
    for name in trainer.trained:
        optimiser, parameters = trainer.update.optimisers[name], trainer.policies.parameters(name)
        tensors, memories[name] = optimiser_state(optimiser, parameters)
        if trainer.update.shards is not None:
            tensors = {each: in_full(tensor) for each, tensor in tensors.items()}
        made[f"optimisers/{name}.safetensors"] = _writer(save_tensors, tensors)
    for name in trainer.policies.names:
        made[f"adapters/{name}"] = _saver(trainer.policies, name)
    made["trainer.json"] = {
        "step": trainer.step,
        "settings": trainer.settings,
        "optimisers": memories,
        "optimiser_steps": trainer.update.steps,
        "nonfinite": trainer.update.nonfinite,
        "alarms": {name: alarms.state_dict() for name, alarms in trainer.alarms.items()},
        "rollouts": trainer.rollouts.state_dict(),
    }
    return made


def restore(trainer: Training, found: Checkpoint) -> None:
    """Put a trainer back to where the checkpoint was written."""
    from tracer_env.trainers.gspo.sharding import split_like
    from tracer_env.trainers.support.tensor_files import load_tensors, owner_of, restore_optimiser

    data = found.data("trainer.json", _state(trainer.policies.names, trainer.trained))
    if data["step"] != found.step:
        raise RunFolderError(f"{found.path}/trainer.json is of step {data['step']}; {REMEDY}")
    for name in trainer.policies.names:
        trainer.policies.load(name, found.file(f"adapters/{name}"))
    trainer.update.shard()
    for name in trainer.trained:
        parameters = trainer.policies.parameters(name)
        tensors = load_tensors(found.file(f"optimisers/{name}.safetensors"))
        if trainer.update.shards is not None:
            tensors = {each: split_like(one, parameters.get(owner_of(each))) for each, one in tensors.items()}
        restore_optimiser(trainer.update.optimisers[name], parameters, tensors, data["optimisers"][name])
        trainer.alarms[name].load_state_dict(data["alarms"][name])
    trainer.update.steps |= data["optimiser_steps"]
    trainer.update.nonfinite |= data["nonfinite"]
    try:
        trainer.rollouts.load_state_dict(data["rollouts"])
    except ConfigError as error:
        raise RunFolderError(f"{found.path}/trainer.json: rollouts: {error}; {REMEDY}") from error
    trainer.policies.changed()


_SETTINGS = record({"settings": record({}, others=plain(32))}, others=lambda value: value)


def _state(policies: Sequence[str], trained: Sequence[str]) -> Reader[dict[str, Any]]:
    """Return how ``trainer.json`` is read: each policy has its counts, each that learns its optimiser and alarms."""

    def each(names: Sequence[str], inner: Reader[Any]) -> Reader[dict[str, Any]]:
        return record(dict.fromkeys(names, inner))

    return record(
        {
            "step": whole(0),
            "settings": plain(33),
            "optimisers": each(trained, OPTIMISER),
            "optimiser_steps": each(policies, whole(0)),
            "nonfinite": each(policies, whole(0)),
            "alarms": each(trained, plain(4)),
            "rollouts": plain(16),
        }
    )


def _writer(save: Callable[..., None], tensors: Any) -> Callable[[Path], None]:
    return lambda path: save(path, tensors)


def _saver(policies: Any, name: str) -> Callable[[Path], None]:
    return lambda path: policies.save(name, path)
