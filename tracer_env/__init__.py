"""tracer-env: an agent-environment simulator for research on cooperating language models.

    env = tracer_env.env("arithmetic", speaker="simulated", num_agents=2, max_turns=5)

The names in ``__all__`` are the public ones. Each is imported when it is first asked for, and parts with heavy
dependencies when they are used. Gymnasium and PettingZoo know the world by its ids as soon as both they and this
package are imported, in either order.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from tracer_env._checkout import open_rooms as _open_rooms
from tracer_env._registration import after as _after

_open_rooms(__file__)

if _TYPE_CHECKING:
    from tracer_env import errors
    from tracer_env.envs.signal_features import fit_features
    from tracer_env.envs.wrappers import env, parallel_env, raw_env
    from tracer_env.episodes.transcript import Transcript
    from tracer_env.parts.casting import make_controller, make_scenario, make_speaker
    from tracer_env.parts.methods import make_method
    from tracer_env.registry import register, registered
    from tracer_env.rules import DialogueState, Rules
    from tracer_env.runs.comparing import compare
    from tracer_env.runs.folder import load_run
    from tracer_env.runs.live import play
    from tracer_env.trees.growth import expand
    from tracer_env.trees.tree import DialogueTrees
    from tracer_env.types import Action, Grade, Role, Task, Utterance, Verdict

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
    "make_method",
    "make_scenario",
    "make_speaker",
    "parallel_env",
    "play",
    "raw_env",
    "register",
    "registered",
]

_HOMES = {
    "envs.signal_features": ("fit_features",),
    "envs.wrappers": ("env", "parallel_env", "raw_env"),
    "episodes.transcript": ("Transcript",),
    "parts.casting": ("make_controller", "make_scenario", "make_speaker"),
    "parts.methods": ("make_method",),
    "registry": ("register", "registered"),
    "rules": ("DialogueState", "Rules"),
    "runs.comparing": ("compare",),
    "runs.folder": ("load_run",),
    "runs.live": ("play",),
    "trees.growth": ("expand",),
    "trees.tree": ("DialogueTrees",),
    "types": ("Action", "Grade", "Role", "Task", "Utterance", "Verdict"),
}
_LATER = {name: f"tracer_env.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> _Any:
    if name == "errors":
        return _import_module("tracer_env.errors")
    if name not in _LATER:
        raise AttributeError(f"module 'tracer_env' has no attribute {name!r}")
    found = globals()[name] = getattr(_import_module(_LATER[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _tell_gymnasium() -> None:
    import gymnasium

    gymnasium.register(
        "tracer_env/Controller-v0",
        entry_point="tracer_env.envs.wrappers:make_controller_env",
        vector_entry_point="tracer_env.envs.vector.env:make_vector_env",
    )


def _tell_pettingzoo() -> None:
    import pettingzoo

    if hasattr(pettingzoo, "register"):  # since 1.27
        pettingzoo.register("aec", "tracer_env/dialogue-v0", entry_point="tracer_env.envs.wrappers:env")
        pettingzoo.register("parallel", "tracer_env/dialogue-v0", entry_point="tracer_env.envs.wrappers:parallel_env")


_after("gymnasium", _tell_gymnasium)
_after("pettingzoo", _tell_pettingzoo)
