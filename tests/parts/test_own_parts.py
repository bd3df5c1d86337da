"""Parts of information of one's own, by import path: a user may name them, a file may not."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tracer_env
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.cli.app import main
from tracer_env.compositions import information_named
from tracer_env.errors import ConfigError, UnknownNameError, UserError
from tracer_env.parts.own_parts import own_parts
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config

PART = """
import pathlib
pathlib.Path({mark!r}).write_text("imported")

def parity(state):
    return "odd" if state.turn % 2 else "even"
"""
METHODS = ["always", "cfr_plus:information=vote+shelf_part:parity,iterations=3", "regret_matching"]


@pytest.fixture(autouse=True)
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The mark that the module leaves when anybody imports it."""
    (tmp_path / "shelf_part.py").write_text(PART.format(mark=str(tmp_path / "mark")))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "mark"
    sys.modules.pop("shelf_part", None)


def small(**more: object) -> Config:
    return Config.from_data(
        {
            "scenario": {"name": "arithmetic", "limit": 6},
            "training": {"episodes": 20, "tasks": 6},
            "evaluation": {"methods": METHODS, "counterfactuals": "none"},
            **more,
        }
    )


def test_what_is_code() -> None:
    assert own_parts("vote+shelf_part:parity+confidence:bins=3") == ["shelf_part:parity"]
    assert own_parts("confidence:of") == own_parts("vote") == own_parts(None) == []


def test_an_environment_takes_it(mark: Path) -> None:
    env = tracer_env.raw_env("arithmetic", information="time+shelf_part:parity")
    env.reset(seed=0)
    env.step(1)
    assert env.infos[env.agent_selection]["information_state"] == "agent_1/reviewer/not_last/even"
    assert mark.exists()


def test_a_config_looks_nothing_up(mark: Path) -> None:
    config = small(information="vote+shelf_part:parity")
    assert not mark.exists()
    with pytest.raises(UnknownNameError):
        information_named(config.information)


def test_a_comparison_goes_on_only_when_the_user_trusts_it(mark: Path, tmp_path: Path) -> None:
    config = small(information="time+shelf_part:parity")
    first = compare(config, out=tmp_path / "run").rows
    names = json.loads((tmp_path / "run" / "controllers" / "regret_matching.json").read_text())["rows"]
    assert {name.rsplit("/", 1)[1] for name in names} == {"odd", "even"}
    _forget(mark)
    with pytest.raises(UserError, match=r"information = 'time\+shelf_part:parity'.*--trust-code"):
        compare(resume=tmp_path / "run")
    assert main(["compare", "--resume", str(tmp_path / "run")]) == 2
    assert not mark.exists()
    assert compare(resume=tmp_path / "run", trust_code=True).rows == first


def test_methods_count_as_well(mark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compare(small(), out=tmp_path / "run")
    _forget(mark)
    assert main(["compare", "--resume", str(tmp_path / "run")]) == 2
    assert "names code" in capsys.readouterr().err
    assert not mark.exists()
    assert main(["compare", "--resume", str(tmp_path / "run"), "--methods", ",".join(METHODS)]) == 0


def test_a_table_does_not(mark: Path, tmp_path: Path) -> None:
    data = RegretMatching().state_dict() | {"information": "vote+shelf_part:parity"}
    with pytest.raises(ConfigError, match="shelf_part:parity"):
        RegretMatching().load_state_dict(data)
    (tmp_path / "table.json").write_text(json.dumps(data))
    assert main(["compare", "--methods", "table.json", "--limit", "3"]) == 2
    assert not mark.exists()


def test_what_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for path, message in (("shelf_part:party", "did you mean 'parity'"), ("shelf_prt:parity", "no module 'shelf_prt'")):
        assert main(["see", "recorded", "--information", f"vote+{path}"]) == 2
        assert message in capsys.readouterr().err


def _forget(mark: Path) -> None:
    """Be another process: nothing was imported or registered yet."""
    mark.unlink()
    sys.modules.pop("shelf_part", None)
    from tracer_env.registry import KINDS

    KINDS["information"].pop("shelf_part:parity", None)
