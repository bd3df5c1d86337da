"""The cost frontier: a tree solved by hand, bounds that hold at every price, and a table that never changes."""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from moves import TASK, Script
from rich.console import Console

from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.cli.app import main
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.rules import Rules
from tracer_env.runs.folder import load_run
from tracer_env.statistics.metrics import summarise
from tracer_env.statistics.shares import share_interval
from tracer_env.trainers.cfr.frontier import BASELINES, frontier, frontier_command, frontier_table
from tracer_env.trees.growth import expand
from tracer_env.types import Task

TASKS = [Task(f"t{i}", "?", str(i), difficulty=(i % 5) / 4) for i in range(80)]
TREES = expand(TASKS, "simulated", Rules(), seed=1, worlds=2, texts=False)


def test_a_tree_by_hand() -> None:
    # wrong at first, mended by whoever writes again; each call costs 10 tokens: never 10, review 20, rewrite 20
    other = Task("other", "What is 6 times 7?", "42", scenario="sums")
    trees = expand([TASK, other], Script("W.C", ".-", prompt=7, made=3), Rules(max_turns=3), seed=0)
    found = frontier(trees, prices=[0.0, 0.05, 0.2])
    assert found["tokens_per_call"] == 10.0
    at = {point["price"]: point for point in found["points"]}
    for name in ("learned", "optimum", "clairvoyant"):
        free, cheap, dear = ((at[p][name]["accuracy"], at[p][name]["tokens_per_task"]) for p in (0.0, 0.05, 0.2))
        assert free == cheap == (1.0, 20.0), name  # 1 - 0.05 * 20 = 0 is more than 0 - 0.05 * 10
        assert dear == (0.0, 10.0), name  # 1 - 0.2 * 20 = -3 is less than 0 - 0.2 * 10
    assert at[0.05]["price_per_call"] == 0.5
    assert found["baselines"]["never"] == {
        "accuracy": 0.0,
        "accuracy_ci": pytest.approx(list(share_interval([0, 0], [1, 1]))),
        "tokens_per_task": 10.0,
        "tokens_half_width": 0.0,
    }
    assert found["baselines"]["always"]["tokens_per_task"] == 30.0


def test_bounds_hold_at_every_price() -> None:
    found = frontier(TREES, iterations=30, starts=2)
    assert len(found["points"]) == 24
    for point in found["points"]:
        price = point["price"]
        worth = {
            name: point[name]["accuracy"] - price * point[name]["tokens_per_task"]
            for name in ("learned", "optimum", "clairvoyant")
        }
        assert worth["learned"] <= worth["clairvoyant"] + 1e-9
        assert worth["optimum"] <= point["optimum"]["bound"] + 1e-5
        assert worth["optimum"] <= worth["clairvoyant"] + 1e-9
        for name, fixed in found["baselines"].items():
            limit = worth["clairvoyant" if name in ("oracle", "until_approved", "periodic", "random") else "optimum"]
            assert fixed["accuracy"] - price * fixed["tokens_per_task"] <= limit + 1e-9


def test_dearer_tokens_buy_less() -> None:
    points = frontier(TREES, iterations=30, starts=2)["points"]
    for name in ("optimum", "clairvoyant"):
        for cheap, dear in itertools.pairwise(points):
            assert dear[name]["tokens_per_task"] <= cheap[name]["tokens_per_task"] + 1e-9
            assert dear[name]["accuracy"] <= cheap[name]["accuracy"] + 1e-9


def test_the_clairvoyant_against_every_leaf() -> None:
    spent = np.zeros((TREES.rows, 1))
    for depth, level in enumerate(TREES.levels):
        spent = (np.repeat(spent, 2, axis=1) if depth else spent) + level.prompt_tokens + level.completion_tokens
    point = frontier(TREES, prices=[2e-4], iterations=1, starts=1)["points"][0]["clairvoyant"]
    worth = (TREES.levels[-1].final_correct - 2e-4 * spent).max(axis=1).mean()
    assert point["accuracy"] - 2e-4 * point["tokens_per_task"] == pytest.approx(worth)


def test_the_same_bytes_again() -> None:
    first, second = (frontier(TREES, iterations=20, starts=3, seed=4) for _ in range(2))
    assert json.dumps(first) == json.dumps(second)


