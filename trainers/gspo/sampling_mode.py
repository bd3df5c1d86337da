"""The model that is updated computes as the model that sampled: no dropout of its own, in either.

A ratio of probabilities compares one network with itself a few steps later. Dropout in the update alone would compare
two networks: of a GPT-2 with its default dropout a third of the first step's ratios lay outside the clip. So the model
stays in evaluation mode, where it samples. Only layers that are to compute their activations again in the backward pass
are told that they train, since transformers asks for that; what they drop is set to 0 meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["as_sampled"]


@contextmanager
def as_sampled(model: Any, checkpointing: bool = False) -> Iterator[None]:
    """Have a model compute as it does when it samples, until the block ends.

    ``checkpointing``: layers compute their activations again in the backward pass instead of keeping them.
    """
    training = model.training
    model.eval()
    kept = _recomputing(model) if checkpointing else []
    try:
        yield
    finally:
        for layer, name, value in kept:
            setattr(layer, name, value)
        if checkpointing:
            _checkpointing(model, False)
        model.train(training)


def _recomputing(model: Any) -> list[tuple[Any, str, float]]:
    """Switch checkpoints on; return the shares of dropout that were set to 0 for it."""
    _checkpointing(model, True)
    kept = []
    for layer in model.modules():
        if getattr(layer, "gradient_checkpointing", False):
            layer.training = True
            for name, value in vars(layer).items():
                if "dropout" in name and isinstance(value, float) and value:
                    kept.append((layer, name, value))
    for layer, name, _ in kept:
        setattr(layer, name, 0.0)
    return kept


def _checkpointing(model: Any, wanted: bool) -> None:
    """Let layers compute their activations again in the backward pass, or keep them."""
    # Newer transformers renamed it, and warns of the old name.
    switch = "enable" if wanted else "disable"
    name = f"activation_checkpointing_{switch}"
    method = getattr(model, name if hasattr(model, name) else f"gradient_checkpointing_{switch}")
    if not wanted:
        method()
        return
    method({"use_reentrant": False})
    if getattr(model, "_require_grads_hook", None) is not None:
        # A gradient for the embeddings is needed by reentrant checkpoints alone, and transformers never takes it back.
        model.disable_input_require_grads()
