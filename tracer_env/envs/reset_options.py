"""Reset options: which task and which world an episode plays, when somebody asks for them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from tracer_env.errors import ConfigError, UnknownNameError, did_you_mean
from tracer_env.interfaces import Scenario
from tracer_env.parts.worlds import check_world, played_in

__all__ = ["picked"]

_OPTIONS = ("task", "world")


def picked(
    options: Mapping[str, Any], episode: int, scenario: Scenario, speaker: Any, places: dict[str, int]
) -> tuple[int, int]:
    """Return the place of the task and the world that ``options`` ask for; what they leave open, ``episode`` decides.

    ``places`` are those of the tasks by their ids, filled here when they are asked for. Raises ConfigError for a
    misspelt option, a negative world and one that the speaker does not have, UnknownNameError for an unknown task.
    Foreign options are ignored: PettingZoo's conformance test passes some, so only slips of ours are errors.
    """
    for name in options:
        if name not in _OPTIONS and difflib.get_close_matches(str(name), _OPTIONS):
            raise ConfigError(f"unknown reset option {name!r}{did_you_mean(str(name), _OPTIONS)}")
    world, number = played_in(episode, len(scenario))
    world = options.get("world", world)
    if isinstance(world, bool) or not isinstance(world, int) or world < 0:
        raise ConfigError(f"reset option 'world' must be a whole number of at least 0, got {world!r}")
    if "world" in options:
        check_world(speaker, world, "reset option 'world'")
    if "task" not in options:
        return number, world
    if not places:
        places |= {task.id: place for place, task in enumerate(scenario)}
    if options["task"] not in places:
        raise UnknownNameError("task", options["task"], places)
    return places[options["task"]], world
