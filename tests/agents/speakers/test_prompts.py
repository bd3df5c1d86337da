from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moves import TASK, play, proposal, review

from tracer_env.agents.speakers.prompts import Prompts, plain_text
from tracer_env.agents.speakers.worked_examples import EXAMPLES
from tracer_env.errors import ConfigError
from tracer_env.rules import Rules, advance, initial
from tracer_env.types import Role, Task

SECRET = "8675309"
GUARDED = Task("guarded", "What is asked?", SECRET, scenario="sums", metadata={"gold": SECRET})


def user(prompts: Prompts, letters: str, rules: Rules | None = None, drop: int = 0) -> str:
    state = play(letters, rules)
    return prompts.messages(state, state.seat, drop)[-1]["content"]


def test_a_first_proposal_is_asked_the_bare_question_after_the_answer_format() -> None:
    state = play("")
    system, question = Prompts().messages(state, state.seat)
    assert system["role"] == "system"
    assert "Final answer: <answer>" in system["content"]
    assert question == {"role": "user", "content": "What is 6 times 7?"}


def test_a_reviewer_sees_the_pending_proposal_once_and_is_asked_for_a_verdict() -> None:
    state = play("W")
    system, last = Prompts().messages(state, state.seat)
    assert "first word of your reply is RIGHT" in system["content"]
    assert last["content"] == ("Question: What is 6 times 7?\n\nProposed answer:\nproposal W\n\nIs it RIGHT or WRONG?")


def test_a_refreshing_proposer_sees_the_window_with_the_verdicts() -> None:
    text = user(Prompts(), "W-")
    assert "agent_0 (proposal): proposal W\nagent_1 (review): review -" in text
    assert text.endswith("What is 6 times 7?")


def test_history_outside_the_window_is_not_shown_but_a_reviewer_always_sees_the_pending_one() -> None:
    rules = Rules(history_window=1)
    assert "review -" in user(Prompts(), "W-", rules)
    assert "proposal W" not in user(Prompts(), "W-", rules)
    assert "proposal W" in user(Prompts(), "W", Rules(history_window=0))


@pytest.mark.parametrize("letters", ["", "W", "W-", "W-C", "W-C+"])
@pytest.mark.parametrize("examples", [0, 8])
def test_gold_answers_and_grades_never_enter_a_prompt(letters: str, examples: int) -> None:
    state = play(letters, task=GUARDED)
    text = str(Prompts(examples).messages(state, state.seat)).upper()
    assert SECRET not in text
    assert "CORRECT," not in text.replace("IS CORRECT OR", "")
    graded = [replace(t.utterance, grade=None) for t in state.turns if t.utterance and t.seat.role is Role.PROPOSER]
    assert all(u.text.upper() in text or state.seat.role is Role.REVIEWER for u in graded)


def test_the_opening_is_the_same_for_all_tasks_and_turns_of_a_role() -> None:
    prompts, other = Prompts(3), Task("other", "Another question?", "1", scenario="arithmetic")
    first, later = play("", task=replace(TASK, scenario="arithmetic")), play("W-", task=other)
    opening = prompts.opening(other, Role.PROPOSER)
    assert len(opening) == 7
    assert prompts.messages(first, first.seat)[:-1] == opening
    assert prompts.messages(later, later.seat)[:-1] == opening


def test_worked_examples_go_by_scenario_then_kind_and_have_both_verdicts() -> None:
    for task in (replace(TASK, scenario="arithmetic"), replace(TASK, kind="choice"), replace(TASK, kind="math")):
        replies = [m["content"] for m in Prompts(8).opening(task, Role.REVIEWER) if m["role"] == "assistant"]
        assert {reply.split(".")[0] for reply in replies} == {"RIGHT", "WRONG"}
    assert Prompts(8).opening(replace(TASK, kind="text"), Role.PROPOSER)[1:] == []


def test_worked_solutions_end_with_the_answer_and_reviews_judge_them_truly() -> None:
    for examples in EXAMPLES.values():
        for example in examples:
            assert example.solution.splitlines()[-1].startswith("Final answer: ")
            same = example.proposal.splitlines()[-1] == example.solution.splitlines()[-1]
            assert example.review.startswith("RIGHT" if same else "WRONG")


def test_a_format_text_replaces_the_last_message() -> None:
    prompts = Prompts(proposer_prompt="{question} | {history} | {vote} | {turn}/{max_turns} {agent} {{x}}")
    assert user(prompts, "W-") == (
        "What is 6 times 7? | agent_0 (proposal): proposal W\nagent_1 (review): review - | -1 | 3/5 agent_0 {x}"
    )
    assert user(Prompts(reviewer_prompt="{question} {pending}"), "C") == "What is 6 times 7? proposal C"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{question} {pendign}", "unknown placeholder {pendign}; did you mean 'pending'"),
        ("{question.__class__}", "unknown placeholder"),
        ("{question} {}", "unknown placeholder"),
        ("{question", "not a format text"),
        ("Solve it.", "must show the {question}"),
    ],
)
def test_a_bad_format_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("{", r"\{").replace("}", r"\}")):
        Prompts(reviewer_prompt=text)


@pytest.mark.parametrize("examples", [-1, True, "all", 1.5])
def test_examples_are_a_whole_number(examples: object) -> None:
    with pytest.raises(ConfigError, match="whole number from 0"):
        Prompts(examples)  # type: ignore[arg-type]


def test_dropping_takes_the_oldest_first_and_keeps_the_question() -> None:
    state = play("W-C+")  # window of four, next is the proposer
    assert Prompts().droppable(state, state.seat) == 4
    texts = [Prompts().messages(state, state.seat, drop)[-1]["content"] for drop in range(5)]
    assert [("proposal W" in t, "review -" in t, "proposal C" in t, "review +" in t) for t in texts] == [
        (True, True, True, True),
        (False, True, True, True),
        (False, False, True, True),
        (False, False, False, True),
        (False, False, False, False),
    ]
    assert all("What is 6 times 7?" in t for t in texts)


def test_a_reviewer_loses_the_pending_proposal_last() -> None:
    state = play("W-C")
    assert Prompts().droppable(state, state.seat) == 3
    assert "proposal C" in Prompts().messages(state, state.seat, 2)[-1]["content"]
    assert "(too long to be shown)" in Prompts().messages(state, state.seat, 3)[-1]["content"]


@given(st.integers(0, 2000))
def test_fit_takes_the_longest_prompt_that_fits(limit: int) -> None:
    state = advance(advance(initial(TASK, Rules()), 1, proposal("W")), 1, review("-"))
    sizes = [len(str(Prompts().messages(state, state.seat, drop))) for drop in range(3)]
    if limit < sizes[-1]:
        with pytest.raises(ConfigError, match="the question of task 'sum-1' does not fit"):
            Prompts().fit(state, state.seat, lambda m: len(str(m)) <= limit)
        return
    _, dropped = Prompts().fit(state, state.seat, lambda m: len(str(m)) <= limit)
    assert dropped == next(d for d, size in enumerate(sizes) if size <= limit)


def test_plain_text_is_for_models_without_a_chat_template() -> None:
    chat = [{"role": "system", "content": "Solve."}, {"role": "user", "content": "6 * 7?"}]
    assert plain_text(chat) == "### Instruction\nSolve.\n\n### Task\n6 * 7?\n\n### Reply\n"