def table(found: dict[str, object]) -> list[str]:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(frontier_table(found))
    return console.export_text().splitlines()


def test_the_table_says_equal_answers_once() -> None:
    found = frontier(TREES, prices=[1e-6, 2e-6, 1e-2], iterations=20, starts=1)
    lines = table(found)
    assert lines[0].startswith("accuracy at tokens a task, on 80 tasks")
    call = found["tokens_per_call"]
    assert lines[3].split()[0] == f"{1e-6 * call:.3f}" + (
        f"-{2e-6 * call:.3f}" if len(lines) == 5 + len(BASELINES) else ""
    )
    assert [line.split()[0] for line in lines[-len(BASELINES) :]] == list(BASELINES)
    assert not any("…" in line for line in lines)


@pytest.mark.parametrize("prices", [[], [-1.0], [float("nan")], [0.0, float("inf")]])
def test_impossible_prices(prices: list[float]) -> None:
    with pytest.raises(ConfigError, match="prices must be numbers of at least 0"):
        frontier(TREES, prices=prices)


def test_trees_without_tokens() -> None:
    trees = expand([TASK] * 1, Script("W.C", ".-", prompt=0, made=0), Rules(max_turns=3), seed=0)
    with pytest.raises(ConfigError, match="these trees count no tokens"):
        frontier(trees)


# -- the command ---------------------------------------------------------------------------------


def test_the_command_draws_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    small = expand(TASKS[:12], SimulatedSpeaker("harsh"), Rules(max_turns=3), seed=1, texts=False)
    small.save(tmp_path / "trees")
    found = frontier_command(tmp_path / "trees", iterations=5, starts=1)
    assert found["picture"] == str(tmp_path / "trees.frontier.png")
    picture = Path(found["picture"]).read_bytes()
    assert picture.startswith(b"\x89PNG")
    again = frontier_command(tmp_path / "trees", tmp_path / "new" / "again.png", iterations=5, starts=1)
    assert Path(again["picture"]).read_bytes() == picture
    assert {key: value for key, value in again.items() if key != "picture"} == {
        key: value for key, value in found.items() if key != "picture"
    }
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["again.png"]


def test_methods_that_were_played_stand_beside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    asked = ["--scenario", "arithmetic", "--speaker", "simulated", "--split", "train", "--limit", "12"]
    assert main(["expand", *asked, "--set", "rules.max_turns=3", "--out", str(tmp_path / "trees")]) == 0
    methods = ["--methods", "always,self_consistency:k=3", "--set", "rules.max_turns=3"]
    assert main(["compare", *asked, *methods, "--out", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    command = ["frontier", str(tmp_path / "trees"), "--beside", str(tmp_path / "run")]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "played:" in said
    assert "self_consistency:k=3" in said
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    played = found["played"]["methods"]
    # The same words: what the trees hold of `always` is what was played.
    assert played["always"]["accuracy"] == pytest.approx(found["baselines"]["always"]["accuracy"])
    assert played["always"]["tokens_per_task"] == pytest.approx(found["baselines"]["always"]["tokens_per_task"])
    rows = {name: summarise(told) for name, told in load_run(tmp_path / "run").by_method().items()}
    assert played["self_consistency:k=3"]["accuracy"] == rows["self_consistency:k=3"].accuracy
    assert played["self_consistency:k=3"]["tokens_per_task"] == rows["self_consistency:k=3"].tokens_per_task
    assert main([*command, "--format", "csv"]) == 0
    assert "self_consistency:k=3 (played)" in capsys.readouterr().out
    other = ["--scenario", "arithmetic", "--speaker", "simulated", "--split", "test", "--limit", "3"]
    assert main(["compare", *other, "--methods", "always", "--out", str(tmp_path / "other")]) == 0
    capsys.readouterr()
    assert main(["frontier", str(tmp_path / "trees"), "--beside", str(tmp_path / "other")]) == 2
    assert "played none of the 12 tasks of these trees" in capsys.readouterr().err


def test_the_command_refuses(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(ConfigError, match=r"is a \.png file, got 'x.svg'"):
        frontier_command(tmp_path / "trees", "x.svg")
    with pytest.raises(RunFolderError):
        frontier_command(tmp_path / "trees")
