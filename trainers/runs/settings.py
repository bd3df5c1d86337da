"""The settings of `tracer-env train --method gspo` and ``tracer``, checked before anything is loaded or written.

    [gspo]
    role = "proposer"         who is trained: proposer or reviewer             (method gspo; not with reward "team")
    reward = "role"           role, paper or team: what an utterance earns     (`trainers.gspo.rewards`)
    finetune = "lora"         lora:r=8,alpha=16, full, last_n:layers=2         (`finetune`)
    objective = "gspo"        gspo or grpo                                     (`trainers.gspo.loss`)
    epsilon = 3e-4            or gspo_paper, tracer_reference, grpo            (`trainers.gspo.config.CLIPS`)
    num_generations = 8       ... and all the other keys of `trainers.gspo.config`

    [tracer]
    variant = "full"          the whole method or an ablation                  (`trainers.tracer.trainer`)
    sharing = "role"          one adapter a role, or one for each agent in it
    reviews = "balanced"      as many of right as of wrong proposals teach the reviewer, or all of them
    fading = 0.9              how much of the controllers' tables is left after a step; 1 forgets nothing
    credit = "one_step"       what a choice is worth: the paper's values; team, or team_minus_tokens:price=1e-4, for
                              what it comes to in the whole dialogue         (`trainers.tracer.choice_trees`)
    information = "vote_and_time"   what controllers see; of vote+time+confidence:bins=3 and other keys with buckets the
                              edges are fitted on the first step             (`trainers.tracer.window`)
    settle = 0                tasks on whose trees the tables are solved again in the end (`trainers.tracer.settling`)

With reward ``team`` method gspo plays whole dialogues in which everybody speaks, and trains both roles (MAGRPO).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from tracer_env.compositions import information_named
from tracer_env.errors import ConfigError, UnknownNameError, did_you_mean
from tracer_env.parts.own_parts import own_parts
from tracer_env.runs.config import Config, GSPOSection, TracerConfig
from tracer_env.trainers.cfr.credit import OneStep, Tree, credit_named
from tracer_env.trainers.gspo.config import CLIPS, GSPOConfig
from tracer_env.trainers.gspo.hook_loading import HOOKS
from tracer_env.trainers.gspo.rewards import REWARDS
from tracer_env.trainers.tracer.reviews import REVIEWS
from tracer_env.trainers.tracer.trainer import FADING, SHARING, VARIANTS, variant_named

__all__ = ["FINETUNES", "OBJECTIVES", "ROLES", "GSPOSettings", "TracerSettings", "names", "settled"]

ROLES = ("proposer", "reviewer")
FINETUNES = ("lora", "full", "last_n")
OBJECTIVES = ("gspo", "grpo")
_OWN = ("finetune", "reward", "objective", "role")
_ELSEWHERE = {"seed": "give the run's seed, --seed N", "resume_from_checkpoint": "continue a run with --resume DIR"}


@dataclass(frozen=True)
class GSPOSettings:
    """The section ``[gspo]``, taken apart: what the trainer is given by name, and its `GSPOConfig`.

    Raises ConfigError for a name that does not exist. ``role`` None is the proposer where one role is trained.
    """

    finetune: str = "lora"
    reward: str = "role"
    objective: str = "gspo"
    role: str | None = None
    training: GSPOConfig = field(default_factory=GSPOConfig)

    def __post_init__(self) -> None:
        known = {"finetune": FINETUNES, "reward": tuple(REWARDS), "objective": OBJECTIVES, "role": ROLES}
        for key, choices in known.items():
            value = getattr(self, key)
            if value is None and key == "role":
                continue
            if not isinstance(value, str):
                raise ConfigError(f"gspo.{key} must be text, got {value!r}")
            name = value.partition(":")[0] if key == "finetune" else value
            if name not in choices:
                raise ConfigError(f"gspo.{key} is {value!r}{did_you_mean(name, choices)}")
        if self.role is not None and self.reward == "team":
            raise ConfigError("gspo.role does not go with gspo.reward 'team', which trains both roles; leave it out")

    @classmethod
    def from_data(cls, data: Mapping[str, Any], seed: int = 0) -> GSPOSettings:
        """Build from the section; an unknown key or a value that cannot work is a ConfigError."""
        known = [*_OWN, *(each.name for each in fields(GSPOConfig) if each.name not in _ELSEWHERE)]
        for key in data:
            if key in _ELSEWHERE:
                raise ConfigError(f"gspo.{key} cannot be set here: {_ELSEWHERE[key]}")
            if key not in known:
                raise ConfigError(f"unknown key gspo.{key}{did_you_mean(str(key), known)}")
        values = {key: value for key, value in data.items() if key not in _OWN}
        if data.get("objective") == "grpo":
            values.setdefault("epsilon", "grpo")
        training = GSPOConfig.from_data(values)
        return cls(**{key: data[key] for key in _OWN if key in data}, training=replace(training, seed=seed))

    def to_data(self) -> dict[str, Any]:
        """Return the section with every default written out; None values are left out."""
        named = {key: getattr(self, key) for key in _OWN}
        values = {key: value for key, value in self.training.to_data().items() if key not in _ELSEWHERE}
        values["epsilon_high"] = self.training.clip[1]
        return {key: value for key, value in (named | values).items() if value is not None}


@dataclass(frozen=True)
class TracerSettings:
    """The section ``[tracer]`` with its defaults, which stand here alone. Raises ConfigError for what cannot work.

    ``information`` None is the key of the variant, or of the run.
    """

    variant: str = "full"
    sharing: str = "role"
    reviews: str = "balanced"
    fading: float = FADING
    credit: str = "one_step"
    settle: int = 0
    information: str | None = None

    def __post_init__(self) -> None:
        variant_named(self.variant)
        for key, known in (("reviews", REVIEWS), ("sharing", SHARING)):
            value = getattr(self, key)
            if value not in known:
                raise ConfigError(f"tracer.{key} is {value!r}{did_you_mean(value, known)}")
        if not 0.0 < self.fading <= 1.0:
            raise ConfigError(f"tracer.fading must lie in (0, 1], got {self.fading!r}; 1 forgets nothing")
        if self.settle < 0:
            raise ConfigError(f"tracer.settle is a number of tasks of at least 0, got {self.settle!r}")
        if self.information is not None:
            try:
                if not own_parts(self.information):
                    information_named(self.information)
            except UnknownNameError as error:
                raise ConfigError(f"tracer.information: {error}") from error
        self.valued()

    def valued(self) -> OneStep | Tree:
        """Return the credit as an object."""
        found = credit_named(self.credit)
        if not isinstance(found, OneStep | Tree):
            raise ConfigError(
                f"tracer.credit is {self.credit!r}; take one_step, team or team_minus_tokens:price=0.0001"
            )
        return found

    @classmethod
    def of(cls, section: TracerConfig) -> TracerSettings:
        """Return the settings of a section; what it leaves open gets its default."""
        return cls(**{key: value for key, value in asdict(section).items() if value is not None})


def settled(config: Config, method: str) -> Config:
    """Return ``config`` as ``method`` takes it, every default written out; what is settled stays as it is.

    Raises ConfigError for settings that the method does not have.
    """
    config.check_seedless("train")
    settings = GSPOSettings.from_data(config.gspo.settings, config.training_seed)
    if config.training.episodes is not None:
        raise ConfigError(f"training.episodes is for controllers alone; method {method} takes --steps (gspo.max_steps)")
    tracer, information = config.tracer, config.information
    if method == "tracer":
        _check_for_tracer(settings)
        chosen = TracerSettings.of(tracer)
        information = _information(information, chosen)
        tracer = TracerConfig(**asdict(replace(chosen, information=information)))
    else:
        _check_without_controller(config)
        if settings.reward != "team":
            settings = replace(settings, role=settings.role or "proposer")
    return replace(
        config,
        information=information,
        training=replace(config.training, method=method),
        gspo=GSPOSection(settings.to_data()),
        tracer=tracer,
    )


def names() -> dict[str, dict[str, str] | list[str]]:
    """Return what the sections can name, for ``tracer-env list``: hooks with their signatures, then names."""
    return {
        "hook": dict(HOOKS),
        "variant": list(VARIANTS),
        "sharing": list(SHARING),
        "reviews": list(REVIEWS),
        "tracer_credit": ["one_step", "team", "team_minus_tokens:price=0.0001"],
        "finetune": list(FINETUNES),
        "objective": list(OBJECTIVES),
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
    for each in fields(config.tracer):
        if getattr(config.tracer, each.name) is not None:
            raise ConfigError(f"tracer.{each.name} goes with method tracer; leave it out or take --method tracer")
    if config.hooks.value is not None:
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
