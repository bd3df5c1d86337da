"""Learning by steps of the environment, with Stable-Baselines3 (the extra ``sb3``): `sb3:ppo` and its siblings.

The environment is ``tracer_env/Controller-v0``: in arrays where the speaker is simulated or a recording and the reward
has a table, else single ones. Sub-environment i plays the train split in its order under the seed ``seed`` + i; there
are as many, a power of two from 8 to 64, as let each come round once (one of a model, whose words cost). Returns are
not discounted: dialogues are short.

    PPO, MaskablePPO   2,048 steps (of a model 128) between two updates of 10 epochs in batches of 256, lambda 0.95,
                       entropy 0.01
    DQN                a memory of 50,000 steps, learning after 1,000, exploring over the first fifth down to 0.05

The rest is as Stable-Baselines3 has it. What it draws comes from ``seed``; the states of the random numbers of Python,
numpy and torch are put back afterwards, and torch computes on one thread, so the same seed gives the same numbers on
one machine.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tracer_env.agents.controllers.network import Network, layers_of
from tracer_env.agents.controllers.stable_baselines import StableBaselines
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.errors import MissingExtraError
from tracer_env.interfaces import Request, Scenario, Speaker
from tracer_env.parts.seams import costs_nothing, trees_of
from tracer_env.registry import OURS, resolve
from tracer_env.rewards import Team, TeamMinusTokens
from tracer_env.rules import Rules
from tracer_env.runs.learning import Lesson
from tracer_env.types import Utterance

__all__ = ["FREE_STEPS", "algorithm_of", "made_model", "network_in", "train_stable_baselines"]

FREE_STEPS = 100_000
_FEWEST, _MOST = 8, 64
_STRETCH, _OF_MODEL = 2048, 128


def train_stable_baselines(
    controller: StableBaselines,
    scenario: Scenario,
    speaker: Speaker,
    rules: Rules,
    lesson: Lesson,
) -> dict[str, Any]:
    """Train a controller in place and return what was played.

    Raises MissingExtraError without Stable-Baselines3.
    """
    algorithm_of(controller)
    free = costs_nothing(speaker)
    steps = controller.steps or (FREE_STEPS if free else 4 * lesson.episodes)
    features = (
        None if controller.features == "public" else resolve("information", OURS["fit_features"])[0](lesson.trees())
    )
    drawn = getattr(speaker, "under_any_seed", None)  # each environment has a seed of its own
    voices = speaker if drawn is None else drawn()
    rounds = steps // max(1, len(scenario) * (rules.max_turns - 1))
    count = max(_FEWEST, min(_MOST, _power_below(rounds))) if free else 1
    counted, heard = _Counted(steps, lesson), _Heard(voices)
    with _own_luck():
        envs = _environments(controller, scenario, voices, heard, rules, features, count)
        model = made_model(controller, envs, lesson.seed, steps)
        model.set_logger(_silent())
        model.learn(steps, callback=counted.callback())
        network = network_in(controller, model.policy.state_dict())
        envs.close()
    controller.network, controller.rules = network, rules
    controller.scaling = None if features is None else features.to_data()
    spent = {} if heard.tokens is None else {"tokens": heard.tokens}
    return {"steps": int(model.num_timesteps), "episodes": counted.episodes, **spent, "returns": counted.returns}


def _silent() -> Any:
    """Return a log of nothing: the one that Stable-Baselines3 makes leaves an empty folder among temporary files."""
    from stable_baselines3.common.logger import Logger

    return Logger(folder=None, output_formats=[])


def algorithm_of(controller: StableBaselines) -> Any:
    """Return the class of Stable-Baselines3 that a controller names; raises MissingExtraError where it is missing."""
    try:
        import sb3_contrib
        import stable_baselines3
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"the controller {controller.name}", "stable_baselines3", "sb3") from error
    library = sb3_contrib if controller.algorithm == "MaskablePPO" else stable_baselines3
    return getattr(library, controller.algorithm)


def made_model(controller: StableBaselines, envs: Any, seed: int, steps: int) -> Any:
    """Return a model of Stable-Baselines3 that has learned nothing yet."""
    shared = {
        "learning_rate": controller.learning_rate,
        "gamma": 1.0,
        "seed": seed % (1 << 32),
        "device": "cpu",
        "policy_kwargs": {"net_arch": [controller.hidden, controller.hidden]},
    }
    if controller.algorithm == "DQN":
        more: dict[str, Any] = {
            "buffer_size": 50_000,
            "learning_starts": min(1000, steps // 10),
            "batch_size": 128,
            "exploration_fraction": 0.2,
            "train_freq": 4,
            "gradient_steps": 8,
            "target_update_interval": 1000,
        }
    else:
        wanted = _OF_MODEL if envs.num_envs == 1 else _STRETCH
        length = max(2, _power_below(min(wanted, steps) // envs.num_envs))
        more = {"n_steps": length, "batch_size": min(256, length * envs.num_envs), "ent_coef": 0.01}
    return algorithm_of(controller)("MlpPolicy", envs, **shared, **more)


def _power_below(number: int) -> int:
    """Return the largest power of two that is at most ``number``, 1 for 0: batches fit into stretches of steps."""
    return 1 << max(number.bit_length() - 1, 0)


def network_in(controller: StableBaselines, tensors: Any) -> Network:
    """Return the network that decides in the tensors of a policy."""
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    if controller.algorithm == "DQN":
        return Network(layers_of(arrays, "q_net.q_net."), controller.activation)
    return Network(layers_of(arrays, "mlp_extractor.policy_net.", "action_net."), controller.activation)


class _Heard:
    """A speaker whose tokens are counted where it is asked; arrays ask nobody, and count none."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self.tokens: int | None = None

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        said = self._speaker.speak(requests)
        self.tokens = (self.tokens or 0) + sum(each.tokens for each in said)
        return said


