"""How good `nano` is on held-out questions, and how it is wrong.

    proposer   accuracy at temperature 1 and greedy; the share of its texts that hold an answer
    reviewer   balanced accuracy (the mean of the shares of right proposals that it calls RIGHT and of wrong ones
               that it calls WRONG) on proposals half of which hold a mistake, and on the proposer's own
    mending    of its own wrong proposals, the share right after a WRONG, beside that of a plain second try

All are shares of the questions of the test split at one level; ``tasks`` questions, one text each.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracer_env.agents.speakers.models.nano import Nano
from tracer_env.interfaces import Request
from tracer_env.randomness import stream
from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.nano.texts import mistake, solution, steps
from tracer_env.types import Grade, Utterance, Verdict
from tracer_env.verification.referee import ask

__all__ = ["evaluate", "figures", "report"]

_RULES = Rules()
_BATCH = 64


def evaluate(path: Path | None = None, *, levels: Sequence[int] = (1, 2), tasks: int = 200) -> dict[str, Any]:
    """Return the figures of the weights at ``path`` (by default the packaged ones), by level."""
    where = None if path is None else str(path)
    warm, cold = Nano(where, temperature=1.0), Nano(where, temperature=0.0)
    return {f"level {level}": figures(warm, cold, Arithmetic(level=level, limit=tasks)) for level in levels}


def report(found: dict[str, Any]) -> str:
    """Return the figures as lines of text."""
    return "\n".join(f"{level}: " + "  ".join(f"{n} {v:.3f}" for n, v in row.items()) for level, row in found.items())


def figures(warm: Nano, cold: Nano, scenario: Arithmetic) -> dict[str, float]:
    """Return the figures of one model, at temperature 1 (``warm``) and 0 (``cold``), on the tasks of ``scenario``."""
    states = [initial(task, _RULES) for task in scenario]
    first, greedy = _say(warm, states, scenario, 0), _say(cold, states, scenario, 0)
    again = _say(warm, states, scenario, 1)
    wrong = [i for i, said in enumerate(first) if said.grade is not Grade.CORRECT]
    told = [_told_wrong(states[i], first[i]) for i in wrong]
    mended = _say(warm, told, scenario, 2)
    made = [advance(state, 1, said) for state, said in zip(states, _made(scenario), strict=True)]
    own = [advance(state, 1, said) for state, said in zip(states, first, strict=True)]
    return {
        "sampled": _share(first),
        "greedy": _share(greedy),
        "parsable": 1 - sum(said.grade is Grade.UNPARSABLE for said in first) / len(first),
        "reviewer": _balanced(made, _say(warm, made, scenario, 3)),
        "reviewer_greedy": _balanced(made, _say(cold, made, scenario, 3)),
        "reviewer_own": _balanced(own, _say(warm, own, scenario, 4)),
        "retry": _share([again[i] for i in wrong]),
        "mended": _share(mended),
    }


def _say(speaker: Nano, states: Sequence[DialogueState], scenario: Arithmetic, world: int) -> list[Utterance]:
    requests = [Request(state, state.seat, stream(0, state.task.id, world)) for state in states]
    parts = [requests[start : start + _BATCH] for start in range(0, len(requests), _BATCH)]
    return [said for part in parts for said in ask(speaker, part, scenario)]


def _told_wrong(state: DialogueState, proposal: Utterance) -> DialogueState:
    said = Utterance("WRONG.", rule="given", verdict=Verdict.WRONG)
    return advance(advance(state, 1, proposal), 1, said)


def _made(scenario: Arithmetic) -> list[Utterance]:
    """Return a proposal for each task, every second one with a mistake."""
    rng, texts = np.random.default_rng(0), []
    for number, task in enumerate(scenario):
        way = steps(task)
        text = solution(way if number % 2 == 0 else mistake(way, rng)) if way else f"Final answer: {task.answer}"
        grade = scenario.grade(text, task)
        texts.append(Utterance(text, answer=scenario.extract(text).answer, rule="given", grade=grade))
    return texts


def _share(said: Sequence[Utterance]) -> float:
    return sum(one.grade is Grade.CORRECT for one in said) / len(said) if said else float("nan")


def _balanced(states: Sequence[DialogueState], reviews: Sequence[Utterance]) -> float:
    hits: dict[bool, list[bool]] = {True: [], False: []}
    for state, said in zip(states, reviews, strict=True):
        correct = state.proposals[-1].correct
        hits[correct].append(said.verdict.fits(correct))
    return float(np.mean([np.mean(part) for part in hits.values() if part]))
