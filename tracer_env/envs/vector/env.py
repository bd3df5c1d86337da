"""Thousands of dialogues at once: the Gymnasium vector view of `wrappers.ControllerEnv`.

    gymnasium.make_vec("tracer_env/Controller-v0", num_envs=8192, vectorization_mode="vector_entry_point",
                       scenario="arithmetic", speaker="simulated", reward="team", stop_when="kept")

Sub-environment i has seed s + i and plays episode 0, 1, 2, ... of that seed: the same tasks, worlds, luck,
observations, rewards and tokens as a `ControllerEnv` of its own, float by float. Only real choices are shown; forced
turns and those of other seats are played inside a step, so the dialogues drift apart in turn number. The dialogues
themselves are played on the tables of `machine`, by `simulated`, or by `recorded` for the speakers ``recorded`` and
``recorded:DIR``. A folder's recording knows its own seed alone: ``reset(seed=[s] * N)`` has all play the same
episodes, ``make_speaker("recorded:DIR", any_seed=True)`` each its own.

Autoreset as Gymnasium specifies: under NEXT_STEP (the default) the step after an end ignores the action, pays 0 and
shows the next episode's first choice; under SAME_STEP the step that ends shows it at once, and
``infos["final_obs"]`` (N, F) and ``infos["final_info"]`` hold the end where ``infos["_final_obs"]`` is true.

``infos`` holds arrays with one entry a sub-environment, each with its ``_name`` mask: ``action_mask``, ``role``,
``turn``, ``tokens``, ``episodes_without_choice``, and ``information_code``, which indexes the tuple
``information_states`` (strings would cost more than the step). Any composition of shipped parts is told. Texts and
`Dialogue` views are not to be had here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from tracer_env.envs.feature_fitting import features_for
from tracer_env.envs.render_modes import checked_mode
from tracer_env.envs.signal_features import ALL_FEATURES, SignalFeatures
from tracer_env.envs.vector.fixed import FixedChoices
from tracer_env.envs.vector.keys import VectorKeys, observed_of, plain_parts, told_parts
from tracer_env.envs.vector.machine import compile_machine, counts_answers, fixed_keys
from tracer_env.envs.vector.parts import (
    check_begun_by_itself,
    check_parts,
    check_rules,
    chosen_actions,
    keep_freed_memory,
    picked,
    rates_of,
    seeds_of,
)
from tracer_env.envs.vector.recorded import RecordedDialogues, recorded_wrong_answers, recording_of
from tracer_env.envs.vector.simulated import SimulatedDialogues, seed_keys, wrong_answer_counts
from tracer_env.envs.wrappers import learning_turns
from tracer_env.errors import ConfigError
from tracer_env.information import FEATURES
from tracer_env.interfaces import Controller, Information, Reward, Scenario
from tracer_env.parts.casting import make_controller, make_reward, make_rules, make_scenario, make_speaker
from tracer_env.parts.task_contracts import check_each
from tracer_env.registry import resolve
from tracer_env.rewards import TeamMinusTokens
from tracer_env.rules import Rules

__all__ = ["ControllerVectorEnv", "make_vector_env"]

_PATIENCE = 1000  # as in `ControllerEnv`

Steps = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]
"""What step() returns."""


class ControllerVectorEnv(VectorEnv[NDArray[np.float32], NDArray[np.int64], NDArray[Any]]):
    """One learning controller in ``num_envs`` simulated or recorded dialogues; see the module's docstring.

    Observations are float32 (N, F), actions integers (N,), both actions legal at every step. Raises ConfigError on
    construction for parts that only single environments can play, naming what to do.
    """

    def __init__(
        self,
        num_envs: int,
        scenario: Scenario,
        speaker: Any,
        rules: Rules,
        reward: Reward,
        information: str | Information = "vote_and_time",
        seats: Sequence[str] | str = "all",
        others: Controller | None = None,
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
        features: SignalFeatures | None = None,
    ) -> None:
        check_begun_by_itself(num_envs, autoreset_mode)
        self.num_envs, self.rules, self.features = num_envs, rules, features
        self.metadata = {"render_modes": [], "autoreset_mode": autoreset_mode}
        width = len(FEATURES if features is None else ALL_FEATURES)
        self.single_observation_space = spaces.Box(-1.0, 1.0, (width,), np.float32)
        self.single_action_space = spaces.Discrete(2)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        check_each(scenario)
        recording, tasks = recording_of(speaker, rules), list(scenario)
        rates = None if recording else rates_of(speaker)
        check_rules(rules, bool(recording))
        self._speaker = speaker
        self._names = {task.id: place for place, task in enumerate(tasks)}
        fixed = others if others is not None else resolve("controller", "always")[0]()
        tell = check_parts(reward, information, fixed)
        plain, learns = plain_parts(tell), learning_turns(rules, seats)
        wrong, keys = 1, (plain, *fixed_keys(rules, learns, fixed, plain).values())
        if rules.final_answer == "majority" or any(map(counts_answers, keys)):
            counts = wrong_answer_counts(rates, tasks) if rates else recorded_wrong_answers(speaker.trees, rules)
            wrong = int(np.max(counts))
        self._machine = compile_machine(rules, reward, plain, learns, fixed, wrong)
        self._keys_of = VectorKeys(self._machine, tell)
        self.information_states = self._keys_of.names
        self._fixed = FixedChoices(self._machine, rules, learns, fixed, plain)
        signals = features is not None or bool(told_parts(tell)) or self._fixed.hears
        self._dialogues: SimulatedDialogues | RecordedDialogues = (
            SimulatedDialogues(self._machine, rates, rules, tasks, num_envs, signals)
            if rates
            else RecordedDialogues(self._machine, speaker, rules, tasks, num_envs)
        )
        self._price = reward.price if isinstance(reward, TeamMinusTokens) else 0.0
        self._records, self._inside = self._machine.record.view(np.uint64), self._machine.inside.copy()
        self._inside[0] = False  # turn 1 is played by whoever begins the dialogue
        self._others_act = bool(self._inside.any())
        self._prepaid = self._others_act or self._price > 0 or bool(self._machine.reward[: self._machine.moves].any())
        self._seeds = np.arange(num_envs, dtype=np.uint64)
        self._keys, self._episode = seed_keys(self._seeds), np.full(num_envs, -1, dtype=np.int64)
        self._without_choice = np.zeros(num_envs, dtype=np.int64)
        self._carried = np.zeros(num_envs)  # paid before the first choice of the episode
        self._ended: NDArray[np.bool_] | None = None  # None before the first reset
        self._everyone = np.ones(num_envs, dtype=bool)
        self._everyone.flags.writeable = False
        keep_freed_memory()

    @property
    def autoreset_mode(self) -> AutoresetMode:
        """How finished dialogues begin anew."""
        mode: AutoresetMode = self.metadata["autoreset_mode"]
        return mode

    @property
    def turns(self) -> int:
        """How many turns have been played since construction, forced ones included."""
        return self._dialogues.turns

    # -- Gymnasium's doors -------------------------------------------------------------------------

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin the next episode of every sub-environment, or episode 0 of seeds ``seed + i`` (or of a list of seeds).

        ``options={"task": id, "world": w}`` override for this episode which task is played in which world.
        """
        if seed is not None:
            if isinstance(seed, int | np.integer):
                super().reset(seed=int(seed))
            self._seeds = seeds_of(seed, self.num_envs)
            self._keys = seed_keys(self._seeds)
            self._episode[:] = -1
        everyone = np.arange(self.num_envs)
        self._open(everyone, *picked(options, self._names, self.num_envs, self._speaker))
        records = self._look()
        self._ended = np.zeros(self.num_envs, dtype=bool)
        return self._observe(), self._infos(records)

    def step(self, actions: NDArray[np.integer[Any]]) -> Steps:
        """Play each learner's choice and on to its next one, or to the end of its dialogue."""
        if self._ended is None:
            raise ConfigError("the environment has no dialogues yet: call reset() first")
        chosen = chosen_actions(actions, self.num_envs)
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            return self._same_step(chosen)
        fresh = np.flatnonzero(self._ended)
        if fresh.size:
            self._begin(fresh)
        reward = self._played(chosen)
        if fresh.size:
            if self._prepaid:
                self._carried[fresh] = reward[fresh]
            reward[fresh] = 0.0
            self._skip_choiceless(fresh)
        records = self._look()
        self._ended = np.ascontiguousarray(records["over"])
        return self._observe(), reward, self._ended.copy(), np.zeros(self.num_envs, bool), self._infos(records)

    def _same_step(self, chosen: NDArray[np.uint8]) -> Steps:
        reward = self._played(chosen)
        records = self._look()
        ended = np.ascontiguousarray(records["over"])
        infos: dict[str, Any] = {}
        done = np.flatnonzero(ended)
        if done.size:
            end = self._infos(records)
            end.update({f"_{name}": ended for name in list(end) if not name.startswith("_")})
            infos = {"final_obs": self._observe(), "final_info": end, "_final_obs": ended, "_final_info": ended}
            self._open(done)
            records = self._look()
        infos.update(self._infos(records))
        return self._observe(), reward, ended.copy(), np.zeros(self.num_envs, bool), infos

    # -- playing -----------------------------------------------------------------------------------

    def _played(self, chosen: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Play one turn of all dialogues and on to the learner's next choice; return what it paid."""
        reward = self._dialogues.play(chosen, self._price)
        if self._prepaid:
            reward += self._carried
            self._carried[:] = 0.0
        if self._others_act:
            self._play_on(np.arange(self.num_envs), reward)
        return reward

    def _play_on(self, who: NDArray[np.int64], reward: NDArray[np.float64]) -> None:
        """Play the turns of others and forced ones of dialogues ``who``, adding to ``reward`` (m,)."""
        place = np.flatnonzero(self._inside[self._dialogues.code[who]])
        while place.size:
            some = who[place]
            reward[place] += self._dialogues.play_some(some, self._fixed.of(self._dialogues, some), self._price)
            place = place[self._inside[self._dialogues.code[some]]]

    def _begin(
        self,
        who: NDArray[np.int64],
        task: NDArray[np.int64] | None = None,
        world: NDArray[np.int64] | None = None,
    ) -> None:
        """Put dialogues ``who`` before turn 1 of their next episodes."""
        episode = self._episode[who]
        episode += 1
        self._episode[who] = episode
        count = len(self._names)
        worlds = episode // count
        tasks = episode - worlds * count if task is None else task
        self._dialogues.begin(who, self._keys[who], tasks, worlds if world is None else world)

    def _open(
        self,
        who: NDArray[np.int64],
        task: NDArray[np.int64] | None = None,
        world: NDArray[np.int64] | None = None,
    ) -> None:
        """Begin the next episodes of dialogues ``who`` and play up to the learner's first choice."""
        for _ in range(_PATIENCE):
            self._begin(who, task, world)
            paid = self._dialogues.play_some(who, np.ones(len(who), dtype=np.uint8), self._price)
            if self._others_act:
                self._play_on(who, paid)
            self._carried[who] = paid
            over = self._machine.over[self._dialogues.code[who]]
            if not over.any():
                return
            self._count_choiceless(who[over])
            who = who[over]
            task, world = (None if part is None else part[over] for part in (task, world))
        raise ConfigError(
            f"{_PATIENCE} episodes in a row ended before the learner's first choice; "
            "give it other seats, other rules, or other fixed controllers"
        )

    def _skip_choiceless(self, fresh: NDArray[np.int64]) -> None:
        if self._others_act:
            over = fresh[self._machine.over[self._dialogues.code[fresh]]]
            if over.size:
                self._count_choiceless(over)
                self._open(over)

    def _count_choiceless(self, who: NDArray[np.int64]) -> None:
        self._without_choice = self._without_choice.copy()  # the old one may be in somebody's infos
        self._without_choice[who] += 1

    # -- looking -----------------------------------------------------------------------------------

    def _look(self) -> NDArray[np.void]:
        taken: NDArray[np.void] = self._records.take(self._dialogues.code, mode="clip").view(self._machine.record.dtype)
        return taken

    def _observe(self) -> NDArray[np.float32]:
        if self.features is not None:
            return self.features.of(observed_of(self._machine, self._dialogues))
        return self._machine.features.take(self._dialogues.code, axis=0, mode="clip")

    def _infos(self, records: NDArray[np.void]) -> dict[str, Any]:
        every = self._everyone
        return {
            "action_mask": records["mask"],
            "_action_mask": every,
            "role": records["role"],
            "_role": every,
            "turn": records["turn"],
            "_turn": every,
            "information_code": self._keys_of.codes(records, self._dialogues),
            "_information_code": every,
            "tokens": self._dialogues.tokens.copy(),
            "_tokens": every,
            "episodes_without_choice": self._without_choice,
            "_episodes_without_choice": every,
        }


def make_vector_env(
    num_envs: int = 1,
    scenario: Any = "arithmetic",
    speaker: Any = "simulated",
    *,
    rules: Rules | None = None,
    reward: Any = "role_credit",
    information: str | Information = "vote_and_time",
    seats: Sequence[str] | str = "all",
    others: Any = "always",
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    render_mode: str | None = None,
    features: Any = "public",
    **settings: Any,
) -> ControllerVectorEnv:
    """Return the vector view; arguments and settings are those of `wrappers.make_controller_env`."""
    checked_mode(render_mode, ())
    made, voices = make_rules(rules, **settings), make_speaker(speaker)
    return ControllerVectorEnv(
        num_envs,
        make_scenario(scenario),
        voices,
        made,
        make_reward(reward),
        information,
        seats,
        make_controller(others, made),
        AutoresetMode(autoreset_mode),
        features_for(features, scenario, voices, made),
    )
