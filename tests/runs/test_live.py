"""One episode as it happens, and the choice of episodes to replay."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.errors import ConfigError, RunFolderError, UnknownNameError
from tracer_env.rules import Rules
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig
from tracer_env.runs.live import chosen_episodes, play
from tracer_env.types import Action

CONFIG = Config(seed=2, scenario=ScenarioConfig(limit=6), evaluation=EvaluationConfig(methods=("always", "never")))


def test_an_episode_is_shown_turn_by_turn() -> None:
    console = Console(file=io.StringIO(), width=100)
    told = play(CONFIG, "always", console=console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert [turn.action for turn in told.turns] == [Action.SPEAK] * 5
    assert told.task.question.split(".")[0][:30] in shown
    places = [shown.index(turn.utterance.text.splitlines()[0]) for turn in told.turns[:2] if turn.utterance]
    assert places == sorted(places)
    assert f"gold {told.task.answer}" in shown or told.task.answer in shown


def test_what_is_shown_at_the_end_is_the_whole_episode() -> None:
    live, silent = Console(file=io.StringIO(), width=100), None
    assert play(CONFIG, "until_approved", console=live) == play(CONFIG, "until_approved", console=silent)


def test_task_and_world_can_be_chosen() -> None:
    told = play(CONFIG, "never", task="arithmetic-test-000004", world=3)
    assert (told.task.id, told.world, told.seed) == ("arithmetic-test-000004", 3, 2)
    assert play(CONFIG, "never").task.id == "arithmetic-test-000000"


def test_a_trained_file_plays(tmp_path: Path) -> None:
    table = RegretMatching("vote_and_time", Rules())
    for key in ("agent_1/reviewer/vote_0/not_last", "agent_0/proposer/vote_0/not_last"):
        for _ in range(40):  # the average policy comes close to never
            table.update(key, (1.0, -1.0))
    (tmp_path / "table.json").write_text(table.to_json(), encoding="utf-8")
    told = play(CONFIG, str(tmp_path / "table.json"))
    assert told.turns[1].speak_probability == pytest.approx(0.5 / 40)
    with pytest.raises(ConfigError, match="was trained under other rules: max_turns 5 not 3"):
        play(replace(CONFIG, rules=Rules(max_turns=3)), str(tmp_path / "table.json"))


@pytest.mark.parametrize(
    ("controller", "settings", "error", "message"),
    [
        ("regret_matching", {}, ConfigError, "regret_matching has learned nothing yet; train it first"),
        ("alwys", {}, UnknownNameError, "did you mean 'always'"),
        ("always", {"task": "arithmetic-test-00000"}, UnknownNameError, "did you mean 'arithmetic-test-00000"),
        ("always", {"world": -1}, ConfigError, "--world must be at least 0, got -1"),
    ],
)
def test_what_cannot_be_played_is_refused(controller, settings, error, message: str) -> None:
    with pytest.raises(error, match=message):
        play(CONFIG, controller, **settings)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run"
    compare(CONFIG, out=path)
    return path


def test_episodes_are_chosen(run: Path) -> None:
    assert len(chosen_episodes(run, None, None, None)) == 12
    assert {t.method for t in chosen_episodes(run, "never", None, None)} == {"never"}
    by_id = chosen_episodes(run, None, "arithmetic-test-000003", None)
    assert [(t.task.id, t.method) for t in by_id] == [
        ("arithmetic-test-000003", "always"),
        ("arithmetic-test-000003", "never"),
    ]
    assert chosen_episodes(run, None, "3", None) == by_id
    assert all(not t.correct for t in chosen_episodes(run, None, None, "wrong"))


@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        (("nevr", None, None), UnknownNameError, "unknown method of this run 'nevr'; did you mean 'never'?"),
        ((None, "arithmetic-test-00003", None), ConfigError, "no episode 'arithmetic-test-00003'"),
        ((None, "99", None), ConfigError, "no episode '99'"),
        ((None, None, "wrog"), ConfigError, "wrog"),
        (("never", None, "flips"), ConfigError, "fits; leave --only or --method out"),
    ],
)
def test_choices_that_fit_nothing_are_refused(run: Path, choice, error, message: str) -> None:
    with pytest.raises(error) as caught:
        chosen_episodes(run, *choice)
    assert message in str(caught.value)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is not a run folder"):
        chosen_episodes(tmp_path, None, None, None)


@pytest.mark.parametrize("controller", ["human", "proposer=human+reviewer=always", "proposer=always+reviewer=human"])
def test_a_person_is_told_gold_and_grades_when_all_is_played(
    controller: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n" * 5))
    console = Console(file=io.StringIO(), width=100)
    play(CONFIG, controller, console=console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    before, _, end = shown.rpartition("(turn ")
    assert not any(word in before for word in ("gold", "correct", "✗", "judged", "value:", "had it"))
    assert "gold" in end
    assert "1  proposer" in end  # a line for each turn
    assert "gold" not in capsys.readouterr().err


def test_who_is_no_person_is_shown_all_at_once() -> None:
    console = Console(file=io.StringIO(), width=100)
    play(CONFIG, "always", console=console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "gold" in shown[: shown.index("1  proposer")]
