"""Exports: the same bytes each time, complete or not there, nothing from elsewhere."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest
from rich.text import Text
from samples import mended, propose

from tracer_env.display.pictures import _COLOR, _LIGHT, _SVG, DARK, _recorder, export
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError
from tracer_env.types import Grade

_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


@pytest.mark.parametrize("suffix", ["svg", "html", "SVG"])
def test_the_same_bytes_whatever_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    first, second = tmp_path / f"a.{suffix}", tmp_path / "new" / f"b.{suffix}"
    export([mended()], first)
    for name, value in {"NO_COLOR": "1", "COLUMNS": "33", "TERM": "dumb", "COLORTERM": ""}.items():
        monkeypatch.setenv(name, value)
    export([mended()], second)
    assert first.read_bytes() == second.read_bytes()
    assert b"well judged" in first.read_bytes().replace(b"&#160;", b" ")
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [first.name]


@pytest.mark.parametrize("suffix", ["svg", "html"])
def test_nothing_is_loaded_from_elsewhere(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    export([mended(), mended()], path)
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|url\((?!#)|<script|@import|<link", text)


def test_the_svg_is_xml_even_with_hostile_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    hostile = propose(1, Grade.WRONG, text="<script>alert(1)</script> & \x00 \x1b[2J \ufffe ]]>", answer="<b>")
    export([replace(mended(), turns=(hostile, *mended().turns[1:]))], path)
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    shown = "".join(root.itertext()).replace("\xa0", " ")
    assert "<script>alert(1)</script> & \\x00 \\x1b[2J \\ufffe ]]>" in shown
    assert not [node for node in root.iter() if node.tag.endswith("script")]


def test_the_html_escapes_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    hostile = propose(1, Grade.WRONG, text="<img src=x onerror=alert(1)>")
    export([replace(mended(), turns=(hostile, *mended().turns[1:]))], path)
    assert "<img" not in path.read_text(encoding="utf-8")


def test_other_suffixes_and_no_episode_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.html, \.svg or \.jsonl, got 'a\.png'"):
        export([mended()], tmp_path / "a.png")
    with pytest.raises(ConfigError, match="no episode"):
        export([], tmp_path / "a.svg")
    assert list(tmp_path.iterdir()) == []


def test_the_readable_form_is_an_object_a_line(tmp_path: Path) -> None:
    told = [mended(), replace(mended(), method="other")]
    export(iter(told), tmp_path / "told.jsonl")
    lines = (tmp_path / "told.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines == [each.to_json() for each in told]
    assert [Transcript.from_json(line) for line in lines] == told


def test_both_forms_of_the_svg_differ_by_colours_alone_whatever_is_on_it(tmp_path: Path) -> None:
    """Colours of the dark theme, plain and dim, are told apart exactly where the light ones are."""
    console = _recorder()
    for name in (*_NAMES, *(f"bright_{name}" for name in _NAMES), "default"):
        for extra in ("", "dim ", "bold ", "italic "):
            console.print(Text("x", f"{extra}{name}"))
            console.print(Text("x", f"{extra}black on {name}"))
    pictures = [
        console.export_svg(theme=theme, code_format=_SVG, unique_id="u", clear=False) for theme in (DARK, _LIGHT)
    ]
    assert len({_COLOR.sub("", text) for text in pictures}) == 1


@pytest.mark.parametrize("suffix", ["svg", "html"])
def test_both_are_light_and_dark(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    export([mended()], path)
    text = path.read_text(encoding="utf-8")
    assert "prefers-color-scheme" in text
    assert "\0" not in text
    drawn = text.partition("</style>")[2]
    assert not re.search(r'fill="#', drawn)


def test_the_html_shows_both_branches_and_forbids_scripts(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    export([mended()], path)
    text = path.read_text(encoding="utf-8")
    for words in (
        "default-src 'none'",
        "had it skipped: silence, which leaves alone <b>66</b>",
        "had it spoken:</p>",
        "Each step checks out: 108, 113, 76.",
        "wrong → right",
        "3 calls · 851 tokens · 688 not said",
    ):
        assert words in text
