"""The three splits: test is what it was, train and tune share no id and no question, and each can be asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

import tracer_env
from tracer_env.cli.app import main
from tracer_env.errors import ConfigError, DataError
from tracer_env.parts.casting import make_scenario
from tracer_env.parts.lessons import Lessons, mark_of, tasks_digest
from tracer_env.runs.config import Config
from tracer_env.runs.splits import training_scenario
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.scenarios.base import TaskList
from tracer_env.scenarios.files import JSONL
from tracer_env.scenarios.gpqa import GPQADiamond
from tracer_env.scenarios.gsm8k import GSM8K
from tracer_env.scenarios.hub import HuggingFace
from tracer_env.scenarios.math500 import MATH500
from tracer_env.scenarios.procedural import ReasoningGym
from tracer_env.scenarios.recorded import RecordedTasks
from tracer_env.scenarios.splits import TUNE_SHARE, in_tune, part_of, source_of
from tracer_env.trainers.cfr.held_out import divided
from tracer_env.types import Task

Maker = Callable[..., Any]
ROWS = [{"question": f"What is {n} and {n + 1}?", "answer": f"It is so. #### {2 * n + 1}"} for n in range(40)]
PLAIN = [{"question": row["question"], "answer": row["answer"].split()[-1]} for row in ROWS]
CHOICES = [
    {"Question": f"Which is {n}?", "Correct Answer": f"{n}", **{f"Incorrect Answer {k}": f"{n + k}" for k in (1, 2, 3)}}
    for n in range(20)
]
LATEX = [{"problem": f"What is half of {n}?", "answer": f"\\frac{{{n}}}{{2}}", "level": 1 + n % 5} for n in range(20)]
LESSONS = tuple(
    Task(f"sums-train-{n}", row["question"], row["answer"], "number", 0.5, (), "sums") for n, row in enumerate(PLAIN)
)


def hub(rows: Iterable[Mapping[str, Any]]) -> Maker:
    return lambda repository, configuration, split: rows


def in_folder(folder: Path) -> Maker:
    for name in ("train", "test"):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, PLAIN)))
    return lambda **settings: JSONL(str(folder), **settings)


def recording(folder: Path, split: str) -> Maker:
    tracer_env.expand(Arithmetic(split=split, limit=60), "simulated", texts=False).save(folder / split)
    return lambda **settings: RecordedTasks(str(folder / split), **settings)


def generator(**settings: Any) -> Any:
    pytest.importorskip("reasoning_gym")
    return ReasoningGym("chain_sum", **{"limit": 50, **settings})


MAKERS: dict[str, Callable[[Path], Maker]] = {
    "arithmetic": lambda folder: lambda **settings: Arithmetic(**{"limit": 300, **settings}),
    "level 1": lambda folder: lambda **settings: Arithmetic(level=1, **{"limit": 300, **settings}),
    "reasoning-gym": lambda folder: generator,
    "gsm8k": lambda folder: lambda **settings: GSM8K(loader=hub(ROWS), **settings),
    "jsonl": in_folder,
    "hf": lambda folder: lambda **settings: HuggingFace("me/sums", loader=hub(PLAIN), **settings),
    "list": lambda folder: lambda **settings: make_scenario(LESSONS, **settings),
    "recorded": lambda folder: recording(folder, "test"),
    "recorded from train": lambda folder: recording(folder, "train"),
}


@pytest.mark.parametrize(
    ("digest", "make"),
    [
        ("a18e963ed9bc12bd", lambda folder: Arithmetic()),
        ("3bf2e651463fcbad", lambda folder: Arithmetic(level=1, limit=200)),
        ("5150555a8035936f", lambda folder: Arithmetic(level=2, seed=3, limit=200)),
        ("9429b32edf429697", lambda folder: generator()),
        ("8afab290253b5146", lambda folder: generator(seed=2)),
        ("6d1094de6244e77a", lambda folder: GSM8K(loader=hub(ROWS))),
        ("e97ed0a287f04eb0", lambda folder: MATH500(loader=hub(LATEX))),
        ("1eeaebe75e9f52f1", lambda folder: GPQADiamond(loader=hub(CHOICES))),
        ("4aab8a209c352a92", lambda folder: in_folder(folder)()),
        ("d8b2d5e13ff05525", lambda folder: HuggingFace("me/sums", loader=hub(PLAIN))),
        ("b24dff1b8219ef4b", lambda folder: recording(folder, "test")()),
        ("9fdfd43e78a58114", lambda folder: recording(folder, "test")(split="all")),
    ],
)
def test_the_test_split_is_what_it_was_before_there_was_a_third(
    digest: str, make: Callable[[Path], Any], tmp_path: Path
) -> None:
    assert tasks_digest(make(tmp_path)) == digest


@pytest.mark.parametrize("name", MAKERS)
def test_train_and_tune_share_no_id_and_no_question(name: str, tmp_path: Path) -> None:
    make = MAKERS[name](tmp_path)
    train, tune = (make(split=split) for split in ("train", "tune"))
    assert (train.split, tune.split) == ("train", "tune")
    for field in ("id", "question"):
        assert not {getattr(task, field) for task in train} & {getattr(task, field) for task in tune}
    assert tasks_digest(tune) == tasks_digest(make(split="tune"))
    assert Lessons.of(train, "train").among(tune) == 0
    if not name.startswith("recorded"):
        assert all(in_tune(task.question) for task in tune)
        assert not any(in_tune(task.question) for task in train)


@pytest.mark.parametrize("name", ["gsm8k", "jsonl", "hf", "list"])
def test_train_and_tune_are_all_of_the_rows_with_their_own_ids(name: str, tmp_path: Path) -> None:
    make = MAKERS[name](tmp_path)
    train, tune = (list(make(split=split)) for split in ("train", "tune"))
    assert {task.question for task in train + tune} == {row["question"] for row in ROWS}
    number = {row["question"]: place for place, row in enumerate(ROWS)}
    assert all(int(task.id.rpartition("-")[2]) == number[task.question] for task in train + tune)
    assert list(make(split="tune", limit=3)) == tune[:3]
    assert list(make(split="train", limit=3)) == train[:3]


def test_no_draw_of_arithmetic_repeats_a_question_of_another_split() -> None:
    seen = {
        split: {task.question for seed in range(3) for task in Arithmetic(split=split, seed=seed, limit=600)}
        for split in ("train", "tune", "test")
    }
    assert not seen["train"] & seen["tune"]
    assert not seen["tune"] & seen["test"]
    assert not seen["train"] & seen["test"]
    assert len(Arithmetic(split="tune")) == 1_000
    assert Arithmetic(split="tune")[7].id == "arithmetic-tune-000007"


def test_a_fifth_of_the_questions_is_tune_however_they_are_spaced() -> None:
    questions = [f"How much is {n} times {n}?" for n in range(5_000)]
    share = sum(map(in_tune, questions)) / len(questions)
    assert abs(share - TUNE_SHARE) < 0.02  # 3.5 standard deviations
    assert all(in_tune(each) == in_tune("  " + each.upper().replace(" ", "\n")) for each in questions[:50])
    apart = sum(in_tune(each) and in_tune(each, of="recorded") for each in questions) / len(questions)
    assert abs(apart - TUNE_SHARE**2) < 0.01
    assert (source_of("tune"), source_of("test"), in_tune("\ud800")) == ("train", "test", in_tune("\ud800"))


def test_other_splits_are_whole() -> None:
    assert part_of(LESSONS, "test") == part_of(LESSONS, "unknown") == list(LESSONS)
    assert len(make_scenario(LESSONS)) == len(TaskList(LESSONS)) == len(LESSONS)


@pytest.mark.parametrize("make", [MATH500, GPQADiamond])
def test_a_scenario_without_a_train_split_says_so(make: Maker) -> None:
    with pytest.raises(ConfigError, match="has no split 'tune': there is no train split to take it out of; choose one"):
        make(split="tune")


def test_a_folder_without_a_train_file_or_with_one_for_tune_says_so(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text(json.dumps(PLAIN[0]))
    with pytest.raises(DataError, match=r"train\.jsonl: No such file; the split 'tune' is taken out of it$"):
        JSONL(str(tmp_path), split="tune")
    (tmp_path / "tune.csv").write_text("question,answer\nWhat?,3\n")
    with pytest.raises(DataError, match=r"tune\.csv is not read: the split 'tune' is taken out of 'train'"):
        JSONL(str(tmp_path), split="tune")
    with pytest.raises(ConfigError, match="is one file and serves as the split 'test'; for the split 'tune'"):
        JSONL(str(tmp_path / "test.jsonl"), split="tune")
    lone = next(task for task in LESSONS if in_tune(task.question))
    with pytest.raises(ConfigError, match="none of the 1 training tasks of scenario 'sums' is kept for the split"):
        TaskList([lone], "sums", split="tune")
    assert list(TaskList([lone], "sums", split="train")) == [lone]


def test_ids_are_checked_over_both_parts() -> None:
    kept = next(task for task in LESSONS if in_tune(task.question))
    other = next(task for task in LESSONS if not in_tune(task.question))
    twin = Task(kept.id, other.question, other.answer, "number")
    with pytest.raises(DataError, match="the field 'id' repeats"):
        TaskList([kept, twin], split="tune")


def test_a_generator_with_one_question_has_no_split_to_choose_on(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("reasoning_gym")
    monkeypatch.setattr("tracer_env.scenarios.procedural.in_tune", lambda question: False)
    with pytest.raises(ConfigError, match="makes too few different questions for a split 'tune' of its own"):
        ReasoningGym("chain_sum", split="tune")


def test_a_table_trained_on_train_has_no_star_on_tune_and_one_of_tune_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--scenario", "arithmetic", "--speaker", "simulated", "--limit", "30"]
    stars = {}
    for taught in ("train", "tune"):
        trees, table = tmp_path / taught, tmp_path / f"{taught}.json"
        where = ["--set", f"scenario.split={taught}"]
        assert main(["expand", *common, *where, "--out", str(trees), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["split"] == taught
        assert main(["train", "--trees", str(trees), "--method", "cfr", "--steps", "20", "--out", str(table)]) == 0
        assert json.loads(table.read_text())["trained_on"]["split"] == taught
        for played in ("tune", "test"):
            capsys.readouterr()
            out = ["--set", f"scenario.split={played}", "--out", str(tmp_path / f"{taught}-{played}")]
            assert main(["compare", *common, *out, "--methods", f"until_approved,{table}", "--json"]) == 0
            rows = json.loads(capsys.readouterr().out)["rows"]
            stars[taught, played] = [row.get("trained_on", 0) for row in rows]
    assert stars["train", "tune"] == stars["train", "test"] == stars["tune", "test"] == [0, 0]
    assert stars["tune", "tune"] == [0, 15]  # half of the 30 taught, half was held out


def test_trees_of_tune_are_divided_and_those_of_train_teach_whole() -> None:
    trees = {split: tracer_env.expand(Arithmetic(split=split, limit=10), "simulated") for split in ("train", "tune")}
    assert divided(trees["train"])[1] is None
    lessons, tests = divided(trees["tune"])
    assert tests is not None
    assert not {mark_of(task) for task in lessons.tasks} & {mark_of(task) for task in tests.tasks}


def test_what_is_to_be_chosen_on_tune_is_trained_on_the_rest_of_the_same_file(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    file.write_text("\n".join(map(json.dumps, ROWS)))
    where = {"name": "gsm8k", "path": str(file), "split": "tune"}
    taught = training_scenario(Config.from_data({"scenario": where}))
    played = GSM8K(path=str(file), split="tune")
    assert taught.split == "train"
    assert len(taught) + len(played) == len(ROWS)
    assert not {task.id for task in taught} & {task.id for task in played}
