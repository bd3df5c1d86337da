"""Scripts that make tables and recordings, in their small forms: what they print, and what they refuse in one line."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import tracer_env

Script = Callable[[str], ModuleType]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    monkeypatch.setattr(sys, "argv", ["script"])

    def load(name: str) -> ModuleType:
        monkeypatch.delitem(sys.modules, name, raising=False)
        return importlib.import_module(name)

    return load


def test_what_no_confidence_costs_is_told_seed_by_seed(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {
        "TRACER full": [
            {"accuracy": 0.8, "tokens": 200.0, "calls": 2.0},
            {"accuracy": 0.6, "tokens": 100.0, "calls": 1.0},
        ],
        "TRACER full:confidence": [
            {"accuracy": 0.9, "tokens": 180.0, "calls": 2.0},
            {"accuracy": 0.8, "tokens": 100.0, "calls": 1.5},
        ],
    }
    script("tracer_ablations")._print(rows)
    *_, seeing, last = capsys.readouterr().out.splitlines()
    assert seeing.endswith("+15.00 / -10 / +0.25")
    # Differences -0.1 and -0.2: mean -0.15, standard error 0.05, times Student's 12.706.
    assert last.startswith(
        "no confidence (TRACER full less TRACER full:confidence, seed by seed): accuracy -0.150 ± 0.635"
    )


def test_what_trained_methods_gained_is_told_over_seeds(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        {
            "base": {"accuracy": base, "tokens_per_task": 50},
            "trained": {"accuracy": trained, "tokens_per_task": tokens},
        }
        for base, trained, tokens in ((0.5, 0.75, 100), (0.625, 0.75, 200))
    ]
    script("trained_methods")._print("maporl", 12, found, 61.4)
    assert capsys.readouterr().out.split() == [
        *("maporl", "12", "0.50", "to", "0.62", "0.75", "to", "0.75", "150", "+0.188", "[+0.125,", "+0.250]", "61"),
    ]


def test_an_unknown_change_is_refused(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    module = script("tracer_ablations")
    monkeypatch.setattr(sys, "argv", ["script", "--variants", "full:confidnce"])
    with pytest.raises(SystemExit) as caught:
        module.main()
    assert caught.value.code == 2


def test_a_handful_of_tasks_makes_a_recording(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, out = script("make_recording"), tmp_path / "rec"
    monkeypatch.setattr(sys, "argv", ["script", "--tasks", "8", "--speaker", "simulated", "--out", str(out)])
    assert module.main() == 0
    assert "tune   0 tasks" in (told := capsys.readouterr().out)
    assert told.endswith("no task falls on tune: more --tasks are needed to train on this recording and compare\n")
    assert len(tracer_env.DialogueTrees.load(out).tasks) == 8
    assert module.main() == 2
    assert "go on with --resume, or choose another --out" in capsys.readouterr().err


def test_screens_need_their_programs_and_say_so(
    script: Script, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="tmux, chromium is needed for pictures of screens"):
        script("screens").needed(("tmux", "chromium"))


def test_a_terminal_shows_what_a_command_prints(script: Script) -> None:
    tmux = shutil.which("tmux")
    if tmux is None:
        pytest.skip("tmux is not installed")
    with script("screens").terminal(tmux, 60, 20, "--version") as opened:
        assert opened.settled(until=tracer_env.__version__, still=0.2).strip() == tracer_env.__version__
