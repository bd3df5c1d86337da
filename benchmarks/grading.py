r"""How well answers are read: agreement on real gold answers in many dresses, false CORRECTs, perturbed answers, speed.

    python benchmarks/grading.py                         all of it (about ten minutes on two cores)
    python benchmarks/grading.py --quick                 a tenth of the pairs
    python benchmarks/grading.py --against ../before     speed beside that of another checkout, in the same run

The data are read from ``--data`` (``../shared/data``): MATH-500, and GSM8K's solutions and test answers. Every line
names what is counted; what disagrees is printed below it, at most five of each. Exit code 1 when a bound is not met.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import tracer_env
from tracer_env.types import Grade, Task

DRESSED = 0.995
"""The least share of gold answers that are CORRECT in each dress."""
PERTURBED = 0.001
"""The largest share of perturbed answers that may be CORRECT."""
LEAST_RATIO = {"number": 0.8, "choice": 0.8, "mathematics": 0.7}
"""The least speed, relative to the other checkout's."""
_PLAIN = re.compile(r"-?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)")
_CLOSING = "\n\nThe final answer is boxed above."

MATH_DRESSES: dict[str, Callable[[str], str | None]] = {
    "box": lambda a: f"So the answer is $\\boxed{{{a}}}$.",
    "marker": lambda a: f"Hence.\nFinal answer: ${a}$",
    "bold marker": lambda a: f"Hence.\n**Final answer: {a}**",
    "marker, full stop": lambda a: f"Hence.\nFinal answer: {a}.",
    "display mathematics": lambda a: f"Hence.\nFinal answer:\n\\[\n{a}\n\\]",
    "box, closing sentence": lambda a: f"So $\\boxed{{{a}}}$.{_CLOSING}",
    "plain text": lambda a: f"Final answer: {_plain(a)}" if _plain(a) is not None else None,
    "unit behind": lambda a: f"Final answer: {a} km/h" if _PLAIN.fullmatch(a) else None,
}
NUMBER_DRESSES: dict[str, Callable[[str], str]] = {
    "hashes": lambda a: f"That makes it.\n#### {a}",
    "marker, full stop": lambda a: f"That makes it.\nFinal answer: {a}.",
    "bold marker": lambda a: f"That makes it.\n**Final answer: {a}**",
    "box, closing sentence": lambda a: f"So \\boxed{{{a}}}.{_CLOSING}",
    "dollars, in a sentence": lambda a: f"Final answer: She pays ${a} in total.",
    "no marker": lambda a: f"That makes it.\nSo there are {a} apples left.",
}


def main() -> None:
    """Print all parts and exit with 1 when a bound is not met."""
    options = _options()
    if options.speed:
        print(json.dumps(speeds(options.data)))
        return
    rng = random.Random(options.seed)
    numbers, mathematics = _gsm8k(options.data, "test"), _math(options.data)
    share = 0.1 if options.quick else 1.0
    held = [
        *(dressed(f"GSM8K test, {name}", numbers, dress) for name, dress in NUMBER_DRESSES.items()),
        solutions("GSM8K train, solutions", _gsm8k(options.data, "train"), share),
        *(dressed(f"MATH-500, {name}", mathematics, dress) for name, dress in MATH_DRESSES.items()),
        solutions("MATH-500, solutions", mathematics, 1.0),
        foreign("GSM8K, answers against others", numbers, int(13_200 * share), rng),
        foreign("MATH-500, answers against others", mathematics, int(4_000 * share), rng),
        perturbed("perturbed answers", [*numbers, *mathematics], int(2_000 * share), rng),
        compared(options.data, options.against),
    ]
    sys.exit(0 if all(held) else 1)


# -- agreement -----------------------------------------------------------------------------------


def dressed(what: str, scenario: tracer_env.interfaces.Scenario, dress: Callable[[str], str | None]) -> bool:
    """Grade every gold answer in one dress; return whether enough of them are CORRECT."""
    texts = [(dress(task.answer), task) for task in scenario]
    return _told(what, [(text, task, scenario.grade(text, task)) for text, task in texts if text is not None])


def solutions(what: str, scenario: tracer_env.interfaces.Scenario, share: float) -> bool:
    """Grade worked solutions against their own gold answers; return whether enough of them are CORRECT."""
    tasks = list(scenario)[: int(len(scenario) * share)]
    texts = [(task.metadata["solution"], task) for task in tasks]
    return _told(what, [(text, task, scenario.grade(text, task)) for text, task in texts])


