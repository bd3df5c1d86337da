"""Several seeds in one run: what is played under each, what the rows say, and intervals of both sources of chance."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tracer_env.agents.controllers.baselines import Never
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.cli.app import main
from tracer_env.errors import ConfigError, RunFolderError, UserError
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.runs.folder import load_run
from tracer_env.runs.live import chosen_episodes
from tracer_env.runs.report import write_report
from tracer_env.runs.verifying import repair_run, verify
from tracer_env.statistics.method_rows import Row
from tracer_env.statistics.quantiles import t_quantile
from tracer_env.statistics.seeds import less_sure, wider
from tracer_env.terminal.progress import NoReporter

SIMULATED = {
    "scenario": {"name": "arithmetic", "limit": 12},
    "training": {"episodes": 40},
    "evaluation": {"methods": ["never", "always", "regret_matching"], "seeds": [3, 5], "counterfactuals": "none"},
}
RECORDED = {
    "scenario": {"name": "recorded", "limit": 12},
    "speaker": {"name": "recorded"},
    "training": {"episodes": 40},
    "evaluation": {"methods": ["never", "regret_matching", "until_approved"], "seeds": [0, 1, 2], "worlds": 2},
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compare(Config.from_data(SIMULATED), out=tmp_path_factory.mktemp("seeds") / "run").run.path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compare(Config.from_data(RECORDED), out=tmp_path_factory.mktemp("seeds") / "run").run.path


@pytest.fixture
def copied(simulated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(simulated, tmp_path / "run"))


def files(folder: Path) -> dict[str, bytes]:
    inside = (path for path in folder.rglob("*") if path.is_file() and path.suffix in (".json", ".jsonl", ".toml"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in inside}


def test_the_seeds_widen_by_hand() -> None:
    cells = np.array([[0.0, 2.0], [4.0, 6.0]])  # seeds stray by 1 on either side of 3, and nothing else does
    low, high = wider((2.0, 5.0), 3.0, cells)
    added = t_quantile(0.975, 1) ** 2 * 2.0 / 2
    assert np.allclose([low, high], [3 - (1 + added) ** 0.5, 3 + (4 + added) ** 0.5])


def test_noise_of_single_cells_is_taken_off() -> None:
    cells = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])  # the seeds' means are equal
    assert wider((0.1, 0.6), 1 / 3, cells).tolist() == pytest.approx([0.1, 0.6])
    one = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])  # means 2/3 and 0: V = (1/3)^2, residuals +-1/6, +-1/6, -+1/3
    noise = 2 * (2 * (1 / 6) ** 2 + (1 / 3) ** 2) / 2 / 6
    added = t_quantile(0.975, 1) ** 2 / 9 - 1.959963984540054 * t_quantile(0.975, 4) * noise
    low, high = wider((0.2, 0.5), 1 / 3, one)
    assert [low, high] == pytest.approx(
        [1 / 3 - ((1 / 3 - 0.2) ** 2 + added) ** 0.5, 1 / 3 + ((1 / 6) ** 2 + added) ** 0.5]
    )


def test_shares_stay_within_their_bounds() -> None:
    cells = np.array([[0.0, 1.0]] * 5)
    assert wider((0.4, 0.6), 0.5, cells, 0.0).tolist() == [0.0, 1.0]
    assert wider((-0.1, 0.1), 0.0, cells, -1.0).tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("shape", [(3,), (4, 1), (0, 2)])
def test_cells_without_seeds_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="two seeds or more"):
        wider((0.0, 1.0), 0.5, np.zeros(shape))


def test_p_grows_with_the_interval() -> None:
    assert less_sure(0.01, (0.1, 0.3), (0.1, 0.3), 0.2) == 0.01
    assert less_sure(0.05, (0.0, 0.2), (-0.1, 0.3), 0.1) == pytest.approx(2 * 0.163543, abs=1e-5)  # z / 2
    assert less_sure(1e-320, (0.1, 0.3), (0.1 - 1e-3, 0.3), 0.2) > 0
    assert less_sure(1.0, (-0.1, 0.1), (-0.3, 0.3), 0.0) == 1.0


def test_each_seed_is_a_run_on_the_same_tasks(simulated: Path) -> None:
    whole = load_run(simulated)
    for seed in (3, 5):
        part = load_run(simulated / "seeds" / str(seed))
        assert (part.config.seed, part.config.tasks_seed, part.config.evaluation.seeds) == (seed, 0, ())
        assert {told.seed for told in part.stream()} == {seed}
        assert part.environment()["tasks_digest"] == whole.environment()["tasks_digest"]
        assert verify(part.path).unchecked == ()
    tables = [(simulated / "seeds" / seed / "controllers" / "regret_matching.json").read_bytes() for seed in "35"]
    assert tables[0] != tables[1]


def test_rows_are_means_over_the_seeds(simulated: Path) -> None:
    whole, single = (
        load_run(simulated).metrics()["rows"],
        [load_run(simulated / "seeds" / seed).metrics()["rows"] for seed in "35"],
    )
    for row, *each in zip(whole, *single, strict=True):
        assert row["accuracy_by_seed"] == pytest.approx([one["accuracy"] for one in each])
        assert row["tokens_by_seed"] == pytest.approx([one["tokens_per_task"] for one in each])
        assert row["accuracy"] == pytest.approx(sum(one["accuracy"] for one in each) / 2)
        assert row["episodes"] == sum(one["episodes"] for one in each)
        assert row["accuracy_ci"][0] <= row["accuracy"] <= row["accuracy_ci"][1]
        assert Row.from_data(row).to_data() == row
    assert whole[2]["paired_difference"] == pytest.approx(sum(one[2]["paired_difference"] for one in single) / 2)


def test_words_that_are_recorded_are_no_new_evidence(recorded: Path) -> None:
    first, *later = (load_run(recorded / "seeds" / seed) for seed in "012")
    assert first.config.evaluation.methods == ("never", "regret_matching", "until_approved")
    for seed, part in enumerate(later, 1):
        assert part.config.evaluation.methods == ("regret_matching",)
        assert (part.config.seed, part.config.training_seed) == (0, seed)
    rows = {row["method"]: row for row in load_run(recorded).metrics()["rows"]}
    alone = {row["method"]: row for row in first.metrics()["rows"]}
    assert {**rows["never"], "paired_episodes": None} == {**alone["never"], "paired_episodes": None}
    assert rows["regret_matching"]["episodes"] == rows["regret_matching"]["paired_episodes"] == 3 * 24
    assert rows["until_approved"]["paired_episodes"] == 24
    assert len(rows["regret_matching"]["accuracy_by_seed"]) == 3
    assert "accuracy_by_seed" not in rows["never"]


def test_nothing_but_copies_is_refused(tmp_path: Path) -> None:
    data = RECORDED | {"evaluation": {"methods": ["never", "always"], "seeds": [0, 1]}}
    with pytest.raises(ConfigError, match="all but the first would be copies"):
        compare(Config.from_data(data), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_table_to_be_trained_is_given_by_name(tmp_path: Path) -> None:
    config, methods = Config.from_data(SIMULATED), {"never": Never(), "mine": RegretMatching()}
    with pytest.raises(ConfigError, match="each seed trains one of its own"):
        compare(config, out=tmp_path / "run", controllers=methods)
    two = {"never": Never(), "other": Never()}
    done = compare(replace(config, seed=9), out=tmp_path / "run", controllers=two)
    rows = {row["method"]: row for row in done.rows}
    assert rows["other"]["accuracy"] == rows["never"]["accuracy"]


@pytest.mark.parametrize("lost", ["seeds/5", "seeds/3/metrics.json", "seeds/5/episodes.jsonl", "metrics.json", "seeds"])
def test_what_was_lost_is_played_again(simulated: Path, copied: Path, lost: str) -> None:
    gone = copied / lost
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    compare(resume=copied)
    assert files(copied) == files(simulated)


def test_a_finished_run_is_verified_and_repaired(copied: Path) -> None:
    assert verify(copied).unchecked == ()
    episodes = copied / "seeds" / "5" / "episodes.jsonl"
    episodes.write_text(episodes.read_text() + episodes.read_text().splitlines(keepends=True)[0])
    with pytest.raises(RunFolderError, match="stand more than once"):
        verify(copied)
    assert repair_run(copied).doubled == 1
    assert verify(copied).metrics["rows"]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("metrics.json", ('"accuracy": ', '"accuracy": 0.0 + '), "metrics.json"),
        ("seeds/5/config.toml", ("max_turns = 5", "max_turns = 4"), "seeds/5"),
        ("seeds/5/config.toml", ("seed = 5", "seed = 6"), "seeds/5"),
    ],
)
def test_what_was_changed_is_found(copied: Path, name: str, change: tuple[str, str], message: str) -> None:
    file = copied / name
    file.write_text(file.read_text().replace(*change, 1))
    with pytest.raises(UserError, match=message):
        verify(copied)


def test_another_mean_is_found(copied: Path) -> None:
    file = copied / "metrics.json"
    data = json.loads(file.read_text())
    data["rows"][1]["accuracy_by_seed"][0] = 0.123
    file.write_text(json.dumps(data))
    with pytest.raises(RunFolderError, match=r"always.accuracy_by_seed is recorded as \[0.123"):
        verify(copied)


def test_episodes_are_those_of_a_seed(simulated: Path) -> None:
    assert {told.seed for told in chosen_episodes(simulated, "never", None, None)} == {3}
    assert {told.seed for told in chosen_episodes(simulated, "never", None, None, seed=5)} == {5}
    with pytest.raises(ConfigError, match="no seed 4; it was played under 3, 5"):
        chosen_episodes(simulated, None, None, None, seed=4)
    with pytest.raises(RunFolderError, match="holds a run for each of the seeds 3, 5"):
        load_run(simulated).transcripts()


def test_a_link_out_of_the_run_is_not_followed(copied: Path, tmp_path: Path) -> None:
    shutil.move(copied / "seeds", tmp_path / "elsewhere")
    (copied / "seeds").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="symbolic link"):
        compare(resume=copied)
    with pytest.raises(RunFolderError, match="leads out of"):
        verify(copied)


def test_the_page_shows_the_spread(simulated: Path) -> None:
    text = write_report(simulated).read_text()
    assert all(words in text for words in ("<th>By seed</th>", "2 seeds", "regret_matching, seed 3"))


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    words = "compare --scenario arithmetic --speaker simulated --limit 6 --seeds 0,4 --methods always,until_approved"
    assert main([*words.split(), "--out", str(run)]) == 0
    shown = capsys.readouterr().out
    assert all(words in shown for words in ("sd of", "seeds 0, 4", "run/seeds/0"))
    assert main(["compare", "--resume", str(run), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["config"]["evaluation"]["seeds"] == [0, 4]
    assert set(told["training"]) == {"0", "4"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("compare --seeds 0,x", "--seeds takes whole numbers between commas"),
        ("compare --seeds 1,2,1", "names 1 more than once"),
        ("compare --seeds 7", "set seed to 7 (--seed)"),
        ("compare --seeds=-1,2", "evaluation.seeds must be at least 0, got -1"),
        ("compare --seeds 0,1 --set training.seed=4", "give one of the two"),
        ("train --set evaluation.seeds=[1,2]", "train goes by one seed"),
        ("expand --scenario arithmetic --out trees --set evaluation.seeds=[1,2]", "expand goes by one seed"),
        ("play --set evaluation.seeds=[1,2]", "play goes by one seed"),
    ],
)
def test_what_cannot_be_is_said(
    words: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words.split()) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_interruption_names_the_whole_run(tmp_path: Path) -> None:
    class Pressed(NoReporter):
        def start(self, what: str, total: int, done: int = 0) -> None:
            if what.startswith("seed 5") and "playing" in what:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        compare(Config.from_data(SIMULATED), out=tmp_path / "run", reporter=Pressed())
    assert caught.value.run_folder == tmp_path / "run"
