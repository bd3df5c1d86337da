"""Folders under attack: a kill at every file operation, links in every place, several processes on one folder.

operations  a command is stopped (kill -9 in effect) before its first file operation, before its second, and so on:
            every opening for writing, half a write, rename, making and removing. Then it is continued as its user
            would, and must end in the bytes of an undisturbed run, with no file besides
links       at every place of every kind of folder stands something that leads out of it or is no file: the folder
            is refused in one line, at once, and a mock home around it keeps its digest
processes   two, three and four processes start on one folder together: one works, the others are refused, and the
            result is the undisturbed one; one that is suspended keeps the folder until it is killed

python benchmarks/torture_folders.py [--quick] [--seed N]
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from torture_runs import COMMANDS, Command, bytes_of, go_on, prepared
from torture_tools import Counts, Ended, changed, digests, forked, in_child, one_line

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_EVENTS = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
_SMALL = {
    "compare": ("--limit", "6", "--train-episodes", "100"),
    "expand": ("--limit", "6", "--worlds", "1"),
    "train": ("--steps", "300"),
}
"""What makes the commands of `torture_runs` quick enough to be run once for each of their operations."""


def sweep(seed: int, quick: bool) -> dict[str, int]:
    """Attack folders in all three ways; the short form takes a few places of each."""
    counts, noise = Counts(), random.Random(f"{seed} folders")
    with tempfile.TemporaryDirectory(prefix="torture") as place:
        folder = Path(place)
        warm = forked(
            ["expand", "--scenario", "arithmetic", "--speaker", "simulated", "--limit", "6", "--out", "trees"], folder
        )
        counts.check(warm.code == 0, f"expand: {warm.err}")
        import tracer_env.cli.app
        import tracer_env.runs.comparing
        import tracer_env.trainers.runs.controllers
        import tracer_env.trees.run  # noqa: F401 - each fork has them then

        for command in map(_small, COMMANDS):
            if quick and command.name not in ("expand", "train"):
                continue
            _stopped_everywhere(command, folder, noise, counts, 2 if quick else 24 if command.heavy else None)
        _linked_everywhere(
            ("compare",) if quick else ("compare", "expand", "train"), folder, noise, counts, 4 if quick else 200
        )
        for number in (2,) if quick else (2, 3, 4) * 2:
            _together(number, folder, counts, 1 if quick else 3)
        for ending in (signal.SIGKILL,) if quick else (signal.SIGKILL, signal.SIGCONT) * 4:
            _suspended(folder, ending, counts)
    return counts


def _small(command: Command) -> Command:
    more = _SMALL.get(command.name, ())
    start = (*command.start[: -len(("--out", "run"))], *more, "--out", "run") if more else command.start
    resume = command.resume
    if command.name == "expand":  # whose folder does not say which tasks were asked for
        resume = (*start[: -len(("--out", "run"))], "--resume", "run")
    return Command(command.name, start, command.kills, resume, command.full, command.heavy)


# -- operations ------------------------------------------------------------------------------------


def _stopped(command: Command, place: Path, number: int, tally: Path | None = None) -> Ended:
    """Run a command that ends just before its file operation ``number``; without one, count them into ``tally``."""
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if done == number:
            os._exit(137)

    def hook(event: str, given: tuple[object, ...]) -> None:
        if event in _EVENTS or (
            event == "open" and isinstance(given[2], int) and given[2] & _WRITING and _counts(given)
        ):
            count()

    def body() -> int:
        os.chdir(place)
        write = os.write

        def half(file: int, data: bytes) -> int:
            nonlocal done
            if done + 1 == number:
                write(file, bytes(data[: len(data) // 2]))
            count()
            return write(file, data)

        os.write = half  # type: ignore[assignment]
        sys.addaudithook(hook)
        from tracer_env.cli.app import main

        code = main(list(command.start))
        if tally is not None:
            with open(tally, "w") as file:
                file.write(str(done - 1))
        return code

    return in_child(body)


def _counts(given: tuple[object, ...]) -> bool:
    return not str(given[0]).startswith(("/dev/", "/proc/"))


def _stopped_everywhere(command: Command, folder: Path, noise: random.Random, counts: Counts, most: int | None) -> None:
    base = prepared(command, folder / f"{command.name}-whole")
    undisturbed = _stopped(command, base, 0, folder / "tally")
    if not counts.check(undisturbed.code == 0, f"{command.name}, undisturbed: {undisturbed.err}"):
        return
    expected, numbers = bytes_of(base / "run"), list(range(1, int((folder / "tally").read_text()) + 1))
    if most is not None and len(numbers) > most:
        numbers = sorted(noise.sample(numbers, most))
    for number in numbers:
        place = prepared(command, folder / f"{command.name}-{number}")
        ended = _stopped(command, place, number)
        told = f"{command.name} stopped before operation {number}"
        counts.add("operations")
        if counts.check(ended.code == 137, f"{told} ended with {ended.code}: {ended.err}"):
            ended = go_on(command, place)
            if counts.check(ended.code == 0, f"{told} cannot be continued: {ended.err}"):
                found = bytes_of(place / "run")
                counts.check(found == expected, f"{told} differs: {changed(found, expected)}")
        shutil.rmtree(place)
    shutil.rmtree(base)


# -- links -----------------------------------------------------------------------------------------


def _link(home: Path) -> dict[str, Callable[[Path], None]]:
    """Return what may stand in a folder and lead out of it, or block whoever opens it."""
    secret, between = home / ".ssh" / "key", home / "between"
    return {
        "a link to a file": lambda path: path.symlink_to(secret),
        "a link to a folder": lambda path: path.symlink_to(secret.parent),
        "a link upwards": lambda path: path.symlink_to(home),
        "a link to nothing": lambda path: path.symlink_to(home / "nothing"),
        "a chain of links": lambda path: path.symlink_to(between),
        "a pipe": os.mkfifo,
    }


def _linked_everywhere(names: tuple[str, ...], folder: Path, noise: random.Random, counts: Counts, most: int) -> None:
    """Put each kind of link at each place of each kind of folder, finished and half done, and go on."""
    home = folder / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "key").write_text("secret")
    (home / "between").symlink_to(home / ".ssh" / "key")
    trials = []
    for command in (command for command in map(_small, COMMANDS) if command.name in names):
        for state in ("whole", "half"):
            base = folder / f"{command.name}-{state}"
            base.mkdir()
            made = forked(command.start, base) if state == "whole" else _half(command, base)
            counts.check((base / "run").is_dir(), f"{command.name}, {state}: {made.err}")
            within = [path.relative_to(base / "run") for path in sorted((base / "run").rglob("*"))]
            places = [*within, *map(Path, ("checkpoints", "adapters", "parts", "report.html", "note", ".note"))]
            trials += [(command, base, place, kind) for place in dict.fromkeys(places) for kind in _link(home)]
    for command, base, place, kind in noise.sample(trials, most):
        _linked(command, base, place, kind, home, counts)


def _half(command: Command, base: Path) -> Ended:
    """Stop a command three quarters of its way, where there is something to go on with."""
    tally = base.parent / "tally"
    whole = base.parent / f"{command.name}-count"
    whole.mkdir()
    _stopped(command, whole, 0, tally)
    shutil.rmtree(whole)
    return _stopped(command, base, int(tally.read_text()) * 3 // 4)


def _linked(command: Command, base: Path, place: Path, kind: str, home: Path, counts: Counts) -> None:
    run = home / "run"
    shutil.copytree(base / "run", run)
    target = run / place
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    _link(home)[kind](target)
    before = digests(home)
    told = f"{command.name} with {kind} at {place}"
    assert command.resume is not None
    for arguments in (command.resume, ("report", "run"), ("verify", "run"), command.start):
        ended = forked(arguments, home, kill_after=60.0)
        counts.add("links")
        if ended.code == 0 and arguments[0] in ("report", "verify"):
            continue  # a reader may look past what it has no use for
        wrong = one_line(ended.err)
        counts.check(ended.code in (1, 2) and wrong is None, f"{told}, {' '.join(arguments[:2])}: {ended.code} {wrong}")
    found = digests(home)
    if "report.html" not in str(place):
        before.pop("run/report.html", None)
        found.pop("run/report.html", None)
    counts.check(found == before, f"{told}: {changed(found, before)}")
    shutil.rmtree(run)


# -- processes -------------------------------------------------------------------------------------


def _started(arguments: tuple[str, ...], place: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tracer_env.cli", *arguments]
    return subprocess.Popen(command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


_REFUSED = ("is being written to by", "exists already", "is not a run folder", "it has no", "there is no folder")


def _together(number: int, folder: Path, counts: Counts, most: int) -> None:
    """Start a command ``number`` times at once on a new folder, then once more ``number`` times to continue it."""
    for command in [command for command in map(_small, COMMANDS) if command.resume and not command.heavy][:most]:
        base, place = folder / f"{command.name}-alone", folder / f"{command.name}-together"
        for each in (base, place):
            each.mkdir()
        alone = forked(command.start, base)
        counts.check(alone.code == 0, f"{command.name} alone: {alone.err}")
        assert command.resume is not None
        for arguments in (command.start, command.resume):
            processes = [_started(arguments, place) for _ in range(number)]
            ends = [(process.communicate()[1], process.returncode) for process in processes]
            counts.add("processes", number)
            codes = [code for _, code in ends]
            told = f"{command.name} {number} times at once: {codes}"
            counts.check(0 in codes, f"{told}, nobody works: {ends}")
            for error, code in ends:
                refused = code == 2 and one_line(error) is None and any(words in error for words in _REFUSED)
                counts.check(code == 0 or refused, f"{told}: {error}")
        found, expected = bytes_of(place / "run"), bytes_of(base / "run")
        counts.check(found == expected, f"{command.name} {number} times at once: {changed(found, expected)}")
        for each in (base, place):
            shutil.rmtree(each)


def _suspended(folder: Path, ending: signal.Signals, counts: Counts) -> None:
    """Suspend a comparison, try to continue it, wake or kill it, and continue it."""
    start = (*COMMANDS[0].start[:-2], "--limit", "400", "--worlds", "3", "--out", "run")
    base, place = folder / "suspended-alone", folder / "suspended"
    for each in (base, place):
        each.mkdir()
    counts.check(forked(start, base).code == 0, "compare alone")
    with _started(start, place) as process:
        while not (place / "run" / "episodes.jsonl").exists() and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGSTOP)
        refused = forked(("compare", "--resume", "run"), place)
        counts.add("processes")
        good = refused.code == 2 and f"is being written to by process {process.pid} " in refused.err
        counts.check(good, f"--resume beside a suspended process: {refused.code} {refused.err}")
        process.send_signal(ending)
        process.communicate()
    ended = forked(("compare", "--resume", "run"), place)
    counts.check(ended.code == 0, f"--resume after {ending.name}: {ended.err}")
    found, expected = bytes_of(place / "run"), bytes_of(base / "run")
    counts.check(found == expected, f"compare suspended, then {ending.name}: {changed(found, expected)}")
    for each in (base, place):
        shutil.rmtree(each)


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    start = time.monotonic()
    counts = sweep(given.seed, given.quick)
    print(", ".join(f"{number:,} {what}" for what, number in counts.items()), f"in {time.monotonic() - start:.0f} s")
    return 1 if counts["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
