"""What a model tells of its words: log-probabilities at temperature 1, and the log-odds of a verdict word."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from moves import play

import tracer_env
from tracer_env.agents.speakers.models.sampling import GumbelMax, own_logprobs
from tracer_env.agents.speakers.models.verdict_margins import VerdictWords
from tracer_env.interfaces import Request
from tracer_env.rules import Rules, advance, initial
from tracer_env.types import Signals, Utterance
from tracer_env.verification.referee import agreement, ask
from tracer_env.verification.verdicts import verdict_place


class _Letters:
    """A tokenizer of whole verdict words and single letters."""

    pieces = ("RIGHT", "WRONG", " ", "WR", "ONG", "Right")

    def __call__(self, text: str, add_special_tokens: bool = False) -> dict[str, list[int]]:
        ids, rest = list[int](), text
        while rest:
            piece = next((p for p in sorted(self.pieces, key=len, reverse=True) if rest.startswith(p)), rest[0])
            ids.append(ord(piece) if len(piece) == 1 else 1000 + self.pieces.index(piece))
            rest = rest[len(piece) :]
        return {"input_ids": ids}

    def decode(self, ids: list[int], skip_special_tokens: bool = True) -> str:
        return "".join(self.pieces[one - 1000] if one >= 1000 else chr(one) for one in ids)


def _margin(text: str, generated: str | None = None) -> float | None:
    """Have every watched token be as likely as its place among them, at every step."""
    words = VerdictWords(_Letters())
    ids = _Letters()(text if generated is None else generated)["input_ids"]
    watched = [[-float(place) for place in range(len(words.watch))] for _ in ids]
    return words.margin(text, ids, watched)


def test_both_words_are_scored_where_the_verdict_stands() -> None:
    words = VerdictWords(_Letters())
    right, wrong = (words.watch.index(1000 + place) for place in (0, 1))
    assert _margin("RIGHT. 2 + 2 = 4") == wrong - right
    assert _margin("WRONG") == wrong - right
    assert _margin("Verdict: WRONG") == wrong - right
    assert _margin("RIGHT", "\nRIGHT ") == wrong - right  # what was stripped off the text


@pytest.mark.parametrize("text", ["", "maybe", "RIGHT or WRONG?", "The answer is 4"])
def test_no_verdict_has_no_margin(text: str) -> None:
    assert _margin(text) is None


def test_words_that_a_tokenizer_spells_oddly_tell_nothing() -> None:
    words = VerdictWords(_Letters())
    ids = [ord(letter) for letter in "RIGHT"]  # not the token that the word has by itself
    assert words.margin("RIGHT", ids, [[0.0] * len(words.watch)] * len(ids)) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("RIGHT.", (0, "RIGHT")),
        ("**Wrong**", (2, "Wrong")),
        ("<think>WRONG</think>RIGHT", (20, "RIGHT")),
        ("<think>RIGHT?</think>RIGHT <think>RIGHT</think> so", (21, "RIGHT")),
        ("Verdict: RIGHT, and 2 RIGHT", (9, "RIGHT")),
        ("?", None),
    ],
)
def test_place_of_the_verdict(text: str, found: tuple[int, str] | None) -> None:
    assert verdict_place(text) == found


@pytest.mark.parametrize(
    ("text", "unread", "verdict", "before"),
    [
        ("<scratch>WRONG</scratch>RIGHT", ("scratch",), 1, "<scratch>WRONG</scratch>"),
        ("RIGHT</scratch>WRONG", ("scratch",), -1, "RIGHT</scratch>"),  # opened in the prompt
        ("RIGHT <scratch>WRONG</scratch>", (), 1, ""),
        ("<think>RIGHT</think>WRONG", (), 0, None),  # all is read: it begins with neither
        ("<think>RIGHT</think>WRONG", None, -1, "<think>RIGHT</think>"),
        ("<scratch>RIGHT", ("scratch",), 0, None),
    ],
)
def test_a_scenarios_names_of_blocks_reach_the_margin(
    text: str, unread: tuple[str, ...] | None, verdict: int, before: str | None
) -> None:
    """The margin is that of the word which the referee takes for the verdict, and of no other."""
    words, ids = VerdictWords(_Letters()), _Letters()(text)["input_ids"]
    right = words.watch.index(1000)
    watched = [
        [float(step) if place == right else 0.0 for place in range(len(words.watch))] for step in range(len(ids))
    ]

    class Watched:
        def speak(self, requests: Sequence[Request]) -> list[Utterance]:
            margin = words.margin(text, ids, watched, requests[0].unread)
            return [Utterance(text, signals=Signals(margin=margin))]

    state = play("C")
    (said,) = ask(
        Watched(), [Request(state, state.seat, 7)], tracer_env.make_scenario("arithmetic", limit=1, unread=unread)
    )
    assert said.verdict == verdict
    assert said.signals.margin == (None if before is None else len(_Letters()(before)["input_ids"]))


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0, 1.3])
def test_own_logprobs_are_those_of_temperature_1(temperature: float) -> None:
    logits = torch.tensor([[1.0, 2.0, 0.0]])
    told = own_logprobs(logits, torch.tensor([[1]]))
    assert told.item() == pytest.approx(2.0 - math.log(1 + math.e + math.e**2))
    assert GumbelMax(temperature).plain is (temperature in (0, 1))
    assert own_logprobs(logits, torch.tensor([0, 2]))[0, 1].item() == pytest.approx(-math.log(1 + math.e + math.e**2))


@pytest.mark.parametrize(
    ("text", "agrees"),
    [
        ("RIGHT. 6 x 7 = 42", 1),
        ("WRONG. 6 x 7 = 41", -1),
        ("WRONG. Final answer: 40", -1),
        ("RIGHT. The answer is 42.", 1),
        ("WRONG. 42 is too much", 0),
        ("WRONG. 6 = 6, so 3 boxes are missing", 0),
        ("RIGHT", 0),
    ],
)
def test_a_review_states_an_answer_of_its_own(text: str, agrees: int) -> None:
    scenario = tracer_env.make_scenario("arithmetic", limit=1)
    assert agreement(text, play("C"), scenario) == agrees
    assert agreement(text, play("I"), scenario) == 0


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_nano_tells_its_words(temperature: float) -> None:
    """Whatever the sampling's temperature, signals are those of a plain pass through the model, alone or together."""
    speaker = tracer_env.make_speaker("nano", temperature=temperature)
    scenario = tracer_env.make_scenario("arithmetic", level=1, limit=3)
    states = [initial(task, Rules()) for task in scenario]
    said = ask(speaker, [Request(state, state.seat, 7) for state in states], scenario)
    after = [advance(state, 1, one) for state, one in zip(states, said, strict=True)]
    reviews = ask(speaker, [Request(state, state.seat, 7) for state in after], scenario)
    for one in (*said, *reviews):
        own = _plain_pass(speaker, one)
        assert one.signals.logprob_sum == pytest.approx(sum(own), abs=1e-4)
        assert one.signals.logprob_mean == pytest.approx(sum(own) / len(own), abs=1e-4)
        assert one.signals.logprob_min == pytest.approx(min(own), abs=1e-4)
    assert all(one.signals.margin is None for one in said)
    if temperature == 0.0:
        assert all((one.signals.margin > 0) is (one.verdict > 0) for one in reviews if one.verdict)
    alone = ask(speaker, [Request(after[1], after[1].seat, 7)], scenario)[0]
    assert alone.signals.margin == pytest.approx(reviews[1].signals.margin, abs=1e-4)


def _plain_pass(speaker: object, said: object) -> list[float]:
    ids = torch.tensor([[*said.prompt_ids, *said.token_ids]])  # type: ignore[attr-defined]
    with torch.inference_mode():
        logits = speaker.loaded.model(ids).logits[0].float()  # type: ignore[attr-defined]
    first = len(said.prompt_ids)  # type: ignore[attr-defined]
    table = torch.log_softmax(logits[first - 1 : -1], dim=-1)
    return [table[place, token].item() for place, token in enumerate(said.token_ids)]  # type: ignore[attr-defined]
