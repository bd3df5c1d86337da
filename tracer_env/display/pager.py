"""Keys for walking through episodes: one key at a time where the terminal can do that, a line otherwise.

On a terminal with ``termios`` the input is put into cbreak mode, and put back however the walk ends
(Ctrl-C and errors included). Elsewhere each command is a line: a letter and Enter.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

__all__ = ["Keys", "LineKeys", "TerminalKeys", "open_keys"]

_LETTERS = {
    **dict.fromkeys(" \r\n", "forward"),
    **dict.fromkeys("b\x7f\x08", "back"),
    **{"n": "next", "p": "previous", "f": "flip", "g": "go", "/": "search", "?": "help", "h": "help"},
    **dict.fromkeys("q\x04", "quit"),
}
_ARROWS = {"C": "forward", "B": "forward", "D": "back", "A": "back"}
_ESCAPE_WAIT = 0.05  # seconds: the rest of an arrow key follows its escape character at once
_LOOKING = 0.2  # seconds between two looks at the terminal's size


class Keys(Protocol):
    """Where commands come from.

    ``forward`` and ``back`` by a turn, ``next`` and ``previous`` by an episode, ``flip``, ``go``, ``search``, ``help``,
    ``quit``; ``resized`` when the terminal has another size; ``""`` for any other key.
    """

    def read(self) -> str:
        """Wait for a command; the end of the input is ``quit``."""
        ...

    def line(self) -> str:
        """Read a line of text, without its end."""
        ...

    def pause(self, seconds: float) -> bool:
        """Wait so long, or until there is input; return whether there is."""
        ...


class LineKeys:
    """Commands as lines of a text stream; the first letter counts, an empty line is ``forward``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def read(self) -> str:
        text = self._stream.readline()
        return _LETTERS.get((text.strip().lower() or " ")[0], "") if text else "quit"

    def line(self) -> str:
        return self._stream.readline().strip()

    def pause(self, seconds: float) -> bool:
        time.sleep(seconds)
        return False


class TerminalKeys:
    """Commands as single keys and arrows, read from the terminal ``fd``; use it through `open_keys`."""

    def __init__(self, fd: int, termios: Any) -> None:
        self._fd, self._termios = fd, termios
        self._saved, self._size = termios.tcgetattr(fd), _size(fd)

    def enter(self) -> None:
        """Switch to cbreak mode: keys arrive at once and are not echoed, Ctrl-C still interrupts."""
        mode = self._termios.tcgetattr(self._fd)
        mode[3] &= ~(self._termios.ECHO | self._termios.ICANON)
        mode[6][self._termios.VMIN], mode[6][self._termios.VTIME] = 1, 0
        self._termios.tcsetattr(self._fd, self._termios.TCSADRAIN, mode)

    def leave(self) -> None:
        """Put the terminal back as it was found."""
        self._termios.tcsetattr(self._fd, self._termios.TCSADRAIN, self._saved)

    def read(self) -> str:
        while not self.pause(_LOOKING):
            if (size := _size(self._fd)) != self._size:
                self._size = size
                return "resized"
        key = os.read(self._fd, 1)
        if key == b"\x1b":
            rest = os.read(self._fd, 2) if self.pause(_ESCAPE_WAIT) else b""
            return _ARROWS.get(rest[-1:].decode("ascii", "replace"), "") if rest[:1] in (b"[", b"O") else ""
        return _LETTERS.get(key.decode("ascii", "replace").lower(), "") if key else "quit"

    def line(self) -> str:
        self.leave()
        try:
            data = b""
            while not data.endswith(b"\n"):
                piece = os.read(self._fd, 1)
                if not piece:
                    break
                data += piece
            return data.decode("utf-8", "replace").strip()
        finally:
            self.enter()

    def pause(self, seconds: float) -> bool:
        return bool(select.select([self._fd], [], [], seconds)[0])


@contextmanager
def open_keys(stream: TextIO | None = None) -> Iterator[Keys]:
    """Yield the keys of ``stream`` (default: standard input) and restore its terminal afterwards."""
    source = sys.stdin if stream is None else stream
    termios = _termios() if source.isatty() else None
    if termios is None:
        yield LineKeys(source)
        return
    keys = TerminalKeys(source.fileno(), termios)
    keys.enter()
    try:
        yield keys
    finally:
        keys.leave()


def _size(fd: int) -> tuple[int, int]:
    """Return columns and lines; no size where the terminal tells none."""
    try:
        return os.get_terminal_size(fd)
    except OSError:
        return 0, 0


def _termios() -> Any:
    """Return the module ``termios``, or None on platforms without it."""
    try:
        import termios
    except ImportError:
        return None
    return termios
