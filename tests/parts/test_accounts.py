"""Accounts: what is counted, and when a budget is used up."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from tracer_env.agents.speakers.cached import CachedSpeaker
from tracer_env.agents.speakers.cast import CastSpeaker
from tracer_env.errors import BudgetReached
from tracer_env.parts.accounts import Account, Spent, bill, paid_parts


def test_known_unknown_and_unbilled_calls() -> None:
    account = Account()
    known, unknown, refused, flying = (account.open(100, 0.5) for _ in range(4))
    account.close(known, (10, 5), 0.25)
    account.close(unknown, None, 0.0)
    account.cancel(refused)
    assert account.spent == Spent(2, 1, 10, 5, 100, 0.25, 0.5)
    assert (account.spent.tokens, account.spent.money) == (115, 0.75)
    account.settle()
    assert account.spent == Spent(3, 2, 10, 5, 200, 0.25, 1.0)
    assert flying == 4
    assert account.spent.line() == (
        "10 + 5 tokens in 3 calls, cost 0.25; 2 of them of unknown usage, at most 200 tokens and 1 more"
    )


@pytest.mark.parametrize(("limit", "option"), [({"max_tokens": 30}, "--max-tokens"), ({"max_cost": 0.5}, "--max-cost")])
def test_a_budget_is_asked_before_each_attempt(limit: dict[str, Any], option: str) -> None:
    account = Account(**limit)
    flying = [account.open(1000, 9.0) for _ in range(3)]  # what is in flight is not counted yet
    account.close(flying[0], (10, 5), 0.25)
    more = account.open(1000, 9.0)
    account.close(flying[1], (10, 5), 0.25)
    with pytest.raises(BudgetReached, match="is used up: 20 \\+ 10 tokens in 2 calls") as caught:
        account.open(1, 0.0)
    assert caught.value.option == option
    assert caught.value.exit_code == 3
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    account.close(more, (1, 1), 0.0)


def test_what_is_noted_comes_back() -> None:
    notes: list[Any] = []
    account = Account(note=notes.append)
    first, second, third, _ = (account.open(50 + n, 0.0) for n in range(4))
    account.close(second, (1, 2), 0.5)
    account.close(first, None, 0.0)
    account.cancel(third)
    again = Account()
    for entry in notes:
        most = (entry["most_tokens"], entry["most_cost"]) if "most_tokens" in entry else None
        again.replay(entry["call"], most, entry.get("usage"), entry.get("cost", 0.0))
    account.settle()
    again.settle()  # the fourth: nobody knows what became of it
    assert again.spent == account.spent == Spent(3, 2, 1, 2, 50 + 53, 0.5, 0.0)
    assert again.open(1, 0.0) == 5


class _Billed:
    account: Account | None = None

    def bill(self, account: Account) -> None:
        self.account = account

    def speak(self, requests: Any) -> list[Any]:
        return []


class _Free:
    def speak(self, requests: Any) -> list[Any]:
        return []


def test_whoever_is_billed_is_found() -> None:
    one, other, account = _Billed(), _Billed(), Account()
    cast = CastSpeaker(
        {"proposer": CachedSpeaker(one), "agent_0": one, "reviewer": CachedSpeaker(CachedSpeaker(other))}
    )
    assert bill(cast, account)
    assert (one.account, other.account) == (account, account)
    assert not bill(_Free(), account)
    assert paid_parts(CachedSpeaker(_Free())) == []
