"""tracer-env: an agent-environment simulator for research on cooperating language models."""

from __future__ import annotations

from tracer_env._checkout import open_rooms

open_rooms(__file__)
