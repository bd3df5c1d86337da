"""Figures that may be reported: on tasks that were not trained on, by a rule that shares none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from forest import PICKS, SUMS
from tree_games import misleading

import tracer_env
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.cli.app import main
from tracer_env.errors import ConfigError
from tracer_env.parts.casting import make_controller, make_scenario
from tracer_env.parts.lessons import Lessons, mark_of
from tracer_env.rules import Rules
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.statistics.means import half_width
from tracer_env.trainers.cfr.held_out import BASELINES, check_apart, divided, judged
from tracer_env.trainers.cfr.training import train_on_trees
from tracer_env.trees.tree import DialogueTrees

TESTS = tracer_env.expand(Arithmetic(limit=20), "simulated", worlds=2, texts=False)
TRAINS = tracer_env.expand(Arithmetic(split="train", limit=20), "simulated", texts=False)


@pytest.mark.parametrize("split", ["test", "unknown", "all", "train+test"])
def test_trees_of_other_splits_are_divided(split: str) -> None:
    lessons, tests = divided(replace(TESTS, split=split))
    assert tests is not None
    assert (len(lessons.tasks), len(tests.tasks), lessons.worlds, tests.worlds) == (10, 10, 2, 2)
    assert not {task.id for task in lessons.tasks} & {task.id for task in tests.tasks}
    assert max(map(mark_of, lessons.tasks)) < min(map(mark_of, tests.tasks))
    assert divided(TESTS.part(tasks=range(19, -1, -1)))[0].tasks == lessons.tasks[::-1]  # by no order of the tasks


def test_trees_of_the_train_split_teach_whole() -> None:
    assert divided(TRAINS) == (TRAINS, None)


def test_a_question_that_stands_twice_is_on_one_side() -> None:
    twice = [replace(task, id=f"{task.id}-{again}") for again in range(3) for task in SUMS]
    lessons, tests = divided(tracer_env.expand(twice, "simulated", Rules(max_turns=2), texts=False))
    assert tests is not None
    assert (len(lessons.tasks), len(tests.tasks)) == (12, 12)
    check_apart(lessons, tests)
    with pytest.raises(ConfigError, match="one question of the split 'unknown', of which nothing can be held out"):
        divided(tracer_env.expand([PICKS[0], PICKS[4]], "simulated", Rules(max_turns=2)))


def test_figures_by_hand() -> None:
    policy = {"agent_0/proposer/vote_0/not_last": 1.0}
    found = judged(policy, TESTS, "mine")
    keys = TESTS.keys().names
    assert found["unseen_keys"] == len(set(keys) - set(policy))
    mine = TESTS.evaluate({key: policy.get(key, 0.5) for key in keys})
    reference = TESTS.evaluate("until_approved")
    first, second = found["rows"][:2]
    gain = mine.by_task("accuracy") - reference.by_task("accuracy")
    assert (first["controller"], first["accuracy"]) == ("mine", pytest.approx(mine.accuracy))
    assert first["difference"] == pytest.approx(mine.accuracy - reference.accuracy)
    assert first["difference_half_width"] == half_width(gain)
    assert (second["controller"], second["accuracy"]) == ("until_approved", pytest.approx(reference.accuracy))
    assert (second["difference"], second["tokens_per_task"]) == (None, pytest.approx(reference.tokens_per_task))
    assert [row["controller"] for row in found["rows"]] == ["mine", "until_approved", "never", "always"]


@pytest.mark.parametrize("method", ["cfr_plus", "regret_matching", "outcome_mccfr"])
def test_what_is_printed_was_not_trained_on(method: str, tmp_path: Path) -> None:
    result = train_on_trees(TESTS, method, 20, out=tmp_path / "m.json")
    lessons, tests = divided(TESTS)
    assert tests is not None
    assert (result["trained_on"], result["held_out"]["tasks"]) == ({"split": "test", "tasks": 10}, 10)
    table = make_controller(result["controller"])
    assert isinstance(table, RegretMatching)
    assert table.lessons == Lessons.of(lessons.tasks, "test")
    assert table.lessons.among(tests.tasks) == 0
    assert result["held_out"]["rows"][0]["accuracy"] == pytest.approx(tests.evaluate(table).accuracy)
    assert result["value"] == pytest.approx(lessons.evaluate(table).accuracy)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_held_out_trees_may_be_given() -> None:
    result = train_on_trees(TRAINS, "cfr", 10, held_out=TESTS)
    assert (result["trained_on"], result["held_out"]["tasks"]) == ({"split": "train", "tasks": 20}, 20)
    assert result["held_out"]["split"] == "test"
    assert train_on_trees(misleading(), "cfr", 2)["held_out"] is None
    with pytest.raises(ConfigError, match="20 of the 20 held-out tasks are among those to be trained on"):
        train_on_trees(TESTS, "cfr", 10, held_out=TESTS)
    shorter = tracer_env.expand(Arithmetic(limit=20), "simulated", Rules(max_turns=3), texts=False)
    with pytest.raises(ConfigError, match="grown under other rules"):
        train_on_trees(TRAINS, "cfr", 10, held_out=shorter)


def test_the_recipe_trains_on_train_and_reports_on_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The commands of the README: no id and no question is shared, and no row is marked."""
    common = ["--scenario", "arithmetic", "--speaker", "simulated", "--limit", "12"]
    trees, table, run = tmp_path / "trees", tmp_path / "cfr_plus.json", tmp_path / "run"
    assert main(["expand", *common, "--split", "train", "--worlds", "2", "--out", str(trees), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["split"] == "train"
    assert main(["train", "--trees", str(trees), "--method", "cfr_plus", "--steps", "5", "--out", str(table)]) == 0
    assert "no task was held out; compare" in capsys.readouterr().out
    assert main(["compare", *common, "--methods", f"until_approved,{table}", "--out", str(run)]) == 0
    told = capsys.readouterr()
    assert "warning" not in told.err
    assert "*" not in told.out
    taught = DialogueTrees.load(trees).tasks
    tested = list(make_scenario("arithmetic", limit=12))
    assert json.loads((run / "environment.json").read_text())["task_ids"] == [task.id for task in tested]
    assert not {task.id for task in taught} & {task.id for task in tested}
    assert Lessons.of(taught, "train").among(tested) == 0


def test_a_logistic_controller_is_judged_and_saved_like_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trees, file = tmp_path / "trees", tmp_path / "logistic.json"
    TESTS.save(trees)
    asked = ["train", "--trees", str(trees), "--method", "logistic", "--steps", "20", "--set", "starts=1"]
    assert main([*asked, "--out", str(file), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["trained_on"]["tasks"], result["held_out"]["tasks"], result["steps"]) == (10, 10, 20)
    assert [row["controller"] for row in result["held_out"]["rows"]] == ["logistic", *BASELINES]
    loaded = make_controller(str(file))
    assert loaded.lessons.among(TESTS.tasks) == 10  # type: ignore[attr-defined]
    assert main(asked) == 0
    assert "on 10 held-out tasks (split test), none of them trained on" in capsys.readouterr().out
    assert main([*asked, "--set", "credit=team"]) == 2
    assert "no setting 'credit'" in capsys.readouterr().err
