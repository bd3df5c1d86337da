"""Short names for methods."""

from __future__ import annotations

from tracer_env.display.labels import labels


def test_long_names_are_numbered_and_told() -> None:
    methods = [
        "never",
        "regret_matching_plus",
        "random:p=0.3",
        "cfr_plus:information=vote+time+confidence,price=2e-4",
        "proposer=never+reviewer=always",
        "runs/a/controllers/tracer.json",
        "cfr_plus:information=vote+confidence",
    ]
    names, notes = labels(methods)
    assert list(names.values()) == [
        "never",
        "regret_matching_plus",
        "random:p=0.3",
        "cfr_plus (1)",
        "cast (2)",
        "tracer.json (3)",
        "cfr_plus (4)",
    ]
    assert notes == [
        "(1) information=vote+time+confidence,price=2e-4",
        "(2) proposer=never+reviewer=always",
        "(3) runs/a/controllers/tracer.json",
        "(4) information=vote+confidence",
    ]