def _told(what: str, graded: list[tuple[str, Task, Grade]]) -> bool:
    missed = [(text, task, grade) for text, task, grade in graded if grade is not Grade.CORRECT]
    share = 1 - len(missed) / len(graded)
    print(f"{what:<44} {len(graded):>6} texts   {share:8.2%} correct", flush=True)
    for text, task, grade in missed[:5]:
        print(f"    {grade.name.lower():<10} {task.answer!r:<30.80} {text[-80:]!r}")
    return share >= DRESSED


# -- false CORRECTs ------------------------------------------------------------------------------


def foreign(what: str, scenario: tracer_env.interfaces.Scenario, count: int, rng: random.Random) -> bool:
    """Grade answers against gold answers of other tasks, 20 a task, each distinct pair once; none may be CORRECT."""
    tasks = list(scenario)
    pairs: dict[tuple[str, str], tuple[Task, Task]] = {}
    for task in tasks:
        for other in rng.sample(tasks, min(len(tasks), 24))[:20]:
            if not _same_value(task.answer, other.answer):
                pairs.setdefault((task.answer, other.answer), (task, other))
    chosen = rng.sample(sorted(pairs), min(count, len(pairs)))
    found = []
    for pair in chosen:
        said, task = pairs[pair]
        if scenario.grade(f"Final answer: {said.answer}", task) is Grade.CORRECT:
            found.append(pair)
    print(f"{what:<44} {len(chosen):>6} pairs   {len(found):>8} correct", flush=True)
    for said_answer, gold in found[:5]:
        print(f"    {said_answer!r} for {gold!r}")
    return not found


def perturbed(what: str, tasks: list[Task], count: int, rng: random.Random) -> bool:
    """Grade answers that were changed in value; return whether few enough of them are CORRECT."""
    scenarios = {kind: tracer_env.make_scenario([_one(kind)]) for kind in ("number", "math")}
    changes = [(task, changed) for task in tasks for changed in perturbations(task.answer)]
    chosen = rng.sample(changes, min(count, len(changes)))
    found = [
        (task, changed)
        for task, changed in chosen
        if scenarios[task.kind].grade(f"Final answer: {changed}", task) is Grade.CORRECT
    ]
    print(f"{what:<44} {len(chosen):>6} texts   {len(found):>8} correct", flush=True)
    for task, changed in found[:5]:
        print(f"    {changed!r} for {task.answer!r}")
    return len(found) <= PERTURBED * len(chosen)


def perturbations(answer: str) -> Iterator[str]:
    """Yield answers of another value: sign, factor ten, one digit, denominator, base and unit."""
    digits = [place for place, character in enumerate(answer) if character.isdigit()]
    plain = _PLAIN.fullmatch(answer)
    if plain and Fraction(answer.replace(",", "")):
        yield answer[1:] if answer.startswith("-") else f"-{answer}"
        yield str(Fraction(answer.replace(",", "")) * 10)
    for place in digits[:4]:
        before = answer[max(place - 8, 0) : place]
        if not re.search(r"\^\{?\d?$|matrix", before) and "\\circ" not in answer:
            digit = str((int(answer[place]) + 1) % 10)
            if place > digits[0] or digit != "0":
                yield answer[:place] + digit + answer[place + 1 :]
    if fraction := re.fullmatch(r"(-?)\\d?frac\{(\d+)\}\{(\d+)\}", answer):
        yield f"{fraction[1]}\\frac{{{fraction[2]}}}{{{int(fraction[3]) + 1}}}"
        yield f"{fraction[1]}{fraction[2]}/{int(fraction[3]) * 10}"
    if based := re.fullmatch(r"(\d+)_\{?(\d)\}?", answer):
        yield f"{based[1]}_{(int(based[2]) % 9) + 1}"
    if unit := re.fullmatch(r"(.*?\d)\s*\\(?:text|mbox)\{ ?([a-z]+)\}.*", answer):
        yield f"{unit[1]} \\text{{ kg}}"
        yield f"{unit[1]} \\text{{ hours}}"


# -- speed ---------------------------------------------------------------------------------------


def speeds(data: Path) -> dict[str, float]:
    """Return graded texts a second of processor and waiting time for numbers, choices and mathematics."""
    numbers, mathematics = _gsm8k(data, "train"), _math(data)
    number_tasks, math_tasks = list(numbers)[:2_000], list(mathematics)[:300]
    options = ("iron", "tin", "lead", "zinc")
    question = "Which one?\n" + "\n".join(f"{letter}) {text}" for letter, text in zip("ABCD", options, strict=True))
    choice = Task("c", question, "B", "choice", options=options)
    choices = tracer_env.make_scenario([choice])
    mathematics.grade("\\boxed{x+1}", math_tasks[0])  # the worker is ready
    return {
        "number": _rate(lambda: [numbers.grade(task.metadata["solution"], task) for task in number_tasks], 2_000),
        "choice": _rate(
            lambda: [choices.grade(f"{task.metadata['solution']}\nFinal answer: (B)", choice) for task in number_tasks],
            2_000,
        ),
        "mathematics": _rate(
            lambda: [mathematics.grade(text, task) for text, task in _exam(math_tasks)], 600, once=True
        ),
    }


