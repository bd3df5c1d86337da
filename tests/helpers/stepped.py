"""Controllers trained by steps of the environment, in the fewest that will do."""

from __future__ import annotations

from tracer_env.agents.controllers.stable_baselines import StableBaselines
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.interfaces import Scenario, Speaker
from tracer_env.parts.casting import make_scenario
from tracer_env.rules import Rules
from tracer_env.runs.learning import Lesson
from tracer_env.terminal.progress import NoReporter
from tracer_env.trainers.outcomes.stable_baselines import train_stable_baselines
from tracer_env.trees.growth import expand

RULES = Rules(max_turns=3)
TASKS = make_scenario("arithmetic", split="train", limit=20)


def taught(
    made: StableBaselines, tasks: Scenario = TASKS, speaker: Speaker | None = None, seed: int = 0
) -> dict[str, object]:
    voices = speaker or SimulatedSpeaker()
    lesson = Lesson(
        10, seed, 32, lambda: "vote_and_time", lambda: expand(tasks, voices, RULES, seed, texts=False), NoReporter()
    )
    return train_stable_baselines(made, tasks, voices, RULES, lesson)
