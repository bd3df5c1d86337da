"""What other programs get of a store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from answers import answer, filled, flip

from tracer_env.store.database import open_store
from tracer_env.store.exporting import exported
from tracer_env.store.keys import prompt_of_data
from tracer_env.store.records import Record


def test_answers_come_in_order_with_all_that_was_asked(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    store = open_store(path)
    messages = {"messages": [{"role": "user", "content": "é?"}]}
    record = Record("length", "yes", "so", usage=(7, 3), dropped=1, unknown="")
    high = replace(answer(5), prompt=prompt_of_data(messages), seed=(1 << 64) - 1, candidate=2, record=record)
    store.put([answer(3, "three"), high])
    store.close()
    first, second = list(exported(path))
    assert first is not None
    assert second is not None
    made = first.pop("made")
    assert made > 1_700_000_000
    assert first == {
        "model": "a",
        "asked_as": {"engine": "a"},
        "form": "ids",
        "prompt": [1, 3],
        "seed": 3,
        "candidate": 0,
        "text": "three",
        "reasoning": "",
        "finish": "stop",
        "token_ids": [3, 2],
        "logprobs": [-0.5, -0.25],
        "usage": None,
        "dropped": 0,
    }
    assert (second["prompt"], second["seed"], second["candidate"]) == (messages, (1 << 64) - 1, 2)
    assert (second["usage"], second["dropped"], second["reasoning"]) == ([7, 3], 1, "so")


def test_a_damaged_answer_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    filled(path, 4)
    flip(path, path.read_bytes().index(b"answer 2 of a"))
    assert [one is None for one in exported(path)] == [False, False, True, False]
