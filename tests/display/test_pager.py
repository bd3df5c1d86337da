"""Keys, on a pseudo-terminal and as lines."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator

import pytest

from tracer_env.display import pager
from tracer_env.display.pager import LineKeys, open_keys

termios = pytest.importorskip("termios")


@pytest.fixture
def terminal() -> Iterator[tuple[int, io.TextIOWrapper]]:
    """The end that a person holds, and the stream that a program reads."""
    person, program = os.openpty()
    with open(program, closefd=True) as stream:
        yield person, stream
    os.close(person)


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        (b"n", "next"),
        (b" ", "forward"),
        (b"\r", "forward"),
        (b"b", "back"),
        (b"f", "flip"),
        (b"/", "search"),
        (b"?", "help"),
        (b"P", "previous"),
        (b"g", "go"),
        (b"q", "quit"),
        (b"\x04", "quit"),
        (b"\x1b[C", "forward"),
        (b"\x1b[D", "back"),
        (b"\x1bOC", "forward"),
        (b"\x1b", ""),
        (b"x", ""),
        (b"\xc3", ""),
    ],
)
def test_one_key_is_one_command(terminal: tuple[int, io.TextIOWrapper], typed: bytes, command: str) -> None:
    person, stream = terminal
    with open_keys(stream) as keys:
        os.write(person, typed)
        assert keys.read() == command


def test_the_terminal_is_put_back_after_an_error(terminal: tuple[int, io.TextIOWrapper]) -> None:
    _, stream = terminal
    before = termios.tcgetattr(stream)
    seen = []

    def interrupted() -> None:
        with open_keys(stream):
            seen.append(termios.tcgetattr(stream))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert termios.tcgetattr(stream) == before
    assert not seen[0][3] & (termios.ECHO | termios.ICANON)
    assert seen[0][3] & termios.ISIG


def test_a_line_is_edited_as_usual_and_keys_follow(terminal: tuple[int, io.TextIOWrapper]) -> None:
    person, stream = terminal
    with open_keys(stream) as keys:
        os.write(person, b"gx\x7f")
        assert keys.read() == "go"
        os.write(person, "bäckerei-7\nn".encode())
        assert keys.line().endswith("bäckerei-7")
        assert keys.read() == "next"


def test_a_pause_ends_with_a_key(terminal: tuple[int, io.TextIOWrapper]) -> None:
    person, stream = terminal
    with open_keys(stream) as keys:
        assert not keys.pause(0.0)
        os.write(person, b"n")
        assert keys.pause(30.0)
        assert keys.read() == "next"


def test_another_size_of_the_terminal_is_a_command(terminal: tuple[int, io.TextIOWrapper]) -> None:
    person, stream = terminal
    with open_keys(stream) as keys:
        termios.tcsetwinsize(stream.fileno(), (50, 160))
        assert keys.read() == "resized"
        os.write(person, b"n")
        assert keys.read() == "next"


def test_lines_serve_where_there_is_no_terminal() -> None:
    with open_keys(io.StringIO("n\n\nP\ng\n 7 \nzebra\nquit\n")) as keys:
        assert isinstance(keys, LineKeys)
        assert [keys.read() for _ in range(4)] == ["next", "forward", "previous", "go"]
        assert keys.line() == "7"
        assert [keys.read() for _ in range(3)] == ["", "quit", "quit"]
        assert not keys.pause(0.0)


def test_lines_serve_where_there_is_no_termios(
    terminal: tuple[int, io.TextIOWrapper], monkeypatch: pytest.MonkeyPatch
) -> None:
    person, stream = terminal
    monkeypatch.setattr(pager, "_termios", lambda: None)
    with open_keys(stream) as keys:
        os.write(person, b"p\n")
        assert keys.read() == "previous"
