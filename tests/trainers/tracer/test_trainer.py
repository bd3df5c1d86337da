"""Both layers together on nano: the paper's variants, adapters by role or agent, tables that play."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from training import left, tracer

from tracer_env.agents.controllers.baselines import Always, Never
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.parts.casting import make_controller
from tracer_env.rules import Rules
from tracer_env.trainers.cfr.credit import Tree
from tracer_env.trainers.gspo.hooks import Hooks
from tracer_env.trainers.tracer.reviews import AllReviews
from tracer_env.trainers.tracer.settings import VARIANTS, TracerSettings, Variant


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_trains(name: str, tmp_path: Path) -> None:
    trainer = tracer(tmp_path / "run", made={"settings": TracerSettings(variant=name)})
    result = trainer.train()
    variant = VARIANTS[name]
    assert result.steps == 2
    assert set(result.adapters) == set(variant.policies)
    line = result.metrics[-1]
    assert 0 <= line["dialogue_accuracy"] <= 1
    alone = len(variant.policies) == 1
    for policy in variant.policies:
        trained = ("loss" if alone else f"{policy}/loss") in line
        assert trained == (policy not in variant.frozen)
        moved = any(bool(t.any()) for path, t in trainer.policies.tensors(policy).items() if ".lora_B" in path)
        assert not (moved and policy in variant.frozen)
    saved = json.loads((tmp_path / "run" / "controllers" / "tracer.json").read_text(encoding="utf-8"))
    assert saved["policy_table"]
    assert {row["information"] for row in saved["tables"]} == {variant.information}


def test_the_variants_are_the_whole_method_and_six_ablations() -> None:
    assert list(VARIANTS) == [
        "full",
        "no_reviewer",
        "no_proposer_controller",
        "no_reviewer_gspo",
        "no_proposer_gspo",
        "no_vote_state",
        "no_iteration_state",
    ]
    for name, parts in (("no_reviewer", Never), ("no_proposer_controller", Always)):
        controller = tracer(made={"settings": TracerSettings(variant=name)}).controller
        assert isinstance(controller, CastController)
        assert sorted(type(part).__name__ for part in controller.parts.values()) == sorted(
            ["RegretMatching", parts.__name__]
        )


def test_an_unknown_variant_is_named() -> None:
    with pytest.raises(ConfigError, match=r"tracer.variant is 'no_reviewers'; did you mean 'no_reviewer'"):
        TracerSettings(variant="no_reviewers")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"tracer.sharing is 'agents'; did you mean 'agent'"):
        TracerSettings(sharing="agents")  # type: ignore[arg-type]


def test_three_agents_each_with_adapters_of_their_own(tmp_path: Path) -> None:
    rules = Rules(num_agents=3, max_turns=6)
    trainer = tracer(tmp_path / "run", made={"rules": rules, "settings": TracerSettings(sharing="agent")}, max_steps=1)
    seats = {f"agent_{(turn - 1) % 3}-{'proposer' if turn % 2 else 'reviewer'}" for turn in range(1, 7)}
    result = trainer.train()
    assert set(result.adapters) == seats
    assert set(trainer.speaker.adapters) == {name.replace("-", "/") for name in seats}
    assert all((folder / "adapter_config.json").is_file() for folder in result.adapters.values())
    assert all(f"{name}/candidates" in result.metrics[0] for name in seats)


def test_a_trained_table_is_a_controller(tmp_path: Path) -> None:
    trainer = tracer(tmp_path / "run")
    trainer.train()
    loaded = make_controller(str(tmp_path / "run" / "controllers" / "tracer.json"), Rules(), "vote_and_time")
    assert isinstance(loaded, RegretMatching)
    assert [loaded.state_dict()] == trainer.rollouts.state_dict()["tables"]
    assert loaded.rows


def test_tables_that_are_given_are_trained_further() -> None:
    table = RegretMatching()
    tracer(made={"controller": table}, max_steps=1).train()
    assert sum(row.visits for row in table.rows.values()) == 2 * 4  # two tasks, four free turns


def test_the_value_hook_reaches_the_tables() -> None:
    def value(action: str, default: float, **context: Any) -> float:
        return float(action == "reviewer_speak")

    table = RegretMatching()
    tracer(made={"controller": table, "hooks": Hooks(value=value)}, max_steps=1).train()
    for key, row in table.rows.items():
        assert (row.cumulative_regret[1] > 0) == ("reviewer" in key)


def test_the_reward_hook_pays_both_roles() -> None:
    def reward(role: str, default: float, **context: Any) -> float:
        return 0.25 if role == "reviewer" else 0.75

    line = tracer(made={"hooks": Hooks(reward=reward)}, max_steps=1).train().metrics[0]
    assert line["reviewer/reward"] == 0.25
    assert line["proposer/reward"] == 0.75


def test_a_run_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    tracer(whole, max_steps=3).train()
    tracer(parts, max_steps=1).train()
    tracer(parts, max_steps=3, resume_from_checkpoint=str(parts)).train()
    assert left(parts) == left(whole)


def test_another_variant_does_not_go_on(tmp_path: Path) -> None:
    tracer(tmp_path / "run", max_steps=1).train()
    changed = tracer(
        tmp_path / "run",
        made={"settings": TracerSettings(variant="no_vote_state")},
        max_steps=2,
        resume_from_checkpoint=str(tmp_path / "run"),
    )
    with pytest.raises(RunFolderError, match=r"rollouts was \[.*vote_and_time.*now \[.*time_only"):
        changed.train()


def test_parts_may_be_objects_in_the_place_of_names() -> None:
    mine = Variant("mine", information="time_only", reviewer="never", policies=("proposer",))
    trainer = tracer(made={"variant": mine, "reviews": AllReviews(), "credit": Tree(1e-3)})
    assert trainer.variant is mine
    assert list(trainer.policies.names) == ["proposer"]
    assert trainer.rollouts.information == "time_only"
    assert isinstance(trainer.rollouts.reviews, AllReviews)
    assert trainer.rollouts.credit == Tree(1e-3)
