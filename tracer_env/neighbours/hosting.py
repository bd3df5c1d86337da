"""One dialogue whose words come from a client of somebody else's, which is asynchronous.

    told = await argue(task, scenario, {"proposer": ask, "reviewer": ask}, "until_approved")

The dialogue is played in a thread by `episodes.rollout`, as everywhere; each utterance is asked for in the event loop
that called, with its context variables. A prompt is the text that a model without a chat template reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from tracer_env.compositions import information_named
from tracer_env.episodes.rollout import Job, rollout
from tracer_env.episodes.transcript import Transcript
from tracer_env.interfaces import Controller, Scenario
from tracer_env.parts.casting import make_controller, make_speaker
from tracer_env.rules import Rules
from tracer_env.types import Task

__all__ = ["Ask", "argue"]

Ask = Callable[[str], Awaitable[str]]
"""Answers a prompt."""


async def argue(
    task: Task,
    scenario: Scenario,
    voices: Mapping[str, Ask],
    controller: str | Controller = "always",
    rules: Rules | None = None,
    *,
    seed: int = 0,
    world: int = 0,
    information: str = "vote_and_time",
) -> Transcript:
    """Play one dialogue and return its transcript; ``voices`` are by seat, as in a cast.

    Raises what `rollout` does: what a client raises is a SpeakerError.
    """
    loop, played = asyncio.get_running_loop(), rules or Rules()
    speaker = make_speaker({seat: _waiting(ask, loop) for seat, ask in voices.items()})
    job = Job(0, "hosted", make_controller(controller, played, information), task, world, seed)
    told = await asyncio.to_thread(rollout, [job], speaker, scenario, played, information_named(information))
    return told[0]


def _waiting(ask: Ask, loop: asyncio.AbstractEventLoop) -> Callable[[str], str]:
    """Return ``ask`` for a thread: it waits for the answer that the loop brings."""

    async def answer(prompt: str) -> str:
        return await ask(prompt)

    def say(prompt: str) -> str:
        return asyncio.run_coroutine_threadsafe(answer(prompt), loop).result()

    return say
