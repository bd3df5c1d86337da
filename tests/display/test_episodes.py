"""The episodes on a page: rows that unfold, and filters that need no script."""

from __future__ import annotations

import re
from dataclasses import replace

from samples import mended

from tracer_env.display.episodes import entry, listed, rules
from tracer_env.episodes.picking import Pick
from tracer_env.types import Task

COUNTS = {"flips": 7, "disagrees": 5, "wrong": 3}


def test_a_row_says_what_it_is_and_unfolds_to_the_dialogue() -> None:
    row = entry(mended(), Pick(0, True, True, False), 3, "regret_matching")
    assert row.startswith('<details class="episode flips disagrees m3"><summary>')
    summary, _, inside = row.partition("</summary>")
    for words in ("bakery-7", "regret_matching", "✓ correct", "wrong → right, disagreement", "A bakery packs"):
        assert words in summary
    assert "Each step checks out" in inside


def test_a_failed_episode_says_so() -> None:
    told = replace(mended(), failed="the speaker raised", final_turn=0, turns=mended().turns[:1])
    assert "✗ failed" in entry(told, Pick(0, False, False, False), 0, "m")


def test_each_filter_has_its_rule_and_says_how_many_are_inside() -> None:
    rows = [entry(mended(), Pick(0, flips, False, True), flips, "m") for flips in (True, False)]
    text = listed(rows, ["<a>", "b"], 1000, COUNTS)
    ids = set(re.findall(r'id="([^"]+)"', text))
    assert ids == {"kind-all", "kind-flips", "kind-disagrees", "kind-wrong", "by-all", "by-0", "by-1"}
    assert set(re.findall(r"#([\w-]+):checked", rules(2))) == ids - {"kind-all", "by-all"}
    for words in ("2 of 1,000 episodes are inside", "7 flips, 5 disagreements, 3 wrong", "flips 1<", "wrong 2<"):
        assert words in text
    assert "&lt;a&gt;" in text
    assert "<script" not in text


def test_texts_are_escaped() -> None:
    bad = "</details><script>\x1b"
    row = entry(replace(mended(), method=bad, task=Task(bad, bad, bad)), Pick(0, False, False, False), 0, bad)
    assert "<script" not in row
    assert "\x1b" not in row
    assert row.count("</details>") == 1
