"""Whole teams trained in joint dialogues: MAGRPO (arXiv 2508.04652) and MAPoRL (arXiv 2502.18439), by the GRPO form.

Read `returns` (what a team earns), `influence` (what an utterance earns that moves others), `settings`, `trainer`.
"""
