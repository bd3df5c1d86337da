"""Tables solved on the trees of the final speakers: alone, beside fixed controllers, and at the end of a training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from training import tracer

from tracer_env.agents.controllers.baselines import Always, Never, UntilApproved
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching, Row
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.errors import ConfigError
from tracer_env.parts.casting import make_controller
from tracer_env.rules import Rules
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.cfr.credit import Tree
from tracer_env.trainers.cfr.solving import solve_trees
from tracer_env.trainers.gspo.hooks import Hooks
from tracer_env.trainers.tracer.settings import TracerSettings
from tracer_env.trainers.tracer.settling import ITERATIONS, STARTS, check_settled, settle_tables
from tracer_env.trees.growth import expand
from tracer_env.trees.tree import DialogueTrees

PRICE = 1e-4


@pytest.fixture(scope="module")
def trees() -> DialogueTrees:
    return expand(Arithmetic(limit=80), SimulatedSpeaker(), Rules(), seed=3)


def test_it_is_what_the_trees_own_training_finds(trees: DialogueTrees) -> None:
    table = RegretMatching()
    table.rows["agent_0/proposer/vote_0/not_last"] = Row(visits=5.0, strategy=[0.0, 5.0])
    found = settle_tables(table, trees, PRICE)
    solved = solve_trees(trees, "cfr_plus", ITERATIONS, credit=Tree(PRICE), starts=STARTS)
    exact = trees.evaluate(table)
    assert found == pytest.approx(
        {"accuracy": exact.accuracy, "tokens": exact.tokens_per_task, "calls": exact.calls_per_task}
    )
    assert exact.accuracy - PRICE * exact.tokens_per_task == pytest.approx(solved.value, abs=1e-9)
    assert found["accuracy"] > trees.evaluate(Never()).accuracy + 0.02


def test_a_dear_token_silences_everybody(trees: DialogueTrees) -> None:
    table = RegretMatching()
    assert settle_tables(table, trees, price=1.0)["calls"] == pytest.approx(1.0, abs=0.01)


def test_fixed_controllers_stay_what_they_are(trees: DialogueTrees) -> None:
    table = RegretMatching()
    found = settle_tables(CastController({"proposer": table, "reviewer": Never()}), trees)
    assert {name.split("/")[1] for name in table.rows} == {"proposer"}
    assert found["calls"] <= 3.0
    reviewers = RegretMatching()
    found = settle_tables(CastController({"proposer": Always(), "reviewer": reviewers}), trees, price=1.0)
    assert {name.split("/")[1] for name in reviewers.rows} == {"reviewer"}
    assert found["calls"] == pytest.approx(3.0, abs=0.02)  # the proposer's three, whatever they cost


def test_what_is_neither_a_table_nor_of_one_mind_is_refused() -> None:
    check_settled(CastController({"proposer": Always(), "reviewer": RegretMatching()}), Rules())
    with pytest.raises(ConfigError, match=r"agent_1/reviewer is UntilApproved.*leave out tracer\.settle"):
        check_settled(CastController({"proposer": RegretMatching(), "reviewer": UntilApproved()}), Rules())


def test_a_training_ends_with_settled_tables(tmp_path: Path) -> None:
    made = {
        "settings": TracerSettings(credit=f"team_minus_tokens:price={PRICE}", settle=3),
        "rules": Rules(max_turns=3),
    }
    trainer = tracer(tmp_path / "run", made=made, max_steps=1)
    trainer.train()
    file = tmp_path / "run" / "controllers" / "tracer.json"
    saved = json.loads(file.read_text(encoding="utf-8"))
    assert set(saved["settled"]) == {"tasks", "accuracy", "tokens", "calls"}
    assert saved["settled"]["tasks"] == 3
    assert saved["rows"] == trainer.controller.state_dict()["rows"]  # type: ignore[attr-defined]  # a table
    assert max(row["visits"] for row in saved["rows"].values()) == ITERATIONS * (ITERATIONS + 1) / 2
    make_controller(str(file), Rules(max_turns=3), "vote_and_time")


def test_what_cannot_be_settled_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(ConfigError, match=r"tracer\.settle is a number of tasks of at least 0, got -1"):
        TracerSettings(settle=-1)
    settings = TracerSettings(settle=3)
    with pytest.raises(ConfigError, match="trees double with each turn"):
        tracer(made={"settings": settings, "rules": Rules(max_turns=40)})
    controller = CastController({"proposer": RegretMatching(), "reviewer": UntilApproved()})
    with pytest.raises(ConfigError, match=r"leave out tracer\.settle"):
        tracer(made={"settings": settings, "controller": controller})
    hooks = Hooks(value=lambda action, default, **context: default)
    with pytest.raises(ConfigError, match=r"values single choices, and tracer\.settle solves tables"):
        tracer(made={"settings": settings, "hooks": hooks})
