"""GSPO and TRACER as run folders: what they leave behind, going on, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tracer_env.errors import ConfigError, RunFolderError, TrustError, UnknownNameError
from tracer_env.intake.toml_files import read_toml
from tracer_env.parts.casting import make_controller, make_speaker
from tracer_env.rules import Rules
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.trainers.runs import language as gspo_run
from tracer_env.trainers.runs.language import train_run
from tracer_env.trainers.support.log import comparable, read_metrics

SMALL = {
    "num_generations": 2,
    "tasks_per_step": 2,
    "steps_per_generation": 1,
    "max_steps": 2,
    "max_completion_length": 32,
    "learning_rate": 1e-3,
}


def asked(gspo: dict[str, Any] | None = None, **sections: Any) -> Config:
    return Config.from_data(
        {
            "seed": 5,
            "scenario": {"name": "arithmetic", "level": 1, "limit": 2},
            "speaker": {"name": "nano"},
            "rules": {"max_turns": 3},
            "training": {"held_out": 0},
            **sections,
            "gspo": {**SMALL, **(gspo or {})},
        }
    )


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_a_run_of_gspo_leaves_behind(tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = train_run(asked(), out=out)
    assert result is not None
    assert {name for name in files(out) if not name.startswith("checkpoints/")} == {
        *("config.toml", "environment.json", "metrics.jsonl"),
        *("adapters/proposer/adapter_config.json", "adapters/proposer/adapter_model.safetensors"),
    }
    assert (result["method"], result["steps"], result["seed"], result["controller"]) == ("gspo", 2, 5, None)
    assert result["adapters"] == {"proposer": str(out / "adapters" / "proposer")}
    assert list(result["policies"]) == ["proposer"]
    lines = read_metrics(out)
    assert result["policies"]["proposer"]["reward"]["first"] == lines[0]["reward"]
    assert result["policies"]["proposer"]["accuracy"]["last"] == lines[1]["accuracy"]
    assert json.loads(json.dumps(result, allow_nan=False))["run"] == str(out)
    recorded = read_toml(out / "config.toml")
    assert recorded["training"]["method"] == "gspo"
    assert (recorded["gspo"]["max_steps"], recorded["gspo"]["epsilon"]) == (2, 3e-4)
    voice = make_speaker("nano", adapters=str(out / "adapters"))
    assert set(voice.adapters) == {"proposer"}  # type: ignore[attr-defined]


def test_the_full_variant_of_tracer_can_be_compared(tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = train_run(asked(), "tracer", out=out)
    assert result is not None
    assert set(result["adapters"]) == set(result["policies"]) == {"proposer", "reviewer"}
    assert result["controller"] == str(out / "controllers" / "tracer.json")
    assert result["policy_table"]
    assert 0 <= result["dialogues"]["dialogue_accuracy"]["last"] <= 1
    play = asked(speaker={"name": "nano", "adapters": str(out / "adapters")})
    methods = {name: make_controller(name, Rules(max_turns=3)) for name in (result["controller"], "never")}
    rows = compare(play, out=tmp_path / "compared", controllers=methods).rows
    assert [row["method"] for row in rows] == [result["controller"], "never"]


@pytest.mark.parametrize(
    ("variant", "cast", "policies"),
    [
        ("no_reviewer", "proposer={}+reviewer=never", ["proposer"]),
        ("no_proposer_controller", "proposer=always+reviewer={}", ["proposer", "reviewer"]),
    ],
)
def test_a_variant_with_one_table_is_a_cast(tmp_path: Path, variant: str, cast: str, policies: list[str]) -> None:
    result = train_run(asked({"max_steps": 1}, tracer={"variant": variant}), "tracer", out=tmp_path / "run")
    assert result is not None
    assert list(result["policies"]) == policies
    method = cast.format(result["controller"])
    assert result["command"].endswith(f"--methods {method},never")
    assert make_controller(method, Rules(max_turns=3))


@pytest.mark.parametrize(
    ("gspo", "policies"),
    [
        ({"role": "reviewer", "objective": "grpo"}, ["reviewer"]),
        ({"reward": "team"}, ["proposer", "reviewer"]),
        ({"finetune": "last_n:layers=1"}, ["proposer"]),
    ],
)
def test_parts_are_chosen_by_name(tmp_path: Path, gspo: dict[str, Any], policies: list[str]) -> None:
    result = train_run(asked({"max_steps": 1, **gspo}), out=tmp_path / "run")
    assert result is not None
    assert list(result["adapters"]) == policies


def test_hooks_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("def pay(text, default, **context):\n    return 0.5\n", encoding="utf-8")
    result = train_run(asked({"max_steps": 1}, hooks={"reward": "mine.py:pay"}), out=tmp_path / "run")
    assert result is not None
    assert result["policies"]["proposer"]["reward"]["last"] == 0.5
    Path("mine.py").write_text("def pay(text, default, **context):\n    return 0.75\n", encoding="utf-8")
    with pytest.raises(RunFolderError, match="was saved under other settings: hooks was"):
        train_run(None, out=None, resume=tmp_path / "run", trust_code=True)
    with pytest.raises(TrustError, match=r"hooks\.reward = 'mine\.py:pay'"):
        train_run(None, out=None, resume=tmp_path / "run")
    Path("mine.py").rename("ours.py")
    with pytest.raises(RunFolderError, match="was saved under other settings: hooks was"):
        train_run(asked({"max_steps": 1}, hooks={"reward": "ours.py:pay"}), resume=tmp_path / "run")
    Path("ours.py").write_text("def pay(text, default, **context):\n    return 0.5\n", encoding="utf-8")
    assert train_run(asked({"max_steps": 1}, hooks={"reward": "ours.py:pay"}), resume=tmp_path / "run") is not None


def test_more_steps_are_those_of_a_longer_run(tmp_path: Path) -> None:
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    train_run(asked({"max_steps": 3}), "tracer", out=whole)
    train_run(asked({"max_steps": 2}), "tracer", out=parted)
    result = train_run(asked({"max_steps": 3}), "tracer", resume=parted)
    assert result is not None
    assert result["steps"] == 3
    one, other = (list(map(comparable, read_metrics(folder))) for folder in (whole, parted))
    assert one == other
    for name in ("adapters/proposer/adapter_model.safetensors", "controllers/tracer.json", "config.toml"):
        assert (whole / name).read_bytes() == (parted / name).read_bytes()
    again = train_run(asked({"max_steps": 3, "max_batch_tokens": 512}), "tracer", resume=parted)
    assert again is not None
    assert (again["steps"], again["policies"]) == (3, result["policies"])


def test_another_run_is_not_continued(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train_run(asked({"lr_scheduler_type": "linear"}), out=run)
    linear = {"lr_scheduler_type": "linear"}
    for config, method, message in (
        (asked(linear, seed=6), "gspo", "other settings; they differ in: seed$"),
        (asked({**linear, "temperature": 0.5}), "gspo", "they differ in: gspo.temperature$"),
        (asked({**linear, "max_steps": 1}), "gspo", "they differ in: gspo.max_steps$"),
        (asked({**linear, "max_steps": 4}), "gspo", "planned for gspo.max_steps 2, and its linear learning rate"),
        (None, "tracer", "started with method gspo, and cannot be continued with method tracer"),
    ):
        with pytest.raises(RunFolderError, match=message):
            train_run(config, method, resume=run)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.toml").write_text(Config().to_toml(), encoding="utf-8")
    with pytest.raises(RunFolderError, match="started with another command"):
        train_run(None, resume=tmp_path / "other")


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        (asked(speaker={"name": "simulated"}), ConfigError, "only a language model can be trained, got 'simulated'"),
        (asked(speaker={"name": "proposer=nano"}), ConfigError, "one language model is trained for all seats"),
        (asked(speaker={"name": "nanoo"}), UnknownNameError, "did you mean 'nano'"),
        (asked(speaker={"name": "nano", "temperature": 0.3}), ConfigError, "speaker.temperature is 0.3, but"),
        (asked(speaker={"name": "nano", "store": "s.db"}), ConfigError, "change with each step and are not kept"),
        (asked(speaker={"name": "nano", "max_new_tokens": 8}), ConfigError, "drawn with gspo.max_completion_length 32"),
        (asked({"finetune": "lora:q=1"}), ConfigError, "finetune 'lora' has no setting 'q=1'"),
        (asked({"finetune": "lora:targets=q"}), ConfigError, "the model has no linear module 'q'"),
        (asked({"finetune": "full", "reward": "team"}), ConfigError, "finetune 'full' trains one policy"),
        (asked({"report_to": ["paper"]}), UnknownNameError, "unknown report_to 'paper'"),
        (asked(hooks={"reward": "nowhere.py:f"}), ConfigError, "nowhere.py cannot be read"),
        (asked(scenario={"name": "jsonl:no.jsonl"}), ConfigError, "training needs the train split of 'jsonl:no.jsonl'"),
    ],
)
def test_mistakes_leave_no_folder(tmp_path: Path, config: Config, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        train_run(config, out=tmp_path / "run")
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_comes_before_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    monkeypatch.setattr(gspo_run, "make_speaker", None)
    with pytest.raises(RunFolderError, match="exists already; choose another --out"):
        train_run(asked(), out=tmp_path)
