"""A dialogue whose words come from somebody's asynchronous client: the one that a plain function would say."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from tracer_env import make_scenario
from tracer_env.compositions import information_named
from tracer_env.episodes.rollout import Job, rollout
from tracer_env.errors import SpeakerError
from tracer_env.neighbours.hosting import argue
from tracer_env.parts.casting import make_controller, make_speaker
from tracer_env.rules import Rules

TASKS = make_scenario("arithmetic", limit=3)
WHO = contextvars.ContextVar("who", default="nobody")


def propose(prompt: str) -> str:
    return f"Final answer: {len(prompt) % 50}"


def review(prompt: str) -> str:
    return "RIGHT" if len(prompt) % 2 else "WRONG"


def test_it_is_the_dialogue_of_the_same_functions() -> None:
    async def proposer(prompt: str) -> str:
        await asyncio.sleep(0)
        return propose(prompt)

    async def reviewer(prompt: str) -> str:
        return review(prompt)

    async def both() -> list[str]:
        voices = {"proposer": proposer, "reviewer": reviewer}
        told = [argue(task, TASKS, voices, "until_approved", seed=3, world=1) for task in TASKS]
        return [each.to_json() for each in await asyncio.gather(*told)]

    speaker = make_speaker({"proposer": propose, "reviewer": review})
    jobs = [Job(0, "hosted", make_controller("until_approved"), task, 1, 3) for task in TASKS]
    played = rollout(jobs, speaker, TASKS, Rules(), information_named("vote_and_time"))
    assert asyncio.run(both()) == [each.to_json() for each in played]


def test_the_client_is_asked_in_the_context_of_who_called() -> None:
    seen = set()

    async def ask(prompt: str) -> str:
        seen.add(WHO.get())
        return "RIGHT"

    async def one(name: str) -> None:
        WHO.set(name)
        await argue(TASKS[0], TASKS, {"proposer": ask, "reviewer": ask})

    async def two() -> None:
        await asyncio.gather(one("ada"), one("ben"))

    asyncio.run(two())
    assert seen == {"ada", "ben"}


def test_what_a_client_raises_is_told_with_its_place() -> None:
    async def ask(prompt: str) -> str:
        raise OSError("the line is dead")

    with pytest.raises(SpeakerError, match=r"the line is dead, for agent_0 \(proposer\) at turn 1 of task"):
        asyncio.run(argue(TASKS[0], TASKS, {"proposer": ask, "reviewer": ask}))
