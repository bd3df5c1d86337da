"""What of a comparison is still open: with how many tasks it would be settled, as ``--json`` prints it (`enough`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracer_env.errors import ConfigError
from tracer_env.statistics.enough import settling
from tracer_env.statistics.metrics import Row

__all__ = ["check_difference", "to_settle"]


def check_difference(difference: float | None) -> None:
    """Raise ConfigError for a stated difference that no two accuracies have."""
    if difference is not None and not 0.0 < difference <= 1.0:
        raise ConfigError(f"--difference is one of accuracies, above 0 and at most 1, such as 0.05, got {difference}")


def to_settle(rows: Sequence[Mapping[str, Any]], difference: float | None = None) -> list[dict[str, Any]]:
    """Return what `settling` finds for the rows of a ``metrics.json``, as JSON-ready data."""
    return [each.to_data() for each in settling([Row.from_data(row) for row in rows], difference)]
