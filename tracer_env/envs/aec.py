"""The dialogue as a PettingZoo environment (agent environment cycle): an adapter that holds no rule.

Who acts, what is legal and where a move leads is `rules`; what was said is read by `referee`; what a
move earns is `rewards`. This file keeps PettingZoo's books.

- Agents are ``agent_0`` .. ``agent_{N-1}``. The acting agent's mask says what is legal; all others'
  masks are zero. The end of a dialogue is a termination of all agents, never a truncation.
- ``reset(seed=s)`` starts at episode 0 of seed s; each plain ``reset()`` takes the next episode. Episode
  e plays task e mod n in world e div n. ``options={"task": id, "world": w}`` overrides. Before any seed is
  given the seed is 0.
- ``info`` carries ``action_mask`` for every agent, and for the acting one (at the end: for all)
  ``role``, ``turn``, ``information_state`` (the key of a table) and ``tokens`` (spent so far, prompt and completion):
  numbers, strings and arrays, which any wrapper can convert. What was said is asked for: ``env.unwrapped.dialogue`` is
  a lazy view with ``context()``, ``env.unwrapped.last_line`` the newest `Line`; ``info="rich"`` puts both into infos,
  as ``dialogue`` and ``utterance``, ``info="numbers"`` tells every agent role, turn and tokens alone (`infos`).
  None of these shows the gold answer or a grade; ``env.unwrapped.state_now`` does.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import AECEnv

from tracer_env.dialogue import Dialogue, Line
from tracer_env.envs.infos import MASKS, checked_info, of_kind
from tracer_env.envs.render_modes import checked_mode
from tracer_env.envs.reset_options import picked
from tracer_env.envs.signal_features import ALL_FEATURES, SignalFeatures
from tracer_env.envs.snapshot import Snapshot
from tracer_env.errors import ConfigError
from tracer_env.information import FEATURES, sight, vote_and_time
from tracer_env.interfaces import Information, Request, Reward, Scenario, Speaker
from tracer_env.parts.contracts import VOUCHED, key_of, payment, speaker_raised
from tracer_env.parts.task_contracts import OURS, task_at
from tracer_env.parts.worlds import played_in
from tracer_env.randomness import stream
from tracer_env.rewards import RoleCredit
from tracer_env.rules import FREE, DialogueState, Rules, advance, initial, legal_actions
from tracer_env.terminal.plain import visible
from tracer_env.types import Task
from tracer_env.verification.referee import received, unread_by

__all__ = ["DialogueEnv"]

_NO_CHOICE = MASKS[0, 0]
_NO_DIALOGUE = "the environment has no dialogue yet: call reset() first"
RENDER_MODES = ("human", "ansi")


class DialogueEnv(AECEnv[str, dict[str, Any], int]):  # type: ignore[misc]  # PettingZoo ships no types
    """A dialogue of N agents over the tasks of a scenario.

    Observations are ``{"observation": float32 (F,), "action_mask": int8 (2,)}`` with the F features named in
    `information.FEATURES`, with fitted ``features`` in `signal_features.ALL_FEATURES`. Actions are 0 SKIP and 1 SPEAK;
    any integer type is accepted, and an action that the mask forbids raises IllegalActionError.
    """

    metadata = {  # noqa: RUF012 (PettingZoo's own convention)
        "name": "dialogue_v0",
        "render_modes": list(RENDER_MODES),
        "is_parallelizable": False,
        "render_fps": 1,
    }

    def __init__(
        self,
        scenario: Scenario,
        speaker: Speaker,
        rules: Rules | None = None,
        reward: Reward | None = None,
        information: Information = vote_and_time,
        render_mode: str | None = None,
        features: SignalFeatures | None = None,
        info: str = "plain",
    ) -> None:
        super().__init__()
        self.told = checked_info(info)
        self.scenario, self.speaker = scenario, speaker
        self.rules = rules or Rules()
        self.reward: Reward = reward or RoleCredit()
        self.information, self.features = information, features
        self.render_mode = checked_mode(render_mode, RENDER_MODES)
        ours = type(self.reward).__module__ == RoleCredit.__module__
        self._reward: Reward = self.reward if ours else partial(payment, self.reward)
        self.possible_agents = [f"agent_{index}" for index in range(self.rules.num_agents)]
        self.agents: list[str] = []
        shape = (len(FEATURES if features is None else ALL_FEATURES),)
        view = spaces.Dict(
            {"observation": spaces.Box(-1.0, 1.0, shape, np.float32), "action_mask": spaces.Box(0, 1, (2,), np.int8)}
        )
        self.observation_spaces: dict[str, spaces.Space[Any]] = dict.fromkeys(self.possible_agents, view)
        self.action_spaces: dict[str, Any] = {agent: spaces.Discrete(2) for agent in self.possible_agents}
        self._seats, self._unread = self.rules.seats, unread_by(scenario)
        self._names = tuple(seat.name for seat in self._seats)
        self._roles = (*(seat.role for seat in self._seats), self._seats[-1].role)
        self._mask, self._mask_array = (0, 0), _NO_CHOICE
        self._seed, self._episode, self._by_id = 0, -1, dict[str, int]()
        self._zeros = dict.fromkeys(self.possible_agents, 0.0)
        self._falses = dict.fromkeys(self.possible_agents, False)
        self._state: DialogueState | None = None
        self._last_line: Line | None = None

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Return the space of an agent's observations, the same object at each call."""
        space: spaces.Space[Any] = self.observation_spaces[agent]
        return space

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Return the space of an agent's actions, the same object at each call."""
        space: spaces.Space[Any] = self.action_spaces[agent]
        return space

    @property
    def state_now(self) -> DialogueState:
        """The dialogue, gold answer and grades included; raises ConfigError before the first reset."""
        if self._state is None:
            raise ConfigError(_NO_DIALOGUE)
        return self._state

    @property
    def dialogue(self) -> Dialogue:
        """What the acting seat may read, rendered when it is asked for; raises ConfigError before the first reset."""
        return Dialogue(self.state_now)

    @property
    def last_line(self) -> Line | None:
        """The newest utterance, None before there is one; its text is rendered when it is read."""
        return self._last_line

    # -- playing -------------------------------------------------------------------------------

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin an episode: see the module's docstring for which.

        It may be called at any time, in the middle of an episode too, which is then forgotten. No speaker is asked:
        turn 1 is the first proposer's, whose mask allows SPEAK alone. Foreign options are ignored. Raises ConfigError
        for a misspelt option, a negative world and a world that the speaker does not have, UnknownNameError for an
        unknown task id; the environment then has counted an episode and stands where it stood.
        """
        if seed is not None:
            self._seed, self._episode = int(seed), -1
        self._episode += 1
        task, self._world = self._picked(options) if options else self._next()
        self._stream = stream(self._seed, task.id, self._world)
        self._state = initial(task, self.rules)
        self._tokens = 0
        self._last_line = None
        self.agents = self.possible_agents[:]
        self.rewards, self._cumulative_rewards = self._zeros.copy(), self._zeros.copy()
        self.terminations, self.truncations = self._falses.copy(), self._falses.copy()
        self.infos = {agent: {"action_mask": _NO_CHOICE} for agent in self.agents}
        self._skip_agent_selection: str | None = None
        self._seat_next(self._state)

    def step(self, action: int | None) -> None:
        """Play the action of the agent that acts, `agent_selection`; None when its episode is over.

        After the end every agent takes one step with None, as PettingZoo's loop does, and leaves ``agents``; any other
        action is then PettingZoo's ValueError. Before the first reset it is ConfigError. An action that the mask
        forbids, or that is no integer, is IllegalActionError. A speaker that raises, or returns something else than one
        utterance, is SpeakerError with task, seat and turn. Whatever is raised, the dialogue stands where it stood, and
        the step may be taken again.
        """
        agent = self.agent_selection
        if self.terminations[agent]:
            self._was_dead_step(action)
            return
        before = self._state
        if before is None:
            raise ConfigError(_NO_DIALOGUE)
        if action == 1 and self._mask[1]:
            requests = (Request(before, self._seats[before.turn], self._stream, 1, self._unread),)
            try:
                spoken = self.speaker.speak(requests)
            except BaseException as error:
                raise speaker_raised(self.speaker, requests, error) from error
            if type(spoken) is list and len(spoken) == 1 and VOUCHED[type(spoken[0])]:
                said = spoken[0]
            else:
                said = received(spoken, requests, self.speaker, self.scenario)[0]
            after = advance(before, 1, said)
            self._tokens += said.prompt_tokens + said.completion_tokens
            self._last_line = Line(after.turns[-1])
        else:  # a plain 0 for SKIP of any type
            after = advance(before, 0 if action == 0 else action)  # type: ignore[arg-type]  # None is refused there
        self._state = after
        self._pay(agent, self._reward(before, after))
        if after.over:
            self._finish(after)
        else:
            self.infos[agent] = {"action_mask": _NO_CHOICE}
            self._seat_next(after)
        if self.render_mode == "human":
            self.render()

    def observe(self, agent: str) -> dict[str, Any]:
        """Return what an agent sees: the features of the turn, and its own mask, as arrays of the caller's own.

        All agents see the same features; those that do not act have the mask (0, 0), and so has everybody after the
        end. Raises ConfigError before the first reset.
        """
        if self._state is None:
            raise ConfigError(_NO_DIALOGUE)
        mask = self._mask_array if agent == self.agent_selection else _NO_CHOICE
        return {"observation": self._features.copy(), "action_mask": mask.copy()}

    def _pay(self, agent: str, rewards: tuple[float, ...]) -> None:
        cumulative = self._cumulative_rewards
        cumulative[agent] = 0.0
        for name, reward in zip(self.possible_agents, rewards, strict=False):
            self.rewards[name] = reward
            if reward:
                cumulative[name] += reward

    def _next(self) -> tuple[Task, int]:
        scenario = self.scenario
        world, index = played_in(self._episode, len(scenario))
        return (scenario[index] if OURS[type(scenario)] else task_at(scenario, index)), world

    def _picked(self, options: Mapping[str, Any]) -> tuple[Task, int]:
        index, world = picked(options, self._episode, self.scenario, self.speaker, self._by_id)
        return task_at(self.scenario, index), world

    def _seat_next(self, state: DialogueState) -> None:
        self.agent_selection = agent = self._names[state.turn]
        self._mask = mask = FREE if state.proposals else legal_actions(state)
        self._mask_array = MASKS[mask]
        self.infos[agent] = info = self._info(state)
        if self.told == "numbers":
            self.infos = {name: info.copy() for name in self.agents}

    def _finish(self, state: DialogueState) -> None:
        self._mask, self._mask_array = (0, 0), _NO_CHOICE
        info = self._info(state)
        for agent in self.agents:
            self.terminations[agent] = True
            self.infos[agent] = info.copy()
        self.agent_selection = self.agents[(state.turn - 1) % len(self.agents)]

    def _seen(self, state: DialogueState) -> tuple[NDArray[np.float32], str]:
        seen = sight(state)
        return seen if self.features is None else (self.features(state), seen[1])

    def _info(self, state: DialogueState) -> dict[str, Any]:
        self._features, key = self._seen(state)
        if self.information is not vote_and_time:
            key = key_of(self.information, state)
        info = {
            "action_mask": self._mask_array,
            "role": self._roles[state.turn],
            "turn": state.turn,
            "information_state": key,
            "tokens": self._tokens,
        }
        return info if self.told == "plain" else of_kind(self.told, info, self._last_line, state)

    # -- looking -------------------------------------------------------------------------------

    def render(self) -> str | None:
        """Return the dialogue as text (``ansi``) or print its newest line (``human``)."""
        if self.render_mode not in RENDER_MODES:
            return None
        if self.render_mode == "ansi":
            return self.dialogue.context()
        silent = self.state_now.turns and self.state_now.turns[-1].utterance is None
        print(visible("(silence)" if silent else str(self._last_line or self.state_now.task.question)))
        return None

    def close(self) -> None:
        """Release nothing: speakers belong to whoever made them."""

    def get_state(self) -> Snapshot:
        """Return where the environment stands; cheap, since the dialogue is immutable."""
        return Snapshot(
            dialogue=self.state_now,
            seed=self._seed,
            episode=self._episode,
            stream=self._stream,
            world=self._world,
            agents=tuple(self.agents),
            selection=self.agent_selection,
            dead=tuple(agent for agent, ended in self.terminations.items() if ended),
            rewards=dict(self.rewards),
            cumulative=dict(self._cumulative_rewards),
            last_line=self._last_line,
            tokens=self._tokens,
            skip_selection=self._skip_agent_selection,
        )

    def set_state(self, snapshot: Snapshot) -> None:
        """Stand where ``snapshot`` was taken, from an environment with the same rules.

        Raises ConfigError when the rules differ.
        """
        if snapshot.dialogue.rules != self.rules:
            raise ConfigError(f"the snapshot was taken under other rules: {snapshot.dialogue.rules}")
        self._state = snapshot.dialogue
        self._seed, self._episode = snapshot.seed, snapshot.episode
        self._stream, self._world = snapshot.stream, snapshot.world
        self._tokens, self._last_line = snapshot.tokens, snapshot.last_line
        self.agents, self.agent_selection = list(snapshot.agents), snapshot.selection
        self.rewards, self._cumulative_rewards = dict(snapshot.rewards), dict(snapshot.cumulative)
        self.terminations = {agent: agent in snapshot.dead for agent in self.agents}
        self.truncations = dict.fromkeys(self.agents, False)
        self._skip_agent_selection = snapshot.skip_selection
        over, self._mask = snapshot.dialogue.over, legal_actions(snapshot.dialogue)
        self._mask_array, self._features = MASKS[self._mask], self._seen(snapshot.dialogue)[0]
        self.infos = {agent: {"action_mask": _NO_CHOICE} for agent in self.agents}
        for agent in self.agents if over or self.told == "numbers" else [self.agent_selection]:
            self.infos[agent] = self._info(snapshot.dialogue)

    def clone(self) -> DialogueEnv:
        """Return an independent environment at the same place; scenario and speaker are shared.

        The same actions give both the same words, rewards and infos, after the end and before the first reset too (the
        twin then has to be reset as well); the noise of coming episodes is the same, and no step of one moves the
        other. A speaker with a state of its own, as a user's may have, is the one thing that both still share.
        """
        twin = copy.copy(self)
        if self._state is not None:
            twin.set_state(self.get_state())
        return twin
