"""Comparing methods: the same bytes for the same seed, whatever the batch, the cut, or the kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from moves import Script

from tracer_env.agents.controllers.baselines import Always, Never
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.errors import ConfigError, DataError, RunFolderError, UnknownNameError
from tracer_env.parts.casting import make_controller, make_scenario
from tracer_env.rules import Rules
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig, SpeakerConfig, TrainingConfig
from tracer_env.runs.folder import load_run
from tracer_env.runs.learning import training_episodes, untrained
from tracer_env.runs.playing import evaluate
from tracer_env.runs.splits import training_scenario
from tracer_env.runs.verifying import verify
from tracer_env.types import Task

ROOT = Path(__file__).parents[2]
METHODS = ("regret_matching", "always", "never", "random:p=0.3", "oracle")
CONFIG = Config(
    seed=5,
    scenario=ScenarioConfig(limit=12),
    training=TrainingConfig(episodes=96),
    evaluation=EvaluationConfig(methods=METHODS, worlds=2),
)


def _sized(batch: int) -> Config:
    return replace(CONFIG, evaluation=replace(CONFIG.evaluation, batch_size=batch))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody interrupted."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    compare(CONFIG, out=path)
    return path


def _results(path: Path) -> dict[str, bytes]:
    names = ("episodes.jsonl", "metrics.json", "controllers/regret_matching.json")
    return {name: (path / name).read_bytes() for name in names}


@pytest.mark.parametrize("key", ["history", "time_only"])
def test_a_run_on_another_key_trains_and_plays(tmp_path: Path, key: str) -> None:
    asked = replace(
        CONFIG,
        information=key,
        scenario=ScenarioConfig(limit=3),
        training=TrainingConfig(episodes=32),
        evaluation=EvaluationConfig(methods=("regret_matching", "always"), worlds=1),
    )
    compare(asked, out=tmp_path / "run")
    saved = json.loads((tmp_path / "run" / "controllers" / "regret_matching.json").read_text(encoding="utf-8"))
    (table,) = saved["tables"]
    assert table["information"] == key
    assert table["rows"]


# -- what a run is -------------------------------------------------------------------------------


def test_the_folder_holds_everything(whole: Path) -> None:
    names = {str(path.relative_to(whole)) for path in whole.rglob("*") if path.is_file()}
    assert names == {
        *("config.toml", "environment.json", "episodes.jsonl", "metrics.json", "report.html"),
        "controllers/regret_matching.json",
    }
    assert load_run(whole).config == CONFIG
    verify(whole)


def test_episodes_stand_task_by_task(whole: Path) -> None:
    told = load_run(whole).transcripts()
    assert len(told) == 12 * 2 * 5
    assert [t.method for t in told[:5]] == list(METHODS)
    order = [(t.episode, t.task.id, t.world) for t in told[::5]]
    ids = [task.id for task in make_scenario("arithmetic", limit=12, seed=5)]
    assert order == [(e, ids[e % 12], e // 12) for e in range(24)]


def test_the_same_choices_give_the_same_words(whole: Path) -> None:
    """All methods speak at turn 1, and must say the same there; so must equal prefixes of choices later on."""
    said: dict[tuple[Any, ...], str] = {}
    for told in load_run(whole).transcripts():
        for turn in told.turns:
            prefix = tuple(t.action for t in told.turns[: turn.turn - 1])
            drawn = turn.utterance or turn.other
            assert drawn is not None  # a simulation draws both branches
            words = json.dumps([drawn.text, drawn.prompt_tokens, drawn.completion_tokens])
            assert said.setdefault((told.task.id, told.world, prefix), words) == words


def test_the_result_as_plain_data(whole: Path, tmp_path: Path) -> None:
    result = compare(_sized(7), out=tmp_path / "run")
    data = json.loads(json.dumps(result.to_data()))
    assert set(data) >= {"run", "seed", "config", "rows"}
    assert data["rows"] == json.loads((whole / "metrics.json").read_text(encoding="utf-8"))["rows"]
    assert (data["seed"], data["run"], data["config"]["scenario"]["limit"]) == (5, str(tmp_path / "run"), 12)
    assert result.replay_command == data["replay"]
    assert data["replay"].startswith(f"tracer-env replay {tmp_path / 'run'} --method=")
    assert set(data["training"]) == {"regret_matching"}
    assert data["training"]["regret_matching"]["episodes"] == 96


def test_controllers_are_trained_on_the_train_split_alone(whole: Path) -> None:
    train = {task.question for task in training_scenario(CONFIG)}
    assert not train & {told.task.question for told in load_run(whole).transcripts()}


# -- the same bytes ------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_the_same_seed_gives_the_same_bytes(whole: Path, tmp_path: Path, batch: int) -> None:
    compare(_sized(batch), out=tmp_path / "run")
    assert _results(tmp_path / "run") == _results(whole)


def test_another_seed_gives_other_bytes(whole: Path, tmp_path: Path) -> None:
    compare(replace(CONFIG, seed=6), out=tmp_path / "run")
    assert (tmp_path / "run" / "episodes.jsonl").read_bytes() != (whole / "episodes.jsonl").read_bytes()


def _cut_short(whole: Path, path: Path, size: int) -> None:
    """Leave at ``path`` what a run killed after ``size`` bytes of episodes leaves behind."""
    (path / "controllers").mkdir(parents=True)
    for name in ("config.toml", "controllers/regret_matching.json"):
        (path / name).write_bytes((whole / name).read_bytes())
    (path / "episodes.jsonl").write_bytes((whole / "episodes.jsonl").read_bytes()[:size])


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.1, 0.37, 0.5, 0.73, 0.999, 1.0])
def test_a_cut_run_ends_as_if_never_cut(whole: Path, tmp_path: Path, share: float) -> None:
    size = (whole / "episodes.jsonl").stat().st_size
    _cut_short(whole, tmp_path / "run", int(share * size))
    compare(resume=tmp_path / "run")
    assert _results(tmp_path / "run") == _results(whole)
    verify(tmp_path / "run")


def test_a_run_cut_before_training_ends_the_same(whole: Path, tmp_path: Path) -> None:
    _cut_short(whole, tmp_path / "run", 0)
    (tmp_path / "run" / "controllers" / "regret_matching.json").unlink()
    (tmp_path / "run" / "episodes.jsonl").unlink()
    compare(resume=tmp_path / "run")
    assert _results(tmp_path / "run") == _results(whole)


def test_resuming_a_finished_run_changes_nothing(whole: Path, tmp_path: Path) -> None:
    _cut_short(whole, tmp_path / "run", 10**9)
    for _ in range(2):
        compare(_sized(3), resume=tmp_path / "run")
        assert _results(tmp_path / "run") == _results(whole)


def test_a_changed_config_is_refused(whole: Path, tmp_path: Path) -> None:
    _cut_short(whole, tmp_path / "run", 5000)
    with pytest.raises(RunFolderError, match=r"they differ in: rules.max_turns, seed"):
        compare(replace(CONFIG, seed=6, rules=Rules(max_turns=7)), resume=tmp_path / "run")
    assert (tmp_path / "run" / "episodes.jsonl").stat().st_size == 5000


def test_an_existing_folder_is_refused(whole: Path) -> None:
    before = _results(whole)
    with pytest.raises(RunFolderError, match="exists already"):
        compare(CONFIG, out=whole)
    assert _results(whole) == before


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a matter of POSIX")
def test_a_killed_process_is_continued(tmp_path: Path) -> None:
    """kill -9 in the middle of the episodes, then --resume: the files of a run that was never killed."""

    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "tracer_env.cli", "compare", *arguments]

    asked = (
        "--scenario",
        "arithmetic",
        "--methods",
        "regret_matching,always,never",
        "--train-episodes",
        "64",
        "--limit",
        "1000",
        "--worlds",
        "4",
        "--seed",
        "3",
    )
    killed, never_killed = tmp_path / "killed", tmp_path / "never_killed"
    episodes = killed / "episodes.jsonl"
    process = subprocess.Popen(
        command(*asked, "--out", str(killed), "--set", "evaluation.batch_size=3"),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None:
        if episodes.exists() and episodes.stat().st_size > 60_000:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL  # it was still at work
    left = episodes.read_bytes()
    with episodes.open("ab") as file:  # what a write that was cut in two would have left as well
        file.write(b'{"schema":1,"episode":')
    continued = subprocess.run(command("--resume", str(killed), "--json"), cwd=ROOT, capture_output=True, check=True)
    compare(load_run(killed).config, out=never_killed)
    lines = (never_killed / "episodes.jsonl").read_bytes()
    assert 60_000 < len(left) < len(lines)
    assert lines.count(b"\n") == 12_000
    assert _results(killed) == _results(never_killed)
    assert json.loads(continued.stdout)["rows"] == json.loads((never_killed / "metrics.json").read_bytes())["rows"]


# -- parts given as objects ----------------------------------------------------------------------

TASKS = [Task(f"t{i}", f"What is {i} plus 1?", str(i + 1)) for i in range(4)]


def test_own_objects_replace_what_the_config_names(tmp_path: Path) -> None:
    result = compare(
        out=tmp_path / "run",
        scenario=make_scenario(TASKS),
        speaker=Script("C.W.W", "+"),
        controllers={"loud": Always(), "quiet": Never()},
    )
    assert [(row["method"], row["accuracy"], row["calls_per_task"]) for row in result.rows] == [
        ("loud", 0.0, 5.0),
        ("quiet", 1.0, 1.0),
    ]
    assert result.rows[1]["paired_difference"] == 1.0
    assert (result.rows[0]["corruption_rate"], result.rows[1]["corruption_rate"]) == (1.0, 0.0)


def test_blocks_of_whole_tasks() -> None:
    methods = {"loud": Always(), "quiet": Never()}
    blocks = list(evaluate(methods, make_scenario(TASKS), Script("C", "+"), Rules(), worlds=2, batch_size=6))
    assert [len(block) for block in blocks] == [6, 6, 4]
    assert [[t.episode for t in block[::2]] for block in blocks] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    done = {0, 1, 2, 3, 5, 6}
    later = list(evaluate(methods, make_scenario(TASKS), Script("C", "+"), Rules(), worlds=2, batch_size=6, done=done))
    assert [t.episode for t in later[0]] == [4, 4, 7, 7]


@pytest.mark.parametrize(("wanted", "drawn"), [("auto", True), ("all", True), ("none", False), ("shared", False)])
def test_unspoken_utterances_of_a_simulation(wanted: str, drawn: bool) -> None:
    block = next(
        evaluate({"quiet": Never()}, make_scenario(TASKS), SimulatedSpeaker(), Rules(), counterfactuals=wanted)
    )
    assert all((turn.other is not None) is drawn for told in block for turn in told.turns[1:])


# -- mistakes come before work -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        (Config(scenario=ScenarioConfig(name="arithmetics")), UnknownNameError, "did you mean 'arithmetic'"),
        (Config(speaker=SpeakerConfig(name="simulatd")), UnknownNameError, "did you mean 'simulated'"),
        (Config(evaluation=EvaluationConfig(methods=("alwys",))), UnknownNameError, "did you mean 'always'"),
        (Config(scenario=ScenarioConfig(name="jsonl:nowhere.jsonl")), DataError, "nowhere.jsonl"),
        (Config(rules=Rules(num_agents=3), evaluation=EvaluationConfig(("agent_0=never+agent_1=always",))), ConfigError,
         r"no controller for agent_2 \(proposer\)"),
    ],
)  # fmt: skip
def test_mistakes_leave_no_folder(tmp_path: Path, config: Config, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compare(config, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_file_is_no_train_split(tmp_path: Path) -> None:
    row = '{"id": "a", "question": "What is 1 plus 1?", "answer": "2"}\n'
    (tmp_path / "rows.jsonl").write_text(row, encoding="utf-8")
    config = Config(scenario=ScenarioConfig(name="gsm8k", path=str(tmp_path / "rows.jsonl")))
    with pytest.raises(ConfigError, match=r"say where the train split is with --set training\.path=FILE"):
        training_scenario(config)


# -- helpers -------------------------------------------------------------------------------------


def test_how_long_to_train() -> None:
    assert training_episodes(Config(), SimulatedSpeaker()) == 10_000
    assert training_episodes(Config(training=TrainingConfig(episodes=7)), SimulatedSpeaker()) == 7

    class Model:
        def speak(self, requests: Any) -> list[Any]:
            return []

    assert training_episodes(Config(), Model()) == 100


def test_what_is_untrained() -> None:
    table = RegretMatching()
    assert untrained(table)
    assert untrained(make_controller({"proposer": "never", "reviewer": table}))
    table.update("k", (0.0, 1.0))
    assert not untrained(table)
    assert not untrained(Always())


def test_casts_with_two_tables_are_trained_and_kept(tmp_path: Path) -> None:
    cast = "proposer=regret_matching+reviewer=regret_matching_plus"
    config = replace(CONFIG, evaluation=EvaluationConfig(methods=(cast, "never")))
    compare(config, out=tmp_path / "run")
    (file,) = (tmp_path / "run" / "controllers").iterdir()
    saved = json.loads(file.read_text(encoding="utf-8"))
    assert [table["controller"] for table in saved["tables"]] == ["regret_matching", "regret_matching_plus"]
    assert [sorted({key.split("/")[1] for key in table["rows"]}) for table in saved["tables"]] == [
        ["proposer"],
        ["reviewer"],
    ]
    before = (tmp_path / "run" / "episodes.jsonl").read_bytes()
    (tmp_path / "run" / "episodes.jsonl").write_bytes(before[: len(before) // 2])
    compare(resume=tmp_path / "run")
    assert (tmp_path / "run" / "episodes.jsonl").read_bytes() == before


def test_trained_tables_hold_their_own_against_the_baselines(tmp_path: Path) -> None:
    """Simulated `balanced`: regret matching is at least as accurate as each baseline, within its interval."""
    config = Config(scenario=ScenarioConfig(limit=1000), evaluation=EvaluationConfig(counterfactuals="none"))
    rows = {row["method"]: row for row in compare(config, out=tmp_path / "run").rows}
    learned = rows["regret_matching"]
    for name, row in rows.items():
        if row.get("kind", "rule") == "rule":
            assert learned["accuracy_ci"][1] >= row["accuracy"], name
