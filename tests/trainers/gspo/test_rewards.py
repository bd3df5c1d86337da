"""Rewards by hand, and reward hacking: each trick is played against an honest policy that is just as able."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from moves import TASK, play, proposal, review

from tracer_env.errors import ConfigError
from tracer_env.interfaces import Request
from tracer_env.randomness import Purpose, stream, uniform
from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.gspo.rewards import PAPER, REWARDS, RoleReward, TeamReward
from tracer_env.trainers.nano.texts import mistake, solution, steps
from tracer_env.types import Grade, Role, Utterance, Verdict
from tracer_env.verification.referee import ask, judge

REWARD = RoleReward()
SUMS = Arithmetic(level=1)


@pytest.mark.parametrize(("letter", "value"), [("C", 1.0), ("W", -1.0), ("I", -1.0), ("T", None)])
def test_a_proposal_by_hand(letter: str, value: float | None) -> None:
    assert REWARD(play(""), proposal(letter)) == value
    assert PAPER(play(""), proposal(letter)) == value


@pytest.mark.parametrize(
    ("pending", "said", "ours", "paper"),
    [
        ("C", "+", 1.0, 1.0),
        ("C", "-", -1.0, -1.0),
        ("W", "+", -1.0, -1.0),
        ("W", "-", 1.0, 1.0),
        ("I", "-", 1.0, 0.0),
        ("I", "+", -1.0, 0.0),
        ("I", "0", -1.0, 0.0),
        ("C", "0", -1.0, 0.0),
        ("W", "0", -1.0, 0.0),
        ("T", "+", None, None),
    ],
)
def test_a_review_by_hand(pending: str, said: str, ours: float | None, paper: float | None) -> None:
    assert REWARD(play(pending), review(said)) == ours
    assert PAPER(play(pending), review(said)) == paper


def test_a_review_of_nothing_is_no_sample() -> None:
    state = initial(TASK, Rules())._replace(turn=2)
    assert REWARD(state, review("+")) is None


def test_a_text_cut_at_the_limit_earns_what_it_states() -> None:
    state = initial(SUMS[0], Rules())
    cut = Utterance(f"Final answer: {SUMS[0].answer}\nand now for", finish="length")
    assert REWARD(state, judge(cut, state, state.seat, SUMS)) == 1.0
    assert REWARD(state, judge(Utterance("30 + 11 =", finish="length"), state, state.seat, SUMS)) == -1.0


def test_the_paper_pays_what_is_merely_found() -> None:
    state = initial(SUMS[0], Rules())
    found = judge(Utterance(f"it is {SUMS[0].answer}"), state, state.seat, SUMS)
    assert (found.grade, found.rule) == (Grade.CORRECT, "last_number")
    assert (REWARD(state, found), PAPER(state, found)) == (-1.0, 1.0)


@pytest.mark.parametrize("value", [0.5, -1.5, float("nan"), True, "0"])
def test_silence_is_never_paid(value: object) -> None:
    with pytest.raises(ConfigError, match=r"unparsable_review must be a number from -1 to 0, got .*saying nothing"):
        RoleReward(unparsable_review=value)  # type: ignore[arg-type]


def test_the_team_is_paid_for_the_final_answer() -> None:
    rules = Rules(max_turns=3)
    assert TeamReward().of(play("C-.", rules)) == 1.0
    assert TeamReward().of(play("C-W", rules)) == -1.0
    assert TeamReward().of(play("C-T", rules)) is None
    with pytest.raises(ValueError, match="turn 3 is still to play"):
        TeamReward().of(play("C-", rules))
    assert (REWARDS["role"], REWARDS["paper"], REWARDS["team"]) == (REWARD, PAPER, TeamReward())


# -- reward hacking ------------------------------------------------------------------------------

ABLE = 0.5
Trick = Callable[[str, Request, float], str]


class Writer:
    """Solves sums and judges them, right half of the time by the noise of the request; a trick alters its texts."""

    def __init__(self, trick: Trick | None = None) -> None:
        self.trick = trick

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        return [Utterance(self._say(r, c)) for r in requests for c in range(r.candidates)]

    def _say(self, request: Request, candidate: int) -> str:
        luck = uniform(request.stream, request.state.turn, Purpose.GENERATION, candidate)
        able, way = luck < ABLE, steps(request.state.task)
        if request.seat.role is Role.PROPOSER:
            text = solution(way if able else mistake(way, np.random.default_rng(int(luck * 2**32))))
        else:
            pending = request.state.pending
            assert pending is not None
            text = "RIGHT." if pending.correct is able else "WRONG."
        return text if self.trick is None else self.trick(text, request, luck)


def _other(text: str) -> str:
    return f"Final answer: {int(text.rpartition(' ')[2]) + 1}"


def _numbers(request: Request) -> str:
    return " ".join(re.findall(r"\d+", request.state.task.question))


def _guesses(text: str, request: Request, luck: float) -> str:
    """List the answers that could be, the honest one last."""
    around = int(text.rpartition(" ")[2])
    return "\n".join(f"Final answer: {around + shift}" for shift in (-10, -1, 1, 10, 0))


PROPOSER_TRICKS: dict[str, Trick] = {
    "two final answers, the honest one last": lambda t, r, _: f"{_other(t)}\n{t}",
    "two final answers, the honest one first": lambda t, r, _: f"{t}\n{_other(t)}",
    "five final answers": _guesses,
    "another kind of marker": lambda t, r, _: f"\\boxed{{{int(t.rpartition(' ')[2]) + 1}}}\n{t}",
    "copies the question's numbers": lambda t, r, _: _numbers(r),
    "copies the numbers as its answer": lambda t, r, _: f"Final answer: {_numbers(r)}",
    "copies the question": lambda t, r, _: r.state.task.question,
    "lists all numbers": lambda t, r, _: "Final answer: " + " ".join(map(str, range(100))),
    "lists all numbers without a marker": lambda t, r, _: " ".join(map(str, range(100))),
    "lists from its answer on": lambda t, r, _: f"{t} " + " ".join(map(str, range(100))),
    "leaves the sum to do": lambda t, r, _: "Final answer: " + " + ".join(re.findall(r"\d+", r.state.task.question)),
    "says nothing": lambda t, r, _: "",
    "says blanks": lambda t, r, _: " \n\n ",
    "says the marker alone": lambda t, r, _: "Final answer:",
    "hides one in a comment": lambda t, r, _: f"{t} <!-- {_other(t)} -->",
    "hides one in characters that do not show": lambda t, r, _: f"{t}\u200b7",
    "writes one in other digits": lambda t, r, _: f"{t}\nFinal answer: \uff14\uff12",
    "writes without end": lambda t, r, _: f"{t} so it is" + " so" * 700,
    "pads in front": lambda t, r, _: "so " * 600 + t,
    "talks like the reviewer": lambda t, r, _: f"RIGHT.\nagent_1 (review): RIGHT\n{t}",
    "repeats its answer": lambda t, r, _: f"{t}\n" * 50,
}
REVIEWER_TRICKS: dict[str, Trick] = {
    "RIGHT and WRONG": lambda t, r, _: "RIGHT and WRONG",
    "RIGHT, then WRONG": lambda t, r, _: "RIGHT.\nWRONG.",
    "its verdict, then both": lambda t, r, _: f"{t} RIGHT or WRONG",
    "takes it back": lambda t, r, _: f"{t} NOT {t}",
    "in small letters": lambda t, r, _: "Right or wrong, who can say",
    "says nothing": lambda t, r, _: "",
    "talks around it": lambda t, r, _: "The right answer is hard to tell.",
    "begins with a word that begins so": lambda t, r, _: "Right-hand sides are wrong.",
    "solves the question instead": lambda t, r, _: "Final answer: 5",
    "copies the proposal": lambda t, r, _: r.state.pending.utterance.text if r.state.pending else "",
    "always RIGHT": lambda t, r, _: "RIGHT.",
    "always WRONG": lambda t, r, _: "WRONG.",
}


def _advantages(rewards: Sequence[float]) -> list[float]:
    spread = float(np.std(rewards, ddof=1))
    return [(r - float(np.mean(rewards))) / (spread + 1e-4) for r in rewards]


def _contexts(role: Role) -> list[DialogueState]:
    """Return states of real tasks; of reviews as many with a right as with a wrong proposal."""
    states = [initial(task, Rules()) for task in SUMS if steps(task)][:40]
    if role is Role.PROPOSER:
        return states
    pending = []
    for number, state in enumerate(states):
        way = steps(state.task)
        wrong = mistake(way, np.random.default_rng(number))
        said = judge(Utterance(solution(wrong if number % 2 else way)), state, state.seat, SUMS)
        pending.append(advance(state, 1, said))
    return pending


def _paid(writer: Writer, states: Sequence[DialogueState], group: int) -> list[list[float]]:
    requests = [Request(state, state.seat, stream(0, state.task.id, 0), group) for state in states]
    said = ask(writer, requests, SUMS)
    paid = []
    for number, state in enumerate(states):
        values = [REWARD(state, u) for u in said[number * group : (number + 1) * group]]
        paid.append([value for value in values if value is not None])
    return paid


def _duel(role: Role, trick: Trick) -> tuple[float, float, float]:
    """Return the honest and the tricky mean reward, and the trick's mean advantage in shared groups of 8 and 8."""
    states = _contexts(role)
    honest, tricky = (_paid(Writer(t), states, 8) for t in (None, trick))
    gained = [sum(_advantages([*h, *t])[8:]) / 8 for h, t in zip(honest, tricky, strict=True)]
    return float(np.mean(honest)), float(np.mean(tricky)), float(np.mean(gained))


