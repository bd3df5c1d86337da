"""Verify finds whatever is not as the run promised it; repair mends what two writers doubled and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from episode_files import Lines, rewrite

from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.cli.app import main
from tracer_env.errors import DataError, RunFolderError
from tracer_env.interfaces import Request
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig
from tracer_env.runs.folder import RunFolder
from tracer_env.runs.verifying import repair_run, verify
from tracer_env.scenarios.base import TaskList
from tracer_env.types import Signals, Task, Utterance

METHODS = ("always", "never", "random:p=0.4")
CONFIG = Config(seed=5, scenario=ScenarioConfig(limit=4), evaluation=EvaluationConfig(methods=METHODS, worlds=2))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 24 episodes."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    compare(CONFIG, out=path)
    return path


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "run")
    return tmp_path / "run"


def change(run: Path, edit: Callable[[Lines], Any]) -> None:
    """Write the episodes anew, as the writer writes them, after ``edit``."""
    rewrite(run / "episodes.jsonl", edit)


def record(run: Path, name: str, **values: Any) -> None:
    """Change keys of a JSON file; None takes one out."""
    data = json.loads((run / name).read_text(encoding="utf-8")) | values
    data = {key: value for key, value in data.items() if value is not None}
    (run / name).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def refused(run: Path) -> str:
    with pytest.raises(RunFolderError) as caught:
        verify(run)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_an_undisturbed_run_is_verified(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    found = verify(run)
    assert found.unchecked == ()
    assert found.metrics == json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert main(["verify", str(run)]) == 0
    assert capsys.readouterr().out == f"verified: 3 rows of {run} follow from its episodes\n"
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def turn(lines: Lines, number: int, at: int) -> dict[str, Any]:
    """The turn ``at`` (from 1) of an episode (from 0)."""
    found: dict[str, Any] = lines[number]["turns"][at - 1]
    return found


def doubled(lines: Lines) -> None:
    lines.insert(9, lines[3])


def another_method(lines: Lines) -> None:
    lines[4]["method"] = "sometimes"


def two_changed(lines: Lines) -> None:
    lines[0]["task"]["question"] += "?"
    lines[7]["seed"] = 6


FINDINGS = [
    (lambda lines: lines.pop(5), "1 of 24 episodes are missing (task 'arithmetic-test-000001' in world 0 by random:p="),
    (lambda lines: lines.__delitem__(slice(12, 24)), "12 of 24 episodes are missing"),
    (lambda lines: lines.__delitem__(slice(0, 24, 2)), "12 of 24 episodes are missing"),
    (lambda lines: lines.clear(), "24 of 24 episodes are missing"),
    (doubled, "1 stand more than once (task 'arithmetic-test-000001' in world 0 by always)"),
    (lambda lines: lines.extend(lines[:6]), "6 stand more than once"),
    (lambda lines: lines[7].update(seed=6), "line 8: seed 6 is not the run's 5"),
    (lambda lines: lines.append({**lines[-1], "world": 2, "episode": 8}), "line 25: world 2 is none of the run's 2"),
    (lambda lines: lines[3].update(world=1), "line 4: episode 1 does not lie in world 1 of 4 tasks"),
    (lambda lines: lines[3].update(world=1, episode=5), "1 of 24 episodes are missing"),
    (another_method, "line 5: method 'sometimes' is none of the run's"),
    (lambda lines: lines[4].update(method="always"), "1 stand more than once"),
    (lambda lines: lines[0]["task"].update(id="other"), "line 1: task 'other' is not the run's number 0"),
    (lambda lines: lines[3]["task"].update(id="arithmetic-test-000003"), "is not the run's number 1"),
    (lambda lines: lines[2]["task"].update(question="What?"), "1 tell their task otherwise than others do (line 3:"),
    (lambda lines: lines[2]["task"].update(answer="3"), "1 tell their task otherwise than others do (line 3:"),
    (lambda lines: [each["task"].update(answer="3") for each in lines if each["episode"] % 4 == 0],
     "its tasks are not those it was started on"),
    (lambda lines: lines.reverse(), "episodes.jsonl was changed after its metrics were computed"),
    (lambda lines: turn(lines, 0, 1)["utterance"].update(text="Final answer: 7"), "its digest is another"),
    (lambda lines: turn(lines, 0, 1)["utterance"].update(rule="final"), "its digest is another"),
    (lambda lines: lines[0].update(scenario="elsewhere"), "several methods or scenarios"),
    (lambda lines: turn(lines, 0, 1)["utterance"].update(completion_tokens=1), "tokens_per_task is recorded as"),
    (lambda lines: turn(lines, 2, 2).update(key="agent_1/reviewer/vote_1"), "key is 'agent_1/reviewer/vote_1', and"),
    (lambda lines: turn(lines, 0, 2).update(speak_probability=0.0), "is not what the seed and a probability of 0.0"),
    (lambda lines: turn(lines, 1, 2).update(speak_probability=1.0), "is not what the seed and a probability of 1.0"),
    (lambda lines: turn(lines, 0, 2).update(skip_value=0.5), "its values are 0.5"),
    (lambda lines: turn(lines, 0, 2).update(agent=0), "agent_0 as reviewer sits where agent_1 (reviewer) belongs"),
    (lambda lines: lines[0].update(max_turns=6), "max_turns is 6, and the run's rules say 5"),
    (two_changed, "1 are foreign (line 8: seed 6 is not the run's 5)"),
    (two_changed, "5 tell their task otherwise than others do (line 2:"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "message"), FINDINGS)
def test_what_was_altered_is_found(run: Path, edit: Callable[[Lines], Any], message: str) -> None:
    change(run, edit)
    assert message in refused(run)


@pytest.mark.parametrize("field", ["text", "rule", "answer"])
def test_every_word_of_every_episode_counts(run: Path, field: str) -> None:
    """One letter anywhere, what no metric reads included."""

    def edit(lines: Lines) -> None:
        said = next(t["other"] for t in lines[-2]["turns"] if "other" in t)
        said[field] = f"{said[field]}x"

    change(run, edit)
    assert "episodes.jsonl was changed after its metrics were computed" in refused(run)


def test_an_early_end_and_a_late_one_are_found(run: Path) -> None:
    change(run, lambda lines: lines[1]["turns"].pop())  # method never: nothing was said there
    assert "it ends at turn 4, before its end" in refused(run)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seed": 4}, "seed is recorded as 4 but comes to 5"),
        ({"baseline": "never"}, "the baseline is recorded as 'never', and its config says 'always'"),
        ({"baseline": "nobody"}, "the baseline 'nobody' of metrics.json has no episodes"),
        ({"scenario": "gsm8k"}, "scenario is recorded as 'gsm8k' but comes to 'arithmetic'"),
        ({"episodes_digest": "0" * 64}, "its digest is another"),
    ],
)
def test_a_changed_metric_is_found(run: Path, values: dict[str, Any], message: str) -> None:
    record(run, "metrics.json", **values)
    assert message in refused(run)


def test_each_number_of_each_row_is_compared(run: Path) -> None:
    rows = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["rows"]
    for name, value in rows[1].items():
        if isinstance(value, float):
            record(run, "metrics.json", rows=[rows[0], {**rows[1], name: value * 0.999 + 1e-9}, rows[2]])
            assert f"never.{name} is recorded as" in refused(run), name
    record(run, "metrics.json", rows=rows[:2], outcome=None)
    assert "random:p=0.4.accuracy is recorded as None" in refused(run)
    record(run, "metrics.json", rows=rows)
    verify(run)


def test_older_folders_are_verified_as_far_as_they_go(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(run, "metrics.json", episodes_digest=None)
    record(run, "environment.json", task_ids=None)
    told = verify(run).unchecked
    assert "texts, probabilities and token counts" in told[0]
    assert "the names of tasks that are missing" in told[1]
    assert main(["verify", str(run)]) == 0
    assert capsys.readouterr().out.count("not checked: ") == 2
    change(run, lambda lines: lines[3].update(seed=9))
    assert "(task number 1 in world 0 by always)" in refused(run)


def test_rows_that_say_less_are_those_of_before(run: Path) -> None:
    """Neither what tokens cost more, nor that a mean without spread has no interval."""
    file = run / "metrics.json"
    data = json.loads(file.read_text())
    for row in data["rows"]:
        for name in ("paired_tokens", "paired_tokens_ci", "lopsided"):
            row.pop(name, None)
        row["calls_per_task_ci"] = row["calls_per_task_ci"] or [row["calls_per_task"]] * 2
    file.write_text(json.dumps(data))
    assert verify(run).metrics["rows"]
    data["rows"][0]["calls_per_task"] += 1
    file.write_text(json.dumps(data))
    assert "calls_per_task is recorded as" in refused(run)


def test_intervals_of_before_are_left_unchecked(run: Path) -> None:
    rows = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["rows"]
    old = [
        {**{key: value for key, value in row.items() if key != "p_holm"}, "accuracy_ci": [0.25, 0.5]} for row in rows
    ]
    record(run, "metrics.json", rows=old)
    assert "metrics.json has no p_holm, which a run of its time records" in refused(run)
    record(run, "environment.json", task_ids=None)
    assert (
        "intervals and p-values (metrics.json is of before they took tasks as units; --resume computes it anew)"
        in verify(run).unchecked
    )
    assert main(["report", str(run)]) == 0
    record(run, "metrics.json", rows=[{**old[0], "accuracy": 0.125}, *old[1:]])
    assert "always.accuracy is recorded as 0.125" in refused(run)


def test_another_seed_in_the_environment_is_found(run: Path) -> None:
    record(run, "environment.json", seed=4)
    assert "its environment.json is of the seed 4, and its config of 5" in refused(run)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"always", "never"', '"never", "always"', "do not stand in the order of a run"),
        (
            "[evaluation]",
            '[evaluation]\nbaseline = "never"',
            "the baseline is recorded as 'always', and its config says",
        ),
        ("seed = 5", "seed = 6", "24 of 24 episodes are missing"),
        ("worlds = 2", "worlds = 1", "12 are foreign"),
        ("worlds = 2", "worlds = 3", "12 of 36 episodes are missing"),
        ("max_turns = 5", "max_turns = 4", "24 do not follow from the run's settings"),
    ],
)
def test_a_changed_config_is_found(old: str, new: str, message: str, run: Path) -> None:
    text = (run / "config.toml").read_text(encoding="utf-8")
    assert old in text
    (run / "config.toml").write_text(text.replace(old, new), encoding="utf-8")
    assert message in refused(run)


def test_another_order_is_found_and_repaired(run: Path, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(run, Lines.reverse)
    digest = hashlib.sha256((run / "episodes.jsonl").read_bytes()).hexdigest()
    record(run, "metrics.json", episodes_digest=digest)
    assert "its episodes do not stand in the order of a run; verify --repair" in refused(run)
    assert main(["verify", "--repair", str(run)]) == 0
    assert capsys.readouterr().out == f"repaired: {run} put 24 episodes in order\n"
    assert (run / "episodes.jsonl").read_bytes() == (whole / "episodes.jsonl").read_bytes()


def test_a_digest_that_was_taken_out_is_missed(run: Path) -> None:
    record(run, "metrics.json", episodes_digest=None)
    assert "metrics.json has no episodes_digest" in refused(run)
    compare(resume=run)
    verify(run)


@pytest.mark.parametrize("name", ["metrics.json", "environment.json", "episodes.jsonl"])
def test_what_is_missing_is_named(run: Path, name: str) -> None:
    (run / name).unlink()
    assert f"--resume {run}" in refused(run)


# -- repair ---------------------------------------------------------------------------------------


def test_equal_episodes_are_kept_once(run: Path, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "episodes.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    spaced = json.dumps(json.loads(lines[5])).encode() + b"\n"  # the same, written otherwise
    path.write_bytes(b"".join([*lines[:12], *lines[6:9], spaced, *lines[12:], *lines[20:]]) + lines[0][:40])
    assert main(["verify", str(run)]) == 2
    assert main(["verify", "--repair", str(run)]) == 0
    told = capsys.readouterr().out
    assert (
        told
        == f"repaired: {run} kept 24 episodes, took out 8 that stood there already and a last line that was cut off\n"
    )
    assert path.read_bytes() == (whole / "episodes.jsonl").read_bytes()
    verify(run)
    assert str(repair_run(run)) == "nothing to repair: 24 episodes, each of them once"


def test_a_repaired_run_goes_on(run: Path, whole: Path) -> None:
    path = run / "episodes.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[3:9], *lines[:9]]))
    (run / "metrics.json").unlink()
    with pytest.raises(RunFolderError, match="verify --repair keeps the first of equal ones"):
        compare(resume=run)
    assert repair_run(run).doubled == 6
    compare(resume=run)
    for name in ("episodes.jsonl", "metrics.json"):
        assert (run / name).read_bytes() == (whole / name).read_bytes()


def test_episodes_that_differ_are_named_and_left(run: Path) -> None:
    change(run, lambda lines: lines.append({**lines[4], "turns": [dict(t) for t in lines[4]["turns"]]}))
    change(run, lambda lines: turn(lines, -1, 1)["utterance"].update(text="otherwise"))
    before = (run / "episodes.jsonl").read_bytes()
    with pytest.raises(
        RunFolderError, match="lines 5 and 25 both are task 'arithmetic-test-000001' in world 0 by never, and differ"
    ):
        repair_run(run)
    assert (run / "episodes.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("edit", "error", "message"),
    [
        (lambda lines: lines[2].update(seed=1), RunFolderError, "line 3 is no episode of this run: seed 1"),
        (
            lambda lines: lines.insert(2, {"a": 1}),
            DataError,
            "line 3: .*take the line out",
        ),
    ],
)
def test_nothing_else_is_repaired(
    run: Path, edit: Callable[[Lines], Any], error: type[Exception], message: str
) -> None:
    change(run, edit)
    before = (run / "episodes.jsonl").read_bytes()
    with pytest.raises(error, match=message):
        repair_run(run)
    assert (run / "episodes.jsonl").read_bytes() == before


def test_a_folder_that_is_written_to_is_not_repaired(run: Path) -> None:
    with RunFolder.reopen(run).owned(), pytest.raises(RunFolderError, match=str(os.getpid())):
        repair_run(run)


def test_a_run_that_is_about_to_begin_is_not_stood_in_the_way(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run / "episodes.jsonl").unlink()
    monkeypatch.setattr(RunFolder, "owned", lambda self: pytest.fail("locked"))
    with pytest.raises(RunFolderError, match="holds no episodes yet"):
        repair_run(run)


# -- what was told of the words -------------------------------------------------------------------


class Telling:
    """Writes texts that are read, and tells signals of them."""

    free = True

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        said = ("Final answer: 5", "RIGHT. 2 + 3 = 5")
        tells = (Signals(-2.0, -0.5, -1.0), Signals(-2.0, -0.5, -1.0, 3.0))
        return [Utterance(said[r.seat.role], 10, 4, signals=tells[r.seat.role]) for r in requests]


class Own(TaskList):
    """A scenario of one's own: how it reads is known to itself alone."""


