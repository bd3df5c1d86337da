"""Zips of Stable-Baselines3: a trained controller written as one, and the tensors of one taken back.

    save_zip(controller, "mine.zip")          mine.zip and mine.json
    make_controller("sb3:ppo:file=mine.zip")  mine.json says what to build, mine.zip has the tensors

A zip of theirs holds pickled settings beside the tensors; they are written by Stable-Baselines3 for those who go on
with it there, and never read here. What decides is kept: a zip made of a controller has new weights wherever else its
policy has some (PPO's critic).
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from tracer_env.agents.controllers.stable_baselines import StableBaselines, scaled_by
from tracer_env.errors import ConfigError
from tracer_env.intake.bounded import MEBIBYTE, shown_path
from tracer_env.intake.table_files import read_table
from tracer_env.registry import OURS, resolve
from tracer_env.rules import Rules
from tracer_env.storage.files import write_text, write_with
from tracer_env.trainers.outcomes.stable_baselines import algorithm_of, made_model, network_in

__all__ = ["load_zip", "save_zip"]

_MOST = 256 * MEBIBYTE
_DECIDING = {"DQN": ("q_net.q_net.",), "PPO": ("mlp_extractor.policy_net.", "action_net.")}


def save_zip(controller: StableBaselines, path: str | Path) -> None:
    """Write a trained controller as a zip of Stable-Baselines3, and its settings beside it; complete or not at all.

    Raises ConfigError for one that has not been trained, MissingExtraError without Stable-Baselines3.
    """
    import torch

    file = _zip(path)
    if controller.network is None:
        raise ConfigError(f"this {controller.name} controller has not been trained yet, so there is nothing to save")
    make, _ = resolve("scenario", OURS["controller_env"])
    scaled = controller.scaling
    features = None if scaled is None else scaled_by(scaled)
    env = make(rules=controller.rules or Rules(), features=features)
    from stable_baselines3.common.vec_env import DummyVecEnv

    with torch.random.fork_rng(devices=[]):
        model = made_model(controller, DummyVecEnv([lambda: env]), 0, 1)
    tensors = model.policy.state_dict()
    for (weight, bias), name in zip(controller.network.layers, _names(controller, tensors), strict=True):
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = torch.from_numpy(weight), torch.from_numpy(bias)
    model.policy.load_state_dict(tensors)
    write_with(file, model.save)
    write_text(file.with_suffix(".json"), controller.to_json())


def load_zip(controller: StableBaselines, path: str | Path) -> None:
    """Have a controller play the policy of a zip, as the JSON file beside it describes it.

    Raises ConfigError for files that are missing, too large or damaged, and where one does not fit the other.
    """
    algorithm_of(controller)
    from stable_baselines3.common.save_util import load_from_zip_file

    file = _zip(path)
    settings = file.with_suffix(".json")
    if not file.is_file() or not settings.is_file():
        missing = file if not file.is_file() else settings
        raise ConfigError(f"controller {controller.name}: file {shown_path(file)} needs {shown_path(missing)} as well")
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST:
                raise ConfigError(
                    f"{shown_path(file)} holds more than {_MOST // MEBIBYTE} MiB, which is no small policy"
                )
        _, tensors, _ = load_from_zip_file(file, load_data=False, device="cpu")
        policy = tensors["policy"]
    except ConfigError:
        raise
    except Exception as error:  # zipfile's, torch's, SB3's
        raise ConfigError(
            f"{shown_path(file)} is no zip of Stable-Baselines3 with a policy's weights: {type(error).__name__}"
        ) from error
    data = read_table(settings)
    controller.load_state_dict({**data, "network": _network(controller, file, policy)})


def _network(controller: StableBaselines, file: Path, policy: Any) -> dict[str, Any]:
    try:
        return network_in(controller, policy).to_data()
    except (ConfigError, AttributeError, TypeError, ValueError) as error:
        raise ConfigError(f"{shown_path(file)} is no policy of {controller.algorithm}: {error}") from error


def _names(controller: StableBaselines, tensors: Any) -> list[str]:
    """Return the names of the layers that decide, in their order."""
    prefixes = _DECIDING["DQN" if controller.algorithm == "DQN" else "PPO"]
    return [
        name.removesuffix(".weight")
        for prefix in prefixes
        for name in tensors
        if name.startswith(prefix) and name.endswith(".weight")
    ]


def _zip(path: str | Path) -> Path:
    file = Path(path).expanduser()
    return file if file.suffix == ".zip" else file.with_suffix(".zip")
