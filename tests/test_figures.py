"""Stated figures: each has an entry that says how it comes out again, and texts and entries agree."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_spec = importlib.util.spec_from_file_location("figures", ROOT / "benchmarks" / "figures.py")
assert _spec is not None
assert _spec.loader is not None
figures = importlib.util.module_from_spec(_spec)
sys.modules["figures"] = figures
_spec.loader.exec_module(figures)

ENTRIES = {one.name: one for one in figures.read()}
MARK = re.compile(r"([+\-−]?[\d.,]*\d)<!--([\w-]+)-->")
DECIMAL = re.compile(r"(?<![\w.])[+\-−]?\d[\d,]*\.\d+(?![\w.])")


def _texts() -> dict[str, str]:
    """What is stated: README, docs, and of the CHANGELOG what is not released yet."""
    paths = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in paths}
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## ")
    return {**texts, "CHANGELOG.md": "\n## ".join(changes[:2])}


def test_each_mark_states_what_its_entry_says() -> None:
    marks = [(name, value, mark) for name, text in _texts().items() for value, mark in MARK.findall(text)]
    assert marks
    for text, value, mark in marks:
        assert mark in ENTRIES, f"{text}: {value} is marked {mark!r}, which figures.toml does not know"
        assert value == ENTRIES[mark].value, f"{text} states {value} for {mark}, figures.toml {ENTRIES[mark].value}"


def test_each_entry_is_stated_somewhere() -> None:
    stated = {mark for text in _texts().values() for _, mark in MARK.findall(text)}
    assert set(ENTRIES) == stated


def test_names_are_unique_and_scripts_are_there() -> None:
    assert len(figures.read()) == len(ENTRIES)
    for one in ENTRIES.values():
        first = one.command.split()[0]
        assert first == "tracer-env" or (ROOT / "benchmarks" / first).is_file(), one.name


def test_no_figure_of_the_table_goes_unmarked() -> None:
    """Every decimal in the figures' column of the CHANGELOG has a mark behind it, and every row has one."""
    table = _texts()["CHANGELOG.md"].partition("| what | figure | script |")[2].partition("\n\n")[0]
    rows = [row.split("|")[2] for row in table.splitlines() if row.startswith("| ")]
    assert len(rows) >= 8
    for cell in rows:
        assert MARK.search(cell), f"no figure is marked in: {cell}"
        bare = MARK.sub("", cell)
        assert not DECIMAL.search(bare), f"a figure without a mark in: {cell}"


def test_the_readme_states_no_figure_outside_its_demo() -> None:
    """Decimals of the README stand in code and in what the demo prints; elsewhere they would need marks."""
    prose = re.sub(r"```.*?```|`[^`]*`|\([^)]*\)", "", _texts()["README.md"], flags=re.DOTALL)
    known = {"3.11", "2605.28699", "2.13.0", "0.95", "1.27"}  # versions, a paper, nano's size in millions
    found = {text for text in DECIMAL.findall(MARK.sub("", prose)) if text not in known}
    assert not found


def test_finding_and_holding() -> None:
    one = figures.Figure("a", "x.py", r"ratio ([\d.]+)", "1.0", 0.1, pick="most")
    assert one.found_in("ratio 0.9\nratio 1.05") == 1.05
    assert one.holds(1.05)
    assert not one.holds(1.2)
    assert not one.holds(one.found_in("nothing"))
    assert figures.number("−1,462.5") == -1462.5


@pytest.mark.parametrize(
    "entry", ["find = '(a)(b)'\noff = 0.1", "find = '(a)'\noff = 2", "find = '(a)'\noff = 0\nkind = 'slow'"]
)
def test_entries_without_sense_are_refused(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "figures.toml"
    path.write_text(f"[[figure]]\nname = 'a'\ncommand = 'x.py'\nvalue = '1'\n{entry}\n")
    with pytest.raises(ValueError, match="makes no sense"):
        figures.read(path)
