"""Zips of Stable-Baselines3: written, read back, and nothing but tensors taken of them."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import stable_baselines3
import torch
from stepped import taught

from tracer_env.agents.controllers.stable_baselines import DQN, PPO, StableBaselines
from tracer_env.errors import ConfigError
from tracer_env.observed import OBSERVED
from tracer_env.parts.casting import make_controller
from tracer_env.trainers.outcomes.stable_zips import save_zip


@pytest.fixture(scope="module", params=[PPO, DQN])
def made(request: pytest.FixtureRequest) -> StableBaselines:
    controller: StableBaselines = request.param(steps=512, hidden=8)
    taught(controller)
    return controller


def test_a_zip_is_read_back(made: StableBaselines, tmp_path: Path) -> None:
    save_zip(made, tmp_path / "mine.zip")
    loaded = make_controller(f"{made.name}:file={tmp_path / 'mine.zip'}")
    assert isinstance(loaded, StableBaselines)
    assert loaded.to_json() == made.to_json()


def test_stable_baselines_itself_decides_alike(made: StableBaselines, tmp_path: Path) -> None:
    save_zip(made, tmp_path / "mine.zip")
    model = getattr(stable_baselines3, made.algorithm).load(tmp_path / "mine.zip", device="cpu")
    numbers = np.random.default_rng(0).normal(size=(64, len(OBSERVED))).astype(np.float32)
    actions, _ = model.predict(made.seen(numbers), deterministic=True)
    assert actions.tolist() == made.probabilities(numbers, 2).astype(int).tolist()


class _Spring:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def changed(source: Path, target: Path, name: str, content: bytes) -> None:
    """Copy a zip and its settings, one entry with another content."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.namelist():
            new.writestr(entry, content if entry == name else old.read(entry))
    target.with_suffix(".json").write_text(source.with_suffix(".json").read_text())


def test_pickles_in_a_zip_are_not_read(made: StableBaselines, tmp_path: Path) -> None:
    source, sprung = tmp_path / "mine.zip", tmp_path / "sprung"
    save_zip(made, source)
    trap = pickle.dumps(_Spring(sprung))
    changed(source, tmp_path / "data.zip", "data", trap)
    assert make_controller(f"{made.name}:file={tmp_path / 'data.zip'}").speak_probability
    weights = io.BytesIO()
    torch.save({"trap": _Spring(sprung)}, weights)
    changed(source, tmp_path / "weights.zip", "policy.pth", weights.getvalue())
    with pytest.raises(ConfigError, match="is no zip of Stable-Baselines3 with a policy's weights: UnpicklingError"):
        make_controller(f"{made.name}:file={tmp_path / 'weights.zip'}")
    assert not sprung.exists()


def test_what_does_not_fit_is_refused(made: StableBaselines, tmp_path: Path) -> None:
    file = tmp_path / "mine.zip"
    with pytest.raises(ConfigError, match=r"needs .*mine\.zip as well"):
        make_controller(f"{made.name}:file={file}")
    save_zip(made, file)
    other = "sb3:dqn" if made.name == "sb3:ppo" else "sb3:ppo"
    with pytest.raises(ConfigError, match=f"is no policy of {'DQN' if other == 'sb3:dqn' else 'PPO'}: there are no"):
        make_controller(f"{other}:file={file}")
    file.with_suffix(".json").unlink()
    with pytest.raises(ConfigError, match=r"needs .*mine\.json as well"):
        make_controller(f"{made.name}:file={file}")
    file.with_suffix(".json").write_text(made.to_json())
    file.write_bytes(b"no zip")
    with pytest.raises(ConfigError, match="is no zip of Stable-Baselines3"):
        make_controller(f"{made.name}:file={file}")
    with pytest.raises(ConfigError, match="has not been trained yet"):
        save_zip(type(made)(), file)
