"""Methods by name: a recipe, which brings its own rules, or a controller under the run's.

    make_method("debate:agents=3,rounds=2")     a recipe of `agents.methods`, or one registered as a "method"
    make_method("until_approved")               this controller under the run's rules

A recipe is a controller with a method ``plays(rules)``; what becomes of that stands in `rules.under`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.interfaces import Controller
from tracer_env.parts.blame import told
from tracer_env.parts.casting import make_controller
from tracer_env.parts.seams import check_answers, check_plays
from tracer_env.registry import KINDS, build
from tracer_env.rules import Rules, under
from tracer_env.specs import name_and_settings

__all__ = ["Method", "check_speaks", "is_recipe", "make_method"]


@runtime_checkable
class Method(Protocol):
    """A controller that brings its own rules."""

    def plays(self, rules: Rules, /) -> Rules:
        """Return the rules of its dialogues, made of the run's; equal rules give equal ones."""
        ...

    def speak_probability(self, state: Any, key: str) -> float:
        """Return the probability of SPEAK, as a controller does."""
        ...


def is_recipe(name: str) -> bool:
    """Return whether a method's name stands for a recipe, with or without settings behind it."""
    return name in KINDS["method"] or name_and_settings(name)[0] in KINDS["method"]


def make_method(
    method: str | Controller | Mapping[str, Any],
    rules: Rules | None = None,
    information: str | None = None,
    trust_code: bool = False,
) -> Controller:
    """Return a method: a recipe by its name with settings, or a controller as `make_controller` makes it.

    A recipe is checked by making its rules of ``rules`` (None: the usual ones). Raises UnknownNameError with the
    nearest name of both kinds, ConfigError for settings that it does not have, and whatever `make_controller` raises.
    """
    if not isinstance(method, str) or not is_recipe(method):
        return _controller(method, rules, information, trust_code)
    name, settings = name_and_settings(method)
    made = build("method", name, **settings)
    if not isinstance(made, Method):
        raise ConfigError(f"the method {name!r} made {told(made)}, which has no plays() and speak_probability()")
    try:
        plays = under(rules or Rules(), made)
    except ConfigError as error:  # of a schedule, which the user has not named
        raise ConfigError(f"method {method}: {error}") from error
    if not isinstance(plays, Rules):
        raise ConfigError(f"plays() of the method {name!r} must return Rules, got {told(plays)}")
    return made


def _controller(method: Any, rules: Rules | None, information: str | None, trust_code: bool) -> Controller:
    try:
        return make_controller(method, rules, information, trust_code)
    except UnknownNameError as error:
        name = name_and_settings(method)[0] if isinstance(method, str) else ""
        if name != error.name or error.kind != "controller":
            raise
        raise UnknownNameError("method", name, {**KINDS["controller"], **KINDS["method"]}) from error


def check_speaks(speaker: Any, rules: Rules, methods: Mapping[str, Controller]) -> None:
    """Raise ConfigError, naming the method, for a speaker that cannot play the rules of one, or answer one."""
    check_plays(speaker, rules)
    for name, method in methods.items():
        own = under(rules, method)
        check_answers(method, speaker, own)
        if own == rules:
            continue
        try:
            check_plays(speaker, own)
        except ConfigError as error:
            raise ConfigError(
                f"method {told(name)} cannot be played: {error}; leave it out, or take a speaker that "
                "speaks anew (nano, simulated)"
            ) from error
