"""The table of clients: what is tried, how it is told, and what a failing client does to the exit code."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks" / "clients"


def _load(name: str, as_name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(as_name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[as_name] = module
    spec.loader.exec_module(module)
    return module


environments = _load("environments", "environments")
main = _load("__main__", "clients_main")


def _ran(code: str, folder: Path) -> tuple[int, list[dict[str, object]]]:
    script = folder / "try_it.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(FOLDER)!r})\nfrom told import Use, tell\n{code}")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_every_script_is_in_the_table_and_there() -> None:
    clients = environments.read_clients()
    assert {client.script for client in clients.values()} == {path.name for path in FOLDER.glob("try_*.py")}
    page = (FOLDER.parents[1] / "docs" / "clients.md").read_text(encoding="utf-8")
    for client in clients.values():
        assert client.title in page, f"docs/clients.md does not say what {client.title} needs"


def test_constraints_that_a_client_contradicts_are_left_out() -> None:
    clients = environments.read_clients()
    held = [line.split("==")[0] for line in environments._constraints(clients["agilerl"])]
    assert "pettingzoo" not in held
    assert {"torch", "gymnasium"} <= {*held}


def test_a_use_that_fails_is_told_and_does_not_keep_others_from_being_tried(tmp_path: Path) -> None:
    code, rows = _ran(
        "def bad():\n    raise ValueError('first\\nlast')\n"
        "uses = Use('a', bad), Use('b', lambda: None), Use('c', bad, cannot='it is not able')\n"
        "raise SystemExit(tell('numpy', *uses))",
        tmp_path,
    )
    assert code == 1
    assert [(row["yes"], row["error"]) for row in rows] == [(False, "ValueError: first"), (True, ""), (False, "")]
    assert rows[2]["needed"] == "it is not able"


def test_a_client_that_can_after_all_is_a_failure(tmp_path: Path) -> None:
    code, rows = _ran("raise SystemExit(tell('numpy', Use('a', lambda: None, cannot='it is not able')))", tmp_path)
    assert code == 1
    assert "it can now" in str(rows[0]["error"])


def test_a_script_that_breaks_off_is_told_with_its_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "try_it.py").write_text("import nowhere_to_be_found")
    monkeypatch.setattr(main, "HERE", tmp_path)
    rows = main.tried(environments.Client("it", "It", "try_it.py"), Path(sys.executable))
    assert [row["error"] for row in rows] == ["ModuleNotFoundError: No module named 'nowhere_to_be_found'"]
    assert "FAILED: ModuleNotFoundError" in main.printed("It", rows[0])


def test_an_unknown_client_is_one_line() -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER), "--only", "torchlr"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "there is no client 'torchlr'; did you mean 'torchrl'?" in done.stderr
    assert len(done.stderr.splitlines()) == 1