def _environments(
    controller: StableBaselines,
    scenario: Scenario,
    speaker: Speaker,
    heard: _Heard,
    rules: Rules,
    features: Any,
    count: int,
) -> Any:
    parts = {"scenario": scenario, "rules": rules, "reward": controller.reward, "features": features}
    in_arrays = type(speaker) is SimulatedSpeaker or trees_of(speaker) is not None
    if in_arrays and type(controller.reward) in (Team, TeamMinusTokens):
        vector = resolve("scenario", OURS["vector_env"])[0](count, speaker=speaker, **parts, autoreset_mode="SameStep")
        return resolve("scenario", OURS["sb3_vec_env"])[0](vector)
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import DummyVecEnv

    make, _ = resolve("scenario", OURS["controller_env"])
    return DummyVecEnv([lambda: Monitor(make(speaker=heard, **parts))] * count)


class _Counted:
    """How far a training is, told to whoever waits, and the mean returns on the way."""

    def __init__(self, steps: int, lesson: Lesson) -> None:
        self.steps, self.lesson = steps, lesson
        self.episodes, self.returns = 0, list[float]()

    def callback(self) -> Any:
        """Return the callback that Stable-Baselines3 calls."""
        from stable_baselines3.common.callbacks import BaseCallback

        outer = self

        class Told(BaseCallback):  # type: ignore[misc]  # Stable-Baselines3 is not followed by the type checker
            """Counts episodes, and reports after each stretch of steps."""

            recent: list[float] = []  # noqa: RUF012 - one training each
            told = 0

            def _on_step(self) -> bool:
                ended = [info["episode"]["r"] for info in self.locals["infos"] if "episode" in info]
                outer.episodes += len(ended)
                self.recent.extend(ended)
                if self.num_timesteps - self.told >= _STRETCH and self.recent:
                    outer.returns.append(float(np.mean(self.recent)))
                    self.told = self.num_timesteps
                    self.recent.clear()
                    share = self.num_timesteps / outer.steps
                    outer.lesson.tell.reach(
                        min(outer.lesson.episodes, int(share * outer.lesson.episodes)),
                        f"return {outer.returns[-1]:.3f}",
                    )
                return True

        made = Told()
        made.recent = []
        return made


@contextmanager
def _own_luck() -> Iterator[None]:
    """Put the states of all random numbers back at the end, and have torch compute on one thread meanwhile."""
    import torch

    states, threads = (random.getstate(), np.random.get_state()), torch.get_num_threads()  # noqa: NPY002
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002 - what Stable-Baselines3 seeds
        torch.set_num_threads(threads)
