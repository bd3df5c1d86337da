"""The page of several runs: safe, and honest about what is not told."""

from __future__ import annotations

from dataclasses import replace

from samples import one_proposal

from tracer_env.display.beside_page import Beside, beside_page, beside_records
from tracer_env.statistics.metrics import Duel, compare_rows
from tracer_env.types import Grade

BAD = "</td><script>alert(1)</script>\x1b"
(ROW,) = compare_rows({"m": [one_proposal(Grade.CORRECT, n, method="m", task=str(n)) for n in range(4)]}, "m")
DUEL = Duel("m", "m", -0.25, (-0.5, -0.1), 0.01, -12.0, (-20.0, -4.0))
DATA = Beside(
    runs=("base", "trained"),
    told=("sums", "sums"),
    rows={"m": (ROW, ROW), "oracle": (replace(ROW, method="oracle", kind="bound"), None)},
    duels={"m": (None, DUEL), "oracle": (None, None)},
    settings=(("speaker.adapters", ("", "runs/x")),),
)


def test_differences_and_what_differs_are_told() -> None:
    text = beside_page(DATA)
    for words in ('<span class="down">−0.250</span>', "−0.500 to −0.100", "p 0.010; −12 tokens", "speaker.adapters"):
        assert words in text
    assert text.count("<li>m · ") == 2
    assert "tr class=bound" in text
    assert "other tasks" not in text
    assert "trained has other tasks than base" in beside_page(replace(DATA, unlike=("trained",)))


def test_texts_are_escaped() -> None:
    rows = {BAD: (replace(ROW, method=BAD), ROW)}
    bad = Beside((BAD, "b"), (BAD, BAD), rows, {BAD: (None, DUEL)}, ((BAD, (BAD, BAD)),), (BAD,))
    text = beside_page(bad)
    assert "<script" not in text
    assert "\x1b" not in text


def test_records_have_a_line_for_each_method_and_run() -> None:
    found = beside_records(DATA)
    assert [(each["method"], each["run"], each["difference"]) for each in found] == [
        ("m", "base", None),
        ("m", "trained", -0.25),
        ("oracle", "base", None),
    ]
