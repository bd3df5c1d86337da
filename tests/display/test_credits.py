"""The table of what players are worth, from plain data."""

from __future__ import annotations

from rich.console import Console

from tracer_env.display.credits import credit_records, credit_tables, paper_line


def _found(price: float) -> dict[str, object]:
    player = {
        "player": "reviewer",
        "without": -0.25,
        "without_ci": [-0.5, -0.0001],
        "without_tokens": -40.0,
        "alone": -0.0001,
        "shapley": 0.125,
        "shapley_ci": None,
    }
    game = {
        "accuracy": 0.75,
        "accuracy_ci": None,
        "tokens_per_task": 100.0,
        "nobody": {"accuracy": 0.5, "tokens_per_task": 20.0},
        "worth": 0.25,
        "players": [player],
    }
    told = {"reviewer": {"accuracy": -0.066, "tokens": 1201, "calls": 1.98}}
    return {"price": price, "methods": [{"method": "m", "agents": game, "roles": game}], "paper": told}


def test_a_row_by_hand() -> None:
    console = Console(width=100)
    with console.capture() as told:
        for table in credit_tables(_found(0.0)):
            console.print(table)
    words = " ".join(told.get().split())
    assert "m: 0.750 at 100 tokens; first proposals alone 0.500 at 20; worth +0.250" in words
    for cell in ("-0.250 [-0.500, 0.000]", "-40", " 0.000 +0.125"):
        assert cell in words
    (table,) = credit_tables(_found(1e-4))
    assert str(table.title).endswith("worth +0.250, at 0.0001 a token")


def test_records_and_the_paper() -> None:
    found = _found(0.0)
    assert [(each["method"], each["players"], each["player"]) for each in credit_records(found)] == [
        ("m", "agents", "reviewer"),
        ("m", "roles", "reviewer"),
    ]
    assert "without its reviewer -6.60 points, +1,201 tokens, +1.98 calls a task" in paper_line(found)
