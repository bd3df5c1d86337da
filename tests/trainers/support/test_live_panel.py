"""What a training run shows: the panel drawn to text, the plain lines by a clock of our own."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console
from rich.live import Live

from tracer_env.trainers.support import live_panel
from tracer_env.trainers.support.live_panel import (
    LivePanel,
    PlainLines,
    Silence,
    duration,
    sparkline,
    training_panel,
)

FULL = {
    "reward": 0.5,
    "accuracy": 0.75,
    "unparsable": 0.0,
    "ratio_mean": 1.0002,
    "ratio_min": 0.93,
    "ratio_max": 1.08,
    "clip_fraction": 0.125,
    "entropy": 0.43,
    "kl": 0.0123,
    "completion_length": 24.5,
    "tokens_per_second": 1234.5,
    "loss": -0.01,
    "skipped_steps": 2,
    "unknown": 3.0,
}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _terminal(width: int = 110) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=60, color_system=None)


def _shown(total: int, draw: Callable[[LivePanel, Clock], None], width: int = 110) -> str:
    """Return the text of the panel as it stands after ``draw``."""
    clock = Clock()
    with Live(console=_terminal(width), auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        draw(LivePanel(total, live, clock), clock)
        console = _terminal(width)
        with console.capture() as captured:
            console.print(live.renderable)
    return captured.get()


# -- the panel -----------------------------------------------------------------------------------


def test_the_panel_shows_every_measure() -> None:
    def draw(panel: LivePanel, clock: Clock) -> None:
        panel.show(10, {**FULL, "reward": -0.25})
        clock.now += 90
        panel.show(20, FULL)

    lines = _shown(40, draw).splitlines()
    words = [" ".join(line.strip("│ ").split()) for line in lines]
    assert "step 20 of 40 · 3:00 left" in lines[0]  # ten steps in 90 s, twenty to go
    assert words[1] == "━" * words[1].count("━")
    assert words[2:-1] == [
        "reward +0.500",
        "accuracy 75.0%",
        "unparsable 0.0%",
        "sequence ratio 1.0002 (0.930 … 1.080)",
        "clipped 12.5%",
        "entropy 0.4300",
        "KL to base 0.0123",
        "tokens a completion 24.5",
        "loss -0.0100",
        "skipped steps 2",
        "tokens/s 1,234",
        "last rewards ▁█",
        "-0.25 … +0.50",
    ]


def test_policies_stand_side_by_side() -> None:
    def draw(panel: LivePanel, clock: Clock) -> None:
        panel.show(1, {"proposer/reward": 0.5, "reviewer/reward": -0.5, "reviewer/kl": 0.25, "tokens_per_second": 99})

    words = [" ".join(line.strip("│ ").split()) for line in _shown(4, draw).splitlines()]
    assert words[2:6] == ["policy proposer reviewer", "reward +0.500 -0.500", "KL to base 0.2500", "tokens/s 99"]


def test_many_agents_are_told_apart_in_a_narrow_terminal() -> None:
    names = [f"agent_{agent}-{role}" for agent in (0, 1) for role in ("proposer", "reviewer")]

    def draw(panel: LivePanel, clock: Clock) -> None:
        panel.show(1, {f"{name}/reward": 0.5 for name in names})

    words = [" ".join(line.strip("│ ").split()) for line in _shown(4, draw, 80).splitlines()]
    assert words[2:5] == [
        "policy agent_0- agent_0- agent_1- agent_1-",
        "proposer reviewer proposer reviewer",
        "reward +0.500 +0.500 +0.500 +0.500",
    ]


def test_only_what_is_known_is_shown() -> None:
    def draw(panel: LivePanel, clock: Clock) -> None:
        panel.show(1, {"reward": None, "kl": float("nan"), "ratio_mean": 1.0, "ratio_max": float("inf")})

    text = _shown(4, draw)
    assert [" ".join(line.strip("│ ").split()) for line in text.splitlines()][2:-1] == ["sequence ratio 1.0000"]


def test_the_last_alarms_stay() -> None:
    def draw(panel: LivePanel, clock: Clock) -> None:
        panel.show(1, {}, ["first", "second"])
        panel.show(2, {}, ["third [bold]"])
        panel.show(3, {}, ["fourth"])

    words = [line.strip("│ ") for line in _shown(4, draw).splitlines()]
    assert words[-4:-1] == ["⚠ second", "⚠ third [bold]", "⚠ fourth"]


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_the_panel_fits_its_terminal(width: int) -> None:
    def draw(panel: LivePanel, clock: Clock) -> None:
        for step in range(1, 41):
            panel.show(
                step, {f"{policy}/{name}": v for policy in ("a", "b") for name, v in FULL.items()}, ["long " * 9]
            )

    assert max(len(line) for line in _shown(40, draw, width).splitlines()) == min(width, 100)


def test_the_last_step_has_no_time_left() -> None:
    def draw(panel: LivePanel, clock: Clock) -> None:
        panel.show(1, {})
        clock.now += 5
        panel.show(2, {})

    assert "left" not in _shown(2, draw)


# -- plain lines ---------------------------------------------------------------------------------


def test_a_line_about_every_ten_seconds() -> None:
    lines: list[str] = []
    clock = Clock()
    plain = PlainLines(9, lines.append, clock)
    for step in range(1, 10):
        plain.show(step, {"reward": step / 10, "ratio_mean": 1.0})
        clock.now += 4
    assert lines == [
        "step 1 of 9; reward +0.100, sequence ratio 1.0000",
        "step 4 of 9; reward +0.400, sequence ratio 1.0000; 0:20 left",
        "step 7 of 9; reward +0.700, sequence ratio 1.0000; 0:08 left",
        "step 9 of 9; reward +0.900, sequence ratio 1.0000",
    ]


def test_alarms_do_not_wait() -> None:
    lines: list[str] = []
    plain = PlainLines(9, lines.append, Clock())
    plain.show(1, {"proposer/accuracy": 0.5, "reviewer/accuracy": 0.25})
    plain.show(2, {}, ["step 2: all is lost"])
    assert lines == ["step 1 of 9; proposer: accuracy 50.0%; reviewer: accuracy 25.0%", "alarm: step 2: all is lost"]


def test_plain_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    PlainLines(2).show(1, {})
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "step 1 of 2\n")


# -- the choice ----------------------------------------------------------------------------------


def test_what_stderr_is_decides(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with training_panel(3) as panel:  # stderr of a test is no terminal
        assert isinstance(panel, PlainLines)
    with training_panel(3, wanted=False) as panel:
        assert isinstance(panel, Silence)
        panel.show(1, FULL, ["alarm"])
    terminal = _terminal()
    monkeypatch.setattr(live_panel, "Screen", lambda stderr: terminal)
    with training_panel(3) as panel:
        assert isinstance(panel, LivePanel)
        panel.show(1, FULL)
        print("for a program")
    assert capsys.readouterr().out == "for a program\n"
    assert "step 1 of 3" in terminal.file.getvalue()  # type: ignore[attr-defined]


# -- small parts ---------------------------------------------------------------------------------


def test_sparklines() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([-1.0, 1.0, 0.0]) == "▁█▅"
    assert sparkline([2.0, 2.0]) == "▄▄"
    assert sparkline([]) == ""


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0, 59.6, 123, 3600, 3723)] == [
        "0:00",
        "1:00",
        "2:03",
        "1:00:00",
        "1:02:03",
    ]