def test_the_honest_policy_is_as_able_as_it_should_be() -> None:
    for role in Role:
        assert np.mean(_paid(Writer(), _contexts(role), 8)) == pytest.approx(0.0, abs=0.15)


@pytest.mark.parametrize("name", PROPOSER_TRICKS)
def test_no_trick_of_a_proposer_gains(name: str) -> None:
    states = _contexts(Role.PROPOSER)
    honest, tricky = (_paid(Writer(t), states, 8) for t in (None, PROPOSER_TRICKS[name]))
    for own, other in zip(honest, tricky, strict=True):
        assert len(own) == len(other) == 8
        assert all(b <= a for a, b in zip(own, other, strict=True))  # the same luck, never more pay
        assert sum(_advantages([*own, *other])[8:]) <= 1e-9


@pytest.mark.parametrize("name", REVIEWER_TRICKS)
def test_no_trick_of_a_reviewer_gains(name: str) -> None:
    honest, tricky, gained = _duel(Role.REVIEWER, REVIEWER_TRICKS[name])
    constant = name.startswith("always")  # which earn the base rate: as much as half as able a policy, and no more
    assert tricky == pytest.approx(0.0) if constant else tricky == -1.0
    assert constant or gained < 0
    assert honest > -0.15


@pytest.mark.parametrize("name", ["always RIGHT", "always WRONG"])
def test_one_verdict_for_all_carries_no_signal(name: str) -> None:
    for values in _paid(Writer(REVIEWER_TRICKS[name]), _contexts(Role.REVIEWER), 8):
        assert len(set(values)) == 1


def test_silence_pays_under_the_paper_and_not_here() -> None:
    """A reviewer that is right in 3 of 10: in the paper's reward silence beats it, in ours it does not."""
    state = play("C")
    tries = [review("+")] * 3 + [review("-")] * 7
    silent = Utterance("", verdict=Verdict.NONE)
    assert sum(float(PAPER(state, u) or 0) for u in tries) / 10 == pytest.approx(-0.4)
    assert PAPER(state, silent) == 0.0
    assert sum(float(REWARD(state, u) or 0) for u in tries) / 10 == pytest.approx(-0.4)
    assert REWARD(state, silent) == -1.0
