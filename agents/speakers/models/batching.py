"""Batches of prompts of like length, for a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

__all__ = ["batches"]


def batches(
    jobs: Mapping[tuple[tuple[int, ...], tuple[int, ...]], list[tuple[int, int]]], new: int, budget: int
) -> Iterator[tuple[tuple[int, ...], list[tuple[tuple[int, ...], int, int]]]]:
    """Split jobs into batches of one prefix and at most ``budget`` tokens, prompts of like length together."""
    by_prefix: dict[tuple[int, ...], list[tuple[tuple[int, ...], int, int]]] = {}
    for (prefix, ids), places in sorted(jobs.items(), key=lambda item: len(item[0][1])):
        by_prefix.setdefault(prefix, []).extend((ids, place, seed) for place, seed in places)
    for prefix, rows in by_prefix.items():
        batch: list[tuple[tuple[int, ...], int, int]] = []
        for row in rows:  # the newest row is the longest, so it sets the width
            if batch and (len(batch) + 1) * (len(row[0]) + new) > budget:
                yield prefix, batch
                batch = []
            batch.append(row)
        yield prefix, batch
