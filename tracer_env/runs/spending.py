"""What a run is billed for, on the disk beside it (``spending.jsonl``), and the budget that ends the run.

    {"call": 7, "most_tokens": 912, "most_cost": 0.0004}     an attempt that is about to be sent
    {"call": 7, "usage": [57, 12], "cost": 0.00002}          what it used: known, "unknown", or "none" if not billed

Lines are written as they happen and not waited for: a process that is killed loses none, and what it had in flight
counts as of unknown usage when the run goes on. A budget (``[budget]``, --max-tokens, --max-cost) is that of the whole
run, however often it is continued; nobody's words but a server's are billed, so it is refused where no server speaks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec

from tracer_env.errors import ConfigError, DataError
from tracer_env.intake.bounded import shown, shown_path
from tracer_env.interfaces import Speaker
from tracer_env.parts.accounts import Account, bill, paid_parts
from tracer_env.runs.config import BudgetConfig
from tracer_env.storage.files import cut

__all__ = ["FILE", "billed", "check_budget", "read_spending"]

FILE = "spending.jsonl"
_Whole = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
_Amount = Annotated[float, msgspec.Meta(ge=0.0, le=1e15)]


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """One line; what it says is told by which of the others it has."""

    call: Annotated[int, msgspec.Meta(ge=1, le=1 << 53)]
    most_tokens: _Whole | None = None
    most_cost: _Amount = 0.0
    usage: tuple[_Whole, _Whole] | str | None = None
    cost: _Amount = 0.0


_decode = msgspec.json.Decoder(_Entry).decode


def check_budget(speaker: Speaker, budget: BudgetConfig) -> None:
    """Raise ConfigError for a budget where nobody is billed, or of money where something has no price."""
    if budget.max_tokens is None and budget.max_cost is None:
        return
    if not bill(speaker, Account(budget.max_tokens, budget.max_cost)):
        raise ConfigError(
            "a budget (--max-tokens, --max-cost) goes by what a server bills this process, and no part of this speaker "
            "asks one here; leave it out, or take --speaker endpoint:MODEL"
        )


@contextmanager
def billed(speaker: Speaker, budget: BudgetConfig, folder: Path | None) -> Iterator[Account | None]:
    """Enter what is billed inside the block in ``folder`` (None: nowhere), on top of what stands there.

    Gives None where nobody is billed. Raises ConfigError as `check_budget`, DataError for a damaged file.
    """
    check_budget(speaker, budget)
    if not paid_parts(speaker):
        yield None
        return
    ledger = None if folder is None else _Ledger(folder / FILE)
    account = Account(budget.max_tokens, budget.max_cost, None if ledger is None else ledger.note)
    if ledger is not None:
        read_spending(ledger.path, account)
    bill(speaker, account)
    try:
        yield account
    finally:
        account.settle()
        bill(speaker, Account())
        if ledger is not None:
            ledger.close()


def read_spending(path: Path, account: Account | None = None) -> Account:
    """Return the account of a run, its entries taken into ``account``; an empty one where there is no file.

    A last line without its end is passed over: what it would have said is counted as unknown. Raises DataError for a
    line that is none of ours.
    """
    found = Account() if account is None else account
    if path.is_file():
        content = path.read_bytes()
        for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), start=1):
            try:
                entry = _decode(line)
            except (msgspec.MsgspecError, ValueError) as error:
                raise DataError(f"{shown_path(path)}, line {number}: {shown(str(error), 200)}: {shown(line)}") from None
            if isinstance(entry.usage, str) and entry.usage not in ("unknown", "none"):
                raise DataError(f"{shown_path(path)}, line {number}: usage is {shown(entry.usage)}")
            most = None if entry.most_tokens is None else (entry.most_tokens, entry.most_cost)
            found.replay(entry.call, most, entry.usage or "unknown", entry.cost)
        found.settle()
    return found


class _Ledger:
    """The file, opened when there is something to write: its folder may be made in the meantime."""

    def __init__(self, path: Path) -> None:
        self.path, self._number = path, -1

    def note(self, entry: Mapping[str, Any]) -> None:
        """Append an entry with one write."""
        if self._number < 0:
            if self.path.is_file():
                whole = self.path.read_bytes().rfind(b"\n") + 1
                cut(self.path, whole, inside=self.path.parent)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
            self._number = os.open(self.path, flags, 0o644)
        os.write(self._number, (json.dumps(entry, separators=(",", ":")) + "\n").encode())

    def close(self) -> None:
        """Let go of the file."""
        if self._number >= 0:
            os.close(self._number)
            self._number = -1
