"""The command train: what it prints for controllers and language models, the way on, and mistakes in one line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracer_env.cli.app import main
from tracer_env.trainers.gspo.hook_loading import HOOKS
from tracer_env.trainers.gspo.trainer import GSPOTrainer
from tracer_env.trees.shipped import SHIPPED

SMALL = (
    *("--speaker", "nano", "--scenario", "arithmetic", "--set", "scenario.level=1", "--steps", "1"),
    *("--set", "gspo.num_generations=2", "--set", "gspo.tasks_per_step=2", "--set", "gspo.steps_per_generation=1"),
    *("--set", "gspo.max_completion_length=32", "--set", "rules.max_turns=3", "--set", "training.held_out=2"),
)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def document(answer: tuple[int, str, str]) -> Any:
    """Return the JSON document of a call that went well and said nothing else."""
    code, out, err = answer
    assert (code, err) == (0, "")
    return json.loads(out)


def test_train_then_play_and_compare_the_file(run: Run) -> None:
    data = document(run("train", "--steps", "500", "--out", "trained", "--json"))
    assert set(data) >= {"run", "controller", "method", "seed", "config", "episodes", "average_regret", "policy_table"}
    assert (data["episodes"], data["method"]) == (500, "regret_matching")
    assert set(data["average_regret"]) == {"first", "last", "slope"}
    assert all(row["visits"] > 0 for row in data["policy_table"])
    played = document(run("play", "--controller", data["controller"], "--json"))
    assert len(played["turns"]) == 5
    rows = document(run("compare", "--methods", f"{data['controller']},never", "--limit", "3", "--json"))["rows"]
    assert rows[0]["method"] == data["controller"]


def test_train_prints_the_curve_and_the_table(run: Run) -> None:
    code, out, _ = run("train", "--method", "regret_matching_plus", "--iterations", "320", "--out", "t")
    assert code == 0
    for words in ("regret_matching_plus after 320 episodes", "information state", "visits", "log-log slope"):
        assert words in out
    assert "agent_1/reviewer/vote_0/last" in out


def test_gspo_prints_its_course_and_the_way_on(run: Run) -> None:
    code, out, err = run("train", "--method", "gspo", *SMALL, "--out", "here")
    assert code == 0
    assert err.startswith("step 1 of 1; reward ")
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in out.splitlines() if line[:1].isalpha()}
    assert lines["gspo"].startswith("after 1 steps: first and last step")
    assert (lines["adapter"], lines["metrics"]) == ("here/adapters/proposer", "here/metrics.jsonl")
    assert lines["proposer"].split()[1] == "→"
    words = shlex.split(lines["use"].removeprefix("it"))
    rows = document(run(*words[1:], "--limit", "1", "--json"))["rows"]
    assert [row["method"] for row in rows] == ["never"]
    again = ("--config", "here/config.toml", "--methods", "never", "--limit", "1")
    base = document(run("compare", *again, "--json"))  # the section [gspo] of a training is in nobody's way
    assert base["config"]["gspo"]["role"] == "proposer"


def test_tracer_prints_dialogues_and_when_to_speak(run: Run) -> None:
    code, out, _ = run("train", "--method", "tracer", *SMALL, "--out", "here", "--set", "tracer.sharing=agent")
    assert code == 0
    for words in ("agent_0-proposer ", "dialogue accuracy", "when to speak", "P(speak)"):
        assert words in out
    assert "controller  here/controllers/tracer.json\n" in out
    assert "…" not in out  # nothing is cut off at 80 columns


def test_json_is_one_document_and_resume_needs_no_method(run: Run) -> None:
    code, out, _ = run("train", "--method", "gspo", *SMALL, "--out", "here", "--json")
    first = json.loads(out)
    assert (code, first["steps"], first["method"]) == (0, 1, "gspo")
    code, out, _ = run("train", "--resume", "here", "--steps", "2", "--json")
    second = json.loads(out)
    assert (code, second["steps"], second["method"]) == (0, 2, "gspo")
    assert second["policies"]["proposer"]["reward"]["first"] == first["policies"]["proposer"]["reward"]["first"]


def test_an_interrupted_training_says_how_to_go_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Any, found: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(GSPOTrainer, "_trained", interrupted)
    code, _, err = run("train", "--method", "gspo", *SMALL)
    assert code == 130
    assert "continue with: tracer-env train --resume runs/arithmetic--train--001" in err


def test_a_dry_run_shows_every_setting(run: Run, tmp_path: Path) -> None:
    code, out, err = run(
        "train", "--method", "tracer", *SMALL, "--set", "gspo.finetune=lora:r=8", "--dry-run", "--json"
    )
    assert (code, err) == (0, "")
    data = json.loads(out)
    assert (data["gspo"]["max_steps"], data["gspo"]["finetune"], data["gspo"]["epsilon"]) == (1, "lora:r=8", 3e-4)
    assert data["tracer"] == {
        **{"variant": "full", "sharing": "role", "reviews": "balanced", "fading": 0.9},
        **{"credit": "one_step", "settle": 0, "information": "vote_and_time"},
    }
    assert data["training"]["method"] == "tracer"
    assert list(tmp_path.iterdir()) == []


def test_hooks_and_variants_are_listed(run: Run) -> None:
    told = " ".join(run("list", "hook")[1].split())
    assert all(f" {name} {signature}" in told for name, signature in HOOKS.items())
    assert json.loads(run("list", "hook", "--json")[1]) == {"hook": HOOKS}
    assert run("list", "variant")[1].split()[:3] == ["variant", "full,", "no_reviewer,"]
    assert run("list", "finetune")[1].split() == ["finetune", "lora,", "full,", "last_n"]
    assert all(name in run("list", "trainer")[1] for name in ("gspo", "regret_matching_plus", "tracer"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--method gspo", "only a language model can be trained, got 'simulated'; take --speaker nano, smollm2"),
        ("--method gspo --speaker nano --set gspo.learning_rat=1", "unknown key gspo.learning_rat; did you mean"),
        ("--method gspo --speaker nano --set gspo.epsilon=-1", "gspo.epsilon must be a number above 0, got -1"),
        ("--method gspo --speaker nano --set gspo=3", "gspo must be a section with keys, got 3"),
        ("--method gspo --speaker nano --steps 0", "gspo.max_steps must be at least 1, got 0"),
        ("--method gspo --speaker nano --set gspo.rol=x --dry-run", "unknown key gspo.rol; did you mean 'role'?"),
        ("--method gspo --speaker nano --set hooks.reward=no.py:f", "reward hook 'no.py:f': no.py cannot be read"),
        ("--method gspo --speaker nano --set hooks.rewrd=no.py:f", "unknown key hooks.rewrd; did you mean 'reward'?"),
        ("--method tracer --speaker nano --set tracer.variant=ful", "tracer.variant is 'ful'; did you mean 'full'?"),
        ("--method gspo --trees here", "--trees does not go with --method gspo"),
        ("--trees here --dry-run", "--dry-run shows the settings of training on a scenario, not with --trees"),
        (f"--trees {SHIPPED} --method cfr --steps 0", "iterations must be a whole number of at least 1, got 0"),
        (f"--trees {SHIPPED} --method cfr --seed -1", "seed must be a whole number of at least 0, got -1"),
        ("--set hooks.value=no.py:f", "hooks.value is for training a language model, and method regret_matching"),
        ("--set gspo.beta=0.1", "trains a controller alone; leave it out, or take --method gspo or tracer"),
        ("--method tracer --speaker nano --set tracer.fading=2", "tracer.fading must lie in (0, 1], got 2; 1 forgets"),
        ("--method alwys", "unknown trainer 'alwys'"),
        ("--method always", "always is a controller that learns nothing; train one of: grpo, gspo, "),
        ("--method cfr_plus", "cfr_plus learns from dialogue trees: name it in compare --methods"),
        ("--method logistic", "take train --trees DIR --method logistic"),
        ("--steps 0", "training.episodes must be at least 1, got 0"),
        ("--speaker proposer=simulated", "no part of the cast speaks for agent_1 (reviewer)"),
        ("--speaker nobody", "unknown speaker 'nobody'"),
        ("--method gspp", "unknown trainer 'gspp'; did you mean 'gspo'?"),
        ("--method gspo --resume nowhere", "nowhere is not a run folder: it has no config.toml"),
    ],
)
def test_mistakes_are_one_line(run: Run, arguments: str, words: str, tmp_path: Path) -> None:
    code, out, err = run("train", *arguments.split())
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert words in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_run_keeps_its_method(run: Run) -> None:
    assert run("train", "--method", "regret_matching_plus", "--steps", "64", "--out", "here")[0] == 0
    assert json.loads(run("train", "--resume", "here", "--json")[1])["method"] == "regret_matching_plus"
    code, _, err = run("train", "--resume", "here", "--method", "tracer")
    assert code == 2
    assert err == (
        "error: here was started with method regret_matching_plus and cannot be continued with tracer; "
        "leave out --method\n"
    )