@pytest.fixture(scope="module", params=[TaskList, Own])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("told") / request.param.__name__
    tasks = request.param([Task("a", "2 + 3?", "5"), Task("b", "1 + 3?", "4")])
    compare(replace(CONFIG, evaluation=EvaluationConfig(methods=METHODS)), out=path, scenario=tasks, speaker=Telling())
    return path


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda said: said.update(agrees=-1), "turn 2: agrees is -1, and its text read again says 1"),
        (lambda said: said.pop("agrees"), "turn 2: agrees is 0, and its text read again says 1"),
        (lambda said: said.update(text="WRONG. 2 + 3 = 6"), "turn 2: agrees is 1, and its text read again says -1"),
        (lambda said: said["signals"].update(logprob_min=-0.25), "logprob_min -0.25 is above logprob_mean -0.5"),
        (lambda said: said["signals"].update(logprob_sum=-0.75), "logprob_sum -0.75 is above logprob_min -1"),
    ],
)
def test_what_was_told_of_the_words_is_read_again(
    told: Path, tmp_path: Path, edit: Callable[[Any], Any], message: str
) -> None:
    run = Path(shutil.copytree(told, tmp_path / "run"))
    own = told.name == "Own"
    assert [what.partition(" (")[0] for what in verify(run).unchecked] == (["what reviews state"] if own else [])
    change(run, lambda lines: edit(turn(lines, 0, 2)["utterance"]))
    found = refused(run)
    assert (message in found) is not (own and "agrees" in message)
    assert "its digest is another" in found


def test_a_table_that_names_code_is_not_asked(run: Path) -> None:
    """The key of its seats is told by code, which no file brings in: the rest is verified all the same."""
    table = RegretMatching("vote+nowhere:part").state_dict()
    change(run, lambda lines: [t.update(key=f"{t['key']}/own") for one in lines[2::3] for t in one["turns"]])
    assert "key is" in refused(run)
    (run / "controllers").mkdir(exist_ok=True)
    (run / "controllers" / "random-p-0.4.json").write_text(json.dumps({"tables": [table], "seats": None}))
    assert "key is" not in refused(run)
