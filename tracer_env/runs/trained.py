"""Trained language models as methods of a comparison: what a training's folder hands over, and a training to order.

    found = trained_in("runs/grpo")        adapters by seat, who decides, the rules that were trained under
    train_for("grpo", config, 40, folder)  trains there in so many steps; what was begun there is gone on with

Trainers are reached through the registry alone. A folder may come from a stranger: its settings are read as any run's,
it must hold plain files in the places where a training writes them, and code that it names is not run; the weights are
read, strictly, by the speaker that takes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tracer_env.errors import ConfigError, RunFolderError, did_you_mean
from tracer_env.intake.checked import load, record, text
from tracer_env.intake.table_files import read_table
from tracer_env.parts.trust import check_recorded
from tracer_env.registry import OURS, registered, resolve, trains_language
from tracer_env.rules import Rules
from tracer_env.runs.config import TRAINING_SECTIONS, Config, EvaluationConfig
from tracer_env.runs.folder import RunFolder
from tracer_env.specs import is_cast
from tracer_env.storage.files import write_text
from tracer_env.storage.places import refuse_links
from tracer_env.terminal.plain import command
from tracer_env.terminal.progress import Reporter

__all__ = ["Trained", "language_methods", "to_order", "train_for", "trained_in"]

_LORA = ("adapter_config.json", "adapter_model.safetensors")
_DONE = "trained.json"
"""What `train_for` leaves in a folder in which nothing is left to do."""


@dataclass(frozen=True)
class Trained:
    """What a training of a language model hands over, as `tracer-env compare` takes it."""

    folder: Path
    method: str
    base: str
    """Name of the speaker that was trained."""
    adapters: Mapping[str, Path]
    """The folder of each adapter, or of the one model that was trained whole, by seat: ``agent_0/proposer``."""
    speaker: str
    settings: Mapping[str, str]
    """Name of the speaker that says what was learned, and what of its settings makes it so."""
    controller: str
    """Who decides: ``never`` where a lone proposer was trained, ``always`` for a team, the tables of TRACER, ..."""
    rules: Rules
    information: str


def language_methods() -> tuple[str, ...]:
    """Return the methods that train a language model, sorted."""
    return tuple(name for name in registered("trainer") if trains_language(name))


def trained_in(folder: str | Path, trust_code: bool = False) -> Trained:
    """Return what the training in ``folder`` came to.

    Raises RunFolderError for a folder that holds none, none that has ended, or anything but plain files, TrustError for
    one that names code, unless ``trust_code``, ConfigError for a damaged table.
    """
    path = Path(folder)
    config = RunFolder.reopen(path).config
    method = config.training.method
    if method is None or not trains_language(method):
        names = ", ".join(language_methods())
        raise RunFolderError(f"{path} holds no trained language model; give the folder of train --method {names}")
    check_recorded(config.to_data(), path, trust_code=trust_code)
    refuse_links(path)
    adapters = _adapters(path, whole=not str(config.gspo.get("finetune", "lora")).startswith("lora"))
    hand_over, _ = resolve("trainer", OURS["trained"])
    handed = hand_over(config, path, adapters)
    if method == "tracer":
        read_table(path / "controllers" / "tracer.json")
    voice = handed.speaker, handed.settings, handed.controller
    return Trained(path, method, config.speaker.name, adapters, *voice, config.rules, config.information)


def train_for(method: str, config: Config, steps: int | None, folder: Path, reporter: Reporter | None = None) -> Path:
    """Train ``method`` in ``folder`` for ``steps`` steps and return it; what was begun there is gone on with.

    Of ``config`` its scenario's train split, speaker, rules, seeds and the sections of this method are taken; nothing
    is played on held-out tasks. Where all is done already nothing is loaded. Raises ConfigError for a method that
    trains no language model and for settings that it does not have, RunFolderError for a folder that holds a training
    of other settings.
    """
    asked = to_order(method, config, steps)
    done = {"config": hashlib.sha256(asked.to_toml().encode("utf-8")).hexdigest()}
    file = folder / _DONE
    if file.is_file() and load(file, _RECORD, most=1024, error=RunFolderError) == done:
        return trained_in(folder, trust_code=True).folder  # the caller's own settings
    begun = folder.is_dir() and RunFolder(folder, asked).is_training
    train, _ = resolve("trainer", method)
    where = {"resume": folder} if begun else {"out": folder}
    if train(asked, method=method, reporter=reporter, **where) is not None:  # as for all processes but the first
        write_text(file, json.dumps(done) + "\n", inside=folder)
    return folder


_RECORD = record({"config": text(64)})


def to_order(method: str, config: Config, steps: int | None = None) -> Config:
    """Return the settings of a training for a comparison, ``steps`` None as ``gspo.max_steps`` says.

    Those of other methods are left out, and how the comparison samples: candidates are drawn as ``[gspo]`` says, no
    longer than the comparison lets a speaker speak. Raises what `train_for` raises for a name and for settings.
    """
    if not trains_language(method):
        raise ConfigError(f"{method!r} trains no language model{did_you_mean(method, language_methods())}")
    settled, _ = resolve("trainer", OURS["training_settings"])
    said = dict(config.speaker.settings)
    gspo = {**config.gspo, **({} if steps is None else {"max_steps": steps})}
    said.pop("temperature", None)
    if (longest := said.pop("max_new_tokens", None)) is not None:
        gspo.setdefault("max_completion_length", longest)
    others: dict[str, Any] = {name: {} for name in TRAINING_SECTIONS if name not in ("gspo", "hooks", method)}
    asked: Config = settled(
        replace(
            config,
            evaluation=EvaluationConfig(),
            training=replace(config.training, method=method, held_out=0, episodes=None, tasks=None),
            speaker=replace(config.speaker, settings=said),
            gspo=gspo,
            **others,
        ),
        method,
    )
    return asked


def _adapters(run: Path, whole: bool) -> dict[str, Path]:
    """Return the folders of what was learned by seat; raises RunFolderError where a training has not ended."""
    folder = run / "adapters"
    on = command("tracer-env", "train", "--resume", run)
    if not folder.is_dir():
        raise RunFolderError(f"{run} is a training that has not ended: it has no adapters yet; continue it with {on}")
    found = {}
    for inner in sorted(folder.iterdir()):
        seat = inner.name.replace("-", "/", 1)
        if not inner.is_dir() or "=" in seat or not is_cast(f"{seat}="):
            raise RunFolderError(f"{inner} is no folder of a seat, such as {folder / 'proposer'}; move it away")
        missing = [name for name in (("config.json",) if whole else _LORA) if not (inner / name).is_file()]
        if missing:
            raise RunFolderError(f"{inner} has no {missing[0]}; write it again with {on}")
        found[seat] = inner
    if not found:
        raise RunFolderError(f"{folder} is empty; write what was learned again with {on}")
    return found
