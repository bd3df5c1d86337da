"""The settings of `tracer-env train --method gspo` and ``tracer``, checked before anything is loaded or written.

    [gspo]
    role = "proposer"         who is trained: proposer or reviewer             (method gspo; not with reward "team")
    reward = "role"           role, paper or team: what an utterance earns     (`trainers.gspo.rewards`)
    finetune = "lora"         lora:r=8,alpha=16, full, last_n:layers=2         (`finetune`)
    objective = "gspo"        gspo or grpo                                     (`trainers.gspo.loss`)
    epsilon = 3e-4            or gspo_paper, tracer_reference, grpo            (`trainers.gspo.config.CLIPS`)
    num_generations = 8       ... and all the other keys of `trainers.gspo.config`

The keys of ``[tracer]`` stand in `trainers.tracer.settings`.

With reward ``team`` method gspo plays whole dialogues in which everybody speaks, and trains both roles (MAGRPO).
"""

from __future__ import annotations

from dataclasses import replace

from tracer_env.errors import ConfigError
from tracer_env.registry import section_class
from tracer_env.runs.config import Config
from tracer_env.runs.settling import of_training
from tracer_env.settings import as_data, read
from tracer_env.trainers.gspo.config import CLIPS, FINETUNES, GSPOSettings
from tracer_env.trainers.gspo.hook_loading import HOOKS
from tracer_env.trainers.gspo.rewards import REWARDS
from tracer_env.trainers.tracer.reviews import REVIEWS
from tracer_env.trainers.tracer.settings import VARIANTS, TracerSettings
from tracer_env.trainers.tracer.trainer import SHARING

__all__ = ["gspo_settings", "names", "settled", "tracer_settings"]


def settled(config: Config, method: str) -> Config:
    """Return ``config`` as ``method`` takes it, every default written out; what is settled stays as it is.

    Raises ConfigError for settings that the method does not have.
    """
    config.check_seedless("train")
    settings = gspo_settings(config)
    if config.training.episodes is not None:
        raise ConfigError(f"training.episodes is for controllers alone; method {method} takes --steps (gspo.max_steps)")
    tracer, information = config.tracer, config.information
    if method == "tracer":
        _check_for_tracer(settings)
        chosen = read(section_class("tracer"), tracer)
        information = _information(information, chosen)
        tracer = as_data(replace(chosen, information=information))
    else:
        _check_without_controller(config)
        if settings.reward != "team":
            settings = replace(settings, role=settings.role or "proposer")
    return replace(
        of_training(config),
        information=information,
        training=replace(config.training, method=method),
        gspo=as_data(replace(settings, epsilon_high=settings.clip[1])),
        tracer=tracer,
    )


def gspo_settings(config: Config) -> GSPOSettings:
    """Return the section ``[gspo]`` of a run, with the run's seed."""
    found: GSPOSettings = read(section_class("gspo"), config.gspo)
    return replace(found, seed=config.training_seed)


def tracer_settings(config: Config) -> TracerSettings:
    """Return the section ``[tracer]`` of a run, under the run's information."""
    found: TracerSettings = read(section_class("tracer"), config.tracer)
    return replace(found, information=config.information)


def names() -> dict[str, dict[str, str] | list[str]]:
    """Return what the sections can name, for ``tracer-env list``: hooks with their signatures, then names."""
    return {
        "hook": dict(HOOKS),
        "variant": list(VARIANTS),
        "sharing": list(SHARING),
        "reviews": list(REVIEWS),
        "tracer_credit": ["one_step", "team", "team_minus_tokens:price=0.0001"],
        "finetune": list(FINETUNES),
        "objective": ["gspo", "grpo"],
        "clip": list(CLIPS),
        "utterance_reward": list(REWARDS),
    }


def _check_for_tracer(settings: GSPOSettings) -> None:
    if settings.role is not None:
        raise ConfigError(
            "gspo.role is for method gspo; method tracer trains both roles, tracer.variant says what is left out"
        )
    if settings.reward == "team":
        raise ConfigError("gspo.reward 'team' is for method gspo: tracer values single utterances; take role or paper")


def _check_without_controller(config: Config) -> None:
    for key in config.tracer:
        raise ConfigError(f"tracer.{key} goes with method tracer; leave it out or take --method tracer")
    if "value" in config.hooks:
        raise ConfigError("hooks.value is asked for a controller's choices, and method gspo has no controller")


def _information(asked: str, chosen: TracerSettings) -> str:
    """Return the key that the tables are trained under: the one that is asked for, else the variant's."""
    default, own, given = Config.information, VARIANTS[chosen.variant].information, chosen.information
    if given is not None and asked not in (default, given):
        raise ConfigError(f"information is {asked!r}, but tracer.information is {given!r}; leave one out")
    name, wanted = ("information", asked) if given is None else ("tracer.information", given)
    if own != default and wanted != own and (given is not None or asked != default):
        raise ConfigError(
            f"{name} is {wanted!r}, but tracer.variant {chosen.variant!r} plays under {own!r}; leave one out"
        )
    return own if given is None and asked == default else wanted
