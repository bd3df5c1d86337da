"""What the folder of a training hands over, and trainings to order: real ones of nano, a step or two."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tracer_env.errors import ConfigError, RunFolderError, TrustError
from tracer_env.intake.toml_files import read_toml
from tracer_env.parts.casting import make_controller, make_speaker
from tracer_env.registry import OURS, resolve
from tracer_env.rules import Rules
from tracer_env.runs import trained as module
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.runs.trained import language_methods, to_order, train_for, trained_in
from tracer_env.scenarios.arithmetic import Arithmetic

pytest.importorskip("peft")
GSPO = {
    **{"num_generations": 4, "tasks_per_step": 2, "steps_per_generation": 1},
    **{"max_completion_length": 32, "learning_rate": 1e-3},
}


def asked(**sections: Any) -> Config:
    data = {
        "scenario": {"name": "arithmetic", "level": 1, "limit": 2},
        "speaker": {"name": "nano"},
        "rules": {"max_turns": 3},
        "evaluation": {"methods": ["never", "always"]},
        "training": {"tasks": 5},
        "gspo": GSPO,
    }
    return Config.from_data(data | sections)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nobody writes to; tests copy it."""
    return train_for("grpo", asked(), 1, tmp_path_factory.mktemp("run") / "trained" / "grpo")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_lone_proposer_is_handed_over(folder: Path) -> None:
    found = trained_in(folder)
    assert found.base == "nano"
    assert (found.method, found.speaker, found.controller, found.rules) == ("grpo", "nano", "never", Rules(max_turns=3))
    assert found.adapters == {"proposer": folder / "adapters" / "proposer"}
    assert found.settings == {"adapters": str(folder / "adapters")}
    assert set(make_speaker(found.speaker, **found.settings).adapters) == {"proposer"}  # type: ignore[attr-defined]
    recorded = read_toml(folder / "config.toml")
    assert (recorded["training"]["held_out"], recorded["gspo"]["max_steps"]) == (0, 1)


