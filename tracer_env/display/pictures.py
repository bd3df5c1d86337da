"""Pictures: episodes written as one ``.html`` or ``.svg`` file, the same bytes each time.

The console that records them is told all it would otherwise ask the environment (size, colours), the
identifiers inside the SVG are fixed, and nothing is loaded from elsewhere: rich's own templates would
fetch a web font, ours name fonts that people have.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from tracer_env.display.scene import render
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError
from tracer_env.storage.files import write_text
from tracer_env.storage.folders import unwritable

__all__ = ["THEME", "WIDTH", "export"]

WIDTH = 100  # columns

THEME = TerminalTheme(
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

_HTML = (
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>tracer-env replay</title>
<style>
{stylesheet}
body {{ margin: 0; padding: 2rem; color: {foreground}; background: {background}; }}
pre {{ width: max-content; margin: 0 auto; font: 15px """
    + _FONTS
    + """; line-height: normal; }}
</style>
</head>
<body>
<pre>{code}</pre>
</body>
</html>
"""
)


def export(transcripts: Iterable[Transcript], path: Path) -> None:
    """Write the episodes to ``path``, one below the other; its suffix, .html or .svg, says how.

    The file appears when it is complete. Raises ConfigError for another suffix or without an episode.
    """
    kind, episodes = path.suffix.lower(), list(transcripts)
    if kind not in (".html", ".svg"):
        raise ConfigError(f"a replay is exported to .html or .svg, got {path.name!r}; choose one of these suffixes")
    if not episodes:
        raise ConfigError("there is no episode to export; choose others")
    console = _recorder()
    for index, transcript in enumerate(episodes):
        console.print("\n" if index else "", render(transcript), "", sep="\n")
    if kind == ".svg":
        text = console.export_svg(title="tracer-env replay", theme=THEME, code_format=_SVG, unique_id="tracer-env")
    else:
        text = console.export_html(theme=THEME, code_format=_HTML)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise unwritable("the replay", path, error) from error


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
