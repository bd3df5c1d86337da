"""Two Ray workers against one, and against one process: `expand` of a speaker with simulated latency.

    python benchmarks/ray_environment.py benchmarks/ray_speed.py [--tasks 96] [--latency 0.25] [--repeats 3]

The speaker waits for each batch as a model far away would. Times are those of `expand_run` once the workers have grown
a few short trees and so are there, the quickest of the repeats. What must hold: two workers at least 1.8 times as fast
as one, and the same files as one process writes, byte by byte, also when a worker is killed in the middle. Exits with 1
where it does not.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import tempfile
import threading
import time
from pathlib import Path

from slow_speaker import kill_one

from tracer_env import Rules, make_scenario
from tracer_env.executors.ray_pool import RayExecutor
from tracer_env.executors.seam import Executor, InProcess
from tracer_env.trees.run import expand_run

LEAST = 1.8
SPEAKER = f"{Path(__file__).with_name('slow_speaker.py')}:Slow"


def digest(folder: Path) -> str:
    """Return one digest of all files of a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def grown(executor: Executor, asked: argparse.Namespace, out: Path, kill: bool = False) -> tuple[float, str, int]:
    """Grow the trees; return the seconds, the digest of what was written, and how many workers were killed."""
    with tempfile.TemporaryDirectory() as pids:
        voice = executor.speaker(SPEAKER, seconds=asked.latency, folder=pids)
        tasks, killed = make_scenario("arithmetic", limit=asked.tasks), list[bool]()
        expand_run(list(tasks)[:16], voice, Rules(max_turns=1), out=f"{out}-start", tasks_at_once=1, executor=executor)
        if kill:
            middle = asked.tasks / asked.at_once * 5 * asked.latency / 4
            attack = lambda: killed.append(kill_one(Path(pids), random.Random(0), os.getpid()))  # noqa: E731
            threading.Timer(middle, attack).start()
        start = time.perf_counter()
        expand_run(tasks, voice, out=out, tasks_at_once=asked.at_once, executor=executor)
        return time.perf_counter() - start, digest(out), sum(killed)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", type=int, default=96)
    parser.add_argument("--at-once", type=int, default=6, help="tasks of a chunk")
    parser.add_argument("--latency", type=float, default=0.25, help="seconds for each batch")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    process, told, _ = grown(InProcess(), asked, folder / "process")
    print(f"one process   {process:6.2f} s  {told}")
    best = {}
    same = True
    for workers in (1, 2):
        times = []
        for number in range(asked.repeats):
            pool = RayExecutor(workers=workers, num_cpus=1)
            seconds, there, _ = grown(pool, asked, folder / f"ray-{workers}-{number}")
            pool.close()
            times.append(seconds)
            same = same and there == told
        best[workers] = min(times)
        each = ", ".join(f"{seconds:.2f}" for seconds in times)
        print(f"{workers} Ray worker{'s' * (workers > 1):1}  {min(times):6.2f} s  {there}  of {each}")
    pool = RayExecutor(workers=2, num_cpus=1)
    seconds, there, killed = grown(pool, asked, folder / "killed", kill=True)
    pool.close()
    print(f"one killed    {seconds:6.2f} s  {there}  kill -9 of {killed} worker in the middle")
    ratio, same = best[1] / best[2], same and there == told
    bytes_told = "all the same bytes" if same else "OTHER BYTES"
    print(f"two workers are {ratio:.2f} times as fast as one (at least {LEAST} must be); {bytes_told}")
    return int(ratio < LEAST or not same or killed != 1)


if __name__ == "__main__":
    raise SystemExit(main())
