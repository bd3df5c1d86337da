"""What the vector environment checks before it plays: parts, reset options, and the memory it will use.

It can play parts that hang on nothing but a machine's situation, and keys of what speakers tell of their words.
Anything else is refused before a table is filled, with the way that plays it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from tracer_env.compositions import Composition, check_ready, information_named
from tracer_env.envs.vector.rates import Rates
from tracer_env.errors import ConfigError, UnknownNameError, did_you_mean
from tracer_env.information import KEYS
from tracer_env.interfaces import Controller, Information, Reward
from tracer_env.parts.blame import name_of
from tracer_env.parts.own_parts import take_in
from tracer_env.parts.seams import own_key, parts_of
from tracer_env.parts.worlds import check_world
from tracer_env.registry import resolve
from tracer_env.rewards import RoleCredit, Team, TeamMinusTokens
from tracer_env.rules import Rules

__all__ = [
    "HINT",
    "check_begun_by_itself",
    "check_parts",
    "check_rules",
    "chosen_actions",
    "keep_freed_memory",
    "picked",
    "rates_of",
    "seeds_of",
]

HINT = 'use vectorization_mode="sync" for it'
_OPTIONS = ("task", "world")
_TABLED = ("always", "never", "random", "periodic", "vote_threshold", "until_approved", "oracle", "regret_matching")


def check_begun_by_itself(num_envs: int, autoreset_mode: AutoresetMode) -> None:
    """Raise ConfigError for no sub-environments, and for the mode in which others begin the next episodes."""
    if num_envs < 1:
        raise ConfigError(f"num_envs must be at least 1, got {num_envs}")
    if autoreset_mode is AutoresetMode.DISABLED:
        raise ConfigError("autoreset_mode must be NEXT_STEP or SAME_STEP: finished dialogues begin anew by themselves")


def rates_of(speaker: Any) -> Rates:
    """Return the parameters of a simulated speaker; raises ConfigError for speakers that arrays cannot play."""
    if type(speaker) is not resolve("speaker", "simulated")[0]:
        raise ConfigError(
            f"the vector environment plays the simulated speaker and recordings, not {type(speaker).__name__}; {HINT}"
        )
    rates: Rates = speaker.simulation
    return rates


def check_rules(rules: Rules, recorded: bool) -> None:
    """Raise ConfigError for rules under which a dialogue hangs on more than what is pending."""
    if rules.final_answer == "majority_of_agents":
        raise ConfigError(f"the vector environment has no table for final_answer='majority_of_agents'; {HINT}")
    if not recorded and not rules.reads_all:
        raise ConfigError(
            f"the vector environment plays seats that read everything, and not all do under {rules.schedule!r}; {HINT}"
        )


def check_parts(reward: Reward, information: str | Information, others: Controller) -> Information:
    """Return the key function; raise ConfigError for parts that may hang on more than a machine's situation."""
    if type(reward) not in (RoleCredit, Team, TeamMinusTokens):
        raise ConfigError(f"the vector environment has no table for the reward {type(reward).__name__}; {HINT}")
    take_in(information)
    tell = check_ready(information_named(information))
    _check_key(tell, "the information")
    known = tuple(resolve("controller", name)[0] for name in _TABLED)
    for part in (parts_of(others) or {"": others}).values():
        if not isinstance(part, known):  # type: ignore[arg-type]  # registered as classes
            raise ConfigError(
                f"the vector environment has no table for the fixed controller {type(part).__name__}: "
                f"it must be a function of turn, vote and verdict ({', '.join(_TABLED)}, or a trained table); {HINT}"
            )
        own = own_key(part)
        if own is not None:
            _check_key(own, "a fixed controller's information")
    return tell


def _check_key(tell: Information, what: str) -> None:
    if tell not in KEYS.values() and not isinstance(tell, Composition):
        raise ConfigError(f"the vector environment has no table for {what} {name_of(tell)}; {HINT}")
    for part in tell.parts if isinstance(tell, Composition) else ():
        if part.own is not None:
            raise ConfigError(
                f"the vector environment has no table for {part.kind!r}, a part of your own in {what}; {HINT}"
            )


def chosen_actions(actions: NDArray[np.integer[Any]], count: int) -> NDArray[np.uint8]:
    """Return the actions of ``count`` sub-environments as bytes; raises ConfigError for anything else."""
    array = np.asarray(actions)
    if array.shape != (count,) or array.dtype.kind not in "iub":
        raise ConfigError(
            f"actions must be {count} integers, got shape {array.shape} of {array.dtype}; 0 is SKIP and 1 is SPEAK"
        )
    if array.astype(np.int64, copy=False).view(np.uint64).max() > 1:  # negative ones are large there
        raise ConfigError("actions must be 0 (SKIP) or 1 (SPEAK)")
    return array.astype(np.uint8)


def seeds_of(seeds: int | Sequence[int], count: int) -> NDArray[np.uint64]:
    """Return one seed for each of ``count`` sub-environments: ``seeds + i``, or those of a list.

    Raises ConfigError for a list of another length or of anything but whole numbers.
    """
    if isinstance(seeds, int | np.integer):
        return np.uint64(int(seeds) % (1 << 64)) + np.arange(count, dtype=np.uint64)
    if len(seeds) != count:
        raise ConfigError(f"a list of seeds needs one for each of {count} sub-environments, got {len(seeds)}")
    if not all(isinstance(one, int | np.integer) and not isinstance(one, bool) for one in seeds):
        raise ConfigError(f"a list of seeds must hold whole numbers, got {list(seeds)!r:.200}")
    return np.array([int(one) % (1 << 64) for one in seeds], dtype=np.uint64)


def picked(
    options: Mapping[str, Any] | None, places: Mapping[str, int], count: int, speaker: Any
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64] | None]:
    """Return the tasks and the worlds that reset options ask for, (count,) each, None where they do not.

    As in `DialogueEnv.reset`, foreign options are ignored; misspelt ones, and worlds that the speaker does not have,
    are a ConfigError.
    """
    given = options or {}
    for name in given:
        if name not in _OPTIONS and difflib.get_close_matches(str(name), _OPTIONS):
            raise ConfigError(f"unknown reset option {name!r}{did_you_mean(str(name), _OPTIONS)}")
    task, world = given.get("task"), given.get("world")
    if world is not None and (isinstance(world, bool) or not isinstance(world, int) or world < 0):
        raise ConfigError(f"reset option 'world' must be a whole number of at least 0, got {world!r}")
    if world is not None:
        check_world(speaker, world, "reset option 'world'")
    if task is not None and task not in places:
        raise UnknownNameError("task", task, places)
    return (
        None if task is None else np.full(count, places[task], dtype=np.int64),
        None if world is None else np.full(count, world, dtype=np.int64),
    )


def keep_freed_memory() -> None:
    """Have glibc keep what a step frees for the next one.

    By default it gives a few hundred kilobytes back to the system at once, and having them mapped again, page by
    page, takes longer than the step. Once a large block was freed, up to twice its size is kept.
    """
    np.empty(16 << 20, dtype=np.uint8)
