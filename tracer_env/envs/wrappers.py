"""Other views of the same dialogue: PettingZoo's parallel view, and Gymnasium's for one learning controller.

The Gymnasium view (`ControllerEnv`, registered as ``tracer_env/Controller-v0``) shows only the turns at which the
learner has a real choice, so every action is legal there. Forced turns and the turns of other seats are
played inside it. An episode that ends before the learner's first choice is counted in
``info["episodes_without_choice"]``, and the next begins.

The reward of a step is what the moves since the last choice (the chosen one included) paid to the
agent that chose; what was paid before the first choice of an episode goes to the first step. So under
`Team` rewards the return is the accuracy.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo.utils.conversions import turn_based_aec_to_parallel_wrapper
from pettingzoo.utils.wrappers import AssertOutOfBoundsWrapper, OrderEnforcingWrapper

from tracer_env.compositions import check_ready, information_named
from tracer_env.dialogue import Dialogue
from tracer_env.envs.aec import DialogueEnv
from tracer_env.envs.feature_fitting import features_for
from tracer_env.envs.render_modes import checked_mode
from tracer_env.envs.signal_features import ALL_FEATURES
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.information import FEATURES
from tracer_env.interfaces import Controller
from tracer_env.parts.casting import make_controller, make_reward, make_rules, make_scenario, make_speaker
from tracer_env.parts.contracts import asked_under, key_of, probability
from tracer_env.parts.own_parts import take_in
from tracer_env.parts.seams import check_plays
from tracer_env.randomness import Purpose, uniform
from tracer_env.rules import FREE, Rules, legal_actions
from tracer_env.types import Role, Seat

T = TypeVar("T")

__all__ = ["ControllerEnv", "env", "in_parallel", "learning_turns", "make_controller_env", "parallel_env", "raw_env"]

_WAITING = np.array([1, 0], dtype=np.int8)
_WAITING.flags.writeable = False
_PATIENCE = 1000
"""Episodes in a row without a choice of the learner before the environment says that none will come."""


def raw_env(
    scenario: Any = "arithmetic",
    speaker: Any = "simulated",
    *,
    rules: Rules | None = None,
    reward: Any = "role_credit",
    information: Any = "vote_and_time",
    render_mode: str | None = None,
    features: Any = "public",
    info: str = "plain",
    **settings: Any,
) -> DialogueEnv:
    """Return the bare AEC environment.

    ``scenario`` is a name, a Scenario or a list of Task; ``speaker`` a name, a Speaker, a function
    ``prompt -> text`` or a mapping by seat; ``settings`` are those of `Rules` (``num_agents=2``, ``max_turns=5``, ...).
    ``features``: ``public``, or ``all``: with what speakers tell of their words, scaled (`signal_features`); fitted
    features, or their file. ``info``: ``plain``, ``rich``: with the dialogue and the newest line as objects, or
    ``numbers``: role, turn and tokens, the same for all agents (`infos`).
    """
    made, voices = make_rules(rules, **settings), make_speaker(speaker)
    take_in(information)
    check_plays(voices, made)
    return DialogueEnv(
        make_scenario(scenario),
        voices,
        made,
        make_reward(reward),
        check_ready(information_named(information)),
        render_mode,
        features_for(features, scenario, voices, made),
        info,
    )


def _as_raw_env(made: type[Any] | object) -> Callable[[T], T]:
    """Give a function that passes its arguments on to `raw_env` the signature that they have there."""

    def signed(function: T) -> T:
        whole = inspect.signature(raw_env).replace(return_annotation=made)
        setattr(function, "__signature__", whole)  # noqa: B010 - functions have no such attribute for type checkers
        return function

    return signed


@_as_raw_env(OrderEnforcingWrapper)
def env(*arguments: Any, **settings: Any) -> OrderEnforcingWrapper[Any, Any, Any]:
    """Return `raw_env` inside PettingZoo's order and range checks."""
    return OrderEnforcingWrapper(AssertOutOfBoundsWrapper(raw_env(*arguments, **settings)))


@_as_raw_env(Any)
def parallel_env(*arguments: Any, **settings: Any) -> Any:
    """Return the turn-based parallel view: at each step all agents act, and the acting one's action counts."""
    return in_parallel(raw_env(*arguments, **settings))


def in_parallel(inner: DialogueEnv, seen: Callable[[Any], Any] | None = None) -> Any:
    """Return the parallel view of a bare environment; ``seen`` is a wrapper that changes what agents observe."""
    view = _Numbers if inner.told == "numbers" else turn_based_aec_to_parallel_wrapper
    waiting = _Parallelizable(inner)
    return view(waiting if seen is None else seen(waiting))


class _Numbers(turn_based_aec_to_parallel_wrapper):  # type: ignore[misc]  # PettingZoo ships no types
    """PettingZoo's turn-based parallel view without the name that its steps put into infos, and its resets do not."""

    def step(self, actions: dict[str, int]) -> tuple[dict[str, Any], ...]:
        """Play the acting agent's action; infos hold numbers alone."""
        told: tuple[dict[str, Any], ...] = super().step(actions)
        for info in told[-1].values():
            info.pop("active_agent", None)
        return told


