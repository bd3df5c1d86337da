"""Sending: for each body one answer, after as many attempts as it takes, under a budget.

    one attempt     open it in the account -> a slot -> POST -> the answer read -> closed in the account
    it failed       the slot is given back, a wait (`waits`), the next attempt; what no attempt mends is an error
    all             every body at once, so many in flight; each answer is handed over as soon as it is there

The first failure that concerns every request (a refused key, a budget that is used up) stops what has not been sent;
what is in flight is paid for, so it is waited for and handed over before the failure is raised. A request that fails by
itself stops no other. Cancelled (Ctrl-C), connections are closed at once, and their calls stay open in the account,
which counts them as of unknown usage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from tracer_env.agents.speakers.endpoint import loop
from tracer_env.agents.speakers.endpoint.answers import Answer, Malformed, read_answer
from tracer_env.agents.speakers.endpoint.bodies import Form, most_tokens
from tracer_env.agents.speakers.endpoint.keys import Key
from tracer_env.agents.speakers.endpoint.prices import Price
from tracer_env.agents.speakers.endpoint.refusals import Failure, failed_status
from tracer_env.agents.speakers.endpoint.slots import Slots
from tracer_env.agents.speakers.endpoint.waits import asked_wait, backoff
from tracer_env.errors import BudgetReached, EndpointError
from tracer_env.parts.accounts import Account
from tracer_env.randomness import Purpose, uniform

__all__ = ["Asked", "Heard", "Server", "send_all"]

_UNSENT = ("ConnectError", "ConnectTimeout", "PoolTimeout")
"""Classes of the HTTP library for what broke before anything was sent."""

Heard = Callable[[int, Answer], None]
"""Is given the number of a body and its answer as soon as it is there, in the thread of the loop."""


@dataclass(frozen=True)
class Asked:
    """One candidate to be asked for: its bodies, the whole prompt first, then with ever fewer old utterances."""

    body: Callable[[int], dict[str, Any]]  # how many utterances are left out -> the body
    droppable: int
    seed: int  # of the waits


@dataclass(frozen=True)
class Server:
    """Where requests go, and how patiently. ``longest_wait``: seconds; a server that asks for more is given up."""

    base_url: str
    key: Key
    timeout: float = 120.0
    retries: int = 8
    longest_wait: float = 120.0


async def send_all(
    asked: Sequence[Asked], server: Server, form: Form, price: Price, slots: Slots, account: Account, heard: Heard
) -> list[Answer | Failure]:
    """Return an answer, or the failure that is its own, for each; see the module for what is raised."""
    client, ended = loop.client(server.base_url, server.key), asyncio.Event()
    line = _Line(client, server, form, price, slots, account, ended)
    first: list[BudgetReached | EndpointError] = []

    async def one(number: int) -> Answer | Failure:
        try:
            answer = await line.answered(asked[number], number)
        except Failure as failure:
            return failure
        except (BudgetReached, EndpointError) as error:
            first.append(error)
            ended.set()
            return Failure(str(error))
        heard(number, answer)
        return answer

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(number)) for number in range(len(asked))]
    except BaseExceptionGroup as several:  # ``heard`` or the account could not keep what they were given
        raise several.exceptions[0] from None
    if first:
        raise first[0]
    return [task.result() for task in tasks]


@dataclass(frozen=True)
class _Line:
    """What all attempts of a call share."""

    client: Any
    server: Server
    form: Form
    price: Price
    slots: Slots
    account: Account
    ended: asyncio.Event

    async def answered(self, asked: Asked, number: int) -> Answer:
        """Return the answer to one, attempt after attempt; raises Failure, EndpointError, BudgetReached."""
        dropped = attempt = 0
        while True:
            try:
                async with self.slots.taken(number):
                    return replace(await self._attempt(asked.body(dropped)), dropped=dropped)
            except Failure as failure:
                if failure.then == "shorter" and dropped < asked.droppable:
                    dropped += 1
                    continue
                if failure.then == "all over":
                    raise EndpointError(str(failure)) from None
                if failure.then != "again" or attempt >= self.server.retries:
                    tries = f" (after {attempt + 1} attempts)" if attempt else ""
                    raise Failure(f"{failure}{tries}", "over") from None
                await self._wait(failure, attempt, asked.seed)
                attempt += 1

    async def _wait(self, failure: Failure, attempt: int, seed: int) -> None:
        if failure.wait is not None and failure.wait > self.server.longest_wait:
            raise EndpointError(
                f"{failure}; it asks to wait {failure.wait:.0f} seconds, longer than speaker.longest_wait "
                f"({self.server.longest_wait:g}); continue later"
            )
        share = uniform(seed, attempt, Purpose.GENERATION)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.ended.wait(), backoff(attempt, share, failure.wait, failure.busy))

    async def _attempt(self, body: dict[str, Any]) -> Answer:
        """Send a body once, entered in the account; raises Failure."""
        if self.ended.is_set():
            raise Failure("nothing more is sent", "over", billed=False)
        most = most_tokens(body, self.form.max_new_tokens)
        call = self.account.open(sum(most), self.price.of(*most))
        try:
            answer = read_answer(await self._post(body), self.form.chat, self.form.max_new_tokens)
        except Malformed as problem:
            self._close(call, problem.usage)
            raise Failure(self.server.key.hidden(str(problem)), "again", busy=False) from None
        except Failure as failure:
            if failure.billed:
                self._close(call, failure.usage)
            else:
                self.account.cancel(call)
            raise
        self._close(call, answer.usage)
        return answer

    def _close(self, call: int, usage: tuple[int, int] | None) -> None:
        self.account.close(call, usage, 0.0 if usage is None else self.price.of(*usage))

    async def _post(self, body: dict[str, Any]) -> bytes:
        """Return the bytes of a good reply; raises Failure without the library's own error, which holds the key."""
        import openai

        failure: Failure
        try:
            async with asyncio.timeout(self.server.timeout):
                return await self._reply(body)
        except (TimeoutError, openai.APITimeoutError) as error:
            sent = type(error.__cause__).__name__ not in _UNSENT
            failure = Failure(f"no answer within {self.server.timeout:g} seconds", billed=sent)
        except openai.APIStatusError as error:
            wait = asked_wait(error.response.headers)
            failure = failed_status(error.status_code, error.body, wait, self.server.key.name, self.form.model)
        except openai.APIConnectionError as error:
            cause = type(error.__cause__).__name__
            where = f"{self.server.base_url}: is a server there?" if cause in _UNSENT else self.server.base_url
            sent = cause not in _UNSENT
            failure = Failure(f"the connection broke ({cause}) to {where}", billed=sent, busy=not sent)
        except openai.OpenAIError as error:
            failure = Failure(f"the client failed ({type(error).__name__})")
        hidden = self.server.key.hidden(str(failure))
        raise Failure(hidden, failure.then, failure.billed, failure.usage, failure.wait, failure.busy) from None

    async def _reply(self, body: dict[str, Any]) -> bytes:
        """Send the body as it is: what the client would make of single arguments costs a fifth of the time."""
        made = {"model": self.form.model, "extra_body": body, "timeout": self.server.timeout}
        if self.form.chat:
            raw = await self.client.chat.completions.with_raw_response.create(messages=[], **made)
        else:
            raw = await self.client.completions.with_raw_response.create(prompt="", **made)
        return bytes(raw.content)
