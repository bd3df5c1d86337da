"""Recipes: literal texts in, final answer, calls and token counts out, worked by hand; and what they share.

A made-up speaker says what stands in a list, turn by turn; a prompt of turn t costs 10 t tokens, and a text as many as
it has words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import tracer_env
from tracer_env.agents.methods.recipe import Recipe
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.interfaces import Request
from tracer_env.registry import registered
from tracer_env.rules import Rules, under
from tracer_env.runs.playing import evaluate
from tracer_env.schedules import Independent, Schedule
from tracer_env.types import Role, Task, Utterance

TASK = Task("sum-1", "What is 6 times 7?", "42", "number", scenario="sums")


class Says:
    """Says the text of its turn; keeps which request was asked with how many earlier texts to read."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.read: dict[int, list[int]] = {}

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        said = []
        for request in requests:
            turn, text = request.state.turn, self.texts[request.state.turn - 1]
            self.read[turn] = [earlier.number for earlier in request.state.history]
            said += [Utterance(text, 10 * turn, len(text.split()))] * request.candidates
        return said


def play(method: str, *texts: str, batch: int = 64) -> tuple[tracer_env.Transcript, Says]:
    speaker, scenario = Says(*texts), tracer_env.make_scenario([TASK])
    (block,) = evaluate(
        {method: tracer_env.make_method(method)}, scenario, speaker, Rules(), batch_size=batch, counterfactuals="none"
    )
    return block[0], speaker


ANSWER = "Final answer: {}".format  # three words


@pytest.mark.parametrize(
    ("method", "texts", "answer", "final_turn", "calls", "tokens"),
    [
        ("cot", [ANSWER(42)], "42", 1, 1, 10 + 3),
        # three samples of one agent: 41 twice
        ("self_consistency:k=3", [ANSWER(41), ANSWER(42), ANSWER(41)], "41", 3, 3, 60 + 9),
        # a tie goes to the newest; what has no answer has no voice
        ("self_consistency:k=3", [ANSWER(41), "no idea", ANSWER(42)], "42", 3, 3, 60 + 8),
        ("self_consistency:k=2", ["no idea", "none"], None, 2, 2, 30 + 3),
        # the second answer alone is approved
        (
            "best_of_n:k=3",
            [ANSWER(41), "WRONG. No.", ANSWER(42), "RIGHT. Yes.", ANSWER(43), "WRONG. No."],
            "42",
            3,
            6,
            210 + 9 + 6,
        ),
        # both approved: the newest
        ("best_of_n:k=2", [ANSWER(42), "RIGHT. Yes.", ANSWER(43), "RIGHT. Yes."], "43", 3, 4, 100 + 6 + 4),
        # stops at the first approval
        ("verifier_loop:k=3", [ANSWER(41), "WRONG. No.", ANSWER(42), "RIGHT. Yes.", "", ""], "42", 3, 4, 100 + 6 + 4),
        ("verifier_loop:k=2", [ANSWER(41), "WRONG. No.", ANSWER(42), "Hm."], "42", 3, 4, 100 + 6 + 3),
        ("self_refine:k=2", [ANSWER(41), "WRONG. No.", ANSWER(42), "RIGHT. Yes.", ""], "42", 3, 4, 100 + 6 + 4),
        ("self_refine:k=1", [ANSWER(41), "WRONG. No.", ANSWER(43)], "43", 3, 3, 60 + 6 + 2),
        # the first round said 41, 41, 42; the second 42, 42, 41: only the last round counts
        (
            "debate:agents=3,rounds=2",
            [ANSWER(41), ANSWER(41), ANSWER(42), ANSWER(42), ANSWER(42), ANSWER(41)],
            "42",
            5,
            6,
            210 + 18,
        ),
        ("debate:agents=2,rounds=1", [ANSWER(41), ANSWER(42)], "42", 2, 2, 30 + 6),
        # the judge sides with the first
        (
            "debate_judge:rounds=1",
            [ANSWER(42), "I object. " + ANSWER(41), ANSWER(42)],
            "42",
            3,
            3,
            60 + 3 + 5 + 3,
        ),
        ("mixture:layers=2,agents=2", [ANSWER(41), ANSWER(43), ANSWER(42)], "42", 3, 3, 60 + 9),
    ],
)
def test_transcripts_by_hand(
    method: str, texts: list[str], answer: str | None, final_turn: int, calls: int, tokens: int
) -> None:
    told, _ = play(method, *texts)
    said = [turn.utterance for turn in told.turns if turn.utterance is not None]
    assert told.final.answer == answer
    assert told.final_turn == final_turn
    assert len(said) == calls
    assert sum(one.tokens for one in said) == tokens
    again = tracer_env.Transcript.from_json(told.to_json())
    assert again.final.answer == answer


