"""tracer-env: an agent-environment simulator for research on cooperating language models.

    env = tracer_env.env("arithmetic", speaker="simulated", num_agents=2, max_turns=5)

The names in ``__all__`` are the public ones. What an ``env.step`` loop does not need is imported when it is
first asked for, and parts with heavy dependencies when they are used.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

import gymnasium as _gymnasium
import pettingzoo as _pettingzoo

from tracer_env._checkout import open_rooms as _open_rooms

_open_rooms(__file__)

from tracer_env import errors  # noqa: E402 (the rooms have to be open first)
from tracer_env.envs.wrappers import env, parallel_env, raw_env  # noqa: E402
from tracer_env.episodes.transcript import Transcript  # noqa: E402
from tracer_env.parts.casting import make_controller, make_scenario, make_speaker  # noqa: E402
from tracer_env.registry import register, registered  # noqa: E402
from tracer_env.rules import DialogueState, Rules  # noqa: E402
from tracer_env.types import Action, Grade, Role, Task, Utterance, Verdict  # noqa: E402

if _TYPE_CHECKING:
    from tracer_env.envs.signal_features import fit_features
    from tracer_env.runs.comparing import compare
    from tracer_env.runs.folder import load_run
    from tracer_env.runs.live import play
    from tracer_env.trees.growth import expand
    from tracer_env.trees.tree import DialogueTrees

__version__ = "0.1.0"

__all__ = [
    "Action",
    "DialogueState",
    "DialogueTrees",
    "Grade",
    "Role",
    "Rules",
    "Task",
    "Transcript",
    "Utterance",
    "Verdict",
    "compare",
    "env",
    "errors",
    "expand",
    "fit_features",
    "load_run",
    "make_controller",
    "make_scenario",
    "make_speaker",
    "parallel_env",
    "play",
    "raw_env",
    "register",
    "registered",
]

_LATER = {
    "DialogueTrees": "tracer_env.trees.tree",
    "compare": "tracer_env.runs.comparing",
    "expand": "tracer_env.trees.growth",
    "fit_features": "tracer_env.envs.signal_features",
    "load_run": "tracer_env.runs.folder",
    "play": "tracer_env.runs.live",
}


def __getattr__(name: str) -> _Any:
    if name in _LATER:
        return getattr(_import_module(_LATER[name]), name)
    raise AttributeError(f"module 'tracer_env' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_LATER]


_gymnasium.register(
    "tracer_env/Controller-v0",
    entry_point="tracer_env.envs.wrappers:make_controller_env",
    vector_entry_point="tracer_env.envs.vector.env:make_vector_env",
)
_pettingzoo.register("aec", "tracer_env/dialogue-v0", entry_point="tracer_env.envs.wrappers:env")
_pettingzoo.register("parallel", "tracer_env/dialogue-v0", entry_point="tracer_env.envs.wrappers:parallel_env")
