"""Terminals that lack characters: every command ends well, in plain letters; JSON stays exact."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from tracer_env.cli.app import main
from tracer_env.terminal.narrow import holds_all, plain_letters, printable


def stream(encoding: str) -> TextIOWrapper:
    return TextIOWrapper(BytesIO(), encoding=encoding, write_through=True)


def written(to: TextIOWrapper) -> bytes:
    held = to.buffer
    assert isinstance(held, BytesIO)
    return held.getvalue()


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", b"d +- - > \\u00e9 \\ud800 \\U0001f600"),
        ("cp1252", b"d \xb1 \x96 > \xe9 \\ud800 \\U0001f600"),
        ("utf-8", "Δ ± – → é \\ud800 \U0001f600".encode()),
    ],
)
def test_what_an_encoding_lacks_is_spelled(encoding: str, expected: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    to = stream(encoding)
    monkeypatch.setattr(sys, "stdout", to)
    with printable():
        print("Δ ± – → é \ud800 \U0001f600", end="")
    assert written(to) == expected
    assert to.errors == "strict"


def test_bars_keep_their_width() -> None:
    drawn = "▁▂▃▄▅▆▇█━─│┌┐└┘├┤┬┴┼╭╮╰╯⠋⠙"
    assert len(plain_letters(drawn)) == len(drawn)
    assert plain_letters(drawn).isascii()
    assert plain_letters("plain text") == "plain text"


def test_which_encodings_hold_everything() -> None:
    assert [holds_all(stream(name)) for name in ("utf-8", "UTF8", "utf_16", "ascii", "cp1252", "latin-1")] == [
        *(True, True, True, False, False, False)
    ]


COMMANDS = [
    ["doctor"],
    ["list"],
    ["report", "RUN"],
    ["replay", "RUN", "--episode", "0"],
    ["verify", "RUN"],
    ["calibrate", "RUN"],
    ["compare", "--limit", "3", "--methods", "never,always", "--out", "NEW"],
    ["config", "--set", "speaker.name='sïmulated'"],
    ["play", "--speaker", "simulated", "--scenario", "arithmetic"],
    ["expand", "--scenario", "arithmetic", "--speaker", "simulated", "--limit", "2", "--out", "NEW"],
    ["frontier", "TREES"],
    ["train", "--scenario", "arithmetic", "--speaker", "simulated", "--set", "training.episodes=64", "--out", "NEW"],
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("narrow") / "rün"
    given = ["--scenario", "arithmetic", "--speaker", "simulated", "--limit", "12", "--methods", "until_approved,never"]
    assert main(["compare", *given, "--out", str(folder)]) == 0
    grown = ["expand", "--scenario", "arithmetic", "--speaker", "simulated", "--limit", "4"]
    assert main([*grown, "--out", str(folder.parent / "trees")]) == 0
    return folder


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("command", COMMANDS, ids=[" ".join(command[:2]) for command in COMMANDS])
def test_every_command_ends_well_on_a_narrow_terminal(
    command: list[str], encoding: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [
        {"RUN": str(run), "TREES": str(run.parent / "trees"), "NEW": str(tmp_path / "Δrun")}.get(word, word)
        for word in command
    ]
    out, err = stream(encoding), stream(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main(given) == 0, written(err).decode(encoding)
    assert written(out)
    written(out).decode(encoding)
    if encoding == "ascii":
        assert written(out).isascii()


def test_json_stays_exact_on_a_narrow_pipe(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = stream("ascii")
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["verify", str(run), "--json"]) == 0
    assert json.loads(written(out))["run"] == str(run)


def test_a_locale_without_utf_8(run: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "tracer_env.cli", "report", os.fsencode(run)],
        env={**os.environ, **plain},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert b"d vs" in done.stdout
