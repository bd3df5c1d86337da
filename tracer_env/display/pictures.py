"""Pictures: episodes written as one ``.html``, ``.svg`` or ``.jsonl`` file, the same bytes each time.

The last is no picture but the readable form of episodes, an object a line, for people and programs (`episodes.lines`).
The others follow the reader's light or dark setting; where a viewer has none, the SVG is dark. HTML flows to the width
of the window (`dialogue`); the SVG is the terminal at 100 columns. The console that records it is told all it would
otherwise ask the environment (size, colours), the identifiers inside the SVG are fixed, and nothing is loaded from
elsewhere: rich's own template would fetch a web font, ours names fonts that people have.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from tracer_env.display.dialogue import dialogue, safe
from tracer_env.display.html import document
from tracer_env.display.scene import render
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError
from tracer_env.storage.files import write_text, write_with
from tracer_env.storage.folders import unwritable

__all__ = ["DARK", "WIDTH", "export"]

WIDTH = 100  # columns

DARK = TerminalTheme(
    (17, 20, 28),
    (205, 212, 226),
    [
        (36, 41, 54),
        (240, 113, 120),
        (134, 206, 140),
        (234, 190, 110),
        (122, 162, 247),
        (196, 150, 240),
        (98, 200, 222),
        (205, 212, 226),
    ],
    [
        (74, 82, 102),
        (240, 113, 120),
        (134, 206, 140),
        (234, 190, 110),
        (122, 162, 247),
        (196, 150, 240),
        (98, 200, 222),
        (255, 255, 255),
    ],
)

_LIGHT = TerminalTheme(
    (255, 255, 255),
    (28, 34, 48),
    [
        (250, 252, 255),
        (194, 47, 67),
        (31, 122, 65),
        (143, 95, 11),
        (37, 99, 235),
        (162, 28, 175),
        (14, 116, 144),
        (28, 34, 48),
    ],
    [
        (190, 196, 208),
        (194, 47, 67),
        (31, 122, 65),
        (143, 95, 11),
        (37, 99, 235),
        (162, 28, 175),
        (14, 116, 144),
        (0, 0, 0),
    ],
)

_COLOR = re.compile("(#[0-9a-f]{6})")
_FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

_SVG = (
    """<svg class="tracer-env-replay" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<style>
.{unique_id}-matrix {{ font: {char_height}px """
    + _FONTS
    + """; }}
.{unique_id}-title {{ font: bold 17px system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
)


def export(transcripts: Iterable[Transcript], path: Path) -> None:
    """Write the episodes to ``path``, one below the other; its suffix, .html, .svg or .jsonl, says how.

    As .jsonl any number of them is written, each read when it is its turn. The file appears when it is complete.
    Raises ConfigError for another suffix or without an episode.
    """
    kind = path.suffix.lower()
    if kind not in (".html", ".svg", ".jsonl"):
        raise ConfigError(
            f"a replay is exported to .html, .svg or .jsonl, got {path.name!r}; choose one of these suffixes"
        )
    episodes = iter(transcripts)
    first = next(episodes, None)
    if first is None:
        raise ConfigError("there is no episode to export; choose others")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == ".jsonl":
            write_with(path, lambda to: _lines(chain([first], episodes), to))
        else:
            write_text(path, _svg([first, *episodes]) if kind == ".svg" else _html([first, *episodes]))
    except OSError as error:
        raise unwritable("the replay", path, error) from error


def _lines(episodes: Iterable[Transcript], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{told.to_json()}\n" for told in episodes)


def _html(episodes: list[Transcript]) -> str:
    shown = []
    for told in episodes:
        task = told.task
        place = f"{task.scenario} · {task.id} · episode {told.episode} · world {told.world} · seed {told.seed}"
        shown.append(f"<h2>{safe(told.method)}</h2><p>{safe(place)}</p>{dialogue(told)}")
    return document("tracer-env replay", shown)


def _svg(episodes: list[Transcript]) -> str:
    """Return the picture in the colours of the dark theme, and rules that make it light where the reader's setting is.

    Both are drawn and differ by colours alone; each colour becomes a class, which has one value in either form.
    """
    console = _recorder()
    for index, transcript in enumerate(episodes):
        console.print("\n" if index else "", render(transcript), "", sep="\n")
    dark, light = (
        console.export_svg(
            title="tracer-env replay", theme=theme, code_format=_SVG, unique_id="tracer-env", clear=False
        )
        for theme in (DARK, _LIGHT)
    )
    pairs: dict[tuple[str, str], str] = {}
    pieces = []
    for place, (here, there) in enumerate(zip(_COLOR.split(dark), _COLOR.split(light), strict=True)):
        pieces.append(here if place % 2 == 0 else f"\0{pairs.setdefault((here, there), f'k{len(pairs)}')}\0{here}")
    fill = 'fill="\0(k[0-9]+)\0#[0-9a-f]{6}"'
    text = re.sub(f'class="([^"]*)" {fill}', r'class="\1 \2"', "".join(pieces))
    text = re.sub(fill, r'class="\1"', text)
    lines = [line for line in text.splitlines() if "{ fill: \0" in line]
    both = {name: pair for pair, name in pairs.items()}
    turned = [re.sub("\0(k[0-9]+)\0#[0-9a-f]{6}", lambda found: both[found[1]][1], line) for line in lines]
    text = re.sub("\0k[0-9]+\0", "", text)
    forms = ["".join(f".{name} {{ fill: {pair[form]} }}\n" for name, pair in both.items()) for form in (0, 1)]
    light_form = f"@media (prefers-color-scheme: light) {{\n{forms[1]}" + "\n".join(turned) + "\n}\n"
    return text.replace("</style>", f"{forms[0]}{light_form}</style>", 1)


def _recorder() -> Console:
    return Console(
        record=True,
        file=io.StringIO(),
        width=WIDTH,
        height=40,
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
        legacy_windows=False,
    )
