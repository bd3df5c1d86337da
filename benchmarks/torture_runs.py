"""Runs that are stopped: kill -9 at random moments, full disks; and runs that must not hang on their surroundings.

    kills      each command is killed at random moments, once or several times, and continued as its user would:
               ``--resume``, or the same command again where nothing was begun. In the end the folder holds the
               bytes of an undisturbed run, and no file besides.
    full disks the folder lies on a file system with too little room (a tmpfs where one may be mounted), or files
               may not grow beyond a limit: one line that says so; with room again the run ends in the same bytes
    programs   the order of hashing, the number of threads and the batch size change no byte; for trainings of language
               models MKL is told to add up alike under any number of threads (``MKL_CBWR``), which it does on Intel
               processors alone: on others their threads stay as they are, and it is counted

Times that are measured (``seconds``, ``tokens_per_second``) are taken out of JSON before bytes are compared.
"""

from __future__ import annotations

import importlib
import json
import random
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torture_tools import Counts, Ended, changed, digests, forked, launched, one_line

_SIMULATED = ("--scenario", "arithmetic", "--speaker", "simulated")
_METHODS = ("--methods", "regret_matching,until_approved,random:p=0.3,never")
_NANO = (
    *("--scenario", "arithmetic", "--set", "scenario.level=1", "--speaker", "nano", "--steps", "3"),
    *("--set", "gspo.num_generations=4", "--set", "gspo.tasks_per_step=2", "--set", "gspo.steps_per_generation=2"),
    *("--set", "gspo.max_completion_length=24", "--set", "gspo.save_steps=1"),
)
_HEAVY = ("torch", "transformers", "peft", "safetensors.torch")
_OURS = ("cli.app", "runs.comparing", "runs.report", "trees.run", "trainers.runs.controllers", "trainers.cfr.training")
_MEASURED = ("seconds", "rollout_seconds", "tokens_per_second")


@dataclass(frozen=True)
class Command:
    """A command that fills the folder ``run``, how often the long form kills it, and how it is continued."""

    name: str
    start: tuple[str, ...]
    kills: int
    resume: tuple[str, ...] | None = None
    full: int = 0
    heavy: bool = False


COMMANDS = (
    Command(
        "compare",
        ("compare", *_SIMULATED, *_METHODS, "--limit", "60", "--train-episodes", "600", "--out", "run"),
        kills=26,
        resume=("compare", "--resume", "run"),
        full=10,
    ),
    Command(
        "expand",
        ("expand", *_SIMULATED, "--limit", "60", "--worlds", "4", "--out", "run"),
        kills=18,
        resume=("expand", *_SIMULATED, "--limit", "60", "--worlds", "4", "--resume", "run"),
        full=10,
    ),
    Command(
        "train",
        ("train", *_SIMULATED, "--steps", "1500", "--out", "run"),
        kills=18,
        resume=("train", "--resume", "run"),
        full=10,
    ),
    Command("report", ("report", "run"), kills=10, full=4),
    Command("trees", ("train", "--trees", "trees", "--method", "cfr_plus", "--steps", "400", "--out", "run"), kills=8),
    Command(
        "gspo",
        ("train", "--method", "gspo", *_NANO, "--out", "run"),
        kills=10,
        resume=("train", "--resume", "run"),
        full=4,
        heavy=True,
    ),
    Command(
        "tracer",
        ("train", "--method", "tracer", *_NANO, "--out", "run"),
        kills=10,
        resume=("train", "--resume", "run"),
        full=4,
        heavy=True,
    ),
)


def sweep(seed: int, quick: bool) -> dict[str, int]:
    """Kill, fill and vary; the short form kills each of five commands once."""
    counts = Counts()
    noise = random.Random(f"{seed} runs")
    chosen = [command for command in COMMANDS if not quick or command.name not in ("trees", left_out(noise))]
    with tempfile.TemporaryDirectory(prefix="torture") as place:
        folder = Path(place)
        for module in [*(f"tracer_env.{name}" for name in _OURS), *_HEAVY]:
            importlib.import_module(module)
        grown = forked(["expand", *_SIMULATED, "--limit", "12", "--out", "trees"], folder)
        counts.check(grown.code == 0, f"expand: {grown.err}")
        for command in chosen:
            _attack(command, folder, noise, counts, quick)
        _varied(folder, counts, quick)
    return counts


