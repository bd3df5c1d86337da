"""The methods that train a language model, by name: what each is, and what of its paper is here.

    tracer-env train --method grpo --speaker nano --scenario arithmetic --set scenario.level=2 --steps 12

One run folder and one loop for all of them (`language`): a method is its settings (`settings.METHODS`), where its
samples come from, and what they are paid. All doors take what `language.train_run` takes.
"""

from __future__ import annotations

from typing import Any

from tracer_env.runs.config import Config
from tracer_env.trainers.runs.language import train_run

__all__ = ["grpo", "gspo", "magrpo", "maporl", "tracer"]


def gspo(config: Config | None = None, method: str = "gspo", **others: Any) -> dict[str, Any] | None:
    """Trains one role by GSPO (arXiv 2507.18071): a ratio for each utterance.

    G candidates in one context, compared with each other; the ratio is the length-normalised one of the whole
    utterance, clipped at the paper's 3e-4 and 4e-4. Left out: its token-level variant GSPO-token.
    """
    return train_run(config, method, **others)


def grpo(config: Config | None = None, method: str = "grpo", **others: Any) -> dict[str, Any] | None:
    """Trains one role by GRPO (arXiv 2402.03300): a ratio for each token.

    The same trainer with the objective `gspo.loss.grpo_loss`: each token's ratio is clipped alone (0.2), a row is the
    mean of its tokens, the loss the mean of rows, as in the paper's equation 3 and in TRL's ``loss_type="grpo"`` at
    ``importance_sampling_level="token"``, against which the loss and its gradient are tested. Outcome supervision,
    advantages over mean and deviation of the group, with ``gspo.beta`` the paper's divergence from the model before
    training. Left out: process supervision, and a reward model that is trained along.
    """
    return train_run(config, method, **others)


def tracer(config: Config | None = None, method: str = "tracer", **others: Any) -> dict[str, Any] | None:
    """Trains when to speak and what to say together, TRACER (arXiv 2605.28699): regret matching and GSPO in turn."""
    return train_run(config, method, **others)


def magrpo(config: Config | None = None, method: str = "magrpo", **others: Any) -> dict[str, Any] | None:
    """Trains a whole team by MAGRPO (arXiv 2508.04652): one reward for the dialogue, given to all who spoke.

    What of the paper is here and what is not: `team.returns`. The section is ``[magrpo]``.
    """
    return train_run(config, method, **others)


def maporl(config: Config | None = None, method: str = "maporl", **others: Any) -> dict[str, Any] | None:
    """Trains a whole team by MAPoRL (arXiv 2502.18439), by GRPO in the place of PPO: right answers, and moving others.

    Which terms of the reward are here: `team.influence`. The section is ``[maporl]``.
    """
    return train_run(config, method, **others)
