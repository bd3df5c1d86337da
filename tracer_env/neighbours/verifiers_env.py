"""verifiers (its ``v1``): our dialogue as an environment in which their agents speak, one for each role.

    # dialogues.py
    from tracer_env.neighbours.verifiers_env import DialogueEnv, DialogueTasks
    __all__ = ["DialogueEnv", "DialogueTasks"]

    env = load_environment(DialogueConfig(taskset={"id": "dialogues", "scenario": "arithmetic", "limit": 20}))

The module is there because verifiers finds plugins by a name without dots. Then it is an environment as any of theirs.

An episode is a task argued out: each utterance is a run of the agent ``proposer`` or ``reviewer`` on the prompt of its
turn, with whatever model and harness its config names, and a trace of its own. When the dialogue is over each trace of
a proposer or reviewer has the reward ``correct``: 1 where the final answer is right, else 0.

This file is imported by verifiers, by its name, and so imports verifiers at its top.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import verifiers.v1 as vf

from tracer_env.interfaces import Scenario
from tracer_env.neighbours.hosting import argue
from tracer_env.parts.casting import make_scenario
from tracer_env.rules import Rules

__all__ = ["DialogueConfig", "DialogueEnv", "DialogueTask", "DialogueTasks", "DialogueTasksConfig"]


class DialogueTasksConfig(vf.TasksetConfig):  # type: ignore[misc]
    """Which tasks: the settings of `make_scenario`."""

    scenario: str = "arithmetic"
    path: str | None = None
    split: str = "train"
    limit: int | None = None
    seed: int = 0


class DialogueData(vf.TaskData):  # type: ignore[misc]
    """A task as verifiers keeps it: our id, and for an utterance the prompt of its turn."""

    task_id: str = ""


class DialogueTask(vf.Task[DialogueData]):  # type: ignore[misc]
    """A task, or a turn of one."""


def scenario_of(config: DialogueTasksConfig) -> Scenario:
    """Return the scenario that a config names."""
    return make_scenario(config.scenario, path=config.path, split=config.split, limit=config.limit, seed=config.seed)


class DialogueTasks(vf.Taskset[DialogueTask, DialogueTasksConfig]):  # type: ignore[misc]
    """The tasks of a scenario of ours."""

    def load(self) -> Iterable[DialogueTask]:
        """Yield them in order."""
        for task in scenario_of(self.config):
            yield DialogueTask(DialogueData(id=task.id, task_id=task.id, prompt=task.question), self.config.task)


class DialogueConfig(vf.EnvConfig):  # type: ignore[misc]
    """Who speaks, and how a dialogue goes. ``controller`` chooses who speaks at all."""

    proposer: vf.AgentConfig = vf.AgentConfig()
    reviewer: vf.AgentConfig = vf.AgentConfig()
    controller: str = "always"
    max_turns: int = 5


class DialogueEnv(vf.Env[DialogueConfig]):  # type: ignore[misc]
    """A dialogue of a proposer and a reviewer."""

    async def run(self, task: Any, agents: Any) -> None:
        """Argue a task out, and reward every utterance with how the dialogue ended."""
        made, traces = scenario_of(self.taskset.config), list[Any]()
        asked = next(each for each in made if each.id == task.data.task_id)
        voices = {
            "proposer": _voice(agents.proposer, task, traces),
            "reviewer": _voice(agents.reviewer, task, traces),
        }
        rules = Rules(max_turns=self.config.max_turns)
        told = await argue(asked, made, voices, self.config.controller, rules, seed=self.taskset.config.seed)
        for trace in traces:
            trace.record_reward("correct", float(told.correct))


def _voice(agent: Any, task: Any, traces: list[Any]) -> Callable[[str], Awaitable[str]]:
    """Return what asks an agent for an utterance; its trace joins ``traces``."""

    async def ask(prompt: str) -> str:
        trace = await agent.run(task.with_data(prompt=prompt))
        if not trace.ok:
            raise RuntimeError(f"the agent's run failed: {trace.errors[-1].message if trace.errors else trace}")
        traces.append(trace)
        return str(trace.last_reply)

    return ask
