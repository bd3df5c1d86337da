"""A store with a few answers, and answers for one."""

from __future__ import annotations

from pathlib import Path

from tracer_env.store.database import Entry, Store, open_store
from tracer_env.store.keys import prompt_of_ids, source_of
from tracer_env.store.records import Record

__all__ = ["answer", "filled", "flip"]

SOURCES = {name: source_of(engine=name) for name in ("a", "b")}


def answer(number: int, text: str = "", model: str = "a") -> Entry:
    """The answer to a question of its own."""
    record = Record("stop", text or f"answer {number} of {model}", token_ids=(number, 2), logprobs=(-0.5, -0.25))
    return Entry(SOURCES[model], prompt_of_ids([1, number]), number, 0, record, model)


def filled(path: Path, count: int = 20) -> list[Entry]:
    """Keep so many answers in a new store, every second of each model, and return them."""
    entries = [answer(number, model="ab"[number % 2]) for number in range(count)]
    store: Store = open_store(path)
    store.put(entries)
    store.close()
    return entries


def flip(path: Path, place: int) -> None:
    """Turn one byte of a file over."""
    with open(path, "r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 0x20]))
