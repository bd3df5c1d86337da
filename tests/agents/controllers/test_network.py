"""Networks in numpy: sums done by hand, layers read off tensors, files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracer_env.agents.controllers.network import NETWORK, Network, layers_of, network_of
from tracer_env.errors import ConfigError, DataError
from tracer_env.intake.checked import read

LAYERS = (
    (np.array([[1.0, -1.0], [2.0, 0.0]], dtype=np.float32), np.array([0.0, -3.0], dtype=np.float32)),
    (np.array([[1.0, 1.0]], dtype=np.float32), np.array([0.5], dtype=np.float32)),
)


def test_layers_by_hand() -> None:
    numbers = np.array([[3.0, 1.0], [1.0, 2.0]], dtype=np.float32)
    # row 1: (2, 3) stay, and 2 + 3 + 0.5; row 2: (-1, -1) are cut to 0
    assert Network(LAYERS, "relu")(numbers).tolist() == [[5.5], [0.5]]
    assert Network(LAYERS, "tanh")(numbers) == pytest.approx(
        np.array([[np.tanh(2) + np.tanh(3) + 0.5], [2 * np.tanh(-1) + 0.5]])
    )
    assert (Network(LAYERS, "relu").inputs, Network(LAYERS, "relu").outputs) == (2, 1)


def test_layers_must_follow_each_other() -> None:
    with pytest.raises(ConfigError, match=r"\(1, 2\) weights and \(1,\) biases does not follow one of 1"):
        Network((LAYERS[1], LAYERS[1]), "relu")


def test_layers_are_read_off_tensors_in_the_order_of_their_numbers() -> None:
    names = ("net.10", "net.2", "head")
    tensors = {
        f"{name}.{kind}": np.full((1, 1) if kind == "weight" else 1, place)
        for place, name in enumerate(names)
        for kind in ("weight", "bias")
    }
    assert [float(weight[0, 0]) for weight, _ in layers_of(tensors, "net.", "head.")] == [1.0, 0.0, 2.0]
    with pytest.raises(ConfigError, match="no tensors q_net"):
        layers_of(tensors, "q_net.")
    with pytest.raises(ConfigError, match=r"net\.2\.weight and no net\.2\.bias"):
        layers_of({name: value for name, value in tensors.items() if name != "net.2.bias"}, "net.")


def test_data_is_read_back() -> None:
    data = Network(LAYERS, "tanh").to_data()
    again = network_of(read(data, NETWORK, "it"))
    assert again.to_data() == data
    luck = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    exact = Network(((luck, luck[:, 0]),), "relu")
    assert (network_of(exact.to_data()).layers[0][0] == luck).all()  # nine digits tell every float32


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"weight": [[1.0], [1.0, 2.0]], "bias": [0.0, 0.0]}, "different lengths"),
        ({"weight": [[1.0]], "bias": [0.0, 0.0]}, "does not follow"),
        ({"weight": [[float("inf")]], "bias": [0.0]}, "inf"),
        ({"weight": [], "bias": []}, "0 entries"),
    ],
)
def test_damaged_data_is_refused(layer: dict[str, Any], message: str) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        network_of(read({"activation": "relu", "layers": [layer]}, NETWORK, "it"))
