"""How many worlds a speaker has, and the refusal of more: the same utterances again are no new evidence.

A world is one draw of the luck. A speaker says with an attribute ``worlds`` how many different ones it has:

    recordings                    those recorded; under a foreign seed (``any_seed``) one, since two may coincide
    models at temperature 0       1
    simulated, sampling models    None: no end
    casts                         the most of their parts: a world is new where one of them says something else
    functions                     what the function's own attribute ``worlds`` says, None without one
    memories                      those of the speaker behind them

A speaker without the attribute is taken to have no end, for nobody can see from outside whether it draws anew: one that
repeats itself has to say so. What counts worlds as evidence (`compare`, `evaluate`, `expand`) and what asks for one
by its number (`play`, the reset option ``world``) refuses those that there are not. Training may come back to a
world, and does so when it runs longer than there are tasks and worlds: that teaches nothing false, it only counts
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tracer_env.errors import ConfigError
from tracer_env.intake.bounded import shown_path
from tracer_env.parts.blame import name_of, told

__all__ = ["check_world", "check_worlds", "most_worlds", "played_in", "worlds_of"]


def worlds_of(speaker: Any, seed: int | None = None) -> int | None:
    """Return how many worlds a speaker has, None where there is no end; under ``seed`` where that makes a difference.

    Raises ConfigError when it says anything else than a whole number of at least 1.
    """
    under = getattr(speaker, "worlds_under", None)
    said = getattr(speaker, "worlds", None) if seed is None or under is None else under(seed)
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int) or said < 1:
        raise ConfigError(
            f"{name_of(speaker)}.worlds is {told(said)}; it must be a whole number of at least 1, or None for no end"
        )
    return said


def played_in(episode: Any, tasks: int) -> tuple[Any, Any]:
    """Return the world of an episode and the place of its task, numbers or arrays of them.

    All tasks are played in one world, in their order, before the next world begins.
    """
    world, number = divmod(episode, tasks)
    return world, number


def most_worlds(speakers: Iterable[Any], seed: int | None = None) -> int | None:
    """Return the most worlds that one of some speakers has, None where one has no end."""
    each = [worlds_of(speaker, seed) for speaker in speakers]
    return None if None in each else max(number for number in each if number is not None)


def check_worlds(speaker: Any, asked: int, seed: int) -> None:
    """Raise ConfigError when more worlds are to be played than the speaker has under ``seed``, or no number of them."""
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 1:
        raise ConfigError(f"worlds must be a whole number of at least 1, got {told(asked)}")
    there = worlds_of(speaker, seed)
    if there is None or asked <= there:
        return
    at_all = worlds_of(speaker)
    foreign = "" if at_all == there else f" under another seed than its own (of its {at_all}, one may come twice)"
    raise ConfigError(
        f"worlds is {asked}, but {_called(speaker)} has {_counted(there)}{foreign}: the others would be copies, "
        f"counted as evidence; ask for {'1' if there == 1 else f'at most {there}'}"
    )


def check_world(speaker: Any, world: int, asked_as: str) -> None:
    """Raise ConfigError when a world is asked for by a number that the speaker does not have."""
    there = worlds_of(speaker)
    if there is not None and world >= there:
        last = "0" if there == 1 else f"0 to {there - 1}"
        raise ConfigError(f"{asked_as} is {world}, but {_called(speaker)} has {_counted(there)}; ask for {last}")


def _counted(worlds: int) -> str:
    return "1 world" if worlds == 1 else f"{worlds} worlds"


def _called(speaker: Any) -> str:
    name = getattr(speaker, "name", None)
    return shown_path(name) if isinstance(name, str) and name else f"the speaker {name_of(speaker)}"