def test_tracer_hands_over_its_tables(tmp_path: Path) -> None:
    """And a comparison takes what was handed over as it stands."""
    run = train_for("tracer", asked(tracer={"variant": "no_reviewer"}), 1, tmp_path / "tracer")
    found = trained_in(run)
    assert found.controller == f"proposer={run / 'controllers' / 'tracer.json'}+reviewer=never"
    assert make_controller(found.controller, found.rules)
    play = asked(speaker={"name": found.speaker, **found.settings}, evaluation={"methods": [found.controller, "never"]})
    rows = compare(play, out=tmp_path / "compared").rows
    assert [row["method"] for row in rows] == [found.controller, "never"]
    (run / "controllers" / "tracer.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="give a file that a training has written"):
        trained_in(run)


def test_a_model_that_was_trained_whole_is_handed_over(tmp_path: Path) -> None:
    run = train_for("gspo", asked(gspo={**GSPO, "finetune": "last_n:layers=1"}), 1, tmp_path / "whole")
    found = trained_in(run)
    model = run / "adapters" / "proposer"
    assert (found.adapters, found.speaker, found.settings) == ({"proposer": model}, "nano", {"path": str(model)})
    assert make_speaker(found.speaker, **found.settings)
    (model / "config.json").unlink()
    with pytest.raises(RunFolderError, match=r"proposer has no config\.json; write it again with tracer-env train"):
        trained_in(run)


@pytest.mark.parametrize("method", ["magrpo", "maporl"])
def test_a_team_is_handed_over_seat_by_seat(tmp_path: Path, method: str) -> None:
    run = train_for(method, asked(rules={"max_turns": 2}), 1, tmp_path / method)
    found = trained_in(run)
    assert list(found.adapters) == ["agent_0/proposer", "agent_1/reviewer"]
    assert (found.controller, found.rules) == ("always", Rules(max_turns=2))
    assert set(make_speaker(found.speaker, **found.settings).adapters) == set(found.adapters)  # type: ignore[attr-defined]


def test_a_budget_is_kept_and_what_is_done_is_not_done_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    train_for("grpo", asked(), 2, copy)
    whole = train_for("grpo", asked(), 2, tmp_path / "whole")
    assert read_toml(copy / "config.toml")["gspo"]["max_steps"] == 2
    weights = "adapters/proposer/adapter_model.safetensors"
    assert (copy / weights).read_bytes() == (whole / weights).read_bytes() != (folder / weights).read_bytes()
    before = files(copy)
    monkeypatch.setattr(module, "write_text", None)  # nothing is trained, nothing is written
    assert train_for("grpo", asked(), 2, copy) == copy
    assert files(copy) == before
    with pytest.raises(RunFolderError, match=r"they differ in: gspo\.max_steps$"):
        train_for("grpo", asked(), 1, copy)
    with pytest.raises(RunFolderError, match=r"they differ in: gspo\.learning_rate"):
        train_for("grpo", asked(gspo={**GSPO, "learning_rate": 1e-4}), 2, copy)


def test_a_training_that_was_stopped_goes_on(folder: Path, tmp_path: Path) -> None:
    """Killed after its last checkpoint, before what was learned was written; and before its first record."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "trained.json").unlink()
    shutil.rmtree(copy / "adapters")
    with pytest.raises(
        RunFolderError, match="has not ended: it has no adapters yet; continue it with tracer-env train"
    ):
        trained_in(copy)
    assert files(train_for("grpo", asked(), 1, copy)).keys() == files(folder).keys()
    begun = tmp_path / "begun"
    (begun / "controllers").mkdir(parents=True)
    shutil.copy(folder / "config.toml", begun / "config.toml")
    weights = "adapters/proposer/adapter_model.safetensors"
    assert (train_for("grpo", asked(), 1, begun) / weights).read_bytes() == (folder / weights).read_bytes()


def test_sections_of_other_methods_are_nobodys(tmp_path: Path) -> None:
    run = train_for("gspo", asked(tracer={"fading": 1.0}), 1, tmp_path / "gspo")
    assert "tracer" not in read_toml(run / "config.toml")


def test_how_a_comparison_samples_is_not_how_candidates_are_drawn() -> None:
    """Its temperature is that of playing; what is longer than it lets a speaker say is not learned either."""
    play = asked(speaker={"name": "nano", "temperature": 0.3, "max_new_tokens": 24, "dtype": "float32"}, gspo={})
    found = to_order("grpo", play)
    assert found.speaker.settings == {"dtype": "float32"}
    assert {key: found.gspo[key] for key in ("temperature", "max_completion_length", "max_steps")} == {
        **{"temperature": 1.0, "max_completion_length": 24, "max_steps": 40}
    }
    assert to_order("grpo", asked(speaker=play.speaker.settings | {"name": "nano"})).gspo["max_completion_length"] == 32
    assert (found.training.tasks, found.evaluation.methods == play.evaluation.methods) == (None, False)


def test_which_tasks_a_training_has_seen() -> None:
    learned_on, _ = resolve("trainer", OURS["trained_on"])
    tasks = Arithmetic(split="train", level=1, limit=7)
    for method, steps, count in (("grpo", 2, 4), ("magrpo", 9, 7), ("tracer", 1, 2)):
        found = learned_on(to_order(method, asked(), steps), tasks)
        assert len(found) == len({task.id for task in found}) == count
    settling = asked(tracer={"settle": 3})
    assert len(learned_on(to_order("tracer", settling, 1), tasks)) == 2 + 4


def test_names_that_train_no_model(tmp_path: Path) -> None:
    assert {"gspo", "grpo", "tracer"} <= set(language_methods())
    with pytest.raises(ConfigError, match="'gspp' trains no language model; did you mean 'gspo'"):
        train_for("gspp", asked(), 1, tmp_path / "run")
    with pytest.raises(ConfigError, match="'regret_matching' trains no language model; choose one of: grpo, gspo"):
        train_for("regret_matching", asked(), 1, tmp_path / "run")
    with pytest.raises(ConfigError, match="max_steps must be at least 1, got 0"):
        train_for("gspo", asked(), 0, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def _spoilt(run: Path, what: str) -> None:
    adapter = run / "adapters" / "proposer"
    if what == "seat":
        adapter.rename(run / "adapters" / "juror")
    elif what == "weights":
        (adapter / "adapter_model.safetensors").unlink()
    elif what == "link":
        (adapter / "adapter_model.safetensors").unlink()
        (adapter / "adapter_model.safetensors").symlink_to("/dev/zero")
    elif what == "empty":
        shutil.rmtree(adapter)
    elif what == "code":
        text = (run / "config.toml").read_text(encoding="utf-8")
        (run / "config.toml").write_text(text.replace('name = "nano"', 'name = "evil.py:Speaker"'), encoding="utf-8")
    else:
        (run / "config.toml").write_text(Config().to_toml(), encoding="utf-8")


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        ("seat", RunFolderError, "juror is no folder of a seat"),
        ("weights", RunFolderError, "has no adapter_model.safetensors"),
        ("link", RunFolderError, "adapter_model.safetensors is a symbolic link"),
        ("empty", RunFolderError, "adapters is empty"),
        ("code", TrustError, "names code, which is not run on the word of a file: speaker.name"),
        ("another", RunFolderError, "holds no trained language model; give the folder of train --method grpo, gspo"),
    ],
)
def test_a_strangers_folder_is_read_with_care(
    folder: Path, tmp_path: Path, what: str, error: type[Exception], words: str
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    _spoilt(copy, what)
    with pytest.raises(error) as caught:
        trained_in(copy)
    assert words in str(caught.value)
    with pytest.raises(RunFolderError, match="is not a run folder"):
        trained_in(tmp_path / "nowhere")
