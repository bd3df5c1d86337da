"""Every client of the environments and models, as its own documentation uses it, each in an environment of its own.

    python benchmarks/clients                          all of them: makes an environment for each, then a table
    python benchmarks/clients --only rllib,torchrl     some of them
    python benchmarks/clients --folder DIR             where the environments are kept; a second run is quick
    python benchmarks/clients --system-packages        they share the packages of this environment, where versions agree

The table says for each use whether it works as the client's documentation says, and what it needed beyond that, or why
the client itself cannot. A use that fails is told with the line of its error. The exit code is 1 if one failed, or a
client could not be installed. About six minutes on two cores when the environments are there; making them needs a
package index and some gigabytes.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from environments import ROOT, Client, InstallError, python_of, read_clients

HERE = Path(__file__).resolve().parent
WIDTHS = (18, 29, 9, 5)
REST = 60


def _rows(printed: str) -> list[dict[str, Any]]:
    """Return the lines of JSON among what a script printed."""
    return [json.loads(line) for line in printed.splitlines() if line.startswith('{"use"')]


def _failed(use: str, error: str) -> dict[str, Any]:
    return {"use": use, "version": "-", "yes": False, "needed": "", "error": error}


def tried(client: Client, python: Path) -> list[dict[str, Any]]:
    """Run the client's script in its environment; return a row for each use, and one for a script that broke off."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore"}
    command = [str(python), str(HERE / client.script)]
    try:
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60 * client.minutes
        )
    except subprocess.TimeoutExpired as error:
        told = (error.stdout or b"").decode(errors="replace")
        return [*_rows(told), _failed("(the script)", f"not done after {client.minutes} minutes")]
    rows = _rows(done.stdout)
    if done.returncode and not any(row["error"] for row in rows):
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
        rows.append(_failed("(the script)", last[0] if last else f"ended with {done.returncode}"))
    return rows


def printed(title: str, row: dict[str, Any]) -> str:
    """Return the table's lines for a row."""
    as_said = "yes" if row["yes"] else "no"
    said = f"FAILED: {row['error']}" if row["error"] else row["needed"]
    first, *rest = textwrap.wrap(said, REST) or [""]
    cells = (title, row["use"], row["version"], as_said)
    line = " ".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=True)) + f" {first}"
    indent = " " * (sum(WIDTHS) + len(WIDTHS))
    return "\n".join([line, *(indent + more for more in rest)])


def _chosen(only: str, clients: dict[str, Client]) -> list[Client]:
    names = [name.strip() for name in only.split(",") if name.strip()] or list(clients)
    for name in names:
        if name not in clients:
            near = difflib.get_close_matches(name, clients, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            print(f"there is no client {name!r}{meant} Choose from: {', '.join(clients)}", file=sys.stderr)
            raise SystemExit(2)
    return [clients[name] for name in names]


def _all(clients: Iterable[Client], folder: Path, system_packages: bool) -> list[tuple[Client, list[dict[str, Any]]]]:
    found = []
    for client in clients:
        start = time.perf_counter()
        try:
            rows = tried(client, python_of(client, folder, system_packages))
        except InstallError as error:
            rows = [_failed("(installing)", str(error))]
        print(f"{client.name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        found.append((client, rows))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="names of clients, with commas between")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "clients", help="where the environments are kept"
    )
    parser.add_argument("--system-packages", action="store_true", help="share the packages of this environment")
    asked = parser.parse_args()
    chosen = _chosen(asked.only, read_clients())
    asked.folder.mkdir(parents=True, exist_ok=True)
    found = _all(chosen, asked.folder.resolve(), asked.system_packages)
    head = {"use": "use", "version": "version", "yes": False, "needed": "what it needed", "error": ""}
    print(printed("client", head).replace(" no   ", " said ", 1))
    for client, rows in found:
        for row in rows:
            print(printed(client.title, row))
    failed = sum(bool(row["error"]) for _, rows in found for row in rows)
    print(f"\nsaid: works as the client's documentation says; {failed or 'none'} failed")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
