"""The sweep of `torture` on run folders from strangers: mutated files, altered episodes, files with holes.

Each of the files that are read of a run (``episodes.jsonl``, ``metrics.json``, ``environment.json``, the index, a
controller's curve) is mutated, by bytes and by values, and a command reads it, in this process: no exception but
ours, one line, no owning up to a bug, under two seconds of processor time, nothing printed that steers a terminal,
nothing written outside the folder. Whatever byte of the episodes was changed, `verify` must find. And
whatever lines were taken out or turned round, a resumed run must end with the bytes of an undisturbed one.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

from torture_tools import Counts, digests, one_line

from tracer_env.cli.app import main
from tracer_env.episodes import index
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig

METHODS = ("always", "never", "random:p=0.5")
CONFIG = Config(seed=3, scenario=ScenarioConfig(limit=4), evaluation=EvaluationConfig(methods=METHODS, worlds=2))
MUTATIONS, QUICK = 2000, 25
CPU = 2.0
COMMANDS: dict[str, tuple[str, ...]] = {
    "episodes.jsonl": (
        "verify",
        "report",
        "verify --repair",
        "replay --episode 1",
        "replay --method never --json",
        "replay --only disagreements --json",
        "calibrate",
    ),
    "metrics.json": ("verify", "report", "report --json"),
    "environment.json": ("verify", "verify --repair"),
    "episodes.index": ("replay --episode 2", "replay --method never --json"),
    "controllers/never.json": ("report",),
}
NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.0, 0.5, 2**53, 2**63, 2**64, 10**30, -(10**30), 10**400, 3e8, 1e308, -1e308, 5e-324,
    float("nan"), float("inf"), "", "0", "1.0", "<script>alert(1)</script>", "\x1b]0;owned\x07\x1b[2J", "\u202e\ud800",
    "\x00", "../../victim", "$(touch victim)", "[/x]", "a" * 100_000, [], [[]], {}, {"a": {"b": []}}, [0, 1], [1, 1],
    ["x"] * 50, "correct", "reviewer", "speak", "right",
)  # fmt: skip


def sweep(seed: int, quick: bool) -> dict[str, int]:
    """Attack run folders; return what was done and how often it failed."""
    counts, rng = Counts(), random.Random(f"episodes {seed}")
    kept, index.SMALL = index.SMALL, 0  # an index beside files of this size too
    try:
        with tempfile.TemporaryDirectory() as temporary:
            _attacked(Path(temporary), rng, quick, counts)
    finally:
        index.SMALL = kept
    return counts


def _attacked(home: Path, rng: random.Random, quick: bool, counts: Counts) -> None:
    whole, run = home / "whole", home / "run"
    compare(CONFIG, out=whole)
    (whole / "controllers" / "never.json").write_text(json.dumps({"average_regret_curve": [[1, 0.5], [64, 0.01]]}))
    (home / "victim").write_text("mine")
    shutil.copytree(whole, run)
    outside = digests(home, leave_out=())
    for name, commands in COMMANDS.items():
        for number in range(QUICK if quick else MUTATIONS):
            _mutation(run, name, (whole / name).read_bytes(), commands, rng, counts, number)
        (run / name).write_bytes((whole / name).read_bytes())
        found = {path: digest for path, digest in digests(home).items() if not path.startswith("run/")}
        told = {path: digest for path, digest in outside.items() if not path.startswith("run/")}
        counts.check(
            {k: v for k, v in found.items() if not k.endswith(".preset.toml")} == told, f"{name}: written outside"
        )
    for _ in range(3 if quick else 40):
        _resumed(whole, home / "cut", rng, counts)


def _mutation(
    run: Path,
    name: str,
    content: bytes,
    commands: tuple[str, ...],
    rng: random.Random,
    counts: Counts,
    number: int,
) -> None:
    """Put a changed file into the folder and let a command read it."""
    changed = _changed(content, rng)
    (run / name).write_bytes(changed)
    if name == "episodes.index":
        os.utime(run / name)
    command = rng.choice(commands)
    if command == "calibrate" and number % 10:  # it takes half a second
        command = commands[0]
    code, out, err, seconds = _called([*command.split(), str(run)])
    told = f"mutation {number} of {name} under {command}"
    counts.add("mutations")
    counts.check(code in (0, 2), f"{told}: exit code {code}, {err[-500:]!r}")
    counts.check(code == 0 or one_line(err) is None, f"{told}: {one_line(err)}")
    counts.check(seconds < CPU, f"{told}: {seconds:.1f} s of processor time")
    odd = [character for character in out + err if ord(character) < 32 and character not in "\n\t"]
    counts.check(not odd, f"{told}: printed {odd[:3]!r}")
    counts.check("<script" not in _text(run / "report.html"), f"{told}: a script in report.html")
    if name == "episodes.jsonl" and command == "verify" and changed != content:
        counts.add("alterations looked for")
        counts.check(code == 2, f"{told}: not found, {out!r}")
    if name == "episodes.index" and code == 0:
        counts.check(_called([*command.split(), str(run)])[1] == out, f"{told}: another answer the second time")


def _called(arguments: list[str]) -> tuple[int, str, str, float]:
    """Run the command line in this process; return its code, what it printed, and the processor time it took."""
    out, err, start = io.StringIO(), io.StringIO(), time.process_time()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except BaseException as error:
            code = 70
            print(f"{type(error).__name__}: {error}", file=err)
    return code, out.getvalue(), err.getvalue(), time.process_time() - start


def _resumed(whole: Path, cut: Path, rng: random.Random, counts: Counts) -> None:
    """Take lines out, turn them round, cut the last one off; a resumed run ends as the undisturbed one."""
    shutil.copytree(whole, cut, ignore=shutil.ignore_patterns("metrics.json", "report.html", "never.json"))
    lines = (whole / "episodes.jsonl").read_bytes().splitlines(keepends=True)
    left = (
        rng.sample(lines, rng.randrange(len(lines) + 1)) if rng.random() < 0.5 else lines[: rng.randrange(len(lines))]
    )
    torn = rng.choice(lines)[: rng.randrange(200)] if rng.random() < 0.5 else b""
    (cut / "episodes.jsonl").write_bytes(b"".join(left) + torn)
    code, _, err, _ = _called(["compare", "--resume", str(cut), "--json"])
    counts.add("runs resumed")
    same = all((cut / name).read_bytes() == (whole / name).read_bytes() for name in ("episodes.jsonl", "metrics.json"))
    counts.check(code == 0 and same, f"{len(left)} of {len(lines)} lines left: exit code {code}, {err[-500:]!r}")
    shutil.rmtree(cut)


# -- mutations ------------------------------------------------------------------------------------


def _changed(content: bytes, rng: random.Random) -> bytes:
    """Return a file with something in it changed: values, lines or bytes."""
    way: Callable[[bytes, random.Random], bytes] = rng.choice((_values, _values, _values, _lines, _bytes))
    changed = way(content, rng)
    return changed if changed != content else _bytes(content, rng)


def _values(content: bytes, rng: random.Random) -> bytes:
    """Change a value of a JSON text, or of one line of it."""
    whole = content.count(b"\n") < 2 or content.startswith(b"{\n")
    lines = [content] if whole else content.splitlines(keepends=True)
    place = rng.randrange(len(lines))
    try:
        data = json.loads(lines[place])
    except ValueError:  # the index: its first line alone is JSON
        return _bytes(content, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        _change(data, rng)
    text = json.dumps(data, ensure_ascii=rng.random() < 0.5, indent=1 if whole else None)
    lines[place] = text.encode("utf-8", "surrogatepass") + b"\n"
    return b"".join(lines)


def _change(data: Any, rng: random.Random) -> None:
    """Change, take out or add one value somewhere inside a list or an object."""
    while True:
        keys = list(data) if isinstance(data, dict) else list(range(len(data)))
        if not keys:
            return
        key = rng.choice(keys)
        inner = data[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.8:
            data = inner
            continue
        kind = rng.random()
        if kind < 0.7:
            data[key] = deepcopy(rng.choice(NASTY))
        elif kind < 0.85:
            del data[key]
        elif isinstance(data, dict):
            data[str(rng.choice(NASTY))] = deepcopy(rng.choice(NASTY))
        else:
            data.extend([deepcopy(inner) for _ in range(rng.choice((1, 3, 500)))])
        return


def _lines(content: bytes, rng: random.Random) -> bytes:
    """Take lines out, double them, turn them round, put others between them."""
    lines = content.splitlines(keepends=True) or [b""]
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    junk = (
        b"",
        b"\n",
        b"{}\n",
        b"[" * 10_000 + b"\n",
        b'{"a":' * 10_000 + b"\n",
        b"\xff\xfe\n",
        b"\x00" * 50,
        b"\xef\xbb\xbf",
    )
    kind = rng.randrange(5)
    if kind == 0:
        del lines[first : first + rng.randrange(1, 9)]
    elif kind == 1:
        lines.insert(second, lines[first])
    elif kind == 2:
        lines[first], lines[second] = lines[second], lines[first]
    elif kind == 3:
        lines.insert(first, rng.choice(junk))
    else:
        lines[first] = lines[first].replace(b'"', b'"', 1).replace(b":", b':{"":', 1) + lines[second]
    return b"".join(lines)


def _bytes(content: bytes, rng: random.Random) -> bytes:
    """Change single bytes, cut the end off, put a piece elsewhere, or write it in another encoding."""
    kind, place = rng.randrange(5), rng.randrange(len(content) + 1)
    if kind == 0:
        return content[:place]
    if kind == 1:
        return content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]
    if kind == 2:
        return content[:place] + rng.randbytes(rng.randrange(1, 40)) + content[place:]
    if kind == 3:
        return content[place:] + content[:place] + b"x"
    return content.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-32", "utf-8-sig", "cp500")), "replace")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
