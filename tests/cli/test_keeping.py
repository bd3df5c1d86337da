"""The command `store`, and the settings of runs that keep what models say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from answers import filled, flip

from tracer_env.cli.app import main


def test_counting_checking_thinning_out_and_handing_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "utterances.db"
    filled(path)
    assert main(["store", "stats", str(tmp_path)]) == 0
    assert "20 answers to 20 prompts" in capsys.readouterr().out
    assert main(["store", "stats", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answers"] == 20
    assert main(["store", "verify", str(path)]) == 0
    assert "20 answers" in capsys.readouterr().out
    assert main(["store", "prune", str(path), "--model", "a", "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("would remove 10 answers")
    assert main(["store", "prune", str(path), "--model", "a", "--most", "1MB", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["left"] == 10
    assert main(["store", "export", str(path), "--out", str(tmp_path / "said.jsonl")]) == 0
    lines = (tmp_path / "said.jsonl").read_text().splitlines()
    assert main(["store", "export", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == lines
    assert [json.loads(line)["seed"] for line in lines] == list(range(1, 20, 2))


def test_damage_is_told_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "utterances.db"
    filled(path)
    flip(path, path.read_bytes().index(b"answer 4 of a"))
    assert main(["store", "verify", str(path)]) == 2
    told = capsys.readouterr().err
    assert told == (
        f"error: the store {path} has 1 damaged answers; mend it with: tracer-env store verify {path} --repair\n"
    )
    assert main(["store", "export", str(path)]) == 0
    assert capsys.readouterr().err == "warning: 1 damaged answers were left out\n"
    assert main(["store", "verify", str(path), "--repair"]) == 0
    assert "repaired: 1 damaged answers" in capsys.readouterr().out
    assert main(["store", "verify", str(path)]) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["stat"], "store has no action 'stat'; did you mean 'stats'?"),
        (["prune"], "prune needs to know what can go"),
        (["stats", "--repair"], "--repair goes with store verify, not with store stats"),
        (["verify", "--most", "1MB"], "--most goes with store prune, not with store verify"),
        (["prune", "--most", "many"], "--most takes a number of bytes such as 500MB, got 'many'"),
        (["prune", "--before", "monday"], "--before takes a day as YYYY-MM-DD, got 'monday'"),
        (["prune", "--model", "c"], "has no model 'c'; choose one of: a, b"),
    ],
)
def test_one_line_for_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    filled(tmp_path / "utterances.db")
    assert main(["store", arguments[0], str(tmp_path), *arguments[1:]]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1


def test_no_store_where_one_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "stats", str(tmp_path)]) == 2
    assert f"there is no store {tmp_path / 'utterances.db'}" in capsys.readouterr().err


NANO = (
    *("compare", "--scenario", "arithmetic", "--set", "scenario.level=1", "--speaker", "nano"),
    *("--set", "speaker.max_new_tokens=12"),
)


@pytest.mark.parametrize("command", ["compare", "expand"])
def test_a_second_run_asks_no_model_and_leaves_the_same_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    asked = [command, *NANO[1:], "--limit", "3"]
    asked += ["--methods", "always,never"] if command == "compare" else ["--set", "rules.max_turns=3"]
    first, second = tmp_path / "first", tmp_path / "second"
    assert main([*asked, "--out", str(first)]) == 0
    assert main([*asked, "--out", str(second), "--set", f"speaker.store={first}", "--offline"]) == 0
    for name in ("episodes.jsonl", "metrics.json") if command == "compare" else ("trees.npz", "texts.jsonl.gz"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert not (second / "utterances.db").exists()
    more = [*asked, "--limit", "4", "--out", str(tmp_path / "third"), "--set", f"speaker.store={first}"]
    assert main([*more, "--offline"]) == 2
    assert "has no answer of nano@sha256:" in capsys.readouterr().err
    assert main([*more[:-4], "--out", str(tmp_path / "fourth"), "--set", f"speaker.store={first}"]) == 0


def test_a_run_of_no_model_keeps_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["compare", "--scenario", "arithmetic", "--methods", "always", "--limit", "2"]
    assert main([*asked, "--out", str(tmp_path / "run")]) == 0
    assert not (tmp_path / "run" / "utterances.db").exists()
    capsys.readouterr()
    assert main([*asked, "--out", str(tmp_path / "other"), "--set", "speaker.store=s.db"]) == 2
    assert "speaker.store is 's.db', but no part of this speaker asks a language model" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
