from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_env.types import Task, Utterance, Verdict
from tracer_env.verification.strict import FALLBACKS, single_verdict, states_one_answer
from tracer_env.verification.verifiers import verifier_for


def _stated(kind: str, text: str, gold: str) -> bool:
    found = verifier_for(kind).extract(text)
    return states_one_answer(Utterance(text, answer=found.answer, rule=found.rule), Task("t", "q", gold, kind))


PLAIN = [
    ("number", "9 * 2 = 18\nFinal answer: 18", "18"),
    ("number", "Final answer: $18 (= 9 * 2)", "18"),
    ("number", "Final answer: the total is \\boxed{18}", "18"),
    ("number", "so \\boxed{18}\nFinal answer: 18", "18"),
    ("number", "Final answer: 0.5 and so \\boxed{1/2}", "0.5"),
    ("number", "**Final answer:** $1,234.50", "1234.5"),
    ("number", "#### 18", "18"),
    ("number", "<think>Final answer: 17</think>Final answer: 18", "18"),
    ("number", "<answer>18</answer>", "18"),
    ("number", "Final answer: 3 1/2 cups", "3.5"),
    ("number", "Final answer: 25 m\u00b2", "25"),
    ("number", "Final answer: \u200f18\u200f", "18"),
    ("math", r"\boxed{18^\circ}", "18"),
    ("math", r"\boxed{18\text{ cm}^2}", "18"),
    ("math", r"\boxed{x=18}", "18"),
    ("math", r"\boxed{(x+1)^2}", "x^2+2x+1"),
    ("math", r"\boxed{1,234}", "1234"),
    ("math", r"\boxed{1, 2}", "1,2"),
    ("math", r"\boxed{(3,4)}", "(3, 4)"),
    ("choice", "Final answer: (B)", "B"),
    ("choice", "Final answer: B) Vitamin C", "B"),
    ("text", "Final answer: right or wrong", "right or wrong"),
]


@pytest.mark.parametrize(("kind", "text", "gold"), PLAIN)
def test_plain_statements_count(kind: str, text: str, gold: str) -> None:
    assert _stated(kind, text, gold)


EVASIVE = [
    ("number", "17 18", "18"),
    ("number", "Final answer: 18 <think>or 17", "18"),
    ("number", "The answer is 18", "18"),
    ("number", "Final answer: 17\nFinal answer: 18", "18"),
    ("number", "\\boxed{17}\n#### 18", "18"),
    ("number", "Final answer: 17 18 19", "17"),
    ("number", "Final answer: 17 or 18", "17"),
    ("number", "Final answer: not 18", "18"),
    ("number", "Final answer: 17\nFinal answer: nineteen", "17"),
    ("number", "Final answer: 17\nFinal answer: \uff11\uff18", "17"),
    ("number", "Final answer: \u0661\u0668", "18"),
    ("number", "Final answer: 5\u00bd", "5"),
    ("number", "Final answer: 1\u200b8", "1"),
    ("number", "<!-- 17 --> Final answer: 18", "18"),
    ("number", "\\phantom{17} Final answer: 18", "18"),
    ("number", "Final answer: 17\nFinal answer: 18 " + "x" * 2001, "17"),
    ("number", "Final answer: 18\n" * 21, "18"),
    ("math", r"\boxed{6+12}", "18"),
    ("math", r"\boxed{36-18}", "18"),
    ("math", r"\boxed{\sqrt{324}}", "18"),
    ("math", r"\boxed{17}\boxed{18}", "18"),
    ("math", "Final answer: The solutions are 16, 17, 18", "18"),
    ("math", "Final answer: $17$ $18$", "18"),
    ("choice", "Final answer: A) B)", "A"),
    ("choice", "Final answer: isn't B", "B"),
    ("choice", "The answer is A.\nThe answer is B.", "B"),
    ("choice", "B) this one", "B"),
    ("text", "New York", "New York"),
    ("text", "Final answer: Rome\nFinal answer: Paris", "Paris"),
]


