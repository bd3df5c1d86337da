"""Small fully connected networks in numpy: what a trained policy is when nothing has to learn any more.

    h_0 = x;   h_i = f(W_i h_(i-1) + b_i);   the last layer without f            f: tanh or relu

The layers are read off the tensors of a Stable-Baselines3 policy (`layers_of`), so that a controller plays, is checked
and evaluated on trees without torch, and its file is numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError
from tracer_env.intake.checked import Reader, choice, listed, number, record

__all__ = ["ACTIVATIONS", "NETWORK", "Network", "layers_of", "network_of"]

Array = NDArray[np.float32]
ACTIVATIONS = ("tanh", "relu")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Network:
    """Layers of weights (out, in) and biases (out,), the first one first; ``activation`` stands between them."""

    layers: tuple[tuple[Array, Array], ...]
    activation: str

    def __post_init__(self) -> None:
        wide = self.layers[0][0].shape[1] if self.layers else 0
        for weight, bias in self.layers:
            if weight.ndim != 2 or weight.shape[1] != wide or bias.shape != weight.shape[:1]:
                raise ConfigError(
                    f"a layer of {weight.shape} weights and {bias.shape} biases does not follow one of {wide}"
                )
            wide = weight.shape[0]

    @property
    def inputs(self) -> int:
        """How many numbers it reads."""
        return int(self.layers[0][0].shape[1])

    @property
    def outputs(self) -> int:
        """How many numbers it gives."""
        return int(self.layers[-1][0].shape[0])

    def __call__(self, numbers: Array) -> NDArray[np.float64]:
        """Return the outputs, shape (n, outputs), for ``numbers`` (n, inputs)."""
        here = numbers.astype(np.float64)
        for place, (weight, bias) in enumerate(self.layers):
            here = here @ weight.T.astype(np.float64) + bias
            if place + 1 < len(self.layers):
                here = np.tanh(here) if self.activation == "tanh" else np.maximum(here, 0.0)
        return here

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data, in nine digits, which tell every float32 from the next."""
        layers = [{"weight": _told(weight), "bias": _told(bias)} for weight, bias in self.layers]
        return {"activation": self.activation, "layers": layers}


def _told(array: Array) -> list[Any]:
    if array.ndim == 2:
        return [_told(row) for row in array]
    return [float(f"{value:.9g}") for value in array.tolist()]


_NUMBER = number(-1e30, 1e30)
NETWORK: Reader[dict[str, Any]] = record(
    {
        "activation": choice(ACTIVATIONS),
        "layers": listed(
            record({"weight": listed(listed(_NUMBER, 4096, 1), 4096, 1), "bias": listed(_NUMBER, 4096, 1)}), 16, 1
        ),
    }
)
"""How a network is read from a file."""


def network_of(data: Mapping[str, Any]) -> Network:
    """Return the network of checked data; raises ConfigError for layers that do not fit each other."""
    layers = []
    for layer in data["layers"]:
        if len({len(row) for row in layer["weight"]}) != 1:
            raise ConfigError("a layer's rows of weights have different lengths")
        layers.append((np.array(layer["weight"], dtype=np.float32), np.array(layer["bias"], dtype=np.float32)))
    return Network(tuple(layers), data["activation"])


def layers_of(tensors: Mapping[str, Any], *prefixes: str) -> tuple[tuple[Array, Array], ...]:
    """Return the layers whose tensors begin with one of ``prefixes``, prefix by prefix, numbers inside in order.

    ``mlp_extractor.policy_net.0.weight``, ``....2.weight``: layer by layer; ``action_net.weight``: one layer. Raises
    ConfigError where there are none.
    """
    found = []
    for prefix in prefixes:
        names = [name for name in tensors if name.startswith(prefix) and name.endswith(".weight")]
        if not names:
            raise ConfigError(f"there are no tensors {prefix}...weight among {', '.join(list(tensors)[:4])}, ...")
        for name in sorted(names, key=lambda name: [int(digits) for digits in _DIGITS.findall(name)]):
            bias = f"{name.removesuffix('.weight')}.bias"
            if bias not in tensors:
                raise ConfigError(f"there is a tensor {name} and no {bias}")
            found.append(tuple(np.asarray(tensors[each], dtype=np.float32) for each in (name, bias)))
    return tuple((weight, bias) for weight, bias in found)
