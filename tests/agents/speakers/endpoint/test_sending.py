"""Attempts, against a real server that stumbles: what is tried again, what ends, and what is counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from faulty import Faults, FaultServer, request

from tracer_env.agents.speakers.endpoint import waits
from tracer_env.agents.speakers.endpoint.answers import Answer
from tracer_env.agents.speakers.endpoint.refusals import Failure
from tracer_env.agents.speakers.endpoint.speaker import EndpointSpeaker
from tracer_env.errors import BudgetReached, EndpointError
from tracer_env.parts.accounts import Account

EACH = ("limit", "error", "cut", "malformed", "few", "usage")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "FIRST", 0.002)
    monkeypatch.setattr(waits, "LONGEST", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def _asked(server: Any, count: int, account: Account | None = None, **settings: Any) -> list[Answer | Failure]:
    speaker = EndpointSpeaker("m", base_url=server.url, **settings)
    speaker.bill(account or Account())
    return speaker.send([q for n in range(count) for q in speaker.bodies(request(n))])


@pytest.fixture
def calm() -> Iterator[Any]:
    with FaultServer() as server:
        yield server


@pytest.mark.parametrize("kind", EACH)
def test_each_fault_is_survived_and_counted(kind: str, calm: Any) -> None:
    """The same answers as of a server without faults, and the account is the server's own."""
    account = Account()
    with FaultServer(Faults(0.5, (kind,), retry_after="0.001")) as server:
        found = _asked(server, 40, account, retries=40)
    seen, spent = server.seen, account.spent
    faults = seen.faults[kind]
    assert faults > 10
    answers = [one for one in found if isinstance(one, Answer)]
    assert [one.text for one in answers] == [one.text for one in _asked(calm, 40) if isinstance(one, Answer)]
    told = (spent.prompt_tokens, spent.completion_tokens)
    if kind in ("limit", "error", "few"):  # nothing is billed, or the reply tells its usage all the same
        assert told == (seen.prompt_tokens, seen.completion_tokens)
    else:
        assert told[0] < seen.prompt_tokens <= told[0] + spent.unknown_tokens
    assert spent.unknown == (0 if kind in ("limit", "few") else faults)
    assert spent.calls == seen.attempts - (faults if kind == "limit" else 0)
    assert sum(one.usage is None for one in answers) == (faults if kind == "usage" else 0)


def test_no_more_than_so_many_are_in_flight() -> None:
    with FaultServer(latency=0.01) as server:
        _asked(server, 20, concurrency=3)
    assert server.seen.most_at_once == 3


def test_what_no_attempt_mends_is_the_failure_of_its_own(calm: Any) -> None:
    account = Account()
    with FaultServer(Faults(1.0, ("error",))) as server:
        found = _asked(server, 2, account, retries=2)
    assert [str(one) for one in found] == ["the server answers 500: told to: error (after 3 attempts)"] * 2
    assert (account.spent.calls, account.spent.unknown) == (6, 6)


@pytest.mark.parametrize("status", [400, 422])
def test_a_request_that_is_refused_is_sent_once(status: int) -> None:
    with FaultServer(always={"status": status, "body": {"error": {"message": "no such field: seed"}}}) as server:
        account = Account()
        found = _asked(server, 3, account)
    assert server.seen.attempts == 3
    assert all(str(one).startswith(f"the server answers {status}: no such field: seed; ") for one in found)
    assert account.spent.calls == 0


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_refuses_one_refuses_all(status: int) -> None:
    told = {"status": status, "body": {"error": {"message": "no"}}}
    line = f"the server answers {status}: no; "
    with FaultServer(always=told) as server, pytest.raises(EndpointError, match=line):
        _asked(server, 50, concurrency=4)
    assert server.seen.attempts <= 8


def test_a_server_that_asks_for_an_hour_is_not_waited_for() -> None:
    told = {"status": 429, "body": {"error": {"message": "busy"}}, "headers": ("retry-after: 3600",)}
    with FaultServer(always=told) as server, pytest.raises(EndpointError, match="asks to wait 3600 seconds"):
        _asked(server, 5)


def test_nobody_is_there() -> None:
    account = Account()
    with FaultServer() as server:
        pass
    found = _asked(server, 1, account, retries=1)
    assert str(found[0]) == (
        f"the connection broke (ConnectError) to {server.url}: is a server there? (after 2 attempts)"
    )
    assert account.spent.calls == 0  # nothing was sent


def test_an_attempt_that_takes_too_long_may_have_been_billed() -> None:
    account = Account()
    with FaultServer(latency=5.0) as server:
        found = _asked(server, 1, account, timeout=0.05, retries=1)
    assert str(found[0]) == "no answer within 0.05 seconds (after 2 attempts)"
    assert account.spent.unknown == 2


def test_a_budget_ends_the_sending_and_keeps_what_was_answered() -> None:
    kept: list[int] = []
    account = Account(max_tokens=600)
    with FaultServer(latency=0.005) as server:
        speaker = EndpointSpeaker("m", base_url=server.url, concurrency=4)
        speaker.bill(account)
        questions = [q for n in range(60) for q in speaker.bodies(request(n))]
        with pytest.raises(BudgetReached, match="the budget of 600 tokens is used up"):
            speaker.send(questions, lambda number, answer: kept.append(number))
    spent, each = account.spent, account.spent.tokens / account.spent.calls
    assert len(kept) == spent.calls == server.seen.attempts
    assert 600 <= spent.tokens < 600 + 4 * each + 1  # no more than what was in flight goes beyond
    assert (spent.prompt_tokens, spent.completion_tokens) == (server.seen.prompt_tokens, server.seen.completion_tokens)


def test_who_cannot_keep_an_answer_ends_the_sending(calm: Any) -> None:
    def full(number: int, answer: Answer) -> None:
        raise OSError(28, "No space left on device")

    speaker = EndpointSpeaker("m", base_url=calm.url)
    with pytest.raises(OSError, match="No space left"):
        speaker.send(speaker.bodies(request()), full)


def test_a_prompt_that_is_too_long_loses_its_oldest_utterances(monkeypatch: pytest.MonkeyPatch) -> None:
    from tracer_env.rules import advance
    from tracer_env.types import Grade, Utterance

    first = request()
    said = Utterance("an old proposal", answer="1", grade=Grade.WRONG)
    state = advance(first.state, 1, said)
    later = first._replace(state=state, seat=state.seat)
    long = {"status": 400, "body": {"error": {"message": "too long", "code": "context_length_exceeded"}}}
    with FaultServer(always=long, keep=True) as server:
        speaker = EndpointSpeaker("m", base_url=server.url)
        found = speaker.send(speaker.bodies(later))
    assert "the server answers 400: too long; lower speaker.max_new_tokens" in str(found[0])
    prompts = [body["messages"][-1]["content"] for body in server.seen.requests]
    assert len(prompts) == 1 + speaker.bodies(later)[0].asked.droppable
    assert "an old proposal" in prompts[0]
    assert "an old proposal" not in prompts[-1]