@pytest.mark.parametrize(
    ("method", "texts", "read"),
    [
        ("self_consistency:k=3", 3, {1: [], 2: [], 3: []}),
        ("best_of_n:k=2", 4, {1: [], 2: [1], 3: [], 4: [3]}),
        ("debate:agents=3,rounds=2", 6, {1: [], 2: [], 3: [], 4: [1, 2, 3], 5: [1, 2, 3], 6: [1, 2, 3]}),
        ("debate:agents=6,rounds=2", 12, {turn: list(range(1, 7)) if turn > 6 else [] for turn in range(1, 13)}),
        ("debate_judge:rounds=2", 5, {1: [], 2: [1], 3: [1, 2], 4: [1, 2, 3], 5: [1, 2, 3, 4]}),
        ("mixture:layers=3,agents=2", 5, {1: [], 2: [], 3: [1, 2], 4: [1, 2], 5: [3, 4]}),
    ],
)
def test_who_reads_whom(method: str, texts: int, read: dict[int, list[int]]) -> None:
    """Each seat is shown what its recipe says, however short the run's own window is."""
    _, speaker = play(method, *[ANSWER(40 + turn) if turn % 2 else "WRONG. " + ANSWER(1) for turn in range(texts)])
    assert speaker.read == read


def test_debaters_of_a_model_read_the_others_words() -> None:
    prompts: list[str] = []

    def say(prompt: str) -> str:
        prompts.append(prompt)
        return f"Agent's word {len(prompts)}.\nFinal answer: {40 + len(prompts)}"

    tracer_env.compare(scenario=[TASK], speaker=say, methods=["debate:agents=2,rounds=2"], out=None)
    assert "word" not in prompts[0] + prompts[1]
    for prompt in prompts[2:]:
        assert "agent_0 (proposal): Agent's word 1." in prompt
        assert "agent_1 (proposal): Agent's word 2." in prompt
        assert "answer anew" in prompt
    assert prompts[2] == prompts[3]


METHODS = {
    name: tracer_env.make_method(name)
    for name in (
        "cot",
        "never",
        "self_consistency:k=3",
        "best_of_n:k=2",
        "verifier_loop:k=2",
        "self_refine:k=2",
        "always",
        "until_approved",
        "debate:agents=3,rounds=2",
        "debate_judge",
        "mixture",
    )
}


@pytest.mark.parametrize("speaker", ["simulated", "nano"])
def test_the_batch_changes_nothing_and_a_seed_gives_the_same_bytes(speaker: str) -> None:
    scenario, voice = tracer_env.make_scenario("arithmetic", limit=4), tracer_env.make_speaker(speaker)
    runs = [
        [told for block in evaluate(METHODS, scenario, voice, Rules(), seed=3, batch_size=size) for told in block]
        for size in (1, 7, 500)
    ]
    for told, other, third in zip(*runs, strict=True):
        words = [[turn.utterance and turn.utterance.text for turn in one.turns] for one in (told, other, third)]
        assert words[0] == words[1] == words[2]
        assert told.final == other.final == third.final or speaker == "nano"


@pytest.mark.parametrize("speaker", ["simulated", "nano"])
def test_recipes_that_read_the_same_hear_the_same(speaker: str) -> None:
    """A first answer is everybody's; samples are a debate's first round; who judges one answer is a reviewer."""
    scenario = tracer_env.make_scenario("arithmetic", limit=5)
    words: dict[tuple[str, str], list[str | None]] = {}
    for block in evaluate(METHODS, scenario, tracer_env.make_speaker(speaker), Rules(), counterfactuals="none"):
        for told in block:
            words[told.method, told.task.id] = [turn.utterance and turn.utterance.text for turn in told.turns]
    for task in scenario:
        said = {method: words[method, task.id] for method in METHODS}
        assert len({lines[0] for lines in said.values()}) == 1
        samples = said["self_consistency:k=3"]
        assert samples == said["debate:agents=3,rounds=2"][:3] == said["mixture"][:3]
        assert said["best_of_n:k=2"][1] == said["always"][1] == said["until_approved"][1] == said["self_refine:k=2"][1]
        assert said["best_of_n:k=2"][2] == samples[2]
        assert said["self_refine:k=2"] == said["until_approved"]


