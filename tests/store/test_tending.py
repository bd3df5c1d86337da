"""Looking after a store: damage is found wherever it matters, and mended without touching what is sound."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from answers import SOURCES, answer, filled, flip

from tracer_env.errors import ConfigError, UserError
from tracer_env.store.database import open_store
from tracer_env.store.tending import prune, repair, stats, verify


def test_counts_by_model(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    filled(path, 5)
    found = stats(path)
    assert (found["answers"], found["prompts"]) == (5, 5)
    assert [(each["model"], each["answers"]) for each in found["models"]] == [("a", 3), ("b", 2)]
    assert found["bytes"] == path.stat().st_size
    assert verify(path).whole
    assert verify(path).sound == 5
    assert os.listdir(tmp_path) == ["s.db"]


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("statement", "damaged", "lost"),
    [
        ("UPDATE said SET data = data || x'00' WHERE id = 3", (3,), 0),
        ("UPDATE said SET data = 'text' WHERE id = 3", (3,), 0),
        ("UPDATE said SET checksum = x'00' WHERE id = 3", (3,), 0),
        ("UPDATE said SET key = zeroblob(32) WHERE id = 3", (3,), 0),
        ("UPDATE said SET seed = 12345 WHERE id = 3", (3,), 0),
        ("UPDATE said SET candidate = 9 WHERE id = 3", (3,), 0),
        ("UPDATE said SET source = 2 WHERE id = 3", (3,), 0),
        ("UPDATE said SET source = 99 WHERE id = 3", (3,), 0),
        ("UPDATE prompts SET data = x'01' WHERE id = 3", (), 1),
        ("UPDATE prompts SET form = 'json' WHERE id = 3", (), 1),
        ("UPDATE sources SET text = '{}' WHERE id = 1", (1, 3, 5, 7, 9, 11, 13, 15, 17, 19), 0),
    ],
)
def test_what_was_changed_is_found_and_taken_out(
    tmp_path: Path, statement: str, damaged: tuple[int, ...], lost: int
) -> None:
    path = tmp_path / "s.db"
    entries = filled(path)
    change(path, statement)
    found = verify(path)
    assert (found.damaged, len(found.lost), found.torn) == (damaged, lost, ())
    assert not found.whole
    assert repair(path) == found
    after = verify(path)
    assert after.whole
    assert after.sound == 20 - len(damaged)
    store = open_store(path)
    there = store.get([entry.key for entry in entries])
    assert [place + 1 for place, record in enumerate(there) if record is None] == list(damaged)
    store.close()


def test_any_flipped_byte_is_found_or_changes_nothing(tmp_path: Path) -> None:
    """Bytes at random places of the file: SQLite leaves some of them unused, all others are told."""
    path, copy = tmp_path / "s.db", tmp_path / "copy.db"
    entries = filled(path, 40)
    luck, found = random.Random(0), 0
    for _ in range(60):
        shutil.copy(path, copy)
        flip(copy, luck.randrange(copy.stat().st_size))
        try:
            whole = verify(copy).whole
        except UserError:
            whole = False
        found += not whole
        if whole:
            store = open_store(copy)
            assert store.get([entry.key for entry in entries]) == [entry.record for entry in entries]
            store.close()
    assert found > 10


def test_a_torn_file_is_written_anew_from_what_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    entries = [answer(number, "x" * 500) for number in range(200)]
    store = open_store(path)
    store.put(entries)
    store.close()
    place = path.read_bytes().index(entries[100].key)
    with open(path, "r+b") as file:
        file.seek(place // 4096 * 4096)
        file.write(bytes(4096))
    found = repair(path)
    assert found.torn
    after = verify(path)
    assert after.whole
    assert 150 < after.sound < 200
    assert sorted(os.listdir(tmp_path)) == ["s.db"]
    store = open_store(path)
    there = store.get([entry.key for entry in entries])
    assert sum(record == entry.record for record, entry in zip(there, entries, strict=True)) == after.sound
    store.put(entries)
    store.close()
    assert verify(path).sound == 200


def test_pruning_takes_what_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    entries = filled(path)
    assert prune(path, model="a", dry_run=True) == {"removed": 10, "left": 10}
    assert stats(path)["answers"] == 20
    assert prune(path, model="a") == {"removed": 10, "left": 10}
    assert [each["model"] for each in stats(path)["models"]] == ["b"]
    assert stats(path)["prompts"] == 10
    size = sum(len(f"answer {entry.seed} of b") for entry in entries[-4:]) + 4 * 40
    assert prune(path, most=size)["left"] in (3, 4, 5)
    store = open_store(path)
    assert store.get([entries[-1].key]) == [entries[-1].record]  # the newest stay
    store.put([answer(1, model="a")])
    store.close()
    assert prune(path, before=1)["removed"] == 0
    assert prune(path, before=1 << 40)["left"] == 0
    assert verify(path).whole


def test_pruning_needs_to_know_what(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    filled(path)
    with pytest.raises(ConfigError, match="--model NAME, --before DATE or --most BYTES"):
        prune(path)
    with pytest.raises(ConfigError, match="has no model 'c'; choose one of: a, b"):
        prune(path, model="c")
    assert set(SOURCES) == {"a", "b"}
