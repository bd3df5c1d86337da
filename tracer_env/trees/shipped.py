"""Where the recording lies that comes with the package: dialogue trees of the model `nano` on arithmetic sums.

It is what `compare` and `play` use when neither a scenario nor a speaker is named, so that a fresh install
shows what a language model really said. Both its names are ``recorded``.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["SHIPPED"]

SHIPPED = Path(__file__).parents[1] / "data" / "recording"
"""A folder of trees, as `DialogueTrees.load` reads it."""
