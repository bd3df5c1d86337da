"""Slots: no more than there are, the lowest number first."""

from __future__ import annotations

import asyncio

import pytest

from tracer_env.agents.speakers.endpoint.slots import Slots


def test_so_many_at_once_and_the_lowest_number_first() -> None:
    async def work() -> tuple[list[int], int]:
        slots, order, inside, most = Slots(2), list[int](), 0, 0

        async def one(number: int) -> None:
            nonlocal inside, most
            async with slots.taken(number):
                order.append(number)
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.001)
                inside -= 1

        await asyncio.gather(*[one(number) for number in (9, 8, 5, 7, 6, 5)])
        return order, most

    assert asyncio.run(work()) == ([9, 8, 5, 5, 6, 7], 2)


def test_who_is_cancelled_loses_no_slot() -> None:
    async def work() -> None:
        slots = Slots(1)

        async def wait() -> None:
            async with slots.taken(1):
                pass

        for given in (True, False):
            async with slots.taken(0):
                waiting = asyncio.create_task(wait())
                await asyncio.sleep(0)
                if not given:
                    waiting.cancel()
            waiting.cancel()  # given: the slot is its own by now
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await asyncio.wait_for(wait(), 5)

    asyncio.run(work())
