"""What a run is billed for, and the budget that ends it: an account that every paid call is entered in.

    call = account.open(most_tokens, most_cost)     before an attempt is sent; BudgetReached when the budget is used up
    account.close(call, (prompt, completion), cost) its usage, as the server tells it
    account.close(call, None, 0.0)                  it may have been billed, and nobody knows for how much
    account.cancel(call)                            it was refused, or never sent: nothing was billed

Counted is every attempt that may have been billed, not only the one whose answer was used: known usage as it is,
unknown usage as the most that it can have been (`unknown` says of how many). A call that was opened and never closed
(its process was killed) is unknown. A budget is asked before each attempt, so what goes beyond it is at most what was
in flight. ``note`` is given each entry as plain data, and `replay` takes them back. Safe from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tracer_env.errors import BudgetReached
from tracer_env.parts.seams import parts_of

__all__ = ["Account", "Paid", "Spent", "bill", "paid_parts"]

Note = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Spent:
    """What an account comes to. Costs are 0 where no price was given."""

    calls: int = 0  # attempts that may have been billed
    unknown: int = 0  # of these, those whose usage nobody knows
    prompt_tokens: int = 0  # known
    completion_tokens: int = 0  # known
    unknown_tokens: int = 0  # the most that the unknown ones can have used
    cost: float = 0.0  # of the known ones
    unknown_cost: float = 0.0  # the most of the unknown ones

    @property
    def tokens(self) -> int:
        """Tokens as a budget counts them."""
        return self.prompt_tokens + self.completion_tokens + self.unknown_tokens

    @property
    def money(self) -> float:
        """Cost as a budget counts it."""
        return self.cost + self.unknown_cost

    def line(self) -> str:
        """Return what was spent, in words."""
        known = f"{self.prompt_tokens:,} + {self.completion_tokens:,} tokens in {self.calls:,} calls"
        money = f", cost {self.cost:.6g}" if self.money else ""
        if not self.unknown:
            return known + money
        most = f"at most {self.unknown_tokens:,} tokens" + (f" and {self.unknown_cost:.6g}" if self.money else "")
        return f"{known}{money}; {self.unknown:,} of them of unknown usage, {most} more"


class Account:
    """Counts what is billed, under a budget of tokens or of money (None: no end)."""

    def __init__(self, max_tokens: int | None = None, max_cost: float | None = None, note: Note | None = None) -> None:
        self.max_tokens, self.max_cost, self._note = max_tokens, max_cost, note
        self._lock = threading.Lock()
        self._number = 0
        self._open: dict[int, tuple[int, float]] = {}
        self._spent = Spent()

    def __reduce__(self) -> tuple[type[Account], tuple[()]]:
        """Be copied as a new account without a budget: what another process sends, it has to be billed for itself."""
        return Account, ()

    @property
    def spent(self) -> Spent:
        """What was spent so far, without what is in flight."""
        return self._spent

    def open(self, most_tokens: int, most_cost: float) -> int:
        """Enter an attempt that is about to be sent, with the most it can come to; return its number.

        Raises BudgetReached when what was spent has reached the budget.
        """
        with self._lock:
            self._check()
            self._number += 1
            self._open[self._number] = (most_tokens, most_cost)
            self._tell({"call": self._number, "most_tokens": most_tokens, "most_cost": most_cost})
            return self._number

    def close(self, call: int, usage: tuple[int, int] | None, cost: float) -> None:
        """Enter what an attempt used, prompt and completion tokens, None where nobody knows."""
        with self._lock:
            self._take(call, usage, cost)
            told = {"usage": "unknown"} if usage is None else {"usage": list(usage), "cost": cost}
            self._tell({"call": call, **told})

    def cancel(self, call: int) -> None:
        """Take back an attempt that was not billed."""
        with self._lock:
            if self._open.pop(call, None) is not None:
                self._tell({"call": call, "usage": "none"})

    def replay(self, call: int, most: tuple[int, float] | None, usage: Any, cost: float) -> None:
        """Take an entry of an earlier process: opened (``most``), or closed (``usage`` as `note` was given it)."""
        self._number = max(self._number, call)
        if most is not None:
            self._open[call] = most
        elif usage == "none":
            self._open.pop(call, None)
        else:
            self._take(call, None if usage == "unknown" else (usage[0], usage[1]), cost)

    def settle(self) -> None:
        """Count what was opened and never closed as unknown; nobody is sending any more."""
        with self._lock:
            for call in list(self._open):
                self._take(call, None, 0.0)

    def _take(self, call: int, usage: tuple[int, int] | None, cost: float) -> None:
        most, now = self._open.pop(call, (0, 0.0)), self._spent
        known = usage or (0, 0)
        self._spent = Spent(
            now.calls + 1,
            now.unknown + (usage is None),
            now.prompt_tokens + known[0],
            now.completion_tokens + known[1],
            now.unknown_tokens + (most[0] if usage is None else 0),
            now.cost + cost,
            now.unknown_cost + (most[1] if usage is None else 0.0),
        )

    def _check(self) -> None:
        spent = self._spent
        if self.max_tokens is not None and spent.tokens >= self.max_tokens:
            raise BudgetReached(f"the budget of {self.max_tokens:,} tokens is used up: {spent.line()}", "--max-tokens")
        if self.max_cost is not None and spent.money >= self.max_cost:
            raise BudgetReached(f"the budget of {self.max_cost:g} is used up: {spent.line()}", "--max-cost")

    def _tell(self, entry: Mapping[str, Any]) -> None:
        if self._note is not None:
            self._note(entry)


class Paid(Protocol):
    """A speaker whose calls are billed."""

    def bill(self, account: Account) -> None:
        """Enter every call in ``account`` from now on; raises ConfigError for a budget of money without a price."""
        ...


def paid_parts(speaker: Any) -> list[Paid]:
    """Return the speakers behind ``speaker`` whose calls are billed: itself, parts of a cast, behind a memory."""
    if hasattr(speaker, "bill"):
        return [speaker]
    if parts := parts_of(speaker):
        return [paid for part in {id(part): part for part in parts.values()}.values() for paid in paid_parts(part)]
    inner = getattr(speaker, "inner", None)
    return [] if inner is None else paid_parts(inner)


def bill(speaker: Any, account: Account) -> bool:
    """Enter all that is billed behind ``speaker`` in ``account``; return whether anything is."""
    parts = paid_parts(speaker)
    for part in parts:
        part.bill(account)
    return bool(parts)
