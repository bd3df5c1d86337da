"""What 100,000 dialogue trees cost: time to grow, memory to hold, time to evaluate.

    python benchmarks/tree_memory.py

T = 5, the simulated speaker, no texts. Resident memory is that of the whole process, libraries included.
"""

from __future__ import annotations

import os
import resource
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import tracer_env


def peak() -> float:
    """Return the most memory this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    tasks = tracer_env.make_scenario("arithmetic", split="train", size=100_000)
    listed = list(tasks)
    print(f"libraries and {len(listed):,} tasks   peak {peak():.0f} MB")
    start = time.perf_counter()
    trees = tracer_env.expand(listed, "simulated", texts=False)
    arrays = sum(array.nbytes for level in trees.levels for array in vars(level).values())
    print(f"grown in {time.perf_counter() - start:.1f} s   arrays {arrays / 2**20:.0f} MB   peak {peak():.0f} MB")
    for policy in ("until_approved", "oracle"):
        start = time.perf_counter()
        accuracy = trees.evaluate(policy).accuracy
        print(f"{policy:<16} {accuracy:.4f} in {time.perf_counter() - start:.2f} s   peak {peak():.0f} MB")


if __name__ == "__main__":
    main()
