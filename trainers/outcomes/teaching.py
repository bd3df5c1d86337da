"""The door of this room: what learns from outcomes is taught for a comparison, alone or in a cast.

    teach(make_controller("down"), "down", tasks, speaker, rules, lesson)

Gates, and what Stable-Baselines3 teaches, decide for the whole dialogue and so are taught alone; tables of action
values may sit in casts.
"""

from __future__ import annotations

from typing import Any

from tracer_env.agents.controllers.gate import Gate
from tracer_env.agents.controllers.stable_baselines import StableBaselines
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller, Scenario, Speaker
from tracer_env.parts.seams import parts_of
from tracer_env.rules import Rules
from tracer_env.runs.learning import Lesson, lessons_in, untrained
from tracer_env.trainers.outcomes.gating import fit_gate
from tracer_env.trainers.outcomes.openings import play_openings
from tracer_env.trainers.outcomes.returns import train_on_returns
from tracer_env.trainers.outcomes.stable_baselines import train_stable_baselines

__all__ = ["teach"]


def teach(
    controller: Controller, name: str, scenario: Scenario, speaker: Speaker, rules: Rules, lesson: Lesson
) -> dict[str, Any]:
    """Teach a controller in place and return the course; ``name`` is what errors and progress call it.

    Raises ConfigError for what is taught alone inside a cast.
    """
    if isinstance(controller, Gate):
        return _gate(controller, name, scenario, speaker, rules, lesson)
    if isinstance(controller, StableBaselines):
        return _steps(controller, name, scenario, speaker, rules, lesson)
    if alone := [seat for seat, part in parts_of(controller).items() if isinstance(part, _WHOLE) and untrained(part)]:
        raise ConfigError(
            f"{name!r} has at {alone[0]} what has to be trained and decides for the whole dialogue; "
            "train it alone, and give the file that it is written to"
        )
    lesson.tell.start(f"training {name}", lesson.episodes)
    course = train_on_returns(
        controller,
        scenario,
        speaker,
        rules,
        lesson.episodes,
        lesson.seed,
        lesson.update_every,
        lesson.key(),
        lambda done, right: lesson.tell.reach(done, f"accuracy {right:.3f}"),
    )
    return _course(lesson.episodes, course)


def _gate(gate: Gate, name: str, scenario: Scenario, speaker: Speaker, rules: Rules, lesson: Lesson) -> dict[str, Any]:
    lesson.tell.start(f"training {name}", lesson.episodes)
    openings = play_openings(gate, scenario, speaker, rules, lesson.episodes, lesson.seed, lesson.tell)
    learned = fit_gate(gate, openings)
    gate.rules, gate.lessons = rules, lessons_in(scenario, lesson.episodes)
    return _course(lesson.episodes, {"turns": openings.turns, "tokens": openings.tokens, **learned})


def _steps(
    controller: StableBaselines, name: str, scenario: Scenario, speaker: Speaker, rules: Rules, lesson: Lesson
) -> dict[str, Any]:
    lesson.tell.start(f"training {name}", lesson.episodes)
    course = train_stable_baselines(controller, scenario, speaker, rules, lesson)
    controller.lessons = lessons_in(scenario, len(scenario))  # it may have come round to all of them
    return _course(course.pop("episodes"), course)


_WHOLE = (Gate, StableBaselines)


def _course(episodes: int, told: dict[str, Any]) -> dict[str, Any]:
    return {"learned_from": "outcomes", "episodes": episodes, **told, "average_regret_curve": [], "policy_table": []}