def left_out(noise: random.Random) -> str:
    """Return which of the two language-model trainings the short form leaves out."""
    return noise.choice(["gspo", "tracer"])


def _attack(command: Command, folder: Path, noise: random.Random, counts: Counts, quick: bool) -> None:
    """Run a command undisturbed, then kill it and fill its disk."""
    base = prepared(command, folder / f"{command.name}-base")
    undisturbed = forked(command.start, base)
    if not counts.check(undisturbed.code == 0, f"{command.name}, undisturbed: {undisturbed.err}"):
        return
    expected = bytes_of(base / "run")
    goal = counts["kills"] + (1 if quick else command.kills)
    for trial in range(3 * command.kills):
        if counts["kills"] >= goal:
            break
        place = prepared(command, folder / f"{command.name}-{trial}")
        for _ in range(noise.choice([1, 1, 1, 2, 4])):
            ended = go_on(command, place, noise.uniform(0.0, 1.1 * undisturbed.seconds))
            counts.add("kills", int(ended.killed))
            if not ended.killed:
                counts.check(ended.code == 0, f"{command.name}, continued after a kill: {ended.err}")
                break
        _finish(command, place, expected, counts, "kills")
        shutil.rmtree(place)
    biggest = max(path.stat().st_size for path in (base / "run").rglob("*") if path.is_file())
    for trial in range(min(1, command.full) if quick else command.full):
        _fill(command, folder / f"{command.name}-full-{trial}", biggest, expected, noise, counts)
    shutil.rmtree(base)


def prepared(command: Command, place: Path) -> Path:
    """Make a folder to work in, with what the command reads."""
    place.mkdir(exist_ok=True)
    if command.name == "trees":
        shutil.copytree(place.parent / "trees", place / "trees")
    if command.name == "report":
        made = forked([*COMMANDS[0].start], place)
        if made.code:
            raise RuntimeError(f"the run to report on could not be made: {made.err}")
        (place / "run" / "report.html").unlink()
    return place


def go_on(command: Command, place: Path, kill_after: float | None = None) -> Ended:
    """Continue as a user would: resume what was begun; where that is refused, the same command again."""
    if command.resume is None or not (place / "run").exists():
        return forked(command.start, place, kill_after)
    ended = forked(command.resume, place, kill_after)
    return ended if ended.code in (0, -9) else forked(command.start, place, kill_after)


def _finish(command: Command, place: Path, expected: dict[str, str], counts: Counts, after: str) -> None:
    """Run to the end and compare with the undisturbed run."""
    ended = go_on(command, place)
    done = command.name == "trees" and "exists already" in ended.err  # the last kill came after the last write
    if counts.check(ended.code == 0 or done, f"{command.name} cannot be finished after {after}: {ended.err}"):
        found = bytes_of(place / "run")
        counts.check(found == expected, f"{command.name} differs after {after}: {changed(found, expected)}")


def bytes_of(folder: Path, left_out: Collection[str] = ()) -> dict[str, str]:
    """Return digests of a folder, those of JSON files without what was measured, and without what is ``left_out``."""
    found = digests(folder)
    for name in found:
        if name.endswith((".json", ".jsonl")):
            text = (folder / name).read_text(encoding="utf-8")
            whole = [text] if name.endswith(".json") else text.splitlines()
            found[name] = "\n".join(json.dumps(_without(json.loads(line), left_out)) for line in whole)
    return found


def _without(data: object, left_out: Collection[str]) -> object:
    if isinstance(data, dict):
        names = data.keys() - _MEASURED - set(left_out)
        return {key: _without(value, left_out) for key, value in data.items() if key in names}
    return [_without(entry, left_out) for entry in data] if isinstance(data, list) else data


# -- full disks ------------------------------------------------------------------------------------