def compared(data: Path, against: Path | None) -> bool:
    """Print the speed, and beside it that of another checkout, measured in turns; return whether it is kept."""
    mine: dict[str, float] = {}
    theirs: dict[str, float] = {}
    for _ in range(2 if against else 1):
        for folder, best in ((Path(__file__).parents[1], mine), (against, theirs)):
            if folder is not None:
                for name, rate in _measured(folder, data).items():
                    best[name] = max(best.get(name, 0.0), rate)
    held = True
    for name, rate in mine.items():
        beside = f"   {theirs[name]:>9,.0f} there   ratio {rate / theirs[name]:.2f}" if theirs else ""
        print(f"speed, {name:<37} {rate:>9,.0f} texts a second{beside}", flush=True)
        held = held and (not theirs or rate / theirs[name] >= LEAST_RATIO[name])
    return held


def _measured(folder: Path, data: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-P", str(Path(__file__).resolve()), "--speed", "--data", str(data)],
        env={**os.environ, "PYTHONPATH": str(folder.resolve())},
        capture_output=True,
        text=True,
        check=True,
    )
    rates: dict[str, float] = json.loads(done.stdout)
    return rates


def _rate(work: Callable[[], object], texts: int, once: bool = False) -> float:
    best = 0.0
    for _ in range(1 if once else 3):
        start = time.perf_counter()
        work()
        best = max(best, texts / (time.perf_counter() - start))
    return best


def _exam(tasks: list[Task]) -> Iterator[tuple[str, Task]]:
    """Yield each task's own solution, and the answer of another task, which has to be compared."""
    for task, other in zip(tasks, [*tasks[1:], tasks[0]], strict=True):
        yield task.metadata["solution"], task
        yield f"So \\boxed{{{other.answer}}}", task


# -- data ----------------------------------------------------------------------------------------


def _plain(answer: str) -> str | None:
    """Return an answer as it is typed without LaTeX, or None when it has no such form."""
    text = re.sub(r"(?<=\d)(?=\\d?frac)", " ", re.sub(r",\\! ?", ",", answer))
    text = re.sub(r"\\d?frac\{(-?\d+)\}\{(\d+)\}", r"\1/\2", text)
    text = re.sub(r"(\d) ?\\sqrt\{(\d+)\}", r"\1 sqrt(\2)", text)
    text = re.sub(r"\\sqrt\{(\d+)\}", r"sqrt(\1)", text)
    text = text.replace("\\pi", "pi").replace("^\\circ", " degrees").replace("\\$", "$")
    text = re.sub(r"\\text\{\(?([A-Za-z]+)\)?\}", r"\1", text)
    return None if "\\" in text or "{" in text else text


def _same_value(left: str, right: str) -> bool:
    """Return whether two gold answers are written alike, or are the same number: then they are no pair."""
    return _written(left) == _written(right)


def _written(answer: str) -> object:
    bare = re.sub(
        r"\\(?:text|mbox)\{[^}]*\}(?:\^\d)?|\^\\circ|\\[$!, ]|\\left|\\right|[\s,$]|[a-z] ?= ?(?=-?\d+$)", "", answer
    )
    bare = re.sub(r"\\d?frac ?(?:\{(-?\d+)\}|(\d))(?:\{(\d+)\}|(\d))", r"\1\2/\3\4", bare)
    try:
        return Fraction(bare)
    except (ValueError, ZeroDivisionError):
        return bare


def _one(kind: str) -> Task:
    return Task("one", "1?", "1", kind)


def _gsm8k(data: Path, split: str) -> tracer_env.interfaces.Scenario:
    return tracer_env.make_scenario("gsm8k", path=str(data / "gsm8k" / f"{split}.jsonl"), split=split)


def _math(data: Path) -> tracer_env.interfaces.Scenario:
    return tracer_env.make_scenario("math500", path=str(data / "math500" / "test.jsonl"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--against", type=Path, default=None, help="another checkout, for its speed")
    parser.add_argument("--quick", action="store_true", help="a tenth of the pairs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--speed", action="store_true", help="print the speeds alone, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
