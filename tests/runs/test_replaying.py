"""Finding episodes and walking through them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from samples import RIGHT, WRONG, episode, judge, mended, one_proposal, propose

from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError
from tracer_env.runs.replaying import most_interesting, replay, select
from tracer_env.types import Grade

pytest.importorskip("termios")

OK, BAD, ODD, LATE = Grade.CORRECT, Grade.WRONG, Grade.UNPARSABLE, Grade.TIMEOUT


def flipped(first: Grade, last: Grade, **where: object) -> Transcript:
    return episode([propose(1, first), judge(2, WRONG), propose(3, last)], **where)  # type: ignore[arg-type]


def test_selections() -> None:
    plain, bad, odd, late = (one_proposal(g, n, task=f"t{n}") for n, g in enumerate((OK, BAD, ODD, LATE)))
    fooled = episode([propose(1, BAD), judge(2, RIGHT)], 4, task="t4")
    up, down = flipped(BAD, OK, number=5, task="t5"), flipped(OK, BAD, number=6, task="t6")
    everything = [plain, bad, odd, late, fooled, up, down]
    assert select(everything) == everything
    assert select(everything, "flips") == [up, down]
    assert select(everything, "wrong") == [bad, odd, fooled, down]
    assert select(everything, "disagreements") == [fooled, down]  # in down the reviewer called a right answer WRONG
    with pytest.raises(ConfigError, match="did you mean 'flips'"):
        select(everything, "flip")


def test_methods_that_differ_on_a_task_disagree() -> None:
    a, b = one_proposal(OK, method="a"), one_proposal(BAD, method="b")
    elsewhere, unknown = one_proposal(BAD, method="b", world=1), one_proposal(LATE, method="b")
    assert select([a, b, elsewhere], "disagreements") == [a, b]
    assert select([a, unknown], "disagreements") == []


def test_the_most_interesting_is_a_flip_then_a_disagreement_then_the_longest() -> None:
    short, long = one_proposal(OK), episode([propose(1, OK), judge(2, RIGHT)], 1, task="u")
    other = one_proposal(BAD, method="other")
    down = flipped(OK, BAD, number=2, task="d")
    unseen = episode([propose(1, BAD), judge(2, RIGHT), propose(3, OK)], 3, task="v")
    caught = flipped(BAD, OK, number=4, task="w")
    assert most_interesting({"m": [short, long]}) == long
    assert most_interesting({"m": [long, short], "other": [other]}) == short
    assert most_interesting({"m": [short, down]}) == down
    assert most_interesting({"m": [down, unseen]}) == unseen
    assert most_interesting({"m": [down, unseen, caught]}) == caught
    with pytest.raises(ConfigError, match="no episode"):
        most_interesting({"m": []})


def walk(typed: str, transcripts: list[Transcript], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    file = io.StringIO()
    replay(transcripts, console=Console(file=file, width=100), interactive=True)
    return file.getvalue()


def test_keys_walk_there_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    three = [one_proposal(OK, n, task=f"task-{n}") for n in range(3)]
    text = walk("n\nn\nn\np\ng\n1\ng\ntask-2\ng\nmars\nq\n", three, monkeypatch)
    seen = [line.split()[0] for line in text.splitlines() if " of 3 " in line]
    assert seen == ["1", "2", "3", "2", "1", "3", "3"]  # the last is drawn again under the complaint
    assert "no episode 'mars'; give a task id, or a number from 1 to 3" in text


def test_the_end_of_the_input_ends_the_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "1 of 1" in walk("", [mended()], monkeypatch)


def test_what_is_typed_is_shown_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    text = walk("g\n[red]\x1b[2J\nq\n", [mended()], monkeypatch)
    assert "[red]\\x1b[2J" in text
    assert "\x1b" not in text


def test_without_a_terminal_all_is_printed() -> None:
    file = io.StringIO()
    replay([mended(), mended()], console=Console(file=file, width=100))
    assert file.getvalue().count("wrong → right") == 2
    assert "\x1b" not in file.getvalue()
    assert "q quit" not in file.getvalue()


def test_speed_is_turns_a_second() -> None:
    start = time.perf_counter()
    replay([mended()], console=Console(file=io.StringIO(), width=100), speed=60.0)
    assert time.perf_counter() - start >= 6 / 60


@pytest.mark.parametrize("speed", [-1.0, float("nan"), float("inf")])
def test_odd_speeds_and_no_episode_are_refused(speed: float) -> None:
    with pytest.raises(ConfigError, match="turns a second"):
        replay([mended()], speed=speed)
    with pytest.raises(ConfigError, match="no episode"):
        replay([])


PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
from samples import mended
from dataclasses import replace
from tracer_env.runs.replaying import replay
replay([mended(), replace(mended(), episode=13)])
"""


def test_a_real_terminal_gets_keys() -> None:
    person, program = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "60"}
    source = PROGRAM.format(tests=str(Path(__file__).parents[1] / "helpers"))
    child = subprocess.Popen([sys.executable, "-c", source], stdin=program, stdout=program, env=environment)
    os.close(program)
    seen = b""
    for wanted, answer in ((b"1 of 2", b"\x1b[C"), (b"2 of 2", b"q")):
        while wanted not in seen:
            seen += os.read(person, 4096)
        os.write(person, answer)
    assert child.wait(timeout=30) == 0
    os.close(person)
    assert b"episode 12" in seen
    assert b"episode 13" in seen


def test_while_turns_appear_a_key_shows_the_rest_and_q_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    person, program = os.openpty()
    two, file = [mended(), replace(mended(), episode=13)], io.StringIO()
    try:
        with open(program) as stream:
            monkeypatch.setattr(sys, "stdin", stream)
            os.write(person, b"xnq")  # the rest of the first, the second, leave while it appears
            replay(two, console=Console(file=file, width=100, height=60), speed=0.1, interactive=True)
    finally:
        os.close(person)
    assert file.getvalue().count("1 of 2") == 1
    assert "episode 13" in file.getvalue()
    assert "2 of 2" not in file.getvalue()
