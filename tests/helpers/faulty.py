"""The small server of `benchmarks/fault_server.py`, and requests to send to it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from tracer_env.interfaces import Request
from tracer_env.randomness import stream
from tracer_env.rules import Rules, initial
from tracer_env.types import Task

__all__ = ["FaultServer", "Faults", "request"]

_spec = importlib.util.spec_from_file_location(
    "fault_server", Path(__file__).parents[2] / "benchmarks" / "fault_server.py"
)
assert _spec is not None
assert _spec.loader is not None
fault_server = importlib.util.module_from_spec(_spec)
sys.modules["fault_server"] = fault_server
_spec.loader.exec_module(fault_server)
FaultServer, Faults = fault_server.FaultServer, fault_server.Faults


def request(number: int = 0, candidates: int = 1) -> Request:
    """The first proposal of a task."""
    task = Task(f"t{number}", f"What is {number} + 1?", str(number + 1))
    state = initial(task, Rules())
    return Request(state, state.seat, stream(0, task.id, 0), candidates)
