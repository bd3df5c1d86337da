"""The page of a run: safe, self-contained, and honest about what is not there."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

from samples import WRONG, episode, judge, mended, one_proposal, propose

from tracer_env.display.episodes import entry
from tracer_env.display.page import Run, page
from tracer_env.episodes.picking import Pick
from tracer_env.statistics.behaviour import Behaviour
from tracer_env.statistics.metrics import compare_rows
from tracer_env.types import Grade

BASE = [one_proposal(g, n, method="base", task=f"t{n}") for n, g in enumerate((Grade.CORRECT, Grade.WRONG) * 8)]
BETTER = [
    episode([propose(1, Grade.WRONG), judge(2, WRONG), propose(3, Grade.CORRECT)], n, method="better", task=f"t{n}")
    for n in range(16)
]


def run(**changes: object) -> Run:
    by_method = {"base": BASE, "better": BETTER}
    found = Run(
        name="arithmetic--demo",
        scenario="arithmetic",
        seed=7,
        baseline="base",
        rows=tuple(compare_rows(by_method, "base")),
        details={name: Behaviour(episodes).to_data() for name, episodes in by_method.items()},
        curves={"better": [(1.0, 0.5), (10.0, 0.05), (100.0, 0.0)]},
        config='speaker = "simulated"',
        episodes=tuple(entry(told, Pick(0, True, False, False), 1, "better") for told in BETTER[:2]),
        total=32,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


class Tags(HTMLParser):
    """Checks that what is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags(text: str) -> set[str]:
    parser = Tags()
    parser.feed(text)
    assert parser.open == []
    return parser.seen


def test_numbers_are_on_the_page() -> None:
    text = page(run())
    for words in (
        "<b>better</b> is the most accurate: 1.000 at 300 tokens and 3.00 calls a task.",
        "<b>base</b> is the cheapest: 0.500 at 100 tokens and 1.00 calls a task.",
        '<span class="up">+0.500</span>',
        "16 pairs",
        "Regret while training",
        "speaker = &quot;simulated&quot;",
    ):
        assert words in text
    assert page(run()) == text


def test_it_loads_nothing_and_runs_nothing() -> None:
    text = page(run())
    assert not re.search(r"https?:|url\(|@import|src=|href=|=\"?javascript", text)
    assert not tags(text) & {"script", "link", "img", "iframe", "object"}


def test_texts_are_escaped() -> None:
    bad = '"><script>alert(1)</script>\x1b'
    rows = tuple(replace(row, method=bad, scenario=bad) for row in run().rows)
    text = page(
        run(
            name=bad,
            scenario=bad,
            rows=rows,
            baseline=bad,
            details={bad: Behaviour([mended()]).to_data()},
            config=bad,
            curves={bad: [(1, 1), (2, 2)]},
        )
    )
    assert "script" not in tags(text)
    assert "\x1b" not in text
    assert "&lt;script&gt;" in text


def test_what_is_missing_is_left_out_or_said() -> None:
    text = page(run(config=None, curves={"a": [(1.0, 0.0)]}, rows=run().rows[:1]))
    assert "This run folder has no config.toml." in text
    assert "Regret while training" not in text
    assert "is the cheapest" not in text
    assert "nan" not in text.lower()


def test_each_picture_has_a_form_for_phones_and_points_have_a_legend() -> None:
    text = page(run())
    assert text.count('<div class="wide">') == text.count('<div class="narrow">') == 5
    assert "<li>base <small>0.500 at 100</small></li>" in text
    assert "@media (max-width: 700px)" in text


def test_long_names_are_numbered_and_told() -> None:
    long = "cfr_plus:information=vote+time+confidence,price=2e-4"
    rows = (run().rows[0], replace(run().rows[1], method=long))
    text = page(run(rows=rows))
    assert "<td>cfr_plus (1)</td>" in text
    assert "<p>(1) information=vote+time+confidence,price=2e-4</p>" in text
