"""What was taught is remembered: by scenarios, trees, tables and files; who is judged on it is marked."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from forest import PICKS, SUMS, HashSpeaker

import tracer_env
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.cli.app import main
from tracer_env.display.rows import comparison_table
from tracer_env.errors import ConfigError, DataError, RunFolderError
from tracer_env.parts.casting import make_controller, make_scenario
from tracer_env.parts.lessons import UNKNOWN, Lessons, mark_of, read_lessons, split_of, tasks_digest
from tracer_env.rules import Rules
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig, TrainingConfig
from tracer_env.runs.environment import scenario_digest
from tracer_env.runs.learning import lessons_in, lessons_of
from tracer_env.runs.verifying import verify
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.scenarios.base import TaskList
from tracer_env.statistics.metrics import Row
from tracer_env.trainers.cfr.solving import solve_trees
from tracer_env.trainers.regret.trainer import train_controller
from tracer_env.trees.run import expand_run, join
from tracer_env.trees.split import take_tasks
from tracer_env.trees.tree import DialogueTrees

QUICK = ("--scenario", "arithmetic", "--speaker", "simulated", "--limit", "12")


def test_a_task_is_known_by_what_it_asks() -> None:
    task = PICKS[0]
    assert mark_of(task) == mark_of(replace(task, id="other", difficulty=0.9)) == mark_of(PICKS[4])
    others = [replace(task, question="Which?"), replace(task, answer="B"), replace(task, options=("p", "q"))]
    assert mark_of(task) not in {mark_of(one) for one in others}
    assert len(mark_of(replace(task, question="\ud800"))) == 12
    assert tasks_digest(SUMS) == scenario_digest(TaskList(SUMS))


def test_lessons_are_joined_and_counted() -> None:
    some, others = Lessons.of(SUMS[:3], "train"), Lessons.of(SUMS[2:5], "test")
    assert (some | others).among(SUMS) == 5
    assert (some | others).split == "test+train"
    assert (some | some, some | Lessons(), Lessons() | some) == (some, some, some)
    assert (some.among(SUMS[3:]), Lessons().among(SUMS)) == (0, 0)
    assert read_lessons(json.loads(json.dumps((some | others).to_data()))) == some | others
    assert read_lessons(Lessons().to_data()) == Lessons()


@pytest.mark.parametrize("marks", ["", "0" * 11, "0" * 25, "G" * 12, 5, None, ["0" * 12]])
def test_damaged_lessons_are_refused(marks: Any) -> None:
    data = {**RegretMatching().state_dict(), "trained_on": {"split": "train", "marks": marks}}
    with pytest.raises(ConfigError, match=r"trained_on.marks .*"):
        RegretMatching().load_state_dict(data)


def test_tables_of_before_know_nothing() -> None:
    data = RegretMatching().state_dict()
    del data["trained_on"]
    table = RegretMatching()
    table.load_state_dict(data)
    assert table.lessons == Lessons()


def test_scenarios_say_their_split(tmp_path: Path) -> None:
    assert [split_of(make_scenario("arithmetic", split=split)) for split in ("train", "test")] == ["train", "test"]
    assert [split_of(make_scenario("recorded", split=split)) for split in ("train", "all")] == ["train", "all"]
    assert split_of(Arithmetic(split="train").leaving_out(["think"])) == "train"
    assert split_of(make_scenario(SUMS)) == UNKNOWN
    (tmp_path / "train.jsonl").write_text('{"question": "1 + 1?", "answer": "2"}\n')
    assert split_of(make_scenario(f"jsonl:{tmp_path}", split="train")) == "train"
    scenario: Any = TaskList(SUMS)
    for odd in (5, "", "two\nlines", "x" * 201):
        scenario.split = odd
        with pytest.raises(ConfigError, match="the scenario's split is"):
            split_of(scenario)


def test_no_split_shares_a_question() -> None:
    for name in ("arithmetic", "recorded"):
        taught = Lessons.of(make_scenario(name, split="train"), "train")
        assert taught.among(make_scenario(name)) == 0
        assert not {task.id for task in make_scenario(name, split="train")} & {task.id for task in make_scenario(name)}


def test_trees_remember_their_split(tmp_path: Path) -> None:
    trees = tracer_env.expand(make_scenario("arithmetic", split="train", limit=4), "simulated", Rules(max_turns=3))
    trees.save(tmp_path / "trees")
    again = DialogueTrees.load(tmp_path / "trees")
    made = expand_run(
        Arithmetic(split="train", limit=4), "simulated", Rules(max_turns=3), out=tmp_path / "run", tasks_at_once=3
    )
    kept = [trees, again, made, trees.part(tasks=[1]), take_tasks(trees, [0, 2]), join([trees, replace(trees)])]
    assert {one.split for one in kept} == {"train"}
    assert join([trees, replace(trees, split="test")]).split == UNKNOWN
    assert tracer_env.expand(SUMS, HashSpeaker()).split == UNKNOWN


def test_trees_of_before_and_those_of_other_tasks(tmp_path: Path) -> None:
    tracer_env.expand(SUMS, "simulated", texts=False).save(tmp_path / "trees")
    file = tmp_path / "trees" / "trees.json"
    head = json.loads(file.read_text())
    assert (head["split"], head["tasks_digest"]) == (UNKNOWN, tasks_digest(SUMS))
    file.write_text(json.dumps({**head, "tasks_digest": "0" * 16}))
    with pytest.raises(DataError, match=f"tasks_digest is '0000000000000000', not {tasks_digest(SUMS)}"):
        DialogueTrees.load(tmp_path / "trees")
    del head["split"], head["tasks_digest"]
    file.write_text(json.dumps(head))
    assert DialogueTrees.load(tmp_path / "trees").split == UNKNOWN


def test_every_training_notes_its_tasks() -> None:
    table, tasks = RegretMatching(), Arithmetic(split="train", size=6)
    train_controller(table, tasks, tracer_env.make_speaker("simulated"), Rules(), 4, update_every=2)
    assert table.lessons == Lessons.of(list(tasks)[:4], "train") == lessons_in(tasks, 4)
    train_controller(table, TaskList(SUMS), tracer_env.make_speaker("simulated"), Rules(), 20)
    assert table.lessons.among([*tasks, *SUMS]) == 12
    solved = solve_trees(tracer_env.expand(SUMS, "simulated"), "cfr", 2).controller()
    assert solved.lessons == Lessons.of(SUMS, UNKNOWN)
    cast = CastController({"proposer": table, "reviewer": make_controller("always")})
    assert lessons_of(cast) == table.lessons
    assert lessons_of(make_controller("always")) == Lessons()


def test_a_row_that_was_trained_on_its_tasks_is_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = tmp_path / "run", tmp_path / "half.json"
    assert main(["expand", *QUICK, "--out", str(tmp_path / "trees")]) == 0
    assert "split              test" in capsys.readouterr().out
    assert main(["train", "--trees", str(tmp_path / "trees"), "--steps", "3", "--out", str(out)]) == 0
    assert "on 6 held-out tasks (split test), none of them trained on" in capsys.readouterr().out
    cast = f"proposer={out}+reviewer=always"
    methods = f"never,{out},{cast}"
    assert main(["compare", *QUICK, "--methods", methods, "--out", str(run)]) == 0
    told = capsys.readouterr()
    assert f"warning: {out} was trained on 6 of the 12 tasks that it is compared on" in told.err
    assert "* trained on tasks of this table, so no held-out result" in " ".join(told.out.split())
    rows = json.loads((run / "metrics.json").read_text())["rows"]
    assert [row.get("trained_on") for row in rows] == [None, 6, 6]
    assert verify(run).unchecked == ()
    assert "trained on 6 of these tasks" in (run / "report.html").read_text()
    assert main(["compare", "--resume", str(run), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["warnings"]) == 2
    hidden = [{key: value for key, value in row.items() if key != "trained_on"} for row in rows]
    metrics = json.loads((run / "metrics.json").read_text())
    (run / "metrics.json").write_text(json.dumps({**metrics, "rows": hidden}))
    with pytest.raises(RunFolderError, match="trained_on is recorded as None but the episodes come to 6"):
        verify(run)


@pytest.mark.parametrize(("path", "seen"), [("train.jsonl", 0), ("test.jsonl", 2)])
def test_tables_that_a_comparison_trains_are_looked_at_too(path: str, seen: int, tmp_path: Path) -> None:
    for name, numbers in (("train", range(4)), ("test", range(4, 8))):
        lines = (json.dumps({"question": f"What is {i} + 1?", "answer": str(i + 1)}) for i in numbers)
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    config = Config(
        scenario=ScenarioConfig(name="gsm8k", path=str(tmp_path / "test.jsonl")),
        training=TrainingConfig(path=str(tmp_path / path), episodes=2),
        evaluation=EvaluationConfig(methods=("never", "regret_matching")),
    )
    for name in ("train", "test"):
        text = (tmp_path / f"{name}.jsonl").read_text()
        (tmp_path / f"{name}.jsonl").write_text(text.replace('"answer": "', '"answer": "#### '))
    result = compare(config, out=tmp_path / "run")
    assert [row.get("trained_on", 0) for row in result.rows] == [0, seen]
    assert len(result.warnings) == (seen > 0)
    saved = json.loads((tmp_path / "run" / "controllers" / "regret_matching.json").read_text())
    assert read_lessons(saved["trained_on"]).among(make_scenario("gsm8k", path=config.scenario.path)) == seen


def test_the_marks_fit_into_a_terminal() -> None:
    from rich.console import Console

    wide: dict[str, Any] = {"accuracy": 0.5, "tokens_per_task": 12345.0, "calls_per_task": 4.5}
    rates = ("speak_rate", "correction_rate", "corruption_rate", "p_value", "p_holm")
    row = Row(
        **{name: None for name in Row.__dataclass_fields__ if name not in wide}
        | wide
        | dict.fromkeys(rates, 0.5)
        | {"method": "runs/a-long-name/cfr_plus.json", "accuracy_ci": (0.25, 0.75), "paired_difference": -0.123}
        | {"trained_on": 1234, "failed": 0, "accuracy_by_seed": (), "tokens_by_seed": (), "lopsided": False}
    )
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(comparison_table([row, replace(row, trained_on=0)]))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    assert all(cell in text for cell in ("0.500 [0.25, 0.75]", "12,345", "−0.123", "1,234"))
    assert text.count("*") == 2
