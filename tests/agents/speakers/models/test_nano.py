from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tracer_env.agents.speakers.models import nano as nano_module
from tracer_env.agents.speakers.models.nano import Nano, NanoPrompts, packaged_weights
from tracer_env.errors import ConfigError, DataError
from tracer_env.interfaces import Request
from tracer_env.randomness import stream
from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.nano.evaluation import evaluate
from tracer_env.types import Grade, Role, Seat, Utterance, Verdict
from tracer_env.verification.referee import ask

RULES = Rules()
LEVEL_1 = Arithmetic(level=1)


@pytest.fixture(scope="module")
def nano() -> Nano:
    return Nano()


def _request(state: DialogueState, world: int = 0) -> Request:
    return Request(state, state.seat, stream(0, state.task.id, world))


def _proposal(text: str) -> Utterance:
    return Utterance(text, answer="41", rule="given", grade=Grade.WRONG)


def test_prompts_by_hand() -> None:
    state, prompts = initial(LEVEL_1[0], RULES), NanoPrompts()
    question = LEVEL_1[0].question
    first = prompts.messages(state, state.seat)
    assert first == [{"role": "system", "content": "<solve>"}, {"role": "user", "content": f"{question}\n+0 "}]
    state = advance(state, 1, _proposal("30 + 11 = 41\nFinal answer: 41"))
    asked = prompts.messages(state, state.seat)
    assert asked == [
        {"role": "system", "content": "<check>"},
        {"role": "user", "content": f"{question}\n30 + 11 = 41\nFinal answer: 41"},
    ]
    state = advance(state, 1, Utterance("WRONG.", rule="given", verdict=Verdict.WRONG))
    again = prompts.messages(state, state.seat)
    assert again[1]["content"] == f"{question}\n-1 30 + 11 = 41\nFinal answer: 41"


def test_a_prompt_is_the_role_the_text_and_the_mark_of_the_reply(nano: Nano) -> None:
    state = initial(LEVEL_1[0], RULES)
    ids, dropped = nano.prompt(_request(state))
    assert dropped == 0
    assert nano.loaded.tokenizer.decode(ids) == f"<bos><solve>{state.task.question}\n+0 <reply>"
    assert nano.settings["examples"] == 0


def test_every_test_question_is_read_without_loss(nano: Nano) -> None:
    tokenizer = nano.loaded.tokenizer
    assert tokenizer.unk_token_id is None
    for level in (1, 2, 3, 4, 5):
        for task in Arithmetic(level=level, limit=40):
            ids = tokenizer(task.question, add_special_tokens=False)["input_ids"]
            assert tokenizer.decode(ids) == task.question
    odd = "Zoë pays 3,50 € — “twice”\t27 \u4e2d"
    assert tokenizer.decode(tokenizer(odd, add_special_tokens=False)["input_ids"]) == odd


def test_it_speaks_in_both_roles_and_always_the_same(nano: Nano) -> None:
    states = [initial(task, RULES) for task in Arithmetic(level=1, limit=12)]
    proposals = ask(nano, [_request(state) for state in states], LEVEL_1)
    assert proposals == ask(nano, [_request(state) for state in states], LEVEL_1)
    assert sum(said.rule == "final_answer" for said in proposals) >= 11
    assert all(said.finish == "stop" for said in proposals)
    judged = [advance(state, 1, said) for state, said in zip(states, proposals, strict=True)]
    reviews = ask(nano, [_request(state) for state in judged], LEVEL_1)
    assert sum(said.verdict is not Verdict.NONE for said in reviews) >= 11


def test_texts_and_ids_agree(nano: Nano) -> None:
    state = initial(LEVEL_1[3], RULES)
    for said in nano.speak([replace_candidates(_request(state), 6)]):
        text = nano.loaded.tokenizer.decode(said.token_ids, skip_special_tokens=True)
        assert text.strip() == said.text
        again = nano.loaded.tokenizer(text + "<eos>", add_special_tokens=False)["input_ids"]
        assert tuple(again) == said.token_ids
        assert len(said.logprobs) == len(said.token_ids)


def replace_candidates(request: Request, candidates: int) -> Request:
    return request._replace(candidates=candidates)


def test_a_long_proposal_is_left_out_of_a_review(nano: Nano) -> None:
    state = advance(initial(LEVEL_1[0], RULES), 1, _proposal("41 " * 600))
    _, dropped = nano.prompt(_request(state))
    assert dropped == 1


def test_the_weights_are_few_and_small(nano: Nano) -> None:
    assert nano.loaded.parameters < 1_200_000
    assert str(nano.loaded.model.dtype) == "torch.float32"
    assert sum(path.stat().st_size for path in packaged_weights().iterdir()) < 3_000_000
    assert repr(nano) == "Nano(temperature=1.0, max_new_tokens=64)"


def test_it_is_good_but_not_too_good() -> None:
    """Something to learn: mistakes at temperature 1, fewer but real ones when it takes the likeliest token."""
    found = list(evaluate(levels=(1, 2), tasks=150).values())
    mean = {name: sum(figures[name] for figures in found) / 2 for name in found[0]}
    assert 0.4 <= mean["sampled"] <= 0.7
    assert mean["sampled"] + 0.05 < mean["greedy"] < 0.9
    assert mean["parsable"] > 0.95
    assert 0.6 < mean["reviewer"] < 0.75
    assert mean["mended"] > mean["retry"] + 0.1


def test_settings_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="unknown placeholder"):
        Nano(proposer_prompt="{question} {gold}")
    with pytest.raises(DataError, match="cannot load"):
        Nano(str(tmp_path))
    monkeypatch.setattr(nano_module, "files", lambda package: tmp_path)
    with pytest.raises(DataError, match="holds no weights"):
        Nano()


def test_a_role_has_its_token() -> None:
    state = initial(LEVEL_1[0], RULES)
    reviewer = Seat(1, Role.REVIEWER)
    assert NanoPrompts().opening(replace(state.task, kind="text"), reviewer.role)[0]["content"] == "<check>"
