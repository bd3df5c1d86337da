"""Whatever comes from outside is printed as text: no byte of it acts, and no markup is read."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.panel import Panel
from rich.progress import Progress, TextColumn
from rich.table import Table

from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.cli.app import main
from tracer_env.rules import Rules
from tracer_env.terminal.narrow import plain_letters
from tracer_env.terminal.plain import as_json, command
from tracer_env.terminal.screen import Screen, complain, say, say_json

NASTY = [
    "$(touch X)",
    "`touch X`",
    "'; touch X; '",
    '"; touch X; "',
    "’; touch X; ’",
    "a\ntouch X\n",
    "a; touch X",
    "a && touch X #",
    "!!",
    "~root *.* ?",
    "-rf",
    "--help",
    "\\'; touch X; \\'",
    "$'; touch X; '",
    "\x1b]0;title\x07\x1b[2J",
    "\x9b31m\u202etxt",
    "[bold]loud[/bold]",
    "[/x]",
    "[link=file:///x]here",
    ":smile:",
    "tab\there  twice",
    "é漢字",
    "\udcff",
]
ACTS = {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160), 0x202E, 0x200B, 0xFEFF)}


def harmless(text: str) -> bool:
    return not ACTS & set(text) and not any(0xD800 <= ord(character) < 0xE000 for character in text)


@pytest.mark.parametrize("text", NASTY)
def test_lines_and_documents(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(text)
    complain(text)
    say_json({text: [text]})
    out, err = capsys.readouterr()
    assert harmless(out + err)
    if "[" in text and "\x1b" not in text:
        assert text in err
    assert json.loads(out[len(err) :]) == {text: [text]}


@pytest.mark.parametrize("terminal", [True, False])
def test_what_rich_draws(terminal: bool) -> None:
    screen = Screen(file=io.StringIO(), force_terminal=terminal, width=80, color_system=None)
    for text in NASTY:
        table = Table(text, title=text, caption=text)
        table.add_row(text)
        screen.print(table, Panel(text), text)
        with Progress(TextColumn("{task.description}", markup=False), console=screen, disable=terminal) as progress:
            progress.add_task(text)
    written = screen.file.getvalue()  # type: ignore[attr-defined]
    assert harmless(written)
    assert "[bold]loud[/bold]" in written
    assert ":smile:" in written


def test_colours_are_no_text() -> None:
    screen = Screen(file=io.StringIO(), force_terminal=True, width=80, color_system="standard")
    screen.print(Panel("\x1b[31mred"), style="green")
    written = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[32m" in written
    assert "\\x1b[31mred" in written


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize("narrow", [False, True], ids=["any letters", "plain letters"])
def test_a_pasted_command_is_its_words(tmp_path: Path, narrow: bool) -> None:
    lines = [command("printf", "%s\\000", text, Path(text), f"--episode={text}") for text in NASTY]
    assert all(harmless(line) and "\n" not in line for line in lines)
    pasted = "\n".join(map(plain_letters, lines) if narrow else lines)
    words = [
        word
        for text in NASTY
        for word in (text, f"./{text}" if text[0] == "-" else str(Path(text)), f"--episode={text}")
    ]
    for shell in ("bash", "sh"):  # what is spelled out is another word to other shells
        done = subprocess.run([shell, "-c", pasted], cwd=tmp_path, capture_output=True, timeout=60)
        read = done.stdout.split(b"\0")[:-1]
        assert len(read) == len(words)
        if shell == "bash":
            for word, mine in zip(words, read, strict=True):
                assert mine == word.encode("utf-8", "surrogateescape") or (narrow and not word.isascii())
        assert not list(tmp_path.iterdir())


def _ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(words)
    out, err = capsys.readouterr()
    assert harmless(out + err), (words, out + err)
    return code, out + err


def _tasks(folder: Path, texts: Sequence[str]) -> Path:
    rows = [{"id": text, "question": f"{text} 1+1?", "answer": "2"} for text in texts]
    file = folder / "tasks.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_every_command_prints_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    texts = [text for text in NASTY if "\udcff" not in text]
    tasks = f"jsonl:{_tasks(tmp_path, texts)}"
    methods = ("--methods", "always,never")
    for index, name in enumerate(("[/x]\x1b]0;t\x07", "-x b;$(touch X)'\u202e")):
        code, text = _ran(capsys, "compare", "--scenario", tasks, *methods, f"--out={name}", "--seed", str(index))
        assert code == 0, text
        assert "Δ vs" in text
        line = next(line for line in text.splitlines() if line.startswith("replay  "))
        shell = f"tracer-env() {{ printf '%s\\000' \"$@\"; }}\n{line.removeprefix('replay  ')}"
        done = subprocess.run(["bash", "-c", shell], capture_output=True, timeout=60, check=True)
        words = [word.decode() for word in done.stdout.split(b"\0")[:-1]]
        assert words[0] == "replay"
        assert _ran(capsys, *words)[0] == 0
        for words in (("report",), ("verify",), ("replay",), ("replay", "--json"), ("report", "--json")):
            assert _ran(capsys, words[0], *words[1:], "--", name)[0] == 0
        assert _ran(capsys, "replay", f"--episode={name}", "--", name)[0] in (0, 2)
        assert _ran(capsys, "replay", f"--method={name}", "--", name)[0] == 2
        assert _ran(capsys, "compare", f"--out={name}")[0] == 2
    assert not Path("X").exists()


def test_mistakes_are_told_in_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    table = RegretMatching(rules=Rules()).state_dict()
    for text in ("\x1b]0;t\x07[/x]", "\x9b31m\u202e[bold]", "a\nb\x0c\udcff"):
        (tmp_path / "t.json").write_text(json.dumps({**table, "rows": {text: {"visits": -1}}}))
        (tmp_path / "c.toml").write_text(json.dumps(text) + " = 1\n")
        for words in (
            ("compare", f"--scenario={text}"),
            ("compare", f"--methods={text}"),
            ("compare", f"--set={text}"),
            ("compare", f"--set=speaker.name={text}"),
            ("compare", "--methods=t.json"),
            ("compare", "--config=c.toml"),
            ("compare", f"--config={text}"),
            ("compare", f"--resume={text}"),
            ("compare", f"--limit={text}"),
            ("compare", f"--{text}"),
            ("compare", f"--set=speaker.{text}=1", "--dry-run"),
            ("play", f"--task={text}"),
            ("play", f"--controller={text}"),
            ("replay", "--", text),
            ("train", f"--trees={text}"),
            ("expand", f"--resume={text}"),
            ("calibrate", "--", text),
            ("list", "--", text),
            (f"x{text}",),
            ("--debug", "list", "--", text),
        ):
            code, _ = _ran(capsys, *words)
            assert code in (0, 2)


def test_json_escapes_what_acts() -> None:
    assert as_json("\x1b\x7f\x9b\u202e\ud800é") == '"\\u001b\\u007f\\u009b\\u202e\\ud800é"'
    assert json.loads(as_json({"\U000e0041": 1})) == {"\U000e0041": 1}


def test_commands_by_example() -> None:
    assert command("tracer-env", "replay", Path("-x"), "--episode=a b") == "tracer-env replay ./-x '--episode=a b'"
    assert command("a\tb", "it's\x1b!") == "$'a\\x09b' $'it\\x27s\\x1b\\x21'"
    assert command("plain/path.json", "é") == "plain/path.json 'é'"
