"""An environment for each client: a folder with a virtual environment, this checkout, and what the client needs.

What an environment was made from stands beside it, and one that was made from the same is used again. torch comes
first, by the exact version of constraints.txt: later requests then find it there, and bring no CUDA packages.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Client", "InstallError", "python_of", "read_clients"]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
STAMP = "made_from.json"


class InstallError(Exception):
    """An environment could not be made; the message is the installer's last line."""


@dataclass(frozen=True)
class Client:
    """A client: its title, its script, and what its environment gets."""

    name: str
    title: str
    script: str
    install: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    """Of this package."""
    torch: bool = False
    free: tuple[str, ...] = ()
    """Packages whose constraints the client's own metadata contradicts."""
    minutes: float = 5
    """How long its script may take."""


def read_clients() -> dict[str, Client]:
    """Return the clients of clients.toml by name, in its order."""
    table = tomllib.loads((HERE / "clients.toml").read_text(encoding="utf-8"))
    return {
        name: Client(name, **{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
        for name, row in table.items()
    }


def _constraints(client: Client) -> list[str]:
    lines = [line for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return [line for line in lines if re.split(r"[=<>!~]", line)[0] not in client.free]


def _pip(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise InstallError(errors[-1] if errors else f"pip ended with {done.returncode}")


def _made_from(client: Client, system_packages: bool) -> str:
    parts = [client.install, client.extras, client.torch, _constraints(client), system_packages, sys.version]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in client.extras)]
    return json.dumps([*parts, asked])


def _borrow(python: Path) -> None:
    """Let the environment see the packages of the one that runs this, behind its own."""
    site = next((python.parents[1] / "lib").glob("python3*")) / "site-packages"
    own = [path for path in sys.path if path.endswith("site-packages")]
    (site / "zz_borrowed.pth").write_text("".join(f"{path}\n" for path in own), encoding="utf-8")


def python_of(client: Client, folder: Path, system_packages: bool = False) -> Path:
    """Return the interpreter of the client's environment, which is made if it is missing or was made from other things.

    With ``system_packages`` it sees the packages of the running environment, and only what differs is installed.
    Raises InstallError with the installer's last line.
    """
    home = folder / client.name
    python, stamp, wanted = home / "bin" / "python", home / STAMP, _made_from(client, system_packages)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True, symlinks=True)
    constraints = home / "constraints.txt"
    constraints.write_text("\n".join(_constraints(client)) + "\n", encoding="utf-8")
    if system_packages:
        _borrow(python)
    held = ["--constraint", str(constraints)]
    if client.torch:
        exact = next(line for line in _constraints(client) if line.startswith("torch=="))
        _pip(python, *held, exact)
    ours = f".[{','.join(client.extras)}]" if client.extras else "."
    _pip(python, *held, "--editable", ours, *client.install)
    stamp.write_text(wanted, encoding="utf-8")
    return python
