"""What a store of utterances promises, tried: no second call, nothing lost, damage found, hits in microseconds.

    python benchmarks/store_speed.py [--quick]

1  compare and expand with nano, twice: calls that reach the model, and whether the second run leaves the same bytes
2  four processes, 10,000 puts and gets each, on one file: what is there afterwards
3  processes ended by SIGKILL while they put: what they were told is kept, and what is there
4  bytes turned over at random places of the file: found on reading, found by verify, or of no effect
5  a hit: singly and in batches, median and 99th percentile

Exits with 1 where a promise is broken. Times are this machine's, as busy as it is.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np

import tracer_env
from tracer_env.errors import UserError
from tracer_env.runs.config import Config
from tracer_env.store.database import Entry, Store, open_store
from tracer_env.store.keys import prompt_of_ids, source_of
from tracer_env.store.records import Record
from tracer_env.store.tending import verify

SOURCE = source_of(engine="benchmark", temperature=0.3)
PROCESSES, PROMPT, TOKENS = 4, 300, 128


def entry(number: int) -> Entry:
    """An answer of 128 tokens to a prompt of 300, both drawn from its number."""
    luck = np.random.default_rng(number)
    logprobs = tuple((-luck.random(TOKENS, dtype=np.float32)).tolist())
    ids = tuple(luck.integers(0, 50_000, TOKENS).tolist())
    record = Record("stop", f"answer {number}", token_ids=ids, logprobs=logprobs, own=logprobs)
    return Entry(SOURCE, prompt_of_ids(luck.integers(0, 50_000, PROMPT).tolist()), number, 0, record)


class Counting:
    """Counts what reaches the engine of a model."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.asked = inner, 0
        self.identity, self.adapter_identity = inner.identity, inner.adapter_identity

    @property
    def facts(self) -> Any:
        return self.inner.facts

    def complete(self, asked: Sequence[Any], sampling: Any) -> Any:
        self.asked += len(asked)
        return self.inner.complete(asked, sampling)


def nano() -> tuple[Any, Counting]:
    speaker: Any = tracer_env.make_speaker("nano")
    speaker.engine = counting = Counting(speaker.engine)
    return speaker, counting


def second_run(folder: Path, limit: int) -> bool:
    """Play and expand twice from one store, and once more with another method and more tasks."""
    from tracer_env.trees.run import expand_run

    store, runs = str(folder / "shared.db"), []
    for name, tasks, methods in (
        ("first", limit, ["always", "never"]),
        ("second", limit, ["always", "never"]),
        ("extended", limit + 2, ["always", "never", "until_approved"]),
    ):
        speaker, counting = nano()
        told = {"name": "arithmetic", "level": 1, "limit": tasks}
        asked = Config.from_data({"scenario": told, "speaker": {"name": "nano", "store": store}})
        began = time.perf_counter()
        tracer_env.compare(asked, speaker=speaker, methods=methods, out=folder / name, offline=name == "second")
        runs.append((counting.asked, time.perf_counter() - began))
        print(f"   compare, {name:<9} {counting.asked:>5} completions by the model, {runs[-1][1]:6.2f} s")
    same = (folder / "first/episodes.jsonl").read_bytes() == (folder / "second/episodes.jsonl").read_bytes()
    trees = []
    for name in ("trees", "again"):
        speaker, counting = nano()
        tasks = tracer_env.make_scenario("arithmetic", level=1, limit=limit)
        expand_run(tasks, speaker, out=folder / name, store=store)
        trees.append(counting.asked)
        print(f"   expand,  {name:<9} {counting.asked:>5} completions by the model")
    for file in ("trees.npz", "texts.jsonl.gz"):
        same &= (folder / "trees" / file).read_bytes() == (folder / "again" / file).read_bytes()
    print(f"   the same bytes: {same}")
    return same and runs[0][0] > 0 and runs[1][0] == 0 and runs[2][0] < runs[0][0] and trees[1] == 0


def hammer(path: Path, which: int, count: int) -> None:
    """Put answers of one's own and answers that all put, a turn of 16 at a time, and get each of them again."""
    store, wrong = open_store(path), 0
    for first in range(0, count, 16):
        numbers = range(first, min(first + 16, count))
        turn = [entry(number if number % 8 == 0 else 1_000_000 * (which + 1) + number) for number in numbers]
        stood = store.put(turn)
        wrong += stood != [each.record for each in turn]
        wrong += store.get([each.key for each in turn]) != [each.record for each in turn]
    store.close()
    sys.exit(1 if wrong else 0)


