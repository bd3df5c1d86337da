"""What a controller's sight is worth, speaker by speaker: how much of the gap to the oracle confidence closes.

    OMP_NUM_THREADS=1 python benchmarks/seeing.py --quick              the simulated speaker alone, in seconds
    OMP_NUM_THREADS=1 python benchmarks/seeing.py --folder grown       and the models: an hour of one core and more

Trees are grown into the folder once and go on where they were stopped. By `trainers.seeing.study`, policies, buckets
and their edges are fitted on one half of the questions and scored exactly on the other, both ways, so that no task is
scored by what has seen it; intervals are over tasks. The gap is that from the most accurate fixed rule to the oracle.

    simulated     8,000 trees of arithmetic at five values of `confidence`, the AUC of logprob_mean
    nano          fresh trees of levels 1 and 2 (the levels of its schooling), none of the recording's questions, by
                  three seeds of tasks; and sampled at temperatures 0.7 and 1.3
    smollm2       level 1
    across        policies and edges of nano's trees of level 1 played on SmolLM2's, and the other way round
    another kind  SmolLM2 on a set of reasoning-gym

A call costs as much everywhere, `CALL` in accuracy: the price of a token is that divided by the mean tokens of an
utterance, about 2e-4 for nano; the value is accuracy less what the tokens cost. Models tell what they tell at
temperature 1, whatever they are sampled at.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tracer_env
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.display.tables import with_interval
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Scenario
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.statistics.areas import area_interval, area_under
from tracer_env.terminal.bars import reporting
from tracer_env.trainers.seeing.study import see
from tracer_env.trees.run import expand_run
from tracer_env.trees.split import take_tasks
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Grade, Task

AREAS = (0.6, 0.7, 0.8, 0.9, 0.97)
CALL = 0.012
ALL = (
    "vote+time",
    "vote+time+history",
    "vote+time+length",
    "vote+time+agreement",
    "vote+time+reviewer_agrees",
    "vote+time+reviewer_margin",
    "vote+time+confidence",
    "vote+time+confidence:of=sum",
    "vote+time+confidence:of=min",
    "turn+confidence:bins=2",
    "vote+time+agreement+reviewer_agrees+confidence:bins=3",
)
FEW = ("vote+time", "vote+time+confidence")
GYM = "reasoning-gym:syllogism"  # of a dozen sets the only one that SmolLM2 was ever right on
SIMULATED, QUICK = 8000, 200  # trees
SHORT = 48  # tokens of SmolLM2's longest utterance: what is longer rambles


def fresh(seed: int, count: int, levels: Sequence[int]) -> list[Task]:
    """Return tasks of the levels in turns, each question once and none that the package's recording holds."""
    known = {task.question for split in ("train", "test") for task in tracer_env.make_scenario("recorded", split=split)}
    columns = []
    for level in levels:
        found: dict[str, Task] = {}
        for task in Arithmetic(split="test", level=level, seed=seed, size=4 * count):
            if task.question not in known:
                found.setdefault(task.question, task)
        columns.append(list(found.values())[: count // len(levels)])
    return [task for row in zip(*columns, strict=True) for task in row]


def grown(folder: Path, name: str, tasks: Scenario | Sequence[Task], speaker: str, **settings: float) -> DialogueTrees:
    """Return the trees of that name, grown now as far as they are not there, with luck of seed 0."""
    out = folder / name
    if (out / "trees.json").is_file():
        return DialogueTrees.load(out)
    voice = tracer_env.make_speaker(speaker, **settings)
    scenario = tasks if isinstance(tasks, Scenario) else None
    with reporting() as reporter:
        return expand_run(
            tasks,
            voice,
            out=out,
            resume=(out / "growing.json").is_file(),
            scenario=scenario,
            texts=False,
            tasks_at_once=20,
            reporter=reporter,
        )


def price_of(trees: DialogueTrees) -> float:
    """Return the price of a token at which the mean utterance of these trees costs `CALL`."""
    tokens = sum(float(level.prompt_tokens.sum() + level.completion_tokens.sum()) for level in trees.levels)
    said = sum(int((level.utterance >= 0).sum()) for level in trees.levels)
    return CALL * said / tokens


def studied(trees: DialogueTrees, informations: Sequence[str], test: DialogueTrees | None = None) -> dict[str, Any]:
    """Return the study of these trees, or of policies of theirs on others, with the AUC of first proposals alone."""
    study = see(trees, test, informations, price_of(trees))
    first = (trees if test is None else test).levels[0]
    told = first.logprob_mean[:, 0], first.grade[:, 0] == Grade.CORRECT, np.arange(len(first.grade)) % study["tasks"]
    return {**study, "first_area": area_under(*told[:2]), "first_area_ci": area_interval(*told)}


def level_one(trees: DialogueTrees) -> DialogueTrees:
    """Return the trees of the tasks of level 1."""
    return take_tasks(trees, np.flatnonzero([task.metadata.get("level") == 1 for task in trees.tasks]))


def without(trees: DialogueTrees, others: DialogueTrees) -> DialogueTrees:
    """Return the trees of the tasks that the others do not ask."""
    asked = {task.question for task in others.tasks}
    return take_tasks(trees, np.flatnonzero([task.question not in asked for task in trees.tasks]))


def simulated(count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the studies of the simulated speaker, from poor confidence to good."""
    tasks = tracer_env.make_scenario("arithmetic", split="train", limit=count)
    for area in AREAS:
        trees = tracer_env.expand(tasks, SimulatedSpeaker(confidence=area), texts=False)
        yield f"simulated, confidence {area}", studied(trees, FEW)


def models(folder: Path, nano: int, again: int, smollm2: int, gym: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the studies of the models, growing trees where they are missing."""
    first = grown(folder, f"nano-{nano}-seed0", fresh(1, nano, (1, 2)), "nano")
    yield "nano", studied(first, ALL)
    for seed in (1, 2):
        trees = grown(folder, f"nano-{again}-seed{seed}", fresh(seed + 1, again, (1, 2)), "nano")
        yield f"nano, other tasks, seed {seed}", studied(trees, FEW)
    for temperature in (0.7, 1.3):
        tasks, name = fresh(1, again, (1, 2)), f"nano-{again}-seed0-t{temperature}"
        trees = grown(folder, name, tasks, "nano", temperature=temperature)
        yield f"nano at temperature {temperature}", studied(trees, FEW)
    ones = level_one(first)
    yield "nano, level 1", studied(ones, FEW)
    small = grown(folder, f"smollm2-{smollm2}", fresh(1, smollm2, (1,)), "smollm2", max_new_tokens=SHORT)
    yield "smollm2, level 1", studied(small, ALL)
    apart = without(ones, small)
    for name, lessons, tests in (
        ("nano's played on smollm2", apart, small),
        ("smollm2's played on nano", small, apart),
    ):
        yield f"{name}, level 1", studied(lessons, FEW, tests)
    scenario = tracer_env.make_scenario(GYM, limit=gym)
    other = grown(folder, f"smollm2-gym-{gym}", scenario, "smollm2", max_new_tokens=SHORT)
    yield f"smollm2, {GYM}", studied(other, ALL)


def show(name: str, study: dict[str, Any]) -> None:
    """Print one study as a Markdown table, rules and bounds first."""
    area = {row["signal"]: row for row in study["signals"]}["logprob_mean"]
    every, first = _area(area["area"], area["area_ci"]), _area(study["first_area"], study["first_area_ci"])
    print(f"\n### {name}: {study['tasks']} tasks, price {study['price']:.1e}")
    print(f"\nAUC of logprob_mean {every}, of first proposals {first}.\n")
    print("| sees | accuracy | tokens | value | gap closed |\n|---|---|---|---|---|")
    best = next(row for row in study["rules"] if row["name"] == study["best_rule"])
    approved = next(row for row in study["rules"] if row["name"] == "until_approved")
    for row in (approved, best, *study["informations"], study["flexible"], study["oracle"]):
        closed = row.get("gap_closed")
        share = "" if closed is None else f"{closed:.2f} ± {row['gap_closed_half_width']:.2f}"
        accuracy = with_interval(row)
        numbers = f"{accuracy} | {row['tokens_per_task']:.0f} | {row['value']:.3f}"
        print(f"| {row['name']} | {numbers} | {share} |", flush=True)


def _area(area: float | None, ends: Sequence[float] | None) -> str:
    if area is None or ends is None:
        return "untold"
    return f"{area:.3f} [{ends[0]:.3f}, {ends[1]:.3f}]"


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """Run the study and return it, by name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"the simulated speaker alone, {QUICK} trees each")
    parser.add_argument("--folder", type=Path, help="where trees of the models are kept; without it none are grown")
    parser.add_argument("--nano", type=int, default=2000, help="trees of nano")
    parser.add_argument("--again", type=int, default=600, help="trees of nano for each other seed and temperature")
    parser.add_argument("--smollm2", type=int, default=200, help="trees of SmolLM2")
    parser.add_argument("--gym", type=int, default=100, help="trees of SmolLM2 on the other kind of task")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    given = parser.parse_args(arguments)
    if min(given.nano, given.again, given.smollm2, given.gym) < 1:
        raise ConfigError("numbers of trees must be at least 1")
    found = {}
    studies = [simulated(QUICK if given.quick else SIMULATED)]
    if given.folder and not given.quick:
        studies.append(models(given.folder, given.nano, given.again, given.smollm2, given.gym))
    for study in (one for many in studies for one in many):
        found[study[0]] = study[1]
        show(*study)
        if given.json:
            given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


if __name__ == "__main__":
    main()
