"""The short form of `make torture`: every sweep does something, and nothing fails."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import torture  # noqa: E402 (a script beside the package, found by its folder)
import torture_tools  # noqa: E402


def test_the_short_form_finds_no_failure() -> None:
    given = [sys.executable, str(BENCHMARKS / "torture.py"), "--quick"]
    done = subprocess.run(given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    for name in torture.SWEEPS:
        (line,) = [line for line in lines if line.startswith(f"{name} ")]
        assert re.search(r"\b[1-9][\d,]* \w", line), line
        assert ": 0 failures, " in line
    assert re.fullmatch(r"0 failures in \d+ s", lines[-1])


def test_a_sweep_that_is_missing_or_unknown_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(torture.SWEEPS, "nowhere", "not there")
    monkeypatch.setattr(sys, "argv", ["torture.py", "--quick", "--only", "nowhere"])
    assert torture.main() == 1
    assert "nowhere   is not there: No module named 'torture_nowhere'" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["torture.py", "--only", "rnus"])
    with pytest.raises(SystemExit):
        torture.main()
    assert "unknown sweep 'rnus'" in capsys.readouterr().err


def test_a_failure_is_counted_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    counts = torture_tools.Counts()
    assert counts.check(True, "fine")
    assert not counts.check(False, "the moon fell down")
    counts.add("kills", 2)
    assert dict(counts) == {"failures": 1, "kills": 2}
    assert "failure: the moon fell down" in capsys.readouterr().err
    assert torture.line("runs", dict(counts), 3.4) == "runs      2 kills: 1 failures, 3 s"


def test_a_child_is_killed_in_time_and_its_words_are_kept(tmp_path: Path) -> None:
    code = f"""
import sys, time
sys.path.insert(0, {str(BENCHMARKS)!r})
from pathlib import Path
from torture_tools import forked, in_child

def slow():
    print("begun", flush=True)
    time.sleep(60)
    return 0

ended = in_child(slow, kill_after=0.3)
assert ended.killed and ended.out == "begun\\n", ended
ended = in_child(lambda: print("x" * 200_000) or 3)
assert (ended.code, len(ended.out), ended.err) == (3, 200_001, ""), ended
ended = forked(["list", "nothing"], Path({str(tmp_path)!r}))
assert ended.code == 2 and ended.err.startswith("error: unknown kind of part 'nothing'"), ended
ended = in_child(lambda: 1 // 0)
assert ended.code == 70 and "ZeroDivisionError" in ended.err, ended
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_no_single_line_of_an_error() -> None:
    assert torture_tools.one_line("error: the disk is full\n") is None
    for bad in ("", "error: x (a bug: please report it)\n", "Traceback (most recent call last):\nerror: x\n", "oh\n"):
        assert torture_tools.one_line(bad) is not None


def test_folders_are_compared_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "link").symlink_to("a")
    before = torture_tools.digests(tmp_path)
    assert before["link"] == "link to a"
    (tmp_path / "a").write_text("2")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_text("3")
    assert torture_tools.changed(torture_tools.digests(tmp_path), before) == "a differs, b/c is extra"
