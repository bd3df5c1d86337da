"""Where an environment stands, as one immutable value: what a fork or a search goes back to."""

from __future__ import annotations

from dataclasses import dataclass

from tracer_env.dialogue import Line
from tracer_env.rules import DialogueState

__all__ = ["Snapshot"]


@dataclass(frozen=True)
class Snapshot:
    """All that `DialogueEnv.set_state` needs to stand where another environment stood."""

    dialogue: DialogueState
    seed: int
    episode: int
    stream: int
    world: int
    agents: tuple[str, ...]
    selection: str
    dead: tuple[str, ...]
    rewards: dict[str, float]
    cumulative: dict[str, float]
    last_line: Line | None
    tokens: int
    skip_selection: str | None
