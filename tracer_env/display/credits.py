"""What agents and roles are worth, as a table for the terminal: a row a player, beside what the paper says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from tracer_env.display.tables import number_table

__all__ = ["credit_records", "credit_tables", "paper_line"]


def credit_tables(found: Mapping[str, Any]) -> Iterator[Table]:
    """Yield a table for each method: agents, then roles; brackets hold 95% intervals, tasks their units."""
    priced = f", at {found['price']:g} a token" if found["price"] else ""
    for row in found["methods"]:
        whole, first = row["agents"], row["agents"]["nobody"]
        title = (
            f"{row['method']}: {whole['accuracy']:.3f} at {whole['tokens_per_task']:,.0f} tokens; first proposals "
            f"alone {first['accuracy']:.3f} at {first['tokens_per_task']:,.0f}; worth {_signed(whole['worth'])}{priced}"
        )
        table = number_table(title, "player", ("forced to skip", "tokens", "alone", "Shapley value"))
        for kind in ("agents", "roles"):
            for one in row[kind]["players"]:
                table.add_row(
                    one["player"],
                    _with(one["without"], one["without_ci"]),
                    _signed(one["without_tokens"], "+,.0f"),
                    _signed(one["alone"]),
                    _with(one["shapley"], one["shapley_ci"]),
                )
        yield table


def credit_records(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a record for each player of each method."""
    return [
        {"method": row["method"], "players": kind, **one}
        for row in found["methods"]
        for kind in ("agents", "roles")
        for one in row[kind]["players"]
    ]


def paper_line(found: Mapping[str, Any]) -> str:
    """Return what the paper says of its reviewer."""
    told = found["paper"]["reviewer"]
    return (
        f"the paper (GSM8K, Qwen2.5-7B): TRACER without its reviewer {100 * told['accuracy']:+.2f} points, "
        f"{told['tokens']:+,} tokens, {told['calls']:+.2f} calls a task. That is an ablation of the whole method; here "
        "the others keep the policy that they have"
    )


def _with(value: float, ends: list[float] | None) -> str:
    return _signed(value) + ("" if ends is None else f" [{_signed(ends[0])}, {_signed(ends[1])}]")


def _signed(value: float, form: str = "+.3f") -> str:
    """Return a number with its sign, none where all of its digits are 0."""
    told = f"{value:{form}}"
    return told if any(digit in told for digit in "123456789") else told[1:]
