"""One event loop in a thread of its own, and one client for each server: what all endpoint speakers of a process share.

    run(work)            runs a coroutine there and returns what it returns, from any thread, inside other loops too
    client(url, key)     the client of a server; called inside the loop

The thread starts when it is first needed. A process that was forked has neither thread nor connections and makes its
own; what it inherited is kept aside, untouched. Ctrl-C in the waiting thread cancels the work before it is passed on.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tracer_env.agents.speakers.endpoint.keys import Key
from tracer_env.errors import MissingExtraError

__all__ = ["Running", "client", "require_package", "run"]

T = TypeVar("T")
Running = concurrent.futures.Future[Any]
_PATIENCE = 5.0  # seconds that cancelled work may take to end


class _Shared:
    """What a process has: the loop, its thread, the clients by (base URL, key's name, key's value)."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread: threading.Thread | None = None
        self.clients: dict[tuple[str, str, str], Any] = {}


_shared = _Shared()
_inherited: list[_Shared] = []  # of parents: never closed here, since their sockets are still in use there


def run(work: Callable[[], Coroutine[Any, Any, T]], running: set[Running] | None = None) -> T:
    """Run what ``work`` makes in the shared loop and wait for it; raises what it raises.

    It stands in ``running`` meanwhile, and whoever cancels it there ends the waiting here with KeyboardInterrupt.
    """
    known, future = set() if running is None else running, asyncio.run_coroutine_threadsafe(work(), _loop())
    known.add(future)
    try:
        return future.result()
    except concurrent.futures.CancelledError:
        raise KeyboardInterrupt from None
    except BaseException:
        if not future.done():  # Ctrl-C: nothing more is sent, connections are closed
            future.cancel()
            concurrent.futures.wait([future], timeout=_PATIENCE)
        raise
    finally:
        known.discard(future)


def client(base_url: str, key: Key) -> Any:
    """Return the client of a server, made when it is first asked for; raises MissingExtraError without openai."""
    require_package()
    from openai import AsyncOpenAI

    known = (base_url, key.name, key.reveal())
    if known not in _shared.clients:
        _shared.clients[known] = AsyncOpenAI(api_key=key.reveal(), base_url=base_url, max_retries=0)
    return _shared.clients[known]


def require_package() -> None:
    """Raise MissingExtraError where openai is not installed."""
    try:
        __import__("openai")
    except ModuleNotFoundError as error:
        raise MissingExtraError("an endpoint speaker", "openai", "endpoint") from error


def _loop() -> asyncio.AbstractEventLoop:
    with _shared.lock:
        if _shared.loop is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=loop.run_forever, name="tracer-env-endpoint", daemon=True)
            thread.start()
            _shared.loop, _shared.thread = loop, thread
        return _shared.loop


def _close() -> None:
    """Close the clients and end the thread, when the interpreter ends."""
    loop, thread = _shared.loop, _shared.thread
    if loop is None or thread is None or not thread.is_alive():
        return

    async def close() -> None:
        for each in _shared.clients.values():
            await each.close()

    try:
        asyncio.run_coroutine_threadsafe(close(), loop).result(timeout=1.0)
    except Exception:  # the program ends either way
        return
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=1.0)


def _forked() -> None:
    global _shared
    _inherited.append(_shared)
    _shared = _Shared()


atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
