"""What infos hold: plain values, the dialogue as objects too, or numbers alone for everybody.

``numbers`` is for clients that turn every info into a tensor (TorchRL's PettingZooWrapper, Gymnasium's conversions of
its own vectors): role, turn and tokens, for who waits as well; the mask stands in the observation alone, where TorchRL
wants one of the two. The Gymnasium view, whose observations have no mask, adds it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracer_env.dialogue import Dialogue, Line
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.rules import DialogueState

__all__ = ["INFOS", "MASKS", "checked_info", "of_kind"]

INFOS = ("plain", "rich", "numbers")
MASKS = {bits: np.array(bits, dtype=np.int8) for bits in ((0, 0), (0, 1), (1, 0), (1, 1))}
for _mask in MASKS.values():
    _mask.flags.writeable = False  # infos share them; observations get copies


def checked_info(kind: str) -> str:
    """Return the kind of infos; raises ConfigError for an unknown one."""
    if kind not in INFOS:
        raise ConfigError(f"info is {kind!r}; choose one of: {', '.join(INFOS)}{did_you_mean(kind, INFOS)}")
    return kind


def of_kind(kind: str, plain: dict[str, Any], line: Line | None, state: DialogueState) -> dict[str, Any]:
    """Return the acting agent's info in a kind other than ``plain``, from the plain one."""
    if kind == "rich":
        return {**plain, "utterance": line, "dialogue": Dialogue(state)}
    return {"role": int(plain["role"]), "turn": plain["turn"], "tokens": plain["tokens"]}
