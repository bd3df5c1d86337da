"""verifiers: an episode of its own is our dialogue, played by its agents against a server on the loopback."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import verifiers.v1 as vf
from fault_server import FaultServer
from told import Use, tell
from verifiers.v1.utils.loaders import load_environment

from tracer_env.neighbours.verifiers_env import DialogueConfig

PLUGIN = """\
from tracer_env.neighbours.verifiers_env import DialogueEnv, DialogueTasks

__all__ = ["DialogueEnv", "DialogueTasks"]
"""  # its loaders find a module by a name without dots
HARNESS = """\
import httpx
import verifiers.v1 as vf
from verifiers.v1.runtimes import ProgramResult


class OnceConfig(vf.HarnessConfig):
    pass


class Once(vf.Harness[OnceConfig]):
    \"\"\"Asks once, in this process: its own harnesses install programs from an index.\"\"\"

    EXECUTES_CODE = NEEDS_CONTAINER = False

    async def launch(self, ctx, trace, runtime, endpoint, secret, mcp_urls, data, tool_interception_url=None):
        _, prompt = self.resolve_prompt(data)
        body = {"model": ctx.model, "messages": [{"role": "user", "content": prompt}]}
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {secret}"}, timeout=60) as client:
            (await client.post(f"{endpoint}/chat/completions", json=body)).raise_for_status()
        return ProgramResult(0, "", "")


__all__ = ["Once"]
"""


async def _episode(address: str) -> vf.Episode:
    seat = {"harness": {"id": "once"}, "runtime": {"type": "subprocess"}}
    config = DialogueConfig(
        taskset={"id": "dialogues", "scenario": "arithmetic", "limit": 2},
        proposer=seat,
        reviewer=seat,
    )
    env = load_environment(config)
    os.environ.setdefault("TRY_VERIFIERS_KEY", "none")
    client = vf.EvalClientConfig(base_url=address, api_key_var="TRY_VERIFIERS_KEY")
    async with env.serving():
        return await env.run_episode(next(iter(env.taskset)), vf.ModelContext(model="faulty", client=client))


def dialogue() -> None:
    with FaultServer() as server, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "dialogues.py").write_text(PLUGIN)
        (Path(folder) / "once.py").write_text(HARNESS)
        sys.path.insert(0, folder)
        episode = asyncio.run(_episode(server.url))
    assert episode.ok, episode.errors
    assert [trace.agent.name for trace in episode.traces] == ["proposer", "reviewer"] * 2 + ["proposer"]
    assert len({trace.rewards["correct"].score for trace in episode.traces}) == 1
    assert "Final answer" in episode.traces[0].last_reply
    assert server.seen.attempts == 5


if __name__ == "__main__":
    raise SystemExit(
        tell(
            "verifiers",
            Use(
                "an episode",
                dialogue,
                "a module that exports `DialogueEnv` and `DialogueTasks` of `tracer_env.neighbours.verifiers_env`",
            ),
        )
    )
