"""A small real server on loopback that speaks the form of OpenAI and stumbles as often as it is told.

    with FaultServer(Faults(share=0.05), latency=0.1) as server:
        ...  server.url, server.seen

It answers chat and completion requests after ``latency`` seconds with a text that hangs on the request's body alone,
and tells what it used. Each attempt at a body (they are counted) meets at most one fault, drawn from the body, the
number of the attempt and the seed: what is sent beside it changes nothing.

    slow        the answer comes after ``slow`` seconds
    limit       429 with Retry-After 0.2 s, at once; costs nothing
    error       500, at once; costs nothing
    cut         the connection breaks in the middle of the answer, which is billed like any other
    malformed   an answer that is no JSON
    few         an answer without a choice
    usage       an answer whose usage cannot be

Runs in a thread of its own, or by itself: python benchmarks/fault_server.py --port 8000 --share 0.05
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

__all__ = ["KINDS", "FaultServer", "Faults", "Seen"]

KINDS = ("slow", "limit", "error", "cut", "malformed", "few", "usage")


@dataclass(frozen=True)
class Faults:
    """How often and how a server stumbles: ``share`` of the attempts for each of ``kinds``."""

    share: float = 0.0
    kinds: tuple[str, ...] = KINDS
    slow: float = 1.0
    retry_after: str = "0.2"
    seed: int = 0

    def of(self, body: bytes, attempt: int) -> str:
        """Return the fault of an attempt, an empty text for none."""
        place = _number(body, f"fault {attempt} {self.seed}")
        chosen = int(place / self.share) if self.share else len(self.kinds)
        return self.kinds[chosen] if chosen < len(self.kinds) else ""


@dataclass
class Seen:
    """What came, as the server saw it; updated in place."""

    attempts: int = 0
    bodies: Counter[bytes] = field(default_factory=Counter)  # by digest: how often each was sent
    faults: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0  # of all that was answered: what would be billed
    completion_tokens: int = 0
    most_at_once: int = 0
    keys: set[str] = field(default_factory=set)  # what stood in Authorization
    requests: list[dict[str, Any]] = field(default_factory=list)  # the bodies, where they are kept


def _number(body: bytes, salt: str) -> float:
    return int.from_bytes(hashlib.sha256(salt.encode() + body).digest()[:7], "big") / 2**56


def said(body: bytes, data: Mapping[str, Any]) -> tuple[str, int, int]:
    """Return the text for a body, and its prompt and completion tokens: a proposal, or a review with a verdict."""
    words = " ".join(m["content"] for m in data["messages"]) if "messages" in data else str(data["prompt"])
    luck = _number(body, "text")
    reviews = "RIGHT" in words.split("\n")[0] or "RIGHT or WRONG" in words
    text = f"{'RIGHT' if luck < 0.6 else 'WRONG'}. I checked it." if reviews else f"Final answer: {int(luck * 40)}"
    return text, len(words.split()) + 8, len(text.split()) + 1


class FaultServer:
    """Serves on a free port of 127.0.0.1 (or ``port``) while its block lasts; ``url`` is the base URL."""

    def __init__(
        self,
        faults: Faults | None = None,
        latency: float = 0.0,
        port: int = 0,
        keep: bool = False,
        always: Mapping[str, Any] | None = None,
    ) -> None:
        self.faults, self.latency, self.seen = faults or Faults(), latency, Seen()
        self._port, self._keep, self._always = port, keep, dict(always or {})
        self._open = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> FaultServer:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """Return the base URL, once the server is up."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        server = await asyncio.start_server(self._connection, "127.0.0.1", self._port)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        for writer in self._writers:
            writer.close()
        await asyncio.sleep(0)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while await self._request(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):  # the client has gone
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        data, path = json.loads(body), head[0].split(" ")[1]
        seen, known = self.seen, hashlib.sha256(body).digest()
        fault = self.faults.of(body, seen.bodies[known])
        seen.attempts += 1
        seen.bodies[known] += 1
        seen.faults[fault] += 1
        seen.keys.add(headers.get("authorization", ""))
        if self._keep:
            seen.requests.append(data)
        self._open += 1
        seen.most_at_once = max(seen.most_at_once, self._open)
        try:
            return await self._answer(writer, fault, path, body, data)
        finally:
            self._open -= 1

    async def _answer(
        self, writer: asyncio.StreamWriter, fault: str, path: str, body: bytes, data: dict[str, Any]
    ) -> bool:
        if "status" in self._always:
            answer = json.dumps(self._always["body"]).encode()
            return await _write(writer, answer, self._always["status"], self._always.get("headers", ()))
        if fault in ("limit", "error"):
            status, more = (429, (f"retry-after: {self.faults.retry_after}",)) if fault == "limit" else (500, ())
            return await _write(writer, json.dumps({"error": {"message": f"told to: {fault}"}}).encode(), status, more)
        await asyncio.sleep(self.faults.slow if fault == "slow" else self.latency)
        text, prompt, completion = said(body, data)
        self.seen.prompt_tokens += prompt
        self.seen.completion_tokens += completion
        whole = _reply(path, text, prompt, completion, fault) | self._always
        answer = json.dumps(whole).encode()
        if fault == "malformed":
            answer = answer[: len(answer) // 2] + b"}}"
        if fault == "cut":
            writer.write(_head(200, len(answer)) + answer[: len(answer) // 2])
            await writer.drain()
            return False
        return await _write(writer, answer)


def _reply(path: str, text: str, prompt: int, completion: int, fault: str) -> dict[str, Any]:
    chat = path.endswith("/chat/completions")
    choice: dict[str, Any] = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
    usage: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": completion}
    usage["total_tokens"] = prompt + completion
    if fault == "usage":
        usage |= {"completion_tokens": -1}
    return {
        "id": "fault-server",
        "object": "chat.completion" if chat else "text_completion",
        "created": int(time.time()),
        "model": "faulty",
        "choices": [] if fault == "few" else [{"index": 0, "finish_reason": "stop", **choice}],
        "usage": usage,
    }


def _head(status: int, length: int, more: tuple[str, ...] = ()) -> bytes:
    lines = (f"HTTP/1.1 {status} Told", "content-type: application/json", f"content-length: {length}", *more)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _write(writer: asyncio.StreamWriter, body: bytes, status: int = 200, more: tuple[str, ...] = ()) -> bool:
    writer.write(_head(status, len(body), more) + body)
    await writer.drain()
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--share", type=float, default=0.0, help="share of the attempts for each kind of fault")
    parser.add_argument("--latency", type=float, default=0.1, help="seconds of an answer")
    parser.add_argument("--json", action="store_true", help="end with stdin, and print what was seen as JSON")
    asked = parser.parse_args()
    with FaultServer(Faults(asked.share), asked.latency, asked.port) as server:
        print(f"{server.url} (Ctrl-C ends it)", flush=True)
        with suppress(KeyboardInterrupt):
            sys.stdin.read() if asked.json else threading.Event().wait()
        seen = server.seen
        told = {"attempts": seen.attempts, "faults": dict(seen.faults)}
        told |= {"prompt_tokens": seen.prompt_tokens, "completion_tokens": seen.completion_tokens}
        print(json.dumps(told))


if __name__ == "__main__":
    main()
