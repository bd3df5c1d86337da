"""What is checked before a GSPO training starts: that every part that was given would be asked, and fits the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.parts.casting import make_speaker
from tracer_env.rules import Rules
from tracer_env.trainers.gspo.config import GSPOConfig
from tracer_env.trainers.gspo.hooks import Hooks
from tracer_env.trainers.gspo.rewards import TeamReward, UtteranceReward

__all__ = ["check_hooks", "check_taken", "names_drawn_for", "sampling_speaker"]


def check_taken(rollouts: Any, rules: Rules | None, given_reward: Any, reward: Any) -> None:
    """Raise ConfigError for rules or a reward that were given and that rollouts of the user's own do not have."""
    for name, given, forms in (("rules", rules, [rules]), ("reward", given_reward, [given_reward, reward])):
        if given is not None and getattr(rollouts, name, None) not in forms:
            raise ConfigError(
                f"{name}={given!r} would go unused: {type(rollouts).__name__} has not taken it; "
                f"make the rollouts with it, or leave out {name}"
            )


def check_hooks(hooks: Hooks, rollouts: Any, processes: int) -> None:
    """Raise ConfigError for a hook that nobody would ask."""
    asked = {
        "value": getattr(getattr(rollouts, "hooks", None), "value", None),
        "reward": getattr(getattr(rollouts, "reward", None), "hook", None),
    }
    for kind, hook in asked.items():
        given = getattr(hooks, kind)
        if given is not None and hook is not given:
            raise ConfigError(
                f"the {kind} hook {given.name!r} would not be asked: {type(rollouts).__name__} does not take it; "
                "leave it out"
            )
    if hooks.updater is not None and processes > 1:
        raise ConfigError(
            f"the updater hook {hooks.updater.name!r} learns in one process alone, and there are {processes}; start one"
        )


def names_drawn_for(
    role: str | None,
    rules: Rules,
    reward: UtteranceReward | TeamReward | None,
    own: bool,
    policies: Sequence[str] | None,
    frozen: Sequence[str],
) -> list[str]:
    """Return the policies that are drawn for; raises ConfigError for names that would train nothing."""
    team = isinstance(reward, TeamReward) and not own
    if policies is not None and not own:
        raise ConfigError("policies names what rollouts of yours draw for; give rollouts as well, or role instead")
    if policies is not None and role is not None:
        raise ConfigError(f"role {role!r} does not go with policies, which names all that is drawn for; leave it out")
    if team and role is not None:
        raise ConfigError(f"role {role!r} does not go with a team reward, which trains all roles; leave it out")
    names = list(policies) if policies is not None else [role or "proposer"]
    if team:
        names = sorted({seat.role.name.lower() for seat in rules.seats[1:]})
    for name in frozen:
        if name not in names:
            raise ConfigError(f"frozen names {name!r}{did_you_mean(name, names)}")
    return names


def sampling_speaker(speaker: Any, config: GSPOConfig) -> Any:
    """Return a speaker that samples as the config says."""
    wanted = {"temperature": config.temperature, "max_new_tokens": config.max_completion_length}
    if isinstance(speaker, str):
        speaker = make_speaker(speaker, **wanted)
    if not hasattr(speaker, "loaded"):
        raise ConfigError(
            f"only a language model can be trained, got a {type(speaker).__name__}; take nano, smollm2 or hf:PATH"
        )
    for name, value in wanted.items():
        if getattr(speaker, name) != value:
            theirs = {"temperature": "gspo.temperature", "max_new_tokens": "gspo.max_completion_length"}[name]
            raise ConfigError(
                f"the speaker's {name} is {getattr(speaker, name)} but {theirs} is {value}; give one value"
            )
    return speaker
