import pytest

from tracer_env import make_scenario
from tracer_env.errors import ConfigError
from tracer_env.types import Grade, Task
from tracer_env.verification.reasoning import check_unread, spoken


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("plain", "plain"),
        ("1 < 2", "1 < 2"),
        ("<think>B?</think>C", "C"),
        ("A<thinking>b</thinking>C<reasoning>d</reasoning>E", "ACE"),
        ("<THINK>a</Think>b", "b"),
        ("<think effort='low'>a</think >b", "b"),
        ("<think>a<think>b</think>c</think>d", "d"),
        ("<think>a<reasoning>b</think>c", "c"),
        ("a</think>b", "b"),
        ("a</think>b</think>c", "c"),
        ("a<think>b", None),
        ("<think>a<think>b</think>c", None),
        ("<think>" * 100, None),
        ("<thinks>a</thinks>b", "<thinks>a</thinks>b"),
        ("<answer>a</answer>", "<answer>a</answer>"),
    ],
)
def test_what_is_left_without_reasoning(text: str, left: str | None) -> None:
    assert spoken(text) == left


def test_which_blocks_are_left_out_is_a_setting() -> None:
    assert spoken("<plan>a</plan>b<think>c</think>", ("plan",)) == "b<think>c</think>"
    assert spoken("<think>a", ()) == "<think>a"
    assert check_unread(["plan"]) == ("plan",)
    for wrong in ("think", 3, ["a b"], [1], [""]):
        with pytest.raises(ValueError, match=r"must (?:be a list|hold) "):
            check_unread(wrong)


def test_a_scenario_takes_the_setting() -> None:
    task = Task("t", "1+1?", "2")
    text = "<think>Final answer: 3</think>2<plan>Final answer: 4</plan>"
    assert make_scenario([task]).grade(text, task) is Grade.WRONG
    scenario = make_scenario([task], unread=["think", "plan"])
    assert scenario.grade(text, task) is Grade.CORRECT
    assert make_scenario([task], unread=[]).grade("<think>Final answer: 2", task) is Grade.CORRECT
    with pytest.raises(ConfigError, match="the setting 'unread' of scenario 'tasks' must be a list of names"):
        make_scenario([task], unread="think")
