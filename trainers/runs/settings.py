"""The settings of a language model's training, by method, checked before anything is loaded or written.

    [gspo]
    role = "proposer"         who is trained: proposer or reviewer             (method gspo; not with reward "team")
    reward = "role"           role, paper or team: what an utterance earns     (`trainers.gspo.rewards`)
    finetune = "lora"         lora:r=8,alpha=16, full, last_n:layers=2         (`finetune`)
    objective = "gspo"        gspo or grpo                                     (`trainers.gspo.loss`)
    epsilon = 3e-4            or gspo_paper, tracer_reference, grpo            (`trainers.gspo.config.CLIPS`)
    num_generations = 8       ... and all the other keys of `trainers.gspo.config`

The keys of ``[tracer]`` stand in `trainers.tracer.settings`, those of ``[magrpo]`` and ``[maporl]`` in
`trainers.team.settings`. What a method takes besides, and which keys of ``[gspo]``
it settles, stands in `METHODS`; what each is, in `trainers.runs.methods`.

With reward ``team`` method gspo plays whole dialogues in which everybody speaks, and trains both roles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tracer_env.errors import ConfigError
from tracer_env.registry import section_class
from tracer_env.runs.config import Config
from tracer_env.runs.settling import of_training
from tracer_env.settings import as_data, read
from tracer_env.trainers.gspo.config import CLIPS, FINETUNES, GSPOSettings
from tracer_env.trainers.gspo.hook_loading import HOOKS
from tracer_env.trainers.gspo.rewards import REWARDS
from tracer_env.trainers.gspo.sharing import SHARING
from tracer_env.trainers.tracer.reviews import REVIEWS
from tracer_env.trainers.tracer.settings import VARIANTS, TracerSettings

__all__ = ["METHODS", "Method", "gspo_settings", "names", "settled", "tracer_settings"]


@dataclass(frozen=True)
class Method:
    """How a method takes its settings: the keys of ``[gspo]`` that it fixes, and those it has other defaults for.

    ``section``: one of its own; ``lone``: one role is trained, and ``gspo.role`` says which; ``team``: whether whole
    dialogues may be paid.
    """

    fixed: Mapping[str, Any] = field(default_factory=dict)
    usual: Mapping[str, Any] = field(default_factory=dict)
    section: str | None = None
    lone: bool = False
    team: bool = False


METHODS: Mapping[str, Method] = {
    "gspo": Method(lone=True, team=True),
    "grpo": Method({"objective": "grpo"}, lone=True),
    "tracer": Method(section="tracer"),
    "magrpo": Method({"reward": "team"}, {"objective": "grpo", "scale_rewards": "none"}, section="magrpo", team=True),
    "maporl": Method({}, {"objective": "grpo"}, section="maporl"),
}
"""The methods that train a language model."""
_SECTIONS = tuple(method.section for method in METHODS.values() if method.section)


def settled(config: Config, method: str) -> Config:
    """Return ``config`` as ``method`` takes it, every default written out; what is settled stays as it is.

    Raises ConfigError for settings that the method does not have.
    """
    config.check_seedless("train")
    config.check_alone("train")
    taken = METHODS[method]
    _check_taken(config, method)
    settings = gspo_settings(replace(config, gspo={**taken.usual, **config.gspo, **taken.fixed}))
    if config.training.episodes is not None:
        raise ConfigError(f"training.episodes is for controllers alone; method {method} takes --steps (gspo.max_steps)")
    information, sections = config.information, {name: getattr(config, name) for name in _SECTIONS}
    if taken.section:
        chosen = read(section_class(taken.section), sections[taken.section])
        if isinstance(chosen, TracerSettings):
            information = _information(information, chosen)
            chosen = replace(chosen, information=information)
        sections[taken.section] = as_data(chosen)
    if taken.lone and settings.reward != "team":
        settings = replace(settings, role=settings.role or "proposer")
    return replace(
        of_training(config),
        information=information,
        training=replace(config.training, method=method),
        gspo=as_data(replace(settings, epsilon_high=settings.clip[1])),
        **sections,
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
        "returns": ["joint", "turns"],
        "reviews": list(REVIEWS),
        "tracer_credit": ["one_step", "team", "team_minus_tokens:price=0.0001"],
        "finetune": list(FINETUNES),
        "objective": ["gspo", "grpo"],
        "clip": list(CLIPS),
        "utterance_reward": list(REWARDS),
    }


def _check_taken(config: Config, method: str) -> None:
    """Raise ConfigError for sections of other methods, and for what of [gspo] and [hooks] this one cannot have."""
    taken, said = METHODS[method], config.gspo
    for name in _SECTIONS:
        for key in getattr(config, name) if name != taken.section else ():
            raise ConfigError(f"{name}.{key} goes with method {name}; leave it out or take --method {name}")
    if "value" in config.hooks and method != "tracer":
        raise ConfigError(f"hooks.value is asked for a controller's choices, and method {method} has no controller")
    if said.get("role") is not None and not taken.lone:
        raise ConfigError(_NO_ROLE[method])
    if said.get("reward") == "team" and not taken.team:
        raise ConfigError(_NO_TEAM[method])
    for key, value in taken.fixed.items():
        if said.get(key, value) != value:
            raise ConfigError(
                f"gspo.{key} is {said[key]!r}, but method {method} takes {value!r}; leave it out, or take another one"
            )


_NO_ROLE = {
    "magrpo": "gspo.role is for methods gspo and grpo; method magrpo trains all agents in all of their roles",
    "maporl": "gspo.role is for methods gspo and grpo; method maporl trains all agents in all of their roles",
    "tracer": "gspo.role is for method gspo; method tracer trains both roles, tracer.variant says what is left out",
}
_NO_TEAM = {
    "tracer": "gspo.reward 'team' is for method gspo: tracer values single utterances; take role or paper",
    "grpo": "gspo.reward 'team' pays whole dialogues, and method grpo trains a lone speaker; take role or paper",
    "maporl": "gspo.reward 'team' is for method magrpo: maporl scores single utterances; take role or paper",
}
"""Why a method does not take a role, or the team's reward."""


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
