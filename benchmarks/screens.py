"""Pictures of every screen that people look at, to be looked at: terminal, report, exported episode, frontier.

    python benchmarks/screens.py --folder FOLDER

Terminals are real ones (tmux), pages are drawn by a headless Chromium, in light and in dark, as wide as a desk and as a
phone (in a frame of 390 pixels, since a window may not be as narrow). Nothing is measured: the pictures are for eyes.
"""

from __future__ import annotations

import argparse
import io
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.console import Console

from tracer_env.display.pictures import DARK

PROGRAM = [sys.executable, "-m", "tracer_env.cli"]
FORMS = {"dark": 0, "light": 1}  # as Chromium numbers them
PHONE = 390
_PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><style>{stylesheet}
body {{ margin: 0; color: {foreground}; background: {background}; }}
pre {{ font: 15px/19px "DejaVu Sans Mono", monospace; margin: 12px; }}</style></head>
<body><pre>{code}</pre></body></html>"""


def needed(names: Sequence[str]) -> dict[str, str]:
    """Return the programs by name; ends with one line for one that is not there."""
    found = {name: shutil.which(name) for name in names}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        sys.exit(f"error: {', '.join(missing)} is needed for pictures of screens; install it")
    return {name: str(path) for name, path in found.items()}


def run(*words: str | Path) -> None:
    """Run a command of tracer-env; ends with its message when it fails."""
    done = subprocess.run([*PROGRAM, *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"tracer-env {' '.join(map(str, words))} failed:\n{done.stderr[-2000:]}")


_NUMBERS = count()  # each terminal has a server of its own


class Terminal:
    """A terminal of a size in which a command runs, made by `terminal`."""

    def __init__(self, tmux: str, width: int, height: int, words: Sequence[str | Path]) -> None:
        self._tmux = [tmux, "-L", f"screens-{os.getpid()}-{next(_NUMBERS)}"]
        command = shlex.join([*PROGRAM, *map(str, words)])
        self("new-session", "-d", "-x", str(width), "-y", str(height), f"{command}; sleep 600")

    def __call__(self, *words: str) -> str:
        return subprocess.run([*self._tmux, *words], capture_output=True, text=True, check=True).stdout

    def type(self, *keys: str) -> None:
        """Press keys, one after the other, and wait until the screen is still."""
        for key in keys:
            self("send-keys", key)
        self.settled()

    def settled(self, until: str = "", still: float = 1.2, most: float = 120.0) -> str:
        """Return what stands on the screen, with its colours, once it holds a text and has not changed for a while."""
        before, since, end = "", time.monotonic(), time.monotonic() + most
        while time.monotonic() < end:
            now = self("capture-pane", "-e", "-p")
            if now != before:
                before, since = now, time.monotonic()
            elif now.strip() and until in now and time.monotonic() - since > still:
                break
            time.sleep(0.2)
        return before


@contextmanager
def terminal(tmux: str, width: int, height: int, *words: str | Path) -> Iterator[Terminal]:
    """Open a terminal in which a command of tracer-env runs, and close it afterwards."""
    opened = Terminal(tmux, width, height, words)
    try:
        yield opened
    finally:
        opened("kill-server")


class Camera:
    """Draws pages and screens into a folder; every picture's path is printed."""

    def __init__(self, chromium: str, folder: Path) -> None:
        self._chromium, self.folder = chromium, folder

    def page(self, page: Path, name: str, width: int, height: int, form: str = "light") -> None:
        """Draw a page so wide and high, in light or in dark."""
        shown = page.resolve()
        if width < 500:
            shown = self.folder.resolve() / f"{name}.frame.html"
            frame = (
                f'<iframe src="{page.resolve().as_uri()}" style="width:{width}px;height:{height}px;border:0"></iframe>'
            )
            shown.write_text(f'<!DOCTYPE html><body style="margin:0">{frame}', encoding="utf-8")
        picture = self.folder / f"{name}.png"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--allow-file-access-from-files"]
        flags += [f"--blink-settings=preferredColorScheme={FORMS[form]}", f"--window-size={max(width, 500)},{height}"]
        command = [self._chromium, *flags, f"--screenshot={picture}", shown.as_uri()]
        subprocess.run(command, capture_output=True, check=True, timeout=120)
        if shown != page.resolve():
            shown.unlink()
        print(picture, flush=True)

    def screen(self, shown: str, name: str, width: int) -> None:
        """Draw what stood on a terminal."""
        lines = shown.rstrip("\n").splitlines()
        console = Console(record=True, file=io.StringIO(), width=width, force_terminal=True, color_system="truecolor")
        decoder = AnsiDecoder()  # keeps colours from line to line, as a terminal does
        for line in lines:
            console.print(decoder.decode_line(line), no_wrap=True, overflow="ignore", crop=False)
        page = self.folder / f"{name}.html"
        page.write_text(console.export_html(theme=DARK, code_format=_PAGE), encoding="utf-8")
        self.page(page, name, max(500, round(9.04 * width) + 24), 19 * len(lines) + 24)
        page.unlink()


def terminals(tmux: str, camera: Camera, work: Path) -> Path:
    """Draw the demo at three widths and the replay in two sizes; return the demo's run."""
    for width in (60, 80, 120):
        out = work / f"demo{width}"
        with terminal(tmux, width, 90, "compare", "--out", out) as opened:
            camera.screen(opened.settled(until="replay  "), f"demo-{width}", width)
    run_folder = work / "demo80"
    for width, height in ((80, 24), (160, 50)):
        with terminal(tmux, width, height, "replay", run_folder, "--only", "flips") as opened:
            for name, keys in (("first", ()), ("next-turn", ("Space", "Space")), ("flip", ("f",)), ("keys", ("?",))):
                opened.type(*keys)
                camera.screen(opened.settled(), f"replay-{width}x{height}-{name}", width)
    return run_folder


def pages(camera: Camera, run_folder: Path, work: Path) -> None:
    """Draw the report, an exported episode, runs side by side, each wide and narrow, light and dark."""
    other = work / "demo120"
    run("report", run_folder, other, "--out", work / "side-by-side.html")
    for suffix in ("html", "svg"):
        run("replay", run_folder, "--only", "flips", "--export", work / f"episode.{suffix}")
    shown = [("report", run_folder / "report.html", 4200, 7000), ("episode", work / "episode.html", 1400, 1700)]
    shown.append(("side-by-side", work / "side-by-side.html", 2000, 2600))
    for form in FORMS:
        for name, page, wide, narrow in shown:
            camera.page(page, f"{name}-1280-{form}", 1280, wide, form)
            camera.page(page, f"{name}-{PHONE}-{form}", PHONE, narrow, form)
        camera.page(work / "episode.svg", f"episode-svg-{form}", 1000, 800, form)


def main() -> None:
    """Draw everything into a folder."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--folder", type=Path, required=True, help="where the pictures go; its runs are left inside")
    folder = parser.parse_args().folder
    programs = needed(("tmux", "chromium"))
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    camera = Camera(programs["chromium"], folder)
    run_folder = terminals(programs["tmux"], camera, work)
    pages(camera, run_folder, work)
    grown = ("--scenario", "arithmetic", "--speaker", "simulated", "--split", "train", "--limit", "60")
    run("expand", *grown, "--out", work / "trees")
    run("frontier", work / "trees", "--out", folder / "frontier.png")
    print(folder / "frontier.png")


if __name__ == "__main__":
    main()
