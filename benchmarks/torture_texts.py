"""What texts may not do: be pasted as something else, steer a terminal, tell of a machine.

pasted       texts of a shell's own signs, written by `plain.command` and pasted into bash and sh
printed      texts that act, as ids, paths, names and settings, through the commands that print them, on a pipe
             and on a terminal
placeless    runs made with relative paths, looked through for this machine's paths and name
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from torture_tools import Counts

from tracer_env.cli.app import main
from tracer_env.terminal.plain import command

__all__ = ["pasted", "placeless", "printed", "quiet"]

_OWN = re.compile(r"\r?\x1b\[(?:[0-9;]*m|\?25[lh]|2K|[0-9]*A)\r?")
"""What rich sends to a terminal itself: colours, and the movements of its bars."""
_ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def quiet(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Run the command line here and return its code and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    return code, out.getvalue(), err.getvalue()


_SIGNS = "'\"`$(){}[];&|<>*?!#~\\ \t\n=-/.:,%^+@aZ0é’“\x1b\x07\x00\x9b\u202e\u200b\x7f\udc80"


def _text(noise: random.Random, least: int = 1, most: int = 24) -> str:
    if noise.random() < 0.3:
        return noise.choice(
            ("$(touch X)", "`touch X`", "';touch X;'", "\n touch X\n", "[/x]", "[bold]", "-rf")
        ) + _text(noise)
    return "".join(noise.choice(_SIGNS) for _ in range(noise.randint(least, most)))


def pasted(counts: Counts, noise: random.Random, home: Path, number: int) -> None:
    """Paste words into shells: they arrive as they are, and nothing else happens."""
    folder = home / "shell"
    folder.mkdir()
    shells = [shell for shell in ("bash", "sh") if shutil.which(shell)]
    for start in range(0, number, 200):
        texts = [_text(noise).replace("\x00", "") for _ in range(min(200, number - start))]
        lines = [command("printf", "%s\\000", text, f"--episode={text}") for text in texts]
        counts.check(not any(_ACTS.search(line) or "\n" in line for line in lines), "a command that acts")
        for shell in shells:
            done = subprocess.run([shell, "-c", "\n".join(lines)], cwd=folder, capture_output=True, check=False)
            read = done.stdout.split(b"\0")[:-1]
            counts.check(len(read) == 2 * len(texts), f"{shell} read {len(read)} words of {2 * len(texts)}")
            if shell == "bash":
                mine = [os.fsencode(word) for text in texts for word in (text, f"--episode={text}")]
                counts.check(
                    read == mine, f"words are others: {[p for p in zip(mine, read, strict=False) if p[0] != p[1]][:2]}"
                )
        counts.check(not list(folder.iterdir()), f"something was run: {sorted(folder.iterdir())} after {lines!r}")
        counts.add("pasted words", 2 * len(texts))


def printed(counts: Counts, noise: random.Random, home: Path, number: int) -> None:
    """Print texts by every command that prints what it was given or what it read."""
    for _ in range(number):
        texts = [f"{_text(noise, 4)}{index}" for index in range(6)]
        rows = [{"id": text, "question": f"{text} 1+1?", "answer": "2"} for text in texts]
        valid = [row for row in rows if not re.search("[\ud800-\udfff]", row["id"])]
        (home / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in valid), encoding="utf-8")
        run = re.sub("[/\x00\ud800-\udfff]", "", _text(noise, 4, 12)).lstrip(".") + "r"
        calls = [["compare", "--scenario", "jsonl:tasks.jsonl", "--methods", "never,always", f"--out={run}"]]
        calls += [[word, *more, "--", run] for word in ("report", "verify", "replay") for more in ([], ["--json"])]
        for text in texts:
            calls += [["replay", f"--episode={text}", "--", run], ["replay", f"--method={text}", "--", run]]
            calls += [[word, f"--{option}={text}"] for word, option in _OPTIONS] + [[text], ["list", "--", text]]
        for terminal in ({}, {"FORCE_COLOR": "1", "TERM": "xterm-256color"}):
            for call in calls:
                with _environment(terminal):
                    code, out, err = quiet(call)
                shown = _OWN.sub("", out + err) if terminal else out + err
                counts.check(not _ACTS.search(shown), f"{call} prints {shown[:300]!r}")
                counts.check(code in (0, 2), f"{call} ends with {code}: {err}")
                if code == 0 and "--json" in call:
                    json.loads(out)
                counts.add("printed calls")
        shutil.rmtree(run, ignore_errors=True)


_OPTIONS = (
    *[
        ("compare", option)
        for option in ("scenario", "speaker", "methods", "set", "config", "resume", "limit", "baseline")
    ],
    *[("play", option) for option in ("task", "controller")],
    *[("train", option) for option in ("trees", "method", "resume")],
    *[("expand", option) for option in ("resume", "scenario")],
)


@contextlib.contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def placeless(counts: Counts, home: Path) -> None:
    """Make one run of each kind and look for words that tell of this machine."""
    small = ["--scenario", "arithmetic", "--limit", "3"]
    for call in (
        ["compare", *small, "--methods", "regret_matching,never", "--train-episodes", "32", "--out", "p/compare"],
        ["train", "--scenario", "arithmetic", "--steps", "64", "--out", "p/train"],
        ["expand", *small, "--out", "p/trees"],
        ["calibrate", "p/trees", "--out", "p/preset.toml"],
        ["replay", "p/compare", "--export", "p/picture.svg"],
    ):
        code, _, err = quiet(call)
        counts.check(code == 0, f"{call}: {err}")
    words = [str(home), str(Path.home()), str(Path(__file__).parents[1]), sys.prefix]
    told = re.compile("|".join([*map(re.escape, words), rf"(?<!\w){re.escape(socket.gethostname())}(?!\w)"]).encode())
    for path in sorted((home / "p").rglob("*")):
        if path.is_file() and path.suffix not in (".npz", ".gz"):
            counts.check(
                not told.search(path.read_bytes()), f"{path} tells of this machine: {told.search(path.read_bytes())}"
            )
            counts.add("files without a place")
