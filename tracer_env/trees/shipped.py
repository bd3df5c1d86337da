"""Where the recordings lie that come with the package: dialogue trees of language models on arithmetic sums.

    recorded            `nano`: what `compare` and `play` use when neither a scenario nor a speaker is named, so that a
                        fresh install shows what a language model really said
    recorded-smollm2    SmolLM2-135M-Instruct, utterances of at most 48 tokens: a model that is right half of the time
                        and whose confidence says little

Each is a scenario and a speaker of that name; `benchmarks/make_recording.py` made both.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["RECORDINGS", "SHIPPED"]

SHIPPED = Path(__file__).parents[1] / "data" / "recording"
"""A folder of trees, as `DialogueTrees.load` reads it."""
RECORDINGS = {"recorded": SHIPPED, "recorded-smollm2": SHIPPED.with_name("recording_smollm2")}
"""The folders of all of them, by name."""
