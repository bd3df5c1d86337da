"""Tianshou: its high-level experiments by id, its vectors and collectors, and agents by seat through PettingZooEnv."""

from __future__ import annotations

from typing import Any

import gymnasium
from tianshou.algorithm import DQN
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.multiagent.marl import MultiAgentOffPolicyAlgorithm
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv, PettingZooEnv, SubprocVectorEnv
from tianshou.highlevel.config import OffPolicyTrainingConfig
from tianshou.highlevel.env import EnvFactoryRegistered, VectorEnvType
from tianshou.highlevel.experiment import DQNExperimentBuilder, ExperimentConfig
from tianshou.highlevel.params.algorithm_params import DQNParams
from tianshou.trainer import OffPolicyTrainerParams
from tianshou.utils.net.common import Net
from told import Use, tell

import tracer_env

ID = "tracer_env/Controller-v0"


def high_level() -> None:
    training = OffPolicyTrainingConfig(
        max_epochs=1,
        epoch_num_steps=100,
        batch_size=16,
        num_training_envs=2,
        num_test_envs=2,
        buffer_size=200,
        collection_step_num_env_steps=20,
        update_step_num_gradient_steps_per_sample=0.1,
    )
    factory = EnvFactoryRegistered(task=ID, venv_type=VectorEnvType.DUMMY)
    builder = DQNExperimentBuilder(factory, ExperimentConfig(persistence_enabled=False, watch=False), training)
    builder.with_dqn_params(DQNParams(lr=1e-3)).with_model_factory_default(hidden_sizes=(16,)).build().run()


def _dqn(space: Any) -> Any:
    policy = DiscreteQLearningPolicy(
        model=Net(state_shape=(11,), action_shape=2, hidden_sizes=[16]), action_space=space, eps_training=0.1
    )
    return DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3), target_update_freq=10)


def _trained(algorithm: Any, training: Any, testing: Any) -> None:
    collector = Collector(algorithm, training, VectorReplayBuffer(200, len(training)), exploration_noise=True)
    collector.reset()
    collector.collect(n_step=40, random=False)
    found = algorithm.run_training(
        OffPolicyTrainerParams(
            training_collector=collector,
            test_collector=Collector(algorithm, testing),
            max_epochs=1,
            epoch_num_steps=60,
            collection_step_num_env_steps=20,
            test_step_num_episodes=2,
            batch_size=16,
        )
    )
    assert found is not None


def procedural() -> None:
    for vectors in (DummyVectorEnv, SubprocVectorEnv):
        made = [vectors([lambda: gymnasium.make(ID, reward="team") for _ in range(2)]) for _ in range(2)]
        _trained(_dqn(gymnasium.make(ID).action_space), *made)


def by_seat() -> None:
    env = PettingZooEnv(tracer_env.env(reward="team"))
    algorithms = [_dqn(env.action_space) for _ in env.agents]
    both = MultiAgentOffPolicyAlgorithm(algorithms=algorithms, env=env)
    made = [DummyVectorEnv([lambda: PettingZooEnv(tracer_env.env(reward="team"))] * 2) for _ in range(2)]
    _trained(both, *made)


if __name__ == "__main__":
    raise SystemExit(
        tell(
            "tianshou",
            Use("experiment by id", high_level, "`tianshou[eval]`, which its experiments import, and pandas before 3"),
            Use("vectors of objects", procedural),
            Use("PettingZooEnv, agents by seat", by_seat),
        )
    )
