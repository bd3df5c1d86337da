"""OpenEnv: our dialogue as an environment behind HTTP and WebSockets, for whoever trains what speaks.

    app = openenv_app("arithmetic", reward="team")            uvicorn module:app

The client acts at every seat, or at those of one role (``plays``); ``speaker`` and ``controller`` play the others. An
action is a text, or nothing to stay silent. An observation is the prompt of the seat that acts, its mask, its reward
since its last action, and at the end whether the answer is right. Each session has an environment of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from tracer_env.compositions import information_named
from tracer_env.errors import ConfigError, IllegalActionError, MissingExtraError
from tracer_env.interfaces import Request, Scenario, Speaker
from tracer_env.parts.casting import make_controller, make_reward, make_scenario, make_speaker
from tracer_env.parts.contracts import key_of, payment, probability
from tracer_env.parts.task_contracts import task_at
from tracer_env.randomness import Purpose, stream, uniform
from tracer_env.registry import OURS, build, resolve
from tracer_env.rules import DialogueState, Rules, advance, final_answer, initial, legal_actions
from tracer_env.types import Task, Utterance
from tracer_env.verification.referee import ask

__all__ = ["Game", "openenv_app"]


class Game:
    """One dialogue at a time, moved by texts from outside; no package is needed for it.

    ``plays``: the role whose seats are moved from outside, ``both`` for all of them.
    """

    def __init__(
        self,
        scenario: str | Scenario | Sequence[Task],
        speaker: str | Speaker = "simulated",
        controller: str = "always",
        *,
        plays: Literal["both", "proposer", "reviewer"] = "both",
        reward: str = "team",
        rules: Rules | None = None,
        **settings: Any,
    ) -> None:
        if plays not in ("both", "proposer", "reviewer"):
            raise ConfigError(f"plays must be both, proposer or reviewer, got {plays!r}")
        self.rules, self.plays = rules or Rules(), plays
        self._scenario = make_scenario(scenario, **settings)
        self._speaker, self._reward = make_speaker(speaker), make_reward(reward)
        self._controller = make_controller(controller, self.rules)
        self._prompts, (self._render, _) = build("speaker", OURS["prompts"]), resolve("speaker", OURS["plain_prompt"])
        self.state: DialogueState | None = None
        self._noise = self._world = 0

    def reset(self, seed: int = 0, task: str | None = None) -> float:
        """Begin a dialogue: the task of that id, or one that ``seed`` chooses; return what was earned on the way."""
        chosen = next((each for each in self._scenario if each.id == task), None) if task is not None else None
        if task is not None and chosen is None:
            raise ConfigError(f"the scenario {self._scenario.name!r} has no task {task!r}")
        count = len(self._scenario)
        chosen = chosen or task_at(
            self._scenario, int(uniform(stream(seed, "which task", 0), 0, Purpose.CONTENT) * count)
        )
        self._noise = stream(seed, chosen.id, 0)
        self.state = initial(chosen, self.rules)
        return self._others()

    def step(self, text: str | None) -> float:
        """Speak, or stay silent (None); return what the seat that moved earned until it is asked again.

        Raises IllegalActionError where the mask forbids it, ConfigError before `reset` and after the end.
        """
        state = self._at_work()
        mask, speaks = legal_actions(state), int(text is not None)
        if not mask[speaks]:
            raise IllegalActionError(state.seat, speaks, mask)
        agent = state.seat.agent
        earned = self._move(speaks, None if text is None else Utterance(text))[agent]
        return earned + self._others(agent)

    def prompt(self) -> str:
        """Return what the seat that acts would read; an empty text at the end."""
        state = self.state
        return "" if state is None or state.over else str(self._render(self._prompts.messages(state, state.seat)))

    def _at_work(self) -> DialogueState:
        if self.state is None:
            raise ConfigError("nothing has begun; call reset first")
        if self.state.over:
            raise ConfigError("the dialogue is over; call reset")
        return self.state

    def _move(self, speaks: int, said: Utterance | None) -> tuple[float, ...]:
        before = self._at_work()
        request = Request(before, before.seat, self._noise)
        if speaks:
            said = ask(self._speaker if said is None else _Given(said), [request], self._scenario)[0]
        self.state = advance(before, speaks, said)
        return payment(self._reward, before, self.state)

    def _others(self, agent: int = 0) -> float:
        """Move the seats that are not played from outside; return what ``agent`` earned meanwhile."""
        earned = 0.0
        while self.state is not None and not self.state.over and not self._outside(self.state):
            mask = legal_actions(self.state)
            speaks = mask[1]
            if mask == (1, 1):
                key = key_of(information_named("vote_and_time"), self.state)
                chance = probability(self._controller, self.state, key)
                speaks = int(uniform(self._noise, self.state.turn, Purpose.CHOICE) < chance)
            earned += self._move(speaks, None)[agent]
        return earned

    def _outside(self, state: DialogueState) -> bool:
        return self.plays in ("both", state.seat.role.name.lower())


class _Given:
    """Says what somebody else has said."""

    def __init__(self, said: Utterance) -> None:
        self._said = said

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        return [self._said]


def openenv_app(scenario: str | Scenario | Sequence[Task], *, sessions: int = 16, **settings: Any) -> Any:
    """Return a FastAPI application that serves a `Game` with these settings, at most ``sessions`` at once.

    Raises MissingExtraError without openenv, and what `Game` raises, before anything is served.
    """
    try:
        from openenv.core.env_server import create_fastapi_app
    except ImportError as error:
        raise MissingExtraError("the OpenEnv server", "openenv", "openenv") from error
    made = make_scenario(scenario)
    Game(made, **settings)
    environment, action, observation = _classes(made, settings)
    return create_fastapi_app(environment, action, observation, max_concurrent_envs=sessions)


def _classes(scenario: Scenario, settings: dict[str, Any]) -> tuple[type[Any], type[Any], type[Any]]:
    """Return the environment, its actions and its observations, which have to be derived from OpenEnv's own."""
    from openenv.core.env_server import Action, Environment, Observation, State

    class Said(Action):  # type: ignore[misc]
        """What the seat says; nothing, and it stays silent."""

        text: str | None = None

    class Seen(Observation):  # type: ignore[misc]
        """What the seat that acts may know."""

        prompt: str = ""
        agent: str = ""
        role: str = ""
        turn: int = 0
        mask: list[int] = []  # noqa: RUF012 - pydantic copies it
        correct: bool | None = None

    class Dialogue(Environment):  # type: ignore[misc]
        """One dialogue."""

        SUPPORTS_CONCURRENT_SESSIONS = True

        def __init__(self) -> None:
            super().__init__()
            self._game, self._steps = Game(scenario, **settings), 0
            self._id: str | None = None

        def reset(self, seed: int | None = None, episode_id: str | None = None, **more: Any) -> Seen:
            self._id, self._steps = episode_id, 0
            self._game.reset(seed or 0, more.get("task"))
            return Seen(**_seen(self._game, 0.0))

        def step(self, action: Said, timeout_s: float | None = None, **more: Any) -> Seen:
            self._steps += 1
            return Seen(**_seen(self._game, self._game.step(action.text)))

        @property
        def state(self) -> State:
            game = self._game.state
            facts = {} if game is None else {"task": game.task.id, "turns": len(game.turns)}
            return State(episode_id=self._id, step_count=self._steps, **facts)

    return Dialogue, Said, Seen


def _seen(game: Game, reward: float) -> dict[str, Any]:
    """Return the fields of an observation: what the seat that acts may know, or how the dialogue ended."""
    state = game.state
    assert state is not None
    if state.over:
        final = final_answer(state)
        correct = final is not None and final.correct
        return {"done": True, "reward": reward, "turn": len(state.turns), "correct": correct}
    seat = state.seat
    return {
        "reward": reward,
        "prompt": game.prompt(),
        "agent": seat.name,
        "role": seat.role.name.lower(),
        "turn": state.turn,
        "mask": list(legal_actions(state)),
    }
