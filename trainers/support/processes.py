"""Training with one process or several: who does what, and how their numbers come together.

    Alone          one process: sums and gathers are what it has itself
    Accelerated    the processes that `accelerate launch` (or torchrun) has started, by Hugging Face accelerate

Tasks are dealt out by their place in the batch. Gradients and counts are summed over all processes before an
optimiser step, and what was decided is gathered in the order of the tasks, so several processes compute what one
would, up to rounding. Every process must make the same calls in the same order.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from typing import Any, Protocol

from tracer_env.errors import ConfigError, MissingExtraError

__all__ = ["Accelerated", "Alone", "Processes", "running_processes"]


class Processes(Protocol):
    """What a trainer asks of its siblings."""

    rank: int
    count: int

    def mine(self, place: int, minibatches: int) -> bool:
        """Return whether the task at ``place`` of the batch belongs to this process."""
        ...

    def total(self, tensors: Iterable[Any]) -> None:
        """Replace each tensor by its sum over all processes."""
        ...

    def gathered(self, items: list[Any]) -> list[Any]:
        """Return the items of all processes, those of the first one first; items are plain data."""
        ...

    def wait(self) -> None:
        """Return when all have come here."""
        ...


class Alone:
    """One process."""

    rank, count = 0, 1

    def mine(self, place: int, minibatches: int) -> bool:
        return True

    def total(self, tensors: Iterable[Any]) -> None:
        """Leave the tensors as they are."""

    def gathered(self, items: list[Any]) -> list[Any]:
        return items

    def wait(self) -> None:
        """Return at once."""


class Accelerated:
    """One of several processes, with gloo on CPUs and nccl on GPUs. Raises MissingExtraError without accelerate."""

    def __init__(self) -> None:
        try:
            from accelerate import PartialState
        except ModuleNotFoundError as error:
            raise MissingExtraError("training with several processes", "accelerate", "train") from error
        import torch

        self._state = PartialState(cpu=not torch.cuda.is_available())
        atexit.register(_leave)
        if self._state.device.type == "cuda":
            torch.cuda.set_device(self._state.device)
        self.rank, self.count = int(self._state.process_index), int(self._state.num_processes)

    def mine(self, place: int, minibatches: int) -> bool:
        # Inside a minibatch (place mod minibatches) the tasks are dealt out in turn, each time from the next process
        # on: where a minibatch has fewer tasks than there are processes, all of them still have candidates to draw.
        return (place // minibatches + place % minibatches) % self.count == self.rank

    def total(self, tensors: Iterable[Any]) -> None:
        import torch.distributed as dist

        for tensor in tensors:
            dist.all_reduce(tensor)

    def gathered(self, items: list[Any]) -> list[Any]:
        from accelerate.utils import gather_object

        found: list[Any] = gather_object(items)
        return found

    def wait(self) -> None:
        self._state.wait_for_everyone()


def _leave() -> None:
    """Leave the group before the interpreter ends; its threads may not outlive it."""
    import torch.distributed as dist

    if dist.is_initialized():
        dist.destroy_process_group()


def running_processes() -> Processes:
    """Return the processes this one was started with: several under `accelerate launch`, else `Alone`.

    Raises ConfigError when the environment's WORLD_SIZE is no number of processes.
    """
    count = os.environ.get("WORLD_SIZE", "1")
    if not (count.isascii() and count.isdigit() and int(count) >= 1):
        raise ConfigError(
            f"the environment's WORLD_SIZE must be a whole number of at least 1, got {count!r}; "
            "unset it, or start with accelerate launch, which sets it"
        )
    return Accelerated() if int(count) > 1 else Alone()
