"""Casting: turns what users write into the parts that play.

    make_scenario("gsm8k", path="test.jsonl")    a name, a Scenario, or a list of tasks
    make_speaker("proposer=smollm2,reviewer=hf:PATH", temperature=0.7)
                                                  a name, a Speaker, a function prompt -> text, a mapping by seat
    make_controller("random:p=0.3")               a name with settings, a Controller, a trained table's file (behind
                                                  which policy=greedy may stand), a mapping by seat
    make_controller("proposer=never+reviewer=always")
    make_reward("team_minus_tokens:price=0.001")
    make_rules(max_turns=7)

Seats are named ``proposer``, ``agent_0``, or ``agent_0/proposer``; the most specific name wins.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from tracer_env.compositions import information_named
from tracer_env.errors import ConfigError, TrustError, UnexpectedKeywordError, did_you_mean
from tracer_env.intake.table_files import read_table
from tracer_env.interfaces import Controller, Reward, Scenario, Speaker
from tracer_env.parts.blame import told
from tracer_env.parts.lessons import UNKNOWN
from tracer_env.parts.own_parts import own_parts, take_in
from tracer_env.parts.seams import parts_of
from tracer_env.parts.standing import tasks_alone, the_part_itself
from tracer_env.parts.task_contracts import size_of
from tracer_env.parts.trust import table_named
from tracer_env.registry import OURS, build, names_code, resolve
from tracer_env.rules import Rules
from tracer_env.specs import cast_parts, is_cast, name_and_settings
from tracer_env.types import Task

__all__ = [
    "make_controller",
    "make_reward",
    "make_rules",
    "make_scenario",
    "make_speaker",
]


def make_scenario(
    scenario: str | Scenario | Sequence[Task],
    /,
    path: str | None = None,
    split: str = "test",
    limit: int | None = None,
    seed: int = 0,
    math_seconds: float | None = None,
    unread: Sequence[str] | None = None,
    **settings: Any,
) -> Scenario:
    """Return a scenario: a registered name, a Scenario as it is, or a list of tasks.

    A list is whole, unless ``split`` is ``train`` or ``tune``: the two parts that it is then divided into.
    ``math_seconds`` of processor time are what a comparison of mathematical answers may take (None: 1.5),
    ``unread`` the names of the reasoning blocks that are left out of reading (None: think, thinking, reasoning).
    Raises UnknownNameError, ConfigError or DataError, before any task is played.
    """
    if isinstance(scenario, str):
        usual = {"path": path, "split": split, "limit": limit, "seed": seed}
        code = names_code("scenario", scenario)
        made = _own_tasks(scenario, usual, settings) if code else build("scenario", scenario, **usual, **settings)
        if getattr(made, "split", UNKNOWN) == UNKNOWN:
            with suppress(AttributeError):  # one of the user's own, with slots
                made.split = split
    elif isinstance(scenario, Scenario):
        made = scenario
    elif isinstance(scenario, Sequence) and all(isinstance(task, Task) for task in scenario):
        part = split if split in ("train", "tune") else UNKNOWN
        made = build("scenario", OURS["task_list"], scenario, name="tasks", limit=limit, split=part)
    else:
        raise ConfigError(f"scenario must be a name, a Scenario or a list of Task, got {type(scenario).__name__}")
    if math_seconds is not None:
        if not hasattr(made, "timed"):
            raise ConfigError(f"scenario {made.name!r} takes no 'math_seconds': it has no method timed()")
        made = made.timed(math_seconds)
    if unread is not None:
        if not hasattr(made, "leaving_out"):
            raise ConfigError(f"scenario {made.name!r} takes no 'unread': it has no method leaving_out()")
        made = made.leaving_out(unread)
    if size_of(made) == 0:
        raise ConfigError(f"scenario {made.name!r} has no tasks")
    checked: Scenario = made
    return checked


def _own_tasks(name: str, usual: dict[str, Any], settings: dict[str, Any]) -> Any:
    """Return the scenario that is built at an import path; one that gives back tasks is a list of them.

    It is asked with those of the usual settings that it takes. A list has the split that it was asked for; where it
    takes none, all of it is ``test``.
    """
    if (itself := the_part_itself("scenario", name, **settings)) is not None:
        return _standing_tasks(name, itself, usual)
    target, _ = resolve("scenario", name)
    try:
        takes = inspect.signature(target).parameters
    except (TypeError, ValueError):  # some callables of C have none
        return build("scenario", name, **usual, **settings)
    if any(each.kind is each.VAR_KEYWORD for each in takes.values()):
        return build("scenario", name, **usual, **settings)
    plain = {"path": None, "split": "test", "limit": None, "seed": usual["seed"]}
    listed = inspect.isfunction(target)
    asked = {key: value for key, value in usual.items() if key in takes or (value != plain[key] and not listed)}
    made = build("scenario", name, **asked, **settings)
    if isinstance(made, Scenario):
        return made
    if "split" not in takes:
        _check_whole(name, usual["split"])
    made = list(made) if isinstance(made, Iterable) else made
    if not isinstance(made, list) or not all(isinstance(task, Task) for task in made):
        raise ConfigError(f"scenario {name!r} must be a Scenario or give back a list of Task, got {told(made)}")
    found = build("scenario", OURS["task_list"], made, name=name, limit=None if "limit" in takes else usual["limit"])
    found.split = usual["split"]
    return found


def _check_whole(name: str, split: str) -> None:
    if split != "test":
        raise ConfigError(f"scenario {name!r} has the split 'test' alone; give it a parameter split to make {split!r}")


def _standing_tasks(name: str, itself: Any, usual: dict[str, Any]) -> Any:
    """Return the scenario that stands at an import path itself; a list of tasks is the split ``test``."""
    if not tasks_alone(itself) or isinstance(itself, Scenario):
        split = getattr(itself, "split", UNKNOWN)
        if usual["limit"] is not None or usual["path"] is not None or usual["split"] not in (split, "test"):
            raise ConfigError(f"scenario {name!r} is an object, made already: it takes no split, path or limit")
        return itself
    _check_whole(name, usual["split"])
    found = build("scenario", OURS["task_list"], list(itself), name=name, limit=usual["limit"])
    found.split = "test"
    return found


def make_speaker(speaker: str | Speaker | Callable[[str], str] | Mapping[str, Any], /, **settings: Any) -> Speaker:
    """Return a speaker; settings go to every named part of it.

    Raises UnknownNameError for names, ConfigError for settings that the speaker does not have.
    """
    if isinstance(speaker, str) and is_cast(speaker):
        speaker = cast_parts(speaker, ",")
    if isinstance(speaker, Mapping):
        made = {
            spec: make_speaker(spec, **settings) for spec in dict.fromkeys(speaker.values()) if isinstance(spec, str)
        }
        parts = {
            seat: made.get(spec) if isinstance(spec, str) else make_speaker(spec) for seat, spec in speaker.items()
        }
        return _speaker(OURS["cast_speaker"], parts)
    if isinstance(speaker, str):
        return _speaker(speaker, **settings)
    if settings:
        raise ConfigError(
            f"settings {sorted(settings)} go with a speaker's name, not with a made {type(speaker).__name__}"
        )
    if isinstance(speaker, Speaker):
        return speaker
    if callable(speaker):
        return _speaker(OURS["function_speaker"], speaker)
    raise ConfigError(f"speaker must be a name, a Speaker, a function or a mapping by seat, got {speaker!r}")


def _speaker(name: str, *arguments: Any, **settings: Any) -> Speaker:
    if not arguments and (itself := the_part_itself("speaker", name, **settings)) is not None:
        return make_speaker(itself)
    made = build("speaker", name, *arguments, **settings)
    if not isinstance(made, Speaker):
        raise ConfigError(f"{name!r} made a {type(made).__name__}, which has no method speak()")
    return made


def make_controller(
    controller: str | Controller | Mapping[str, Any],
    rules: Rules | None = None,
    information: str | None = None,
    trust_code: bool = False,
) -> Controller:
    """Return a controller, checked against the rules and the key that it is to play under.

    A file is data: it may name a registered table; with ``trust_code`` also one by its import path (`trust`).
    A table made by name is new and takes the key of the run, unless it names one of its own.

    Raises UnknownNameError for names, ConfigError for bad settings, for a table trained under other
    rules or keys, and for a cast that leaves a seat without a controller.
    """
    made = _controller(controller, information, trust_code)
    if not isinstance(made, Controller):
        raise ConfigError(f"{controller!r} made a {type(made).__name__}, which has no method speak_probability()")
    check = getattr(made, "check", None)
    if rules is not None and check is not None:
        check(rules) if parts_of(made) else check(rules, information)
        for part in parts_of(made).values():
            make_controller(part, rules, information)
    return made


def _controller(controller: Any, information: str | None, trust_code: bool) -> Any:
    if isinstance(controller, str) and is_cast(controller):
        controller = cast_parts(controller, "+")
    if isinstance(controller, Mapping):
        parts = {seat: _controller(spec, information, trust_code) for seat, spec in controller.items()}
        return build("controller", OURS["cast_controller"], parts)
    if not isinstance(controller, str):
        return controller
    name, settings = name_and_settings(controller)
    if name.endswith(".json"):
        return _load_table(Path(name), trust_code, settings)
    if (itself := the_part_itself("controller", controller)) is not None:
        return itself
    take_in(settings.get("information"))
    if information is not None and "information" in inspect.signature(resolve("controller", name)[0]).parameters:
        information_named(settings.setdefault("information", information))
    return build("controller", name, **settings)


def make_reward(reward: str | Reward) -> Reward:
    """Return a reward: a name, with settings behind a colon, or the object itself."""
    if isinstance(reward, str):
        if (itself := the_part_itself("reward", reward)) is not None:
            return itself  # type: ignore[no-any-return]
        name, settings = name_and_settings(reward)
        made: Reward = build("reward", name, **settings)
        return made
    if callable(reward):
        return reward
    raise ConfigError(f"reward must be a name or a function of two states, got {reward!r}")


def make_rules(rules: Rules | None = None, **settings: Any) -> Rules:
    """Return rules from settings, or ``rules`` as they are.

    Raises UnexpectedKeywordError for unknown settings, ConfigError for settings beside made rules.
    """
    known = [field.name for field in fields(Rules)]
    for name in settings:
        if name not in known:
            raise UnexpectedKeywordError(
                f"got an unexpected keyword argument {name!r}: the rules have no setting {name!r}"
                f"{did_you_mean(name, known)}"
            )
    if rules is not None:
        if settings:
            raise ConfigError(f"give either rules= or {sorted(settings)}, not both")
        return rules
    return Rules(**Rules.in_full(settings))


def _load_table(path: Path, trust_code: bool, settings: Mapping[str, Any]) -> Any:
    data = read_table(path)
    made = table_named(data["controller"], path, trust_code)()
    if named := own_parts(data.get("information")):
        if not trust_code:
            raise TrustError(
                f"{path} tells its rows apart by {named[0]!r}, which is code; register it under a name of its own, or "
                "give --trust-code (in Python trust_code=True) if you trust the file"
            )
        take_in(data["information"])
    try:
        made.load_state_dict(data)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    for name, value in settings.items():
        if name != "policy" or not hasattr(made, "play"):
            raise ConfigError(
                f"{path} is a trained {made.name} controller, and {name} is settled by its training"
                f"{'; of a table policy=average or policy=greedy can be asked' if hasattr(made, 'play') else ''}"
            )
        made.play(value)
    return made
