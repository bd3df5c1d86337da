import functools

from tracer_env.agents.controllers.baselines import Always
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.speakers.cached import CachedSpeaker
from tracer_env.agents.speakers.cast import CastSpeaker
from tracer_env.agents.speakers.function import FunctionSpeaker
from tracer_env.errors import ConfigError, SpeakerError
from tracer_env.parts.blame import name_of, place, raised, told
from tracer_env.rules import Rules, initial
from tracer_env.types import Role, Seat, Task

HERE, THERE = Seat(0, Role.PROPOSER), Seat(1, Role.REVIEWER)


def answers(prompt: str) -> str:
    return prompt


def test_a_part_is_named_as_its_maker_knows_it() -> None:
    wrapped = CachedSpeaker(CastSpeaker({"proposer": FunctionSpeaker(answers), "reviewer": FunctionSpeaker(str.upper)}))
    assert name_of(wrapped, HERE) == "answers"
    assert name_of(wrapped, THERE) == "upper"
    assert name_of(CastController({"proposer": Always()}), HERE) == "Always"
    assert name_of(functools.partial(answers, "x")) == "answers"
    assert name_of(Always) == "Always"
    assert name_of(Always().speak_probability) == "Always.speak_probability"


def test_the_same_fault_is_told_in_the_same_words() -> None:
    assert told(object()) == "<object object>"
    assert told("\x1b[0m") == "'\\x1b[0m'"
    assert len(told("x" * 10_000)) < 100

    class Shy:
        def __repr__(self) -> str:
            raise ValueError

    assert "Shy" in told(Shy())


def test_our_own_errors_speak_for_themselves() -> None:
    ours = ConfigError("x")
    assert raised(SpeakerError, "A.speak", "B", ours) is ours
    line = str(raised(SpeakerError, "A.speak", "B", ValueError("a\nb")))
    assert line == "A.speak raised ValueError: a b, for B (its own fault: --debug shows where)"
    state = initial(Task("t\x1b", "?", "1"), Rules())
    assert place(state) == "agent_0 (proposer) at turn 1 of task 't\\x1b'"
