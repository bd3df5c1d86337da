"""How many requests are in flight: so many slots, and who has waited longest by its number goes first.

A request that is tried again keeps its number, so it goes before those that have not begun: no text is left for last
because its server stumbled twice. Whoever waits between two attempts holds no slot.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Slots"]


class Slots:
    """``count`` slots; used inside one event loop."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._came = 0

    @asynccontextmanager
    async def taken(self, number: int) -> AsyncIterator[None]:
        """Hold a slot; the lowest ``number`` is served first, equal ones as they came."""
        if self._free > 0:
            self._free -= 1
        else:
            await self._turn(number)
        try:
            yield
        finally:
            self._give()

    async def _turn(self, number: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._came += 1
        heapq.heappush(self._waiting, (number, self._came, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given a slot while it was being cancelled
                self._give()
            raise

    def _give(self) -> None:
        """Hand a slot to the next who waits, or keep it free."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
