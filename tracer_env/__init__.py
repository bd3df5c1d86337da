"""tracer-env: an agent-environment simulator for research on cooperating language models.

    env = tracer_env.env("arithmetic", speaker="simulated", num_agents=2, max_turns=5)

The names below are the public ones. Parts with heavy dependencies are imported when they are used.
"""

from __future__ import annotations

import gymnasium as _gymnasium
import pettingzoo as _pettingzoo

from tracer_env._checkout import open_rooms as _open_rooms

_open_rooms(__file__)

from tracer_env import errors  # noqa: E402 (the rooms have to be open first)
from tracer_env.casting import make_controller, make_scenario, make_speaker  # noqa: E402
from tracer_env.registry import register, registered  # noqa: E402
from tracer_env.rules import DialogueState, Rules  # noqa: E402
from tracer_env.transcript import Transcript  # noqa: E402
from tracer_env.types import Action, Grade, Role, Task, Utterance, Verdict  # noqa: E402
from tracer_env.wrappers import env, parallel_env, raw_env  # noqa: E402

__version__ = "0.1.0"

__all__ = [
    "Action",
    "DialogueState",
    "Grade",
    "Role",
    "Rules",
    "Task",
    "Transcript",
    "Utterance",
    "Verdict",
    "env",
    "errors",
    "make_controller",
    "make_scenario",
    "make_speaker",
    "parallel_env",
    "raw_env",
    "register",
    "registered",
]

_gymnasium.register("tracer_env/Controller-v0", entry_point="tracer_env.wrappers:make_controller_env")
_pettingzoo.register("aec", "tracer_env/dialogue-v0", entry_point="tracer_env.wrappers:env")
