"""The shared loop: from a plain thread, inside a running loop, in a forked child, and interrupted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from faulty import FaultServer, request

from tracer_env.agents.speakers.endpoint.speaker import EndpointSpeaker

HELPERS = Path(__file__).parents[3] / "helpers"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_it_speaks_inside_a_running_loop() -> None:
    with FaultServer() as server:
        speaker = EndpointSpeaker("m", base_url=server.url)

        async def notebook() -> list[Any]:
            return speaker.speak([request()])

        assert asyncio.run(notebook()) == speaker.speak([request()])


def test_several_threads_share_the_slots() -> None:
    with FaultServer(latency=0.01) as server:
        speaker = EndpointSpeaker("m", base_url=server.url, concurrency=2)
        said: dict[int, Any] = {}

        def ask(number: int) -> None:
            said[number] = speaker.speak([request(number)])

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(said) == 6
    assert server.seen.most_at_once == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_speaks_too_and_leaves_its_parent_alone() -> None:
    code = (
        "import os, sys\n"
        "from faulty import FaultServer, request\n"
        "from tracer_env.agents.speakers.endpoint.speaker import EndpointSpeaker\n"
        "url = sys.argv[1]\n"
        "speaker = EndpointSpeaker('m', base_url=url)\n"
        "before = speaker.speak([request()])[0].text\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if speaker.speak([request()])[0].text == before else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert speaker.speak([request()])[0].text == before\n"
        "print('both')\n"
    )
    with FaultServer() as server:
        done = subprocess.run(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, server.url],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(HELPERS)},
        )
    assert (done.stdout, done.stderr) == ("both\n", "")


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signal")
def test_ctrl_c_ends_the_waiting_and_keeps_what_was_answered() -> None:
    kept: list[int] = []
    with FaultServer(latency=0.0) as quick, FaultServer(latency=60.0) as slow:
        EndpointSpeaker("m", base_url=quick.url).send(
            EndpointSpeaker("m", base_url=quick.url).bodies(request()), lambda number, answer: kept.append(number)
        )
        speaker = EndpointSpeaker("m", base_url=slow.url)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            speaker.speak([request(number) for number in range(5)])
        assert kept == [0]
        assert time.monotonic() - began < 30  # not the minute that the server takes
        assert speaker.account.spent.calls == 0
        speaker.account.settle()
        assert speaker.account.spent.unknown == 5
