"""Resident memory of a dialogue's speakers: four role seats of two agents against one loaded model.

    python benchmarks/hf_memory.py

Two fresh processes. One loads SmolLM2 and generates a few tokens. The other makes four speakers with settings
of their own, one for each agent and role, and lets all four speak. Printed is the resident memory above a
process that has only imported torch and transformers, and in all.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

SEATS = ("agent_0/proposer", "agent_0/reviewer", "agent_1/proposer", "agent_1/reviewer")


def resident() -> float:
    """Return this process's resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def child(seats: int) -> None:
    """Load speakers for ``seats`` seats, let each speak, and print the memory before and after."""
    import torch
    import transformers  # noqa: F401  # so that its memory counts as before

    from tracer_env.agents.speakers.cast import CastSpeaker
    from tracer_env.agents.speakers.models.smollm2 import SmolLM2
    from tracer_env.interfaces import Request
    from tracer_env.rules import Rules, initial
    from tracer_env.types import Role, Seat, Task

    torch.set_num_threads(1)
    before = resident()
    parts = {name: SmolLM2(max_new_tokens=8, temperature=0.1 * (i + 1)) for i, name in enumerate(SEATS[:seats])}
    cast, state = CastSpeaker(parts), initial(Task("sum", "What is 2 plus 3?", "5", scenario="arithmetic"), Rules())
    taken = [Seat(int(name[6]), Role[name.partition("/")[2].upper()]) for name in parts]
    cast.speak([Request(state, seat, 1) for seat in taken])
    print(before, resident())


def run(seats: int) -> tuple[float, float]:
    command = [sys.executable, __file__, "--seats", str(seats)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, after = map(float, done.stdout.split())
    return before, after


def main() -> None:
    parser = argparse.ArgumentParser(description="memory of four seats against one model")
    parser.add_argument("--seats", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.seats:
        child(asked.seats)
        return
    run(1)  # converts the model if that has not been done
    (empty, one), (_, four) = run(1), run(4)
    print(f"one speaker     {one:7.0f} MB resident, {one - empty:6.0f} MB above the libraries alone ({empty:.0f} MB)")
    print(f"four seats      {four:7.0f} MB resident, {four - empty:6.0f} MB above the libraries alone")
    print(f"ratio           {four / one:.2f} in all, {(four - empty) / (one - empty):.2f} above the libraries")


if __name__ == "__main__":
    main()
