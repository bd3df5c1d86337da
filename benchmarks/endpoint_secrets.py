"""Whether a key shows anywhere: marker values in OPENAI_API_KEY and HF_TOKEN, and a search of all that is written.

    python benchmarks/endpoint_secrets.py                    half a minute

Commands that ask a server are run with the markers in their environment, with --debug and with the client's own log at
its loudest, against a server that answers, one that refuses the key and repeats it in what it says, one that repeats
the half of it, one that breaks connections, and none. Searched, for the markers and for half of them: every file under
the run folders (compressed ones too), stdout, stderr, the log. Exits with 1 where one is found, and where the server
was not sent the key, for then nothing was tried.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fault_server import Faults, FaultServer

MARKERS = {"OPENAI_API_KEY": "sk-marker-3f9c27d1a5b84e60", "HF_TOKEN": "hf_marker_9d2b64c8e1f7a035"}
KEY = MARKERS["OPENAI_API_KEY"]
REFUSALS: dict[str, dict[str, Any]] = {
    "repeats the key": {"status": 401, "body": {"error": {"message": f"Incorrect API key provided: {KEY}."}}},
    "repeats half of it": {"status": 400, "body": {"error": {"message": f"key {KEY[:14]}******** is no good"}}},
    "answers in HTML": {"status": 403, "body": f"<html>Authorization: Bearer {KEY}</html>"},
}
LOUD = (
    "import logging, sys\n"
    "logging.basicConfig(level=logging.DEBUG, filename=sys.argv.pop(1))\n"
    "from tracer_env.cli.app import main\n"
    "sys.exit(main(sys.argv[1:]))\n"
)


def commands(url: str, folder: Path) -> Iterator[list[str]]:
    """Yield the commands that speak, each into a folder of its own."""
    speaker = ["--speaker", "endpoint:m", "--set", f"speaker.base_url={url}", "--set", "speaker.retries=1"]
    common = ["--scenario", "arithmetic", *speaker]
    yield ["compare", *common, "--limit", "4", "--methods", "always", "--out", str(folder / "compare")]
    yield [
        "compare",
        *common,
        "--limit",
        "4",
        "--methods",
        "always",
        "--on-error",
        "skip",
        "--out",
        str(folder / "skip"),
    ]
    yield ["expand", *common, "--limit", "2", "--set", "rules.max_turns=3", "--out", str(folder / "expand")]
    yield ["train", *common, "--steps", "4", "--out", str(folder / "train")]
    yield ["play", *common, "--controller", "always"]
    yield ["compare", *common, "--limit", "2", "--methods", "always", "--dry-run"]
    yield ["report", str(folder / "compare")]
    yield ["doctor"]


def tried(url: str, folder: Path) -> None:
    """Run every command, and keep what it printed and logged beside what it wrote."""
    folder.mkdir()
    environment = {**os.environ, **MARKERS, "OPENAI_LOG": "debug"}
    for number, command in enumerate(commands(url, folder)):
        words = [sys.executable, "-c", LOUD, str(folder / f"{number}.log"), "--debug", *command]
        done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
        (folder / f"{number}.out").write_text(f"{done.stdout}\n{done.stderr}\nexit {done.returncode}\n")


def found(folder: Path) -> tuple[list[str], int]:
    """Return where a marker stands, or half of one, and how many files were searched."""
    words = [part for value in MARKERS.values() for part in (value, value[: len(value) // 2], value[len(value) // 2 :])]
    where, searched = [], 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        searched += 1
        where += [f"{path.relative_to(folder)}: {word}" for word in words if word.encode() in content]
    return where, searched


def main() -> int:
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        servers: dict[str, FaultServer] = {
            "answers": FaultServer(),
            "stumbles": FaultServer(Faults(0.14, retry_after="0.01", slow=0.01)),
            **{name: FaultServer(always=told) for name, told in REFUSALS.items()},
        }
        for name, server in servers.items():
            with server:
                tried(server.url, root / name.replace(" ", "-"))
            sent = f"Bearer {KEY}" in server.seen.keys
            wrong += [] if sent else [f"the server that {name} was not sent the key"]
            print(f"{'ok' if sent else 'WRONG'}: a server that {name}: {server.seen.attempts} requests with the key")
        tried(server.url, root / "nobody")
        where, searched = found(root)
        print(
            f"{'ok' if not where else 'WRONG'}: {searched} files, logs and outputs searched, {len(where)} hold a marker"
        )
        wrong += where
    for line in wrong:
        print(f"WRONG: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
