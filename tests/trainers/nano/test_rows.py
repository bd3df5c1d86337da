from __future__ import annotations

import numpy as np
import pytest

from tracer_env.agents.speakers.models.nano import Nano
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.nano.rows import READ, drill, encoded, padded
from tracer_env.trainers.nano.texts import Lesson, Step, lesson, steps
from tracer_env.types import Role


@pytest.fixture(scope="module")
def tokenizer() -> object:
    return Nano().loaded.tokenizer


def _words(tokenizer: object, ids: list[int]) -> str:
    return str(tokenizer.decode(ids))  # type: ignore[attr-defined]


def test_a_drill_shows_results_and_learns_the_true_ones(tokenizer: object) -> None:
    sums = [Step(3, "+", 4, 7), Step(5, "+", 6, 11), Step(9, "-", 2, 7), Step(8, "-", 3, 5)]
    ids, targets = drill(sums, tokenizer, np.random.default_rng(0))
    lines = _words(tokenizer, ids).removeprefix("<bos><solve>").splitlines()
    assert len(ids) == len(targets)
    assert lines[0] == "3 + 4 = 7"
    assert lines[1].startswith("5 + 6 = ")
    assert lines[2] == ("RIGHT" if lines[1] == "5 + 6 = 11" else "WRONG")
    assert lines[5] == ("RIGHT" if lines[4] == "8 - 3 = 5" else "WRONG")
    learnt = _words(tokenizer, [target for target in targets if target != READ])
    assert learnt.startswith("7\n1")
    assert READ in targets


def test_a_lesson_reads_the_prompt_and_learns_the_reply(tokenizer: object) -> None:
    wrong = (Step(27, "+", 12, 49),)
    prompt = "Ada has 27 apples and finds 12 more. How many?\n27 + 12 = 49\nFinal answer: 49"
    ((ids, targets),) = encoded([Lesson(Role.REVIEWER, prompt, "WRONG. 27 + 12 = 39", wrong)], tokenizer)
    assert _words(tokenizer, ids) == f"<bos><check>{prompt}<reply>WRONG. 27 + 12 = 39<eos>"
    assert _words(tokenizer, [t for t in targets if t != READ]) == "39\nWRONG. 27 + 12 = 39<eos>"


def test_parts_are_cut_where_tokens_end(tokenizer: object) -> None:
    """Written in parts or at once, a lesson is the same ids: what is learnt is what the speaker will send."""
    rng = np.random.default_rng(1)
    tasks = [(task, way) for task in Arithmetic(split="train", level=2, size=60) if (way := steps(task))]
    lessons = [lesson(task, way, rng) for task, way in tasks]
    for one, (ids, targets) in zip(lessons, encoded(lessons, tokenizer), strict=True):
        role = "<solve>" if one.role is Role.PROPOSER else "<check>"
        whole = f"<bos>{role}{one.prompt}<reply>{one.reply}<eos>"
        assert ids == tokenizer(whole, add_special_tokens=False)["input_ids"]  # type: ignore[operator]
        assert len(targets) == len(ids)


def test_padding_stands_on_the_right() -> None:
    ids, targets = padded([([1, 2], [READ, 2]), ([3], [3])])
    assert ids == [[1, 2], [3, 0]]
    assert targets == [[READ, 2], [3, READ]]
