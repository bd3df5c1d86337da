"""From an empty folder and a questions file to a report with one's own controller, whoever speaks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tracer_env.agents.controllers.baselines import Always
from tracer_env.cli.app import main
from tracer_env.registry import SECTIONS, section_class
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.runs.key_phrases import PHRASES
from tracer_env.runs.starting import commented
from tracer_env.settings import keys

PARTS = """
from tracer_env import Utterance


class Mine:
    def __init__(self, turns=3):
        self.turns = turns

    def speak_probability(self, state, key):
        return float(state.turn <= self.turns)


def say(prompt):
    assert "Final answer:" in prompt or "RIGHT" in prompt
    return "RIGHT. So it is." if "RIGHT or WRONG?" in prompt else "Final answer: 8"


class Talk:
    def __init__(self, number=8):
        self.number = number

    def speak(self, requests):
        return [Utterance(f"Final answer: {self.number}") for each in requests for _ in range(each.candidates)]


talk = Talk(4)


class Key:
    def __init__(self, edges=2):
        self.edges = edges

    def __call__(self, state):
        return f"part_{state.turn % self.edges}"


def failing(state):
    return {}["k"]


class Sly:
    def __getattr__(self, name):
        raise RuntimeError(f"no {name}")
"""
MINE = "mine.py:Mine:turns=2"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of questions and a file of parts, which is where we are."""
    rows = [{"question": f"What is {n} plus {n}?", "answer": 2 * n} for n in range(12)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "mine.py").write_text(PARTS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("speaker", "words"),
    [
        ("simulated", "SIMULATED words"),
        ("mine.py:say", "words of say"),
        ("mine.py:Talk", "words of Talk"),
        ("mine.py:Talk:number=6", "words of Talk"),
        ("mine.py:talk", "words of Talk"),
        ("proposer=mine.py:Talk,reviewer=mine.py:say", "words of say"),
        ("nano", "words of nano"),
    ],
)
def test_two_commands_lead_to_a_report(
    folder: Path, speaker: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if speaker == "nano":
        pytest.importorskip("transformers")
    methods = f"until_approved,{MINE},regret_matching"
    line = ["q.jsonl", "--speaker", speaker, "--methods", methods, "--train-episodes", "4", "--out", "run"]
    assert main(["compare", *line]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert words in told
    assert "answers: " in told
    assert "q.jsonl has no train split" in told
    (folder / "mine.py").write_text("raise SystemExit(7)\n", encoding="utf-8")  # nothing below may run it
    assert main(["report", "run"]) == 0
    assert "Mine" in (folder / "run" / "report.html").read_text(encoding="utf-8")
    assert main(["verify", "run"]) == 0
    assert main(["replay", "run", "--json"]) == 0
    capsys.readouterr()
    assert main(["compare", "--resume", "run"]) == 2
    assert "names code, which is not run on the word of a file" in capsys.readouterr().err


@pytest.mark.parametrize("speaker", [lambda prompt: "Final answer: 8", {"proposer": "simulated"}])
def test_the_same_in_python_with_objects(folder: Path, speaker: object) -> None:
    if isinstance(speaker, dict):
        speaker = {"proposer": "simulated", "reviewer": lambda prompt: "RIGHT. Yes."}
    found = compare(scenario="q.jsonl", speaker=speaker, methods=["never"], controllers={"all": Always()}, out="run")
    assert [row["method"] for row in found.rows] == ["never", "all"]
    environment = json.loads((folder / "run" / "environment.json").read_text(encoding="utf-8"))
    assert environment["given"] == ["speaker", "controllers"]
    assert (folder / "run" / "report.html").is_file()


@pytest.mark.parametrize("information", ["mine.py:Key", "vote+mine.py:Key:edges=3"])
def test_a_key_of_ones_own_may_be_made_with_settings(
    folder: Path, information: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["q.jsonl", "--methods", "never,regret_matching", "--train-episodes", "5", "--out", "run"]
    assert main(["compare", *line, "--set", f"information={information}"]) == 0
    table = json.loads((folder / "run" / "controllers" / "regret_matching.json").read_text(encoding="utf-8"))
    parts = {key.rpartition("part_")[2] for key in table["rows"]}
    assert parts <= ({"0", "1", "2"} if "edges=3" in information else {"0", "1"})
    assert len(parts) > 1
    command = [sys.executable, "-m", "tracer_env", "verify", "run"]  # where nobody has said what the key is
    (folder / "mine.py").write_text("raise SystemExit(7)\n", encoding="utf-8")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the keys of all methods (the run's information names code" in done.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--set information=mine.py:failing", "information function mine.py:failing raised KeyError: 'k', for agent_"),
        ("--methods never,mine.py:Sly", r"RuntimeError: no speak_probability (its own fault, in mine.py line "),
        ("--speaker mine.py:say:word=1", "the speaker 'mine.py:say:word=1' has no setting 'word'"),
    ],
)
def test_whose_fault_it_was_is_said(folder: Path, options: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    methods = [] if "--methods" in options else ["--methods", "never,always"]
    assert main(["compare", "q.jsonl", *methods, *options.split()]) in (1, 2)
    told = capsys.readouterr().err
    assert words in told
    assert "a bug: please report it" not in told


@pytest.mark.parametrize("options", ["--speaker mine.py:say:word=1", "--set speaker.skil=1", "--speaker mine.py:Tolk"])
def test_a_dry_run_refuses_a_speaker_that_the_run_refuses(
    folder: Path, options: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["compare", "q.jsonl", "--methods", "never", *options.split()]
    assert main([*line, "--dry-run"]) == 2
    foreseen = capsys.readouterr().err
    assert main(line) == 2
    assert capsys.readouterr().err == foreseen


def test_every_key_of_the_settings_has_a_phrase_and_no_other_has() -> None:
    known = {*keys(Config), *(f"{name}.{key}" for name in SECTIONS for key in keys(section_class(name)))}
    assert set(PHRASES) == known
    lines = commented(Config()).splitlines()
    for number, line in enumerate(lines):
        if re.match(r"(# )?\w+ =", line):
            assert lines[number - 1].removeprefix("# ") in PHRASES.values(), line
