"""Whose words were played: one phrase for the line above a table, and for the record.

A speaker says it with an attribute ``words``; a language model by its ``model``; a cast part by part. One that says
nothing is named by its class or function.
"""

from __future__ import annotations

from typing import Any

from tracer_env.intake.bounded import shown_path
from tracer_env.parts.blame import name_of
from tracer_env.parts.seams import parts_of

__all__ = ["SIMULATED", "words_of"]

SIMULATED = "SIMULATED words"
"""How the phrase of words begins that no model wrote."""
_LONGEST = 200


def words_of(speaker: Any) -> str:
    """Return whose words a speaker says, in at most 200 characters."""
    if parts := parts_of(speaker):
        return "; ".join(f"{seat}: {words_of(part)}" for seat, part in parts.items())[:_LONGEST]
    said, model = getattr(speaker, "words", None), getattr(speaker, "model", None)
    if isinstance(said, str) and said:
        return shown_path(said)[:_LONGEST]
    if isinstance(model, str) and model:
        return f"words of {shown_path(model)}"[:_LONGEST]
    inner = getattr(speaker, "function", speaker)
    return f"words of {name_of(inner)}"[:_LONGEST]
