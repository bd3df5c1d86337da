"""kill -9 at random moments of a comparison of 200 tasks: of Ray's workers, of the driver, of the server that answers.

    python benchmarks/ray_environment.py benchmarks/killed_workers.py [--kills 10] [--seed 0] [--only server]

Each attack is a run of its own. Where it did not end by itself it is continued with ``--resume`` (or begun again, when
it was killed before it had a folder) until it ends. What must hold: the same episodes and metrics, byte by byte, as a
run that nobody disturbed, and after a driver's death no worker of it is left. Workers and drivers are attacked under
``--executor ray``; the server is `fault_server.py` behind an `endpoint:` speaker, started again a second after its
death. Exits with 1 where one thing differs. About ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from slow_speaker import kill_one

HERE = Path(__file__).resolve().parent
METHODS = "until_approved,always,cfr_plus"
BASE = ["compare", "--scenario", "arithmetic", "--limit", "200", "--methods", METHODS, "--train-tasks", "24"]
BASE += ["--set", "evaluation.batch_size=30"]
RAY = ["--executor", "ray", "--set", "executor.workers=2", "--set", "executor.num_cpus=0.5"]


@dataclass
class Arena:
    """Where runs are made, and of whom; ``voice`` are the options that name the speaker."""

    folder: Path
    voice: list[str]
    executor: list[str]
    pids: Path = field(init=False)

    def __post_init__(self) -> None:
        self.pids = self.folder / "pids"
        self.pids.mkdir(parents=True, exist_ok=True)

    def start(self, out: Path, *, resume: bool = False, alone: bool = False) -> subprocess.Popen[bytes]:
        """Begin a run, or continue it."""
        asked = ["compare", "--resume", str(out), "--trust-code"] if resume else [*BASE, *self.voice, "--out", str(out)]
        command = [sys.executable, "-m", "tracer_env", *asked, *([] if alone else self.executor)]
        with (self.folder / "said.txt").open("ab") as said:
            return subprocess.Popen(command, stdout=said, stderr=said)

    def finish(self, out: Path, running: subprocess.Popen[bytes]) -> int:
        """Wait for a run, and continue it until it ends well; return how often it was continued."""
        again = 0
        while running.wait() != 0:
            again += 1
            if again > 5:
                raise SystemExit(f"{out} does not end: see {self.folder / 'said.txt'}")
            running = self.start(out, resume=(out / "config.toml").is_file())
        return again


def digest(run: Path) -> str:
    """Return one digest of what must be the same: episodes and metrics."""
    found = hashlib.sha256((run / "episodes.jsonl").read_bytes() + (run / "metrics.json").read_bytes())
    return found.hexdigest()[:16]


def attack_workers(arena: Arena, kills: int, luck: random.Random, seconds: float) -> list[tuple[Path, int]]:
    """Kill one worker in each run, at a moment after it began to make its speaker."""
    runs = list[tuple[Path, int]]()
    while len(runs) < kills:
        out = arena.folder / f"worker-{len(runs)}"
        shutil.rmtree(out, ignore_errors=True)
        _forget(arena.pids)
        running = arena.start(out)
        while running.poll() is None and not _numbers(arena.pids):
            time.sleep(0.05)
        time.sleep(luck.uniform(0, seconds))
        if running.poll() is None and kill_one(arena.pids, luck, running.pid):
            runs.append((out, arena.finish(out, running)))
        else:
            running.wait()
    return runs


def attack_drivers(arena: Arena, kills: int, luck: random.Random, seconds: float) -> list[tuple[Path, int]]:
    """Kill the driver of each run at any moment of its life; its workers have to go with it."""
    runs = []
    for number in range(kills):
        out = arena.folder / f"driver-{number}"
        _forget(arena.pids)
        running = arena.start(out)
        time.sleep(luck.uniform(0, seconds))
        running.kill()
        running.wait()
        patience = time.monotonic() + 30
        while (left := [number for number in _numbers(arena.pids) if _lives(number)]) and time.monotonic() < patience:
            time.sleep(0.2)
        if left:
            raise SystemExit(f"workers {left} outlived their driver by 30 s")
        runs.append((out, 1 + arena.finish(out, arena.start(out, resume=(out / "config.toml").is_file()))))
    return runs


class Server:
    """The small server of `fault_server.py`, in a process of its own on one port."""

    def __init__(self, latency: float) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.latency = latency
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, str(HERE / "fault_server.py"), "--port", str(self.port)]
        command += ["--latency", str(self.latency)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("the server does not start")

    def stop(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()


def attack_server(
    arena: Arena, kills: int, luck: random.Random, seconds: float, server: Server
) -> list[tuple[Path, int]]:
    """Kill the server in each run, and start it again a second later."""
    runs = []
    for number in range(kills):
        out = arena.folder / f"server-{number}"
        running = arena.start(out)
        time.sleep(luck.uniform(0, seconds))
        server.stop()
        time.sleep(1)
        server.start()
        runs.append((out, arena.finish(out, running)))
    return runs


def _numbers(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir()]


def _forget(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _lives(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]


def undisturbed(arena: Arena) -> tuple[str, float]:
    """Return the digest of a run in one process, and the seconds of one with the arena's executor, equally calm."""
    arena.finish(arena.folder / "calm", arena.start(arena.folder / "calm", alone=True))
    start = time.monotonic()
    arena.finish(arena.folder / "calm-too", arena.start(arena.folder / "calm-too"))
    seconds = time.monotonic() - start
    told, too = digest(arena.folder / "calm"), digest(arena.folder / "calm-too")
    print(
        f"undisturbed   {told} in one process, {too} {' '.join(arena.executor[:2]) or 'again'}, {seconds:.1f} s",
        flush=True,
    )
    if too != told:
        raise SystemExit("two runs that nobody disturbed differ")
    return told, seconds


def report(name: str, told: str, runs: list[tuple[Path, int]]) -> bool:
    """Print what became of the runs of one kind; return whether all are as they must be."""
    same = sum(digest(out) == told for out, _ in runs)
    continued = sum(again for _, again in runs)
    print(
        f"{name:<13} {len(runs)} killed: {same} of {len(runs)} the same bytes, continued {continued} times", flush=True
    )
    return same == len(runs)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=10, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=("ray", "server"), help="one of the two speakers alone")
    asked = parser.parse_args()
    luck, folder, fine = random.Random(asked.seed), Path(tempfile.mkdtemp()), True
    if asked.only != "server":
        arena = Arena(folder / "ray", [], RAY)
        speaker = f"{HERE / 'slow_speaker.py'}:Slow"
        arena.voice = ["--speaker", speaker, "--set", "speaker.seconds=0.05", "--set", f"speaker.folder={arena.pids}"]
        told, seconds = undisturbed(arena)
        fine &= report("workers", told, attack_workers(arena, asked.kills, luck, seconds / 2))
        fine &= report("drivers", told, attack_drivers(arena, asked.kills, luck, seconds))
    if asked.only != "ray":
        server = Server(latency=0.02)
        arena = Arena(folder / "server", [], [])
        arena.voice = ["--speaker", "endpoint:faulty", "--set", f"speaker.base_url=http://127.0.0.1:{server.port}/v1"]
        told, seconds = undisturbed(arena)
        fine &= report("servers", told, attack_server(arena, asked.kills, luck, seconds, server))
        server.stop()
    shutil.rmtree(folder)
    return int(not fine)


if __name__ == "__main__":
    raise SystemExit(main())