class _Parallelizable(OrderEnforcingWrapper[Any, Any, Any]):  # type: ignore[misc]  # PettingZoo ships no types
    """Says that the turn-based parallel view suits this environment (PettingZoo asks), and gives who waits an action.

    All agents are asked at every step there, and a distribution over no action is none: so SKIP is legal for those who
    wait, and counts for nothing.
    """

    def __init__(self, inner: DialogueEnv) -> None:
        super().__init__(AssertOutOfBoundsWrapper(inner))
        self.metadata = {**inner.metadata, "is_parallelizable": True}

    def observe(self, agent: str) -> dict[str, Any]:
        """Return what an agent sees; who waits may skip."""
        seen: dict[str, Any] = super().observe(agent)
        if not seen["action_mask"].any():
            seen["action_mask"] = _WAITING.copy()
        return seen

    @property
    def infos(self) -> dict[str, dict[str, Any]]:
        """What is told of each agent; who waits may skip."""
        told: dict[str, dict[str, Any]] = self.env.infos
        return {
            agent: {**info, "action_mask": _WAITING}
            if "action_mask" in info and not info["action_mask"].any()
            else info
            for agent, info in told.items()
        }


class ControllerEnv(gymnasium.Env[NDArray[np.float32], np.int64]):
    """One learning controller for all seats, or for the named ones; the others are fixed.

    Observations are the features, float32 (F,); actions 0 SKIP and 1 SPEAK, both legal at every step. Raises
    ConfigError on construction when the rules leave the learner's seats no choice, and later when a
    thousand episodes in a row end without one.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012 (Gymnasium's own convention)

    def __init__(
        self,
        inner: DialogueEnv,
        seats: Sequence[str] | str = "all",
        others: Controller | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.inner, self.render_mode = inner, checked_mode(render_mode, ("ansi",))
        inner.render_mode = render_mode
        self._learns = learning_turns(inner.rules, seats)
        self._others = others
        names = FEATURES if inner.features is None else ALL_FEATURES
        self.observation_space = spaces.Box(-1.0, 1.0, (len(names),), np.float32)
        self.action_space = spaces.Discrete(2)
        self._without_choice = 0

    @property
    def dialogue(self) -> Dialogue:
        """What the seat that chooses may read, rendered when it is asked for (``dialogue.context()``)."""
        return self.inner.dialogue

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin the next episode in which the learner has a choice."""
        super().reset(seed=seed)
        for attempt in range(_PATIENCE):
            self.inner.reset(seed=seed if attempt == 0 else None, options=options)
            self._earned = self.inner._zeros.copy()
            self._play_on()
            if not self.inner.state_now.over:
                return self._observation(), self._info()
            self._without_choice += 1
        raise ConfigError(
            f"{_PATIENCE} episodes in a row ended before the learner's first choice; "
            "give it other seats, other rules, or other fixed controllers"
        )

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Play the learner's choice and on to its next one, or to the end."""
        agent = self.inner.agent_selection
        self._move(action)
        self._play_on()
        reward, over = self._earned[agent], self.inner.state_now.over
        self._earned = self.inner._zeros.copy()
        return self._observation(), reward, over, False, self._info()

    def render(self) -> str | None:
        """Return the dialogue as text."""
        return self.inner.render()

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions are legal, (2,): both, at every step that is shown. MaskablePPO asks."""
        return np.ones(2, dtype=bool)

    def _move(self, action: int) -> None:
        self.inner.step(action)
        for agent, reward in self.inner.rewards.items():
            self._earned[agent] += reward

    def _play_on(self) -> None:
        while not (state := self.inner.state_now).over:
            mask = legal_actions(state)
            if mask == FREE:
                if self._learns[state.turn]:
                    return
                chance = 1.0
                if self._others:
                    tell = asked_under(self._others, state.seat, self.inner.information)
                    chance = probability(self._others, state, key_of(tell, state))
                self._move(int(uniform(self.inner._stream, state.turn, Purpose.CHOICE) < chance))
            else:
                self._move(mask[1])

    def _observation(self) -> NDArray[np.float32]:
        features: NDArray[np.float32] = self.inner.observe(self.inner.agent_selection)["observation"]
        return features

    def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = dict(self.inner.infos[self.inner.agent_selection])
        info["action_mask"] = self.inner._mask_array.copy()
        info["episodes_without_choice"] = self._without_choice
        return info


def learning_turns(rules: Rules, seats: Sequence[str] | str) -> tuple[bool, ...]:
    """Return for each turn 0..T whether its seat learns and has a choice there.

    Raises ConfigError for a name that is no seat, and when there is no such turn.
    """
    known = [f"agent_{index}" for index in range(rules.num_agents)]
    names = known if seats == "all" else [seats] if isinstance(seats, str) else list(seats)
    roles = [role.name.lower() for role in Role]
    options = [*known, *roles, *(f"{agent}/{role}" for agent in known for role in roles)]
    for name in names:
        if name not in options:
            raise ConfigError(f"{name!r} names no seat{did_you_mean(name, options)}")
    learns = tuple(turn > 1 and _named(here, names) for turn, here in enumerate(rules.seats))
    if not any(learns):
        raise ConfigError(
            f"the seats {', '.join(names)} never have a choice under max_turns={rules.max_turns}, "
            f"num_agents={rules.num_agents}; the first turn is always spoken"
        )
    return learns


def _named(seat: Seat, names: Sequence[str]) -> bool:
    role = seat.role.name.lower()
    return any(name in names for name in (seat.name, role, f"{seat.name}/{role}"))


def make_controller_env(
    *arguments: Any,
    seats: Sequence[str] | str = "all",
    others: Any = "always",
    render_mode: str | None = None,
    **settings: Any,
) -> ControllerEnv:
    """Return the Gymnasium view; arguments and settings are those of `raw_env`.

    ``seats``: ``all``, or names like ``agent_1``, ``reviewer``, ``agent_0/proposer``; ``others``: the rest's.
    """
    inner = raw_env(*arguments, **settings)
    return ControllerEnv(inner, seats, make_controller(others, inner.rules), render_mode)
