"""A folder to start from: each of its files runs as it is, and its settings are all there are."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from tracer_env.cli.app import main
from tracer_env.parts.casting import make_scenario
from tracer_env.registry import SECTIONS, section_class
from tracer_env.runs.config import Config
from tracer_env.runs.starting import commented, start_study
from tracer_env.settings import keys

ROOT = Path(__file__).parents[2]


def test_every_setting_stands_there_with_what_it_may_be() -> None:
    text = commented(Config())
    assert Config.from_data(tomllib.loads(text)) == Config()
    for section in SECTIONS:
        part = text.partition(f"[{section}]\n")[2].partition("\n\n")[0]
        for key in keys(section_class(section)):
            assert re.search(rf"^(# )?{key} =.*  # \w", part, re.MULTILINE), f"{section}.{key}"
    assert "max_turns = 5  # a whole number from 1 to " in text


def test_what_is_asleep_can_be_woken() -> None:
    text = commented(Config()).partition("# What follows is for training")[2]
    awake = "\n".join(line.removeprefix("# ") for line in text.splitlines() if re.match(r"# (\[|\w+ = [^ #])", line))
    found = tomllib.loads(awake)
    assert Config.from_data({name: found[name] for name in ("gspo", "tracer")}).gspo["num_generations"] >= 2


def test_the_commands_of_its_readme_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "my_study"]) == 0
    assert "my_study/study.toml" in capsys.readouterr().out
    assert main(["init", "my_study"]) == 2
    assert "my_study exists already" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path / "my_study")
    blocks = re.findall(r"```bash\n(.*?)```", Path("README.md").read_text(encoding="utf-8"), re.DOTALL)
    commands = [line for line in blocks[0].splitlines() if line]
    assert len(commands) == 3
    for command in commands:
        assert main(shlex.split(command)[1:]) == 0, command
    told = capsys.readouterr().out
    assert "words of answer" in told
    assert "controller.py:Thrifty:budget=2" in told
    assert Path("first/report.html").is_file()


def test_its_reward_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("peft")
    monkeypatch.chdir(tmp_path)
    start_study(tmp_path / "my_study")
    monkeypatch.chdir(tmp_path / "my_study")
    blocks = re.findall(r"```bash\n(.*?)```", Path("README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert main([*shlex.split(blocks[1])[1:], "--set", "gspo.num_generations=2"]) == 0


def test_its_questions_need_no_extra() -> None:
    there = ROOT / "tracer_env" / "data" / "study" / "questions.jsonl"
    tasks = make_scenario(str(there), train_share=0)
    assert len(tasks) == 10
    assert {task.kind for task in tasks} == {"number", "choice", "text"}
