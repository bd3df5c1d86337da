"""Gates against tables at equal tokens: the mixtures by hand, and the short form."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def gates(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delitem(sys.modules, "gates", raising=False)
    import gates

    return gates


def point(gates: Any, name: str, train: tuple[float, float], right: list[float], tokens: list[float]) -> Any:
    return gates.Point(name, *train, np.array(right), np.array(tokens))


def test_the_hull_is_that_of_the_train_tasks(gates: Any) -> None:
    points = [
        point(gates, "dear", (0.9, 100.0), [1, 1], [100, 100]),
        point(gates, "never", (0.5, 10.0), [0, 1], [10, 10]),
        point(gates, "below", (0.55, 55.0), [1, 1], [50, 50]),  # under the line from never to dear
        point(gates, "worse", (0.4, 20.0), [1, 1], [20, 20]),
        point(gates, "cheap", (0.8, 40.0), [0, 1], [40, 40]),
        point(gates, "wasteful", (0.9, 200.0), [1, 1], [200, 200]),
    ]
    assert [each.name for each in gates.hull(points)] == ["never", "cheap", "dear"]


@pytest.mark.parametrize(
    ("budget", "right", "tokens"),
    [
        (5.0, [0.0, 1.0], 10.0),  # nothing is cheaper than silence
        (10.0, [0.0, 1.0], 10.0),
        (40.0, [1 / 3, 1.0], 40.0),  # 30 of the 90 tokens on the way to the dear one
        (100.0, [1.0, 1.0], 100.0),
        (500.0, [1.0, 1.0], 100.0),  # it has no use for more
    ],
)
def test_a_mixture_costs_the_budget(gates: Any, budget: float, right: list[float], tokens: float) -> None:
    never = point(gates, "never", (0.5, 11.0), [0, 1], [10, 10])
    dear = point(gates, "dear", (0.9, 90.0), [1, 1], [80, 120])
    found = gates.at_budget([dear, never], budget)
    assert found.right.tolist() == pytest.approx(right)
    assert found.tokens.mean() == pytest.approx(tokens)


def test_a_verdict_names_the_budgets_at_which_a_gate_is_above(gates: Any) -> None:
    never = point(gates, "never", (0.5, 10.0), [0] * 20, [10] * 20)
    always = point(gates, "always", (0.6, 110.0), [1] * 2 + [0] * 18, [110] * 20)
    table = point(gates, "t", (0.8, 60.0), [1] * 10 + [0] * 10, [60] * 20)
    gate = point(gates, "g", (0.9, 60.0), [1] * 20, [60] * 20)
    fixed = {"never": [never], "until_approved": [always], "always": [always], "majority_voting": [always]}
    found = gates.judged([{**fixed, "cfr_plus": [never, table], "down": [never, gate]}] * 3, ["cfr_plus", "down"])
    assert found["budgets"] == pytest.approx([20, 30, 45, 60, 85, 110])
    assert [cell["accuracy"] for cell in found["cells"]["down"]] == pytest.approx([0.2, 0.4, 0.7, 1, 1, 1])
    assert found["cells"]["down"][3]["against"]["cfr_plus"][0] == pytest.approx(0.5)
    told = gates.verdicts(found)
    assert told[-1].startswith("- the gate `down` is above the better of both at 20 (over cfr_plus, +0.100")
    assert "at the tokens of `always`, and less its accuracy: `cfr_plus` +0.400" in told[2]


def test_the_short_form(gates: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "all.json"
    asked = ["--speakers", "recorded-smollm2", "--seeds", "1", "--only", "logistic,down", "--processes", "1"]
    gates.main([*asked, "--json", str(file)])
    told = capsys.readouterr().out
    assert "### SmolLM2: 109 test tasks, 1 seeds" in told
    assert "| `down` |" in told
    assert set(json.loads(file.read_text())["recorded-smollm2"]["cells"]) == {"logistic", "down"}
    with pytest.raises(SystemExit):
        gates.main(["--only", "dwon"])
