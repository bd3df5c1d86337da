"""Which settings the demo's method runs with: chosen on the split `tune` of the recording, judged once on `test`.

    python benchmarks/choose_demo.py               the table, the choice, and what it comes to on the test split
    python benchmarks/choose_demo.py --no-test     the table and the choice alone

The method is `cfr_plus` on vote, time and the confidence of the pending proposal. All settings are trained on the train
split and looked at on tune, exactly, in all recorded worlds. The rule was written down before the first run:

    worth     accuracy less 1e-4 for each token of a task (a point of accuracy buys 100 tokens), as in
              `choose_settings.py`
    choice    of all settings whose worth is within 0.01 of the best, the one with the fewest starts, then the fewest
              buckets, then the dearer token, then the most worth; average before greedy

What it comes to on test is what `compare` prints: paired differences to every fixed rule and to majority voting, with
95% intervals over tasks.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from tracer_env.parts.casting import make_controller, make_scenario
from tracer_env.parts.lessons import Lessons
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.statistics.means import half_width
from tracer_env.terminal.progress import NoReporter
from tracer_env.trainers.cfr.methods import teach
from tracer_env.trees.shipped import SHIPPED
from tracer_env.trees.tree import DialogueTrees

BINS = (3, 4, 5, 6, 8)
PRICES = (0.0, 5e-5, 1e-4, 2e-4, 4e-4, 8e-4)
STARTS = (1, 4, 8, 16)
POLICIES = ("average", "greedy")
TRADE, WITHIN = 1e-4, 0.01
RULES = ("never", "until_approved", "vote_threshold", "periodic", "always", "majority_voting")

Row = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-test", action="store_true", help="choose, and do not look at the test split")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    whole = DialogueTrees.load(SHIPPED)
    lessons, tune = (_part(whole, split) for split in ("train", "tune"))
    assert not Lessons.of(lessons.tasks, "train").among(tune.tasks)
    print(f"trained on {len(lessons.tasks)} tasks, chosen on {len(tune.tasks)}, in {whole.worlds} worlds")
    every = itertools.product(BINS, PRICES, STARTS, POLICIES)
    rows = [_tried(lessons, tune, options.seed, *one) for one in every]
    best = _chosen(rows)
    _print(rows, best)
    if not options.no_test:
        _judge(best["method"], whole)
    return 0


def _part(whole: DialogueTrees, split: str) -> DialogueTrees:
    places = {task.id: place for place, task in enumerate(whole.tasks)}
    return replace(whole.part([places[task.id] for task in make_scenario("recorded", split=split)]), split=split)


def _spec(bins: int, price: float, starts: int, policy: str) -> str:
    """Return the method as `compare` takes it; what is the default is left out."""
    settings = [f"information=vote+time+confidence:bins={bins}", f"price={price:g}", f"starts={starts}"]
    return "cfr_plus:" + ",".join([*settings, *(["policy=greedy"] if policy == "greedy" else [])])


def _tried(
    lessons: DialogueTrees, tune: DialogueTrees, seed: int, bins: int, price: float, starts: int, policy: str
) -> Row:
    method = _spec(bins, price, starts, policy)
    controller = make_controller(method, lessons.rules)
    teach(controller, lessons, seed, NoReporter(), method)
    found = tune.evaluate(controller)
    worth = found.by_task("accuracy") - TRADE * found.by_task("tokens_per_task")
    return {
        **{"method": method, "bins": bins, "price": price, "starts": starts, "policy": policy},
        "accuracy": found.accuracy,
        "tokens": found.tokens_per_task,
        "worth": float(worth.mean()),
        "half_width": half_width(worth),
    }


def _chosen(rows: list[Row]) -> Row:
    best = max(row["worth"] for row in rows)
    near = [row for row in rows if row["worth"] >= best - WITHIN]
    return min(
        near, key=lambda row: (row["starts"], row["bins"], -row["price"], -row["worth"], POLICIES.index(row["policy"]))
    )


def _print(rows: list[Row], best: Row) -> None:
    print(f"{'bins':>4} {'price':>7} {'starts':>6} {'policy':>8} {'accuracy':>9} {'tokens':>7} {'worth':>14}")
    for row in sorted(rows, key=lambda row: -row["worth"]):
        mark = "  <- chosen" if row is best else ""
        print(
            f"{row['bins']:>4} {row['price']:>7g} {row['starts']:>6} {row['policy']:>8} {row['accuracy']:>9.4f} "
            f"{row['tokens']:>7.1f} {row['worth']:>7.4f} ±{row['half_width']:.3f}{mark}"
        )
    print(f"chosen: {best['method']}")


def _judge(method: str, whole: DialogueTrees) -> None:
    """Play the method and the rules on the test split, once, and print each pair."""
    asked = {
        "seed": whole.seed,
        "scenario": {"name": "recorded"},
        "speaker": {"name": "recorded"},
        "evaluation": {"methods": [method, *RULES], "baseline": method, "worlds": whole.worlds},
    }
    with tempfile.TemporaryDirectory() as spare:
        rows = {row["method"]: row for row in compare(Config.from_data(asked), out=Path(spare) / "run").rows}
    mine = rows.pop(method)
    print(f"\ntest split: {method}  accuracy {mine['accuracy']:.4f} at {mine['tokens_per_task']:.1f} tokens")
    print(f"{'against':<16} {'accuracy':>9} {'tokens':>7}   {'accuracy of ours less':<28} tokens of ours less")
    for name, row in rows.items():
        right, spent = row["paired_difference_ci"], row["paired_tokens_ci"]
        print(
            f"{name:<16} {row['accuracy']:>9.4f} {row['tokens_per_task']:>7.1f}   "
            f"{-row['paired_difference']:+.4f} [{-right[1]:+.4f}, {-right[0]:+.4f}]   "
            f"{-row['paired_tokens']:+.1f} [{-spent[1]:+.1f}, {-spent[0]:+.1f}]"
        )


if __name__ == "__main__":
    raise SystemExit(main())
