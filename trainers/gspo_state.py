"""What a GSPO training has to remember: the parts of its checkpoints, and what they must agree with.

    adapters/<policy>/                 the weights that learn
    optimisers/<policy>.safetensors    AdamW's moments
    trainer.json                       steps, optimiser counts, alarms, the controllers' tables

There is no generator to remember: tasks, noise and dropout are functions of the seed and the step.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer_env.runs import scenario_digest
from tracer_env.trainers.checkpoint import Checkpoint

if TYPE_CHECKING:
    from tracer_env.trainers.gspo_trainer import GSPOTrainer

__all__ = ["digest", "parts", "restore"]

_FREE = ("save_steps", "save_total_limit", "resume_from_checkpoint", "report_to")
"""Settings that a continued run may change."""


def digest(trainer: GSPOTrainer) -> str:
    """Return a digest of everything that the rest of the run hangs on.

    ``max_steps`` may grow as long as the learning rate does not hang on it.
    """
    settings = trainer.config.to_data()
    free = (*_FREE, "max_steps") if trainer.config.lr_scheduler_type == "constant" else _FREE
    told: list[Any] = [
        {key: value for key, value in settings.items() if key not in free},
        {key: value for key, value in trainer.speaker.settings.items() if key != "adapters"},
        [repr(part) for part in (trainer.finetune, trainer.rules, trainer.reward)],
        [trainer.trained, list(trainer.policies.names)],
        [type(trainer.rollouts).__name__, trainer.rollouts.told],
        scenario_digest(trainer.scenario),
        trainer.hooks.to_data(),
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


def parts(trainer: GSPOTrainer) -> dict[str, Any]:
    """Return the parts of a checkpoint."""
    from tracer_env.trainers.tensor_files import optimiser_state, save_tensors

    made: dict[str, Any] = {}
    memories: dict[str, Any] = {}
    for name in trainer.trained:
        optimiser, parameters = trainer.update.optimisers[name], trainer.policies.parameters(name)
        tensors, memories[name] = optimiser_state(optimiser, parameters)
        made[f"optimisers/{name}.safetensors"] = _writer(save_tensors, tensors)
    for name in trainer.policies.names:
        made[f"adapters/{name}"] = _saver(trainer.policies, name)
    made["trainer.json"] = {
        "step": trainer.step,
        "optimisers": memories,
        "optimiser_steps": trainer.update.steps,
        "nonfinite": trainer.update.nonfinite,
        "alarms": {name: alarms.state_dict() for name, alarms in trainer.alarms.items()},
        "rollouts": trainer.rollouts.state_dict(),
    }
    return made


def restore(trainer: GSPOTrainer, found: Checkpoint) -> None:
    """Put a trainer back to where the checkpoint was written."""
    from tracer_env.trainers.tensor_files import load_tensors, restore_optimiser

    data = found.data("trainer.json")
    for name in trainer.policies.names:
        trainer.policies.load(name, found.file(f"adapters/{name}"))
    for name in trainer.trained:
        restore_optimiser(
            trainer.update.optimisers[name],
            trainer.policies.parameters(name),
            load_tensors(found.file(f"optimisers/{name}.safetensors")),
            data["optimisers"][name],
        )
        trainer.alarms[name].load_state_dict(data["alarms"][name])
    trainer.update.steps |= data["optimiser_steps"]
    trainer.update.nonfinite |= data["nonfinite"]
    trainer.rollouts.load_state_dict(data["rollouts"])
    trainer.policies.changed()


def _writer(save: Callable[..., None], tensors: Any) -> Callable[[Path], None]:
    return lambda path: save(path, tensors)


def _saver(policies: Any, name: str) -> Callable[[Path], None]:
    return lambda path: policies.save(name, path)
