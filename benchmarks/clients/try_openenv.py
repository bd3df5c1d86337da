"""OpenEnv: our dialogue behind its server, played through its own client."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn
from openenv.core import GenericEnvClient
from told import Use, tell

from tracer_env import make_scenario
from tracer_env.neighbours.openenv_server import openenv_app


def served(app: object) -> tuple[uvicorn.Server, str]:
    """Serve on a free port of the loopback; return the server and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical"))  # type: ignore[arg-type]
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    return server, f"http://127.0.0.1:{port}"


def whole_dialogue() -> None:
    server, address = served(openenv_app("arithmetic", reward="team"))
    task = make_scenario("arithmetic")[7]
    with GenericEnvClient(base_url=address).sync() as client:
        for answer, right in ((task.answer, True), ("none of these", False)):
            seen = client.reset(seed=3, task=task.id)
            earned, turns = 0.0, 0
            while not seen.done:
                mask, role = seen.observation["mask"], seen.observation["role"]
                assert task.question in seen.observation["prompt"]
                text = f"Final answer: {answer}" if role == "proposer" else None if mask[0] else "RIGHT"
                seen = client.step({"text": text})
                earned, turns = earned + (seen.reward or 0.0), turns + 1
            assert turns == client.state()["turns"] == 5
            assert (seen.observation["correct"], earned) == (right, float(right))
    server.should_exit = True


def one_role() -> None:
    server, address = served(openenv_app("arithmetic", plays="reviewer", reward="role_credit"))
    with GenericEnvClient(base_url=address).sync() as client:
        seen = client.reset(seed=1, task="arithmetic-test-000007")
        assert client.state()["task"] == "arithmetic-test-000007"
        rewards = []
        while not seen.done:
            assert seen.observation["role"] == "reviewer"
            seen = client.step({"text": "RIGHT"})
            rewards.append(seen.reward)
        assert len(rewards) == 2
        assert set(rewards) <= {-1.0, 1.0}
    server.should_exit = True


if __name__ == "__main__":
    ours = "`tracer_env.neighbours.openenv_server.openenv_app`"
    raise SystemExit(tell("openenv-core", Use("all seats", whole_dialogue, ours), Use("one role", one_role, ours)))