def _fill(
    command: Command, place: Path, biggest: int, expected: dict[str, str], noise: random.Random, counts: Counts
) -> None:
    """Let the room end at a random moment, then give room and finish."""
    whole = sum(path.stat().st_size for path in (place.parent / f"{command.name}-base").rglob("*") if path.is_file())
    small, size = noise.random() < 0.5, noise.randint(1, whole // 1024 + 1) * 1024
    with _mounted(place) as mounted:
        prepared(command, place)
        if mounted and small:
            used = sum(path.stat().st_blocks * 512 for path in place.rglob("*"))
            _resize(place, used + size)
            ended = forked(command.start, place)
            _resize(place, 1 << 26)
            told = f"a disk with room for {size} of {whole} bytes"
        else:
            limit = noise.randint(0, int(1.2 * biggest))
            ended = forked(
                command.start, place, prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            )
            told = f"a file limit of {limit} bytes"
        counts.add("full disks", int(ended.code != 0))
        if ended.code != 0:
            wrong = one_line(ended.err) if ended.code in (1, 2) else f"exit code {ended.code}: {ended.err}"
            counts.check(wrong is None, f"{command.name} under {told}: {wrong}")
        _finish(command, place, expected, counts, told)


@contextmanager
def _mounted(folder: Path) -> Iterator[bool]:
    """Mount a file system of its own there, if this process may; yield whether it is mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "torture", str(folder)]
    found = shutil.which("mount") is not None
    mounted = found and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=True)
        shutil.rmtree(folder)


def _resize(folder: Path, size: int) -> None:
    """Give a mounted file system another size, rounded up to whole pages by the system."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], capture_output=True, check=True)


# -- surroundings ----------------------------------------------------------------------------------


_OF_MODELS = ("signals", "episodes_digest")
"""What a language model tells of its words hangs, in the last digits, on how many are computed at once."""


def _varied(folder: Path, counts: Counts, quick: bool) -> None:
    """Run commands as programs of their own under other hashing, threads and batch sizes."""
    plain = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    plain |= {"MKL_CBWR": "AVX2,STRICT", "OMP_WAIT_POLICY": "passive"}  # or torch's sums hang on the threads
    hashed = {**plain, "PYTHONHASHSEED": "1"}
    two = {**hashed, **{name: "2" for name in plain if "THREADS" in name}}
    batches: Sequence[tuple[str, ...]] = [("--set", f"evaluation.batch_size={size}") for size in (1, 7, 4096)]
    nano = ("compare", "--scenario", "arithmetic", "--speaker", "nano", "--limit", "6", "--methods", "always,never")
    table: list[tuple[tuple[str, ...], Sequence[tuple[str, ...]]]] = [
        (COMMANDS[0].start, batches[1:2] if quick else batches)
    ]
    if not quick:
        table += [(command.start, []) for command in COMMANDS if command.name in ("expand", "train", "gspo", "tracer")]
        table += [((*nano, "--out", "run"), batches)]
    alike = "GenuineIntel" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    for number, (start, besides) in enumerate(table):
        threads = alike or "nano" not in start or start[0] != "train"
        if not threads:
            counts.add("trainings under one number of threads, the processor not being Intel's")
        seen: dict[str, str] | None = None
        for turn, (more, surroundings) in enumerate(
            [((), plain), ((), two if threads else hashed), *((each, plain) for each in besides)]
        ):
            place = folder / f"varied-{number}-{turn}"
            place.mkdir()
            ended = launched([*start, *more], place, **surroundings)
            counts.add("programs")
            if counts.check(ended.code == 0, f"{start[0]} with {more} {surroundings}: {ended.err}"):
                found = bytes_of(place / "run", _OF_MODELS if "nano" in start else ())
                if more:
                    found["config.toml"] = (seen or found)["config.toml"]  # the batch size itself is on record
                    found["report.html"] = (seen or found).get("report.html", "")
                seen = found if seen is None else seen
                told = f"{' '.join(start[:3])} differs with {more or surroundings}: {changed(found, seen)}"
                counts.check(found == seen, told)
            shutil.rmtree(place)