def child(*arguments: str | int | Path) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def many_processes(path: Path, count: int) -> bool:
    began = time.perf_counter()
    children = [child("--hammer", path, which, count) for which in range(PROCESSES)]
    codes = [each.wait() for each in children]
    passed = time.perf_counter() - began
    shared = len(range(0, count, 8))
    wanted = shared + PROCESSES * (count - shared)
    store, lost = open_store(path), 0
    for which in range(PROCESSES):
        numbers = range(0, count, max(1, count // 1000))
        own = [entry(n if n % 8 == 0 else 1_000_000 * (which + 1) + n) for n in numbers]
        lost += sum(found != each.record for found, each in zip(store.get([e.key for e in own]), own, strict=True))
    store.close()
    found = verify(path)
    rate = PROCESSES * count / passed
    print(
        f"   {PROCESSES} x {count:,} puts and gets in {passed:.1f} s ({rate:,.0f} of both a second), exit codes {codes}"
    )
    print(
        f"   {found.sound:,} answers there, {wanted:,} wanted; lost of those looked up: {lost}; damage: {found.line()}"
    )
    return not any(codes) and found.whole and found.sound == wanted and not lost


def steady(path: Path, first: int) -> None:
    """Put one answer after the other, and say each that is kept."""
    store = open_store(path)
    for number in range(first, first + 100_000):
        store.put([entry(number)])
        print(number, flush=True)


def killed(path: Path, times: int) -> bool:
    told: list[int] = []
    luck = random.Random(0)
    for round_ in range(times):
        with child("--steady", path, round_ * 100_000) as writer:
            assert writer.stdout is not None
            told += [int(writer.stdout.readline()) for _ in range(luck.randrange(5, 60))]
            time.sleep(luck.random() * 0.02)
            os.kill(writer.pid, signal.SIGKILL)
            told += [int(line) for line in writer.stdout.read().splitlines()]
    store = open_store(path)
    lost = store.get([entry(number).key for number in told]).count(None)
    store.close()
    whole = verify(path).whole
    print(
        f"   {times} writers killed: of {len(told):,} answers they were told are kept, {lost} are lost; whole: {whole}"
    )
    return not lost and whole


def flipped(path: Path, copy: Path, times: int) -> bool:
    """Turn bytes over; what neither a reader nor verify finds must leave all answers as they were."""
    store = open_store(path)
    numbers = range(200)
    entries = [entry(number) for number in numbers]
    store.put(entries)
    store.close()
    keys, luck = [each.key for each in entries], random.Random(0)
    read = checked = harmless = wrong = 0
    for _ in range(times):
        shutil.copy(path, copy)
        with open(copy, "r+b") as file:
            place = luck.randrange(copy.stat().st_size)
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ (1 << luck.randrange(8))]))
        there: list[Record | None] = []
        try:
            opened = open_store(copy)
            with redirect_stderr(io.StringIO()):  # it says so once an opening
                there = opened.get(keys)
            noticed = opened.damaged > 0
            opened.close()
        except UserError:
            noticed = True
        wrong += any(f is not None and f != each.record for f, each in zip(there, entries, strict=False))
        read += noticed
        if noticed:
            continue
        try:
            found = not verify(copy).whole
        except UserError:
            found = True
        checked += found
        if not found:
            intact = there == [each.record for each in entries]
            harmless += intact
            wrong += not intact
    print(
        f"   {times} flipped bits: {read} found on reading, {checked} more by verify, {harmless} where nothing stands; "
        f"wrong answers handed out or damage unseen: {wrong}"
    )
    return not wrong


def hits(store: Store, count: int) -> bool:
    entries = [entry(number) for number in range(count)]
    for first in range(0, count, 64):
        store.put(entries[first : first + 64])
    keys = [each.key for each in entries]
    luck = random.Random(0)
    order = luck.sample(range(count), count)
    store.get(keys[:64])
    median = 0.0
    for size in (1, 16, 64):
        spent, worked = [], []
        for first in range(0, max(count, 500 * size), size):
            asked = [keys[order[(first + place) % count]] for place in range(size)]
            began, cpu = time.perf_counter(), time.thread_time()
            found = store.get(asked)
            spent.append((time.perf_counter() - began) / size * 1e6)
            worked.append((time.thread_time() - cpu) / size * 1e6)
            assert None not in found
        middle, high = np.percentile(spent, [50, 99])
        median = max(median, float(middle))
        own = "median {:5.1f}, p99 {:5.1f}".format(*np.percentile(worked, [50, 99]))
        print(
            f"   hits in calls of {size:>2}: median {middle:5.1f} us, p99 {high:6.1f} us an answer (processor: {own})"
        )
    return median < 100


def main() -> int:
    """Run all parts, or what a child was started for."""
    if sys.argv[1:2] == ["--hammer"]:
        hammer(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    if sys.argv[1:2] == ["--steady"]:
        steady(Path(sys.argv[2]), int(sys.argv[3]))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="A tenth of everything.")
    less = 10 if parser.parse_args().quick else 1
    with tempfile.TemporaryDirectory(prefix="store-") as name:
        folder, held = Path(name), {}
        parts = {
            "a second run makes no model call, and leaves the same bytes": lambda: second_run(folder, 20 // less + 1),
            "several processes lose nothing": lambda: many_processes(folder / "many.db", 10_000 // less),
            "what is killed loses nothing": lambda: killed(folder / "killed.db", 10 // less + 1),
            "a flipped byte is found": lambda: flipped(folder / "flip.db", folder / "copy.db", 300 // less),
            "a hit takes less than 100 us": lambda: hits(open_store(folder / "hits.db"), 10_000 // less),
        }
        for number, (promise, tried) in enumerate(parts.items(), 1):
            print(f"{number}  {promise}")
            held[promise] = tried()
        print("held: " + ", ".join(f"{number} {good}" for number, good in enumerate(held.values(), 1)))
        return 0 if all(held.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
