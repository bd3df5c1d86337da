"""The settings of a language model's training: names, defaults, and what does not go together."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest

from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.registry import registered, trains_language
from tracer_env.runs.config import Config
from tracer_env.settings import as_data, read
from tracer_env.trainers.cfr.credit import OneStep, Tree
from tracer_env.trainers.gspo import loss as gspo_loss
from tracer_env.trainers.gspo.config import FINETUNES, GSPOConfig, GSPOSettings
from tracer_env.trainers.gspo.finetune import finetune_named
from tracer_env.trainers.gspo.hook_loading import HOOKS, HookPaths
from tracer_env.trainers.gspo.rewards import REWARDS
from tracer_env.trainers.gspo.sharing import SHARING
from tracer_env.trainers.gspo.trainer import ROLES as TRAINED
from tracer_env.trainers.runs.settings import METHODS, gspo_settings, names, settled
from tracer_env.trainers.tracer.reviews import REVIEWS
from tracer_env.trainers.tracer.settings import FADING, VARIANTS, TracerSettings


def config(**sections: Any) -> Config:
    return Config.from_data(sections)


def test_the_section_is_taken_apart() -> None:
    settings = gspo_settings(config(seed=7, gspo={"role": "reviewer", "finetune": "lora:r=8", "num_generations": 4}))
    assert (settings.role, settings.finetune, settings.reward, settings.objective) == (
        "reviewer",
        "lora:r=8",
        "role",
        "gspo",
    )
    assert settings.training == GSPOConfig(num_generations=4, seed=7)


def test_every_default_is_written_out_and_read_back() -> None:
    data = settled(config(), "gspo").gspo
    assert set(data) == {"finetune", "reward", "objective", "role"} | {
        each.name
        for each in fields(GSPOConfig)
        if each.name not in ("seed", "resume_from_checkpoint", "importance_cap", "shard")
    }  # a cap of None, which is none, has nothing that could be written
    assert (data["epsilon"], data["epsilon_high"]) == (3e-4, 4e-4)
    assert list(data)[:5] == ["finetune", "reward", "objective", "role", "num_generations"]
    assert as_data(read(GSPOSettings, data)) == data


def test_a_loss_on_tokens_has_a_clip_of_its_own() -> None:
    assert read(GSPOSettings, {"objective": "grpo"}).training.clip == (0.2, 0.2)
    assert read(GSPOSettings, {"objective": "grpo", "epsilon": 0.1}).training.clip == (0.1, 0.1)
    assert settled(config(gspo={"epsilon": "tracer_reference"}), "gspo").gspo["epsilon_high"] == 0.1
    assert settled(config(gspo={"objective": "grpo", "epsilon": 0.1}), "gspo").gspo["epsilon_high"] == 0.1


def test_grpo_is_the_loss_on_tokens() -> None:
    asked = settled(config(), "grpo")
    assert {key: asked.gspo[key] for key in ("objective", "epsilon", "epsilon_high", "role")} == {
        **{"objective": "grpo", "epsilon": 0.2, "epsilon_high": 0.2, "role": "proposer"}
    }
    assert settled(asked, "grpo") == asked
    assert (
        settled(config(gspo={"objective": "grpo", "epsilon": 0.1, "role": "reviewer"}), "grpo").gspo["epsilon"] == 0.1
    )
    assert "beta" in asked.gspo
    assert asked.gspo == settled(config(gspo={"objective": "grpo"}), "gspo").gspo


def test_every_method_of_a_language_model_has_settings() -> None:
    assert set(METHODS) == {name for name in registered("trainer") if trains_language(name)}
    for name, method in METHODS.items():
        asked = settled(config(), name)
        assert (asked.training.method, settled(asked, name)) == (name, asked)
        assert {section for section in ("tracer", "magrpo", "maporl") if getattr(asked, section, None)} == (
            {method.section} if method.section else set()
        )


def test_the_names_are_those_of_the_parts() -> None:
    def choices(cls: type, key: str) -> tuple[str, ...]:
        hint = get_type_hints(cls)[key]
        return get_args(get_args(hint)[0] if type(None) in get_args(hint) else hint)

    assert tuple(TRAINED) == choices(GSPOSettings, "role")
    assert all(callable(getattr(gspo_loss, f"{name}_loss")) for name in choices(GSPOSettings, "objective"))
    assert list(choices(GSPOSettings, "objective")) == names()["objective"]
    assert choices(GSPOSettings, "reward") == tuple(REWARDS)
    assert choices(TracerSettings, "variant") == tuple(VARIANTS)
    assert choices(TracerSettings, "sharing") == tuple(SHARING)
    assert choices(TracerSettings, "reviews") == tuple(REVIEWS)
    assert all(finetune_named(name) for name in FINETUNES)
    assert {each.name for each in fields(HookPaths)} == set(HOOKS)
    assert names()["hook"] == HOOKS
    assert names()["variant"] == list(VARIANTS)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"learning_rat": 1}, "unknown key gspo.learning_rat; did you mean 'learning_rate'?"),
        ({"rol": "proposer"}, "unknown key gspo.rol; did you mean 'role'?"),
        ({"role": "judge"}, "gspo.role is 'judge'; choose one of: proposer, reviewer"),
        ({"reward": "teem"}, "gspo.reward is 'teem'; did you mean 'team'?"),
        ({"objective": 3}, "gspo.objective must be text, got 3"),
        ({"finetune": "lor:r=8"}, "gspo.finetune is 'lor:r=8'; did you mean 'lora'?"),
        ({"num_generations": 1}, "gspo.num_generations must be at least 2, got 1"),
        ({"seed": 1}, "gspo.seed cannot be set here: give the run's seed, --seed N"),
        ({"resume_from_checkpoint": "a"}, "gspo.resume_from_checkpoint cannot be set here: continue a run with"),
        ({"reward": "team", "role": "proposer"}, "gspo.role does not go with gspo.reward 'team'"),
    ],
)
def test_mistakes_are_found_with_the_config(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(gspo=section)
    assert str(caught.value).startswith(message)


def test_a_lone_proposer_is_trained_unless_said_otherwise() -> None:
    asked = settled(config(seed=3), "gspo")
    assert asked.gspo == as_data(GSPOSettings(role="proposer", epsilon_high=4e-4))
    assert (asked.training.method, asked.seed, asked.tracer) == ("gspo", 3, {})
    assert "role" not in settled(config(gspo={"reward": "team"}), "gspo").gspo
    assert settled(asked, "gspo") == asked


def test_what_a_section_leaves_open_gets_its_default() -> None:
    assert settled(config(), "tracer").tracer == {
        **{"variant": "full", "sharing": "role", "reviews": "balanced", "fading": FADING},
        **{"credit": "one_step", "settle": 0, "information": "vote_and_time"},
    }
    asked = settled(config(tracer={"reviews": "all", "fading": 1}), "tracer").tracer
    assert read(TracerSettings, asked) == TracerSettings(reviews="all", fading=1.0, information="vote_and_time")
    with pytest.raises(ConfigError, match="did you mean 'all'"):
        TracerSettings(reviews="al")  # type: ignore[arg-type]


def test_the_credit_of_tracer_is_one_step_or_the_teams() -> None:
    assert TracerSettings().valued() == OneStep()
    assert TracerSettings(credit="team_minus_tokens:price=3e-4").valued() == Tree(3e-4)
    with pytest.raises(ConfigError, match="take one_step, team or team_minus_tokens"):
        TracerSettings(credit="role")
    with pytest.raises(UnknownNameError, match="did you mean 'team'"):
        TracerSettings(credit="teem")
    with pytest.raises(ConfigError, match="a number of tasks of at least 0, got -3"):
        TracerSettings(settle=-3)


def test_tracer_takes_the_key_of_its_variant() -> None:
    asked = settled(config(tracer={"variant": "no_vote_state"}), "tracer")
    assert (asked.information, asked.tracer["variant"], asked.tracer["sharing"]) == (
        "time_only",
        "no_vote_state",
        "role",
    )
    assert settled(asked, "tracer") == asked
    assert settled(config(information="history"), "tracer").information == "history"
    assert settled(config(), "tracer").information == "vote_and_time"


def test_tracer_takes_a_key_of_its_own() -> None:
    key = "vote+time+confidence:bins=3"
    asked = settled(config(tracer={"information": key}), "tracer")
    assert (asked.information, asked.tracer["information"]) == (key, key)
    assert settled(asked, "tracer") == asked == settled(config(information=key), "tracer")
    reviewless = {"variant": "no_reviewer", "information": key}
    assert settled(config(tracer=reviewless), "tracer").information == key


@pytest.mark.parametrize(
    ("method", "sections", "message"),
    [
        (
            "gspo",
            {"training": {"episodes": 4}},
            "training.episodes is for controllers alone; method gspo takes --steps",
        ),
        ("gspo", {"tracer": {"sharing": "role"}}, "tracer.sharing goes with method tracer"),
        ("gspo", {"hooks": {"value": "x.py:f"}}, "hooks.value is asked for a controller's choices"),
        ("grpo", {"hooks": {"value": "x.py:f"}}, "hooks.value is asked for a controller's choices, and method grpo"),
        ("grpo", {"tracer": {"sharing": "role"}}, "tracer.sharing goes with method tracer"),
        ("grpo", {"gspo": {"objective": "gspo"}}, "gspo.objective is 'gspo', but method grpo takes 'grpo'"),
        ("grpo", {"gspo": {"reward": "team"}}, "gspo.reward 'team' pays whole dialogues, and method grpo"),
        ("tracer", {"tracer": {"variant": "ful"}}, "tracer.variant is 'ful'; did you mean 'full'?"),
        ("tracer", {"tracer": {"sharing": "roles"}}, "tracer.sharing is 'roles'; did you mean 'role'?"),
        ("tracer", {"gspo": {"role": "proposer"}}, "gspo.role is for method gspo"),
        ("tracer", {"gspo": {"reward": "team"}}, "gspo.reward 'team' is for method gspo"),
        (
            "tracer",
            {"information": "history", "tracer": {"variant": "no_vote_state"}},
            "information is 'history', but tracer.variant 'no_vote_state' plays under 'time_only'",
        ),
        (
            "tracer",
            {"tracer": {"variant": "no_vote_state", "information": "vote_and_time"}},
            "tracer.information is 'vote_and_time', but tracer.variant 'no_vote_state' plays under 'time_only'",
        ),
        (
            "tracer",
            {"information": "history", "tracer": {"information": "vote+time"}},
            "information is 'history', but tracer.information is 'vote+time'; leave one out",
        ),
        (
            "tracer",
            {"tracer": {"information": "vote+tim"}},
            "tracer.information: unknown part of information 'vote+tim' 'tim'",
        ),
    ],
)
def test_what_does_not_go_together(method: str, sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settled(config(**sections), method)
    assert str(caught.value).startswith(message)
