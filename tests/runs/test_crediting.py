"""Credit on trees: held out, beside the paper, and refused where nothing can be judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from tracer_env.cli.app import main
from tracer_env.display.credits import credit_records, credit_tables, paper_line
from tracer_env.errors import ConfigError
from tracer_env.runs.crediting import credit
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trees.growth import expand
from tracer_env.trees.tree import DialogueTrees


@pytest.fixture(scope="module")
def trees() -> DialogueTrees:
    return expand(list(Arithmetic(limit=60)), "simulated", worlds=2)


def test_rules_are_judged_on_all_tasks_and_learned_ones_on_others(trees: DialogueTrees) -> None:
    alone = credit(trees, ["until_approved"])
    assert (alone["tasks"], alone["trained_on"]) == (60, 0)
    both = credit(trees, ["until_approved", "cfr_plus:iterations=20"])
    assert (both["tasks"], both["trained_on"]) == (30, 30)
    assert [row["method"] for row in both["methods"]] == ["until_approved", "cfr_plus:iterations=20"]


def test_values_add_up_and_have_intervals(trees: DialogueTrees) -> None:
    found = credit(trees, ["until_approved", "never"], price=1e-4)
    for row in found["methods"]:
        for kind in ("agents", "roles"):
            shares = [one["shapley"] for one in row[kind]["players"]]
            assert sum(shares) == pytest.approx(row[kind]["worth"])
    first = found["methods"][0]["roles"]["players"][0]
    assert first["shapley_ci"][0] < first["shapley"] < first["shapley_ci"][1]
    low, high = found["methods"][1]["roles"]["players"][0]["shapley_ci"]  # nobody speaks, and 60 tasks may not be all
    assert -0.1 < low < 0 < high < 0.1
    json.dumps(found, allow_nan=False)


def test_the_tables_tell_every_player_and_the_paper(trees: DialogueTrees) -> None:
    found = credit(trees, ["until_approved"])
    console = Console(width=120)
    with console.capture() as told:
        for table in credit_tables(found):
            console.print(table)
    for player in ("agent_0", "agent_1", "proposer", "reviewer"):
        assert player in told.get()
    assert len(credit_records(found)) == 4
    assert "-6.60 points, +1,201 tokens, +1.98 calls" in paper_line(found)


def test_what_cannot_work_is_refused(trees: DialogueTrees) -> None:
    with pytest.raises(ConfigError, match="does not learn from trees"):
        credit(trees, ["regret_matching"])
    with pytest.raises(ConfigError, match="each once"):
        credit(trees, ["never", "never"])
    with pytest.raises(ConfigError, match="price per token"):
        credit(trees, ["never"], price=-1.0)


def test_a_table_is_not_judged_on_what_it_was_taught(
    trees: DialogueTrees, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, file = tmp_path / "trees", tmp_path / "cfr.json"
    trees.save(folder)
    assert main(["train", "--trees", str(folder), "--iterations", "10", "--out", str(file), "--json"]) == 0
    taught = json.loads(capsys.readouterr().out)["trained_on"]["tasks"]
    assert main(["credit", str(folder), "--methods", f"never,{file}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tasks"] == 60 - taught
    assert main(["credit", str(folder), "--methods", "until_approved"]) == 0
    told = capsys.readouterr().out
    assert "reviewer" in told
    assert "the paper" in told