@pytest.mark.parametrize(("kind", "text", "gold"), EVASIVE)
def test_evasive_statements_do_not(kind: str, text: str, gold: str) -> None:
    assert not _stated(kind, text, gold)


def test_other_rules_speak_for_themselves() -> None:
    task = Task("t", "q", "18")
    assert states_one_answer(Utterance("", answer="18", rule="given"), task)
    assert states_one_answer(Utterance("17 18", answer="18", rule="hook"), task)
    assert not states_one_answer(Utterance("", answer=None, rule="given"), task)
    for rule in FALLBACKS:
        assert not states_one_answer(Utterance("18", answer="18", rule=rule), task)


@pytest.mark.parametrize(
    ("review", "verdict"),
    [
        ("RIGHT.", Verdict.RIGHT),
        ("_RIGHT_", Verdict.RIGHT),
        ("<think>WRONG</think>RIGHT", Verdict.RIGHT),
        ("Right, 9 * 2 is 18.", Verdict.RIGHT),
        ("RIGHT. Nothing is wrong.", Verdict.RIGHT),
        ("Correct. It is right.", Verdict.RIGHT),
        ("**WRONG** the sum is 19", Verdict.WRONG),
        ("WRONG. The right answer is 25.", Verdict.WRONG),
        ("WRONG: the sum is right, the product is not", Verdict.WRONG),
        ("WRONG. The answer is not right.", Verdict.WRONG),
        ("WRONG. NOT RIGHT", Verdict.WRONG),
        ("'Incorrect', because 9", Verdict.WRONG),
    ],
)
def test_reviews_with_one_verdict(review: str, verdict: Verdict) -> None:
    assert single_verdict(review) is verdict


@pytest.mark.parametrize(
    "review",
    [
        "RIGHT WRONG",
        "RIGHT or WRONG",
        "right/wrong",
        "Right and wrong at once",
        "Right, wrong",
        "Right. Wrong.",
        "RIGHT\nWRONG",
        "RIGHT because it adds up\nwrong",
        "RIGHT. The first one was WRONG.",
        "RIGHT. NOT RIGHT",
        "WRONG. The answer is correct.",
        "RIGHT. The proposed answer is not correct",
        "right-hand side",
        "Correct answer is 19",
        "RIGHT?",
        "RIGHT1",
        "RIGHT\u00e9",
        "Hmm, RIGHT",
        "",
    ],
)
def test_reviews_with_two_or_none(review: str) -> None:
    assert single_verdict(review) is Verdict.NONE


HOSTILE = {
    "stars": "*" * 10**6,
    "blanks": "RIGHT" + " " * 10**6,
    "lines": "RIGHT" + "\n" * 10**6,
    "denials": "RIGHT " + "not " * 10**5,
    "subjects": "RIGHT " + "the answer is " * 10**5,
    "verdicts": "RIGHT " * 10**5,
    "markers": "Final answer: 1 or " * 10**4,
    "commas": "Final answer: " + "1," * 900,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_read_in_bounded_time(name: str) -> None:
    start = time.process_time()
    single_verdict(HOSTILE[name])
    _stated("number", HOSTILE[name], "1")
    assert time.process_time() - start < 10.0


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=6),
            st.sampled_from(
                ["Final answer:", "\\boxed{", "}", "#### ", "\n", "=", "RIGHT", "wrong", " not ", "17", "18"]
            ),
        ),
        max_size=16,
    ).map(" ".join),
    st.sampled_from(["number", "choice", "text"]),
)
def test_what_is_stated_is_what_the_referee_reads(text: str, kind: str) -> None:
    found = verifier_for(kind).extract(text)
    task = Task("t", "q", "B" if kind == "choice" else "18", kind)
    if states_one_answer(Utterance(text, answer=found.answer, rule=found.rule), task):
        assert found.answer is not None
        assert found.rule not in FALLBACKS
    assert single_verdict(text) in Verdict
