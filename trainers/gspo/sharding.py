"""A model whose decoder layers lie in pieces, one in each process: FSDP2 of torch, as GSPO needs it.

    shards = Shards(model, replicated=adapters)    every process keeps its piece of each layer
    with shards.whole(): ...                       all layers whole: where texts are sampled, and saved

Outside of `whole` a layer is put together when it is computed and taken apart again behind it, forwards and backwards;
its gradients and the optimiser's memory stay in pieces. Embeddings, output layer and adapters are small beside the
layers, and whole everywhere. Sampling needs whole layers, since processes write texts of different lengths: there a
process holds all weights, but neither gradients nor moments.

Traps. Every process has to go through the layers equally often, forwards and backwards (`GSPOUpdate` fills up with
turns that weigh nothing). Parameters of layers are other objects from now on: look them up by name. Numbers are those
of one process up to rounding.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from tracer_env.errors import ConfigError
from tracer_env.trainers.support.processes import Processes

__all__ = ["Shards", "clip_pieces", "decoder_layers", "in_full", "in_pieces", "is_wanted", "split_like"]


def decoder_layers(model: Any) -> tuple[list[Any], list[Any]]:
    """Return a transformers model's decoder layers, and the modules with weights that stand behind them."""
    children = list(model.base_model.children())
    stack = max(
        (i for i, m in enumerate(children) if isinstance(m, torch.nn.ModuleList)), key=lambda i: len(children[i])
    )
    return list(children[stack]), [m for m in children[stack + 1 :] if list(m.parameters())]


class Shards:
    """The decoder layers of ``model`` in pieces over all processes; parameters in ``replicated`` stay whole."""

    def __init__(self, model: Any, replicated: Collection[torch.nn.Parameter], processes: Processes) -> None:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(model.device.type, (processes.count,))
        self.layers: list[Any] = decoder_layers(model)[0]
        kept = set(replicated)
        for layer in self.layers:
            fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=kept & set(layer.parameters()))
            layer.set_gradient_divide_factor(1.0)  # sums: a loss is divided by the rows of all processes
            layer.set_force_sum_reduction_for_comms(True)  # gloo knows no other

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Put all layers together for a while; parameters looked up meanwhile are whole. Called by every process."""
        for layer in self.layers:
            layer.set_reshard_after_forward(False)
            layer.unshard()
        try:
            yield
        finally:
            for layer in self.layers:
                layer.set_reshard_after_forward(True)
                layer.reshard()


def in_full(tensor: Any) -> torch.Tensor:
    """Return a tensor whole, put together from its pieces where it lies in some. Called by every process."""
    found: torch.Tensor = tensor.full_tensor() if in_pieces(tensor) else tensor
    return found


def split_like(whole: torch.Tensor, parameter: Any) -> torch.Tensor:
    """Return this process's share of a whole tensor: a piece as of ``parameter``, where that lies in pieces.

    Every process has the same whole one, so nothing is sent.
    """
    if not in_pieces(parameter) or whole.shape != parameter.shape:
        return whole
    from torch.distributed.tensor import distribute_tensor

    found: torch.Tensor = distribute_tensor(
        whole.to(parameter.device), parameter.device_mesh, parameter.placements, src_data_rank=None
    )
    return found


def in_pieces(tensor: object) -> bool:
    """Return whether a tensor lies in pieces."""
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)


def clip_pieces(gradients: Sequence[Any], most: float, processes: Processes) -> float:
    """Scale gradients down to a norm of ``most`` where it is larger, and return the norm that they had.

    Some lie in pieces; the others are the same in every process, which all call this.
    """
    mine, common = 0.0, 0.0
    for gradient in gradients:
        part = gradient.to_local() if in_pieces(gradient) else gradient
        square = float(part.double().square().sum())
        mine, common = (mine + square, common) if in_pieces(gradient) else (mine, common + square)
    norm = math.sqrt(sum(processes.gathered([mine])) + common)
    if math.isfinite(norm):
        for gradient in gradients:
            gradient.mul_(min(1.0, most / (norm + 1e-6)))
    return norm


def is_wanted(asked: bool | None, processes: Processes) -> bool:
    """Return whether layers are to lie in pieces: as asked, else as ``accelerate launch`` was told of FSDP.

    Raises ConfigError for one process, and for DeepSpeed, whose engine would take the optimiser steps itself.
    """
    if _on(os.environ.get("ACCELERATE_USE_DEEPSPEED", "")):
        raise ConfigError(
            "DeepSpeed's engine takes the optimiser steps of one model itself, and here several policies learn on one; "
            "start with FSDP instead (examples/accelerate/fsdp.yaml), which divides the same memory"
        )
    if asked and processes.count == 1:
        raise ConfigError(
            "gspo.shard divides a model among several processes, and there is one; start more with accelerate launch "
            "or torchrun (docs/training.md), or leave it out"
        )
    launched = _on(os.environ.get("ACCELERATE_USE_FSDP", "")) and processes.count > 1
    return launched if asked is None else asked


def _on(switch: str) -> bool:
    return switch.lower() in ("1", "true", "yes", "on")