def test_a_recipe_takes_the_runs_rules_where_it_has_none_of_its_own() -> None:
    run = Rules(num_agents=3, max_turns=9, stop_when="kept", history_window=7)
    assert under(run, tracer_env.make_method("cot")) == Rules(num_agents=3, max_turns=1, history_window=7)
    assert under(run, tracer_env.make_method("debate")).history_window == 7
    assert under(run, tracer_env.make_method("self_refine:k=3")).max_turns == 7
    assert under(run, tracer_env.make_method("until_approved")) == run


TRAINED = {"grpo", "gspo", "magrpo", "maporl", "tracer"}


@pytest.mark.parametrize("name", sorted(TRAINED))
def test_a_trained_method_says_where_it_comes_from(name: str) -> None:
    assert "arXiv" in (type(tracer_env.make_method(f"{name}:steps=1")).__doc__ or "")


@pytest.mark.parametrize("name", sorted({*registered("method")} - TRAINED))
def test_every_recipe_says_where_it_comes_from_and_what_is_left_out(name: str) -> None:
    made = tracer_env.make_method(name)
    told = type(made).__doc__ or ""
    assert isinstance(made, Recipe)
    assert "arXiv" in told or name in ("verifier_loop", "debate_judge")
    assert "Left out" in told or name == "verifier_loop"
    assert made == tracer_env.make_method(name)
    assert hash(made) == hash(tracer_env.make_method(name))
    assert made.dial is None or hasattr(made, made.dial)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("debat", "unknown method 'debat'; did you mean 'debate'?"),
        ("untill_approved", "unknown method 'untill_approved'; did you mean 'until_approved'?"),
        ("debate:round=2", "the method 'debate' has no setting 'round'; did you mean 'rounds'?"),
        ("debate:agents=1", "method debate: agents must be at least 2, got 1"),
        ("self_consistency:k=0", "k must be a whole number from 1, got 0"),
        ("self_consistency:k=100", "must be a whole number from 1 to 64, got 100"),
        ("cot:k=2", "the method 'cot' has no setting 'k'"),
        ("mixture:layers=1", "method mixture: layers must be at least 2, got 1"),
    ],
)
def test_mistakes(name: str, message: str) -> None:
    with pytest.raises((ConfigError, UnknownNameError)) as caught:
        tracer_env.make_method(name)
    assert message in str(caught.value)


@dataclass(frozen=True)
class Two(Recipe):
    """A recipe of a user's own: two samples."""

    @property
    def schedule(self) -> Schedule:
        return Independent(2)


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    result = tracer_env.compare(
        scenario="arithmetic",
        speaker="simulated",
        controllers={"two": Two(), "one": METHODS["cot"]},
        limit=10,
        out=tmp_path / "run",
    )
    assert [(row["method"], row["calls_per_task"], row["agents"]) for row in result.rows] == [
        ("two", 2.0, 2),
        ("one", 1.0, 1),
    ]


def test_a_recording_plays_what_it_holds_and_names_what_it_does_not() -> None:
    result = tracer_env.compare(scenario="recorded", speaker="recorded", methods=["never", "cot"], limit=20)
    never, cot = result.rows
    assert never["accuracy"] == cot["accuracy"]
    assert cot["paired_difference"] == 0.0
    with pytest.raises(ConfigError, match="method 'debate' cannot be played: the recording of the package"):
        tracer_env.compare(scenario="recorded", speaker="recorded", methods=["never", "debate"], limit=20)


def test_reviewers_and_proposers_of_recipes() -> None:
    for name, roles in {"best_of_n:k=2": "PRPR", "self_refine:k=1": "PRP", "debate_judge:rounds=1": "PPP"}.items():
        rules = under(Rules(), tracer_env.make_method(name))
        assert "".join("R" if seat.role is Role.REVIEWER else "P" for seat in rules.seats[1:]) == roles
