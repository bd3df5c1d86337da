"""What an adapter's configuration may say: taken, let pass, refused, and never run."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tracer_env.agents.speakers.models.adapter_config import AdapterConfig, read_config
from tracer_env.errors import DataError
from tracer_env.intake.checked import read

PLAIN: dict[str, Any] = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]}
AS_WRITTEN = {
    **PLAIN,
    **{"alora_invocation_tokens": None, "alpha_pattern": {}, "arrow_config": None, "auto_mapping": None},
    **{"base_model_name_or_path": "some/model", "bias": "none", "corda_config": None, "ensure_weight_tying": False},
    **{"eva_config": None, "exclude_modules": None, "fan_in_fan_out": False, "inference_mode": True},
    **{"init_lora_weights": True, "layer_replication": None, "layers_pattern": None, "layers_to_transform": None},
    **{"loftq_config": {}, "lora_bias": False, "lora_dropout": 0.05, "megatron_config": None},
    **{"megatron_core": "megatron.core", "modules_to_save": None, "peft_version": "0.21.2", "qalora_group_size": 16},
    **{"rank_pattern": {}, "revision": None, "target_parameters": None, "task_type": "CAUSAL_LM"},
    **{"trainable_token_indices": None, "use_dora": False, "use_qalora": False, "use_rslora": True},
}


def test_what_peft_writes_is_read() -> None:
    found = read_config(AS_WRITTEN)
    assert found == AdapterConfig(8, 16, 0.05, use_rslora=True, targets=("q_proj", "v_proj"))
    told = found.for_peft(["a.q_proj"])
    assert told["target_modules"] == ["q_proj", "v_proj"]
    assert told["inference_mode"] is True


@pytest.mark.parametrize(
    "changes",
    [
        {"lora_alpha": 0.5},
        {"lora_dropout": 0},
        {"auto_mapping": {"base_model_class": "A", "parent_library": "b"}},
        {"auto_mapping": {"base_model_class": "os.system", "parent_library": "os"}},
        {"init_lora_weights": "orthogonal"},
        {"target_modules": "q_proj"},
        {"target_modules": None},
        {"runtime_config": {"ephemeral_gpu_offload": False}},
        {"something_newer": None, "another": False, "lists": [], "tables": {}, "texts": ""},
        {"layers_to_transform": [0, 3], "layers_pattern": ["layers"]},
        {"eva_config": {"rho": 2.0}, "init_lora_weights": "eva"},
    ],
)
def test_what_else_is_taken(changes: dict[str, Any]) -> None:
    assert read_config({**PLAIN, **changes}).r == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"peft_type": "IA3"}, "peft_type is of type 'IA3'"),
        ({"peft_type": None}, "peft_type is of type None"),
        ({"r": "8"}, "r is '8'; it must be a whole number from 1 to 1048576"),
        ({"r": None}, "r is None"),
        ({"r": True}, "r is True"),
        ({"r": 8.0}, r"r is 8\.0"),
        ({"r": 0}, "r is 0"),
        ({"r": 10**9}, "r is 1000000000"),
        ({"r": []}, r"r is \[\]"),
        ({"lora_alpha": "16"}, "lora_alpha is '16'; it must be a finite number"),
        ({"lora_alpha": None}, "lora_alpha is None"),
        ({"lora_alpha": float("nan")}, "lora_alpha is nan"),
        ({"lora_alpha": float("inf")}, "lora_alpha is inf"),
        ({"lora_alpha": -16}, "lora_alpha is -16"),
        ({"lora_alpha": 0}, "lora_alpha is 0; it must be above 0"),
        ({"lora_dropout": 1}, "lora_dropout is 1; it must be below 1"),
        ({"lora_dropout": -0.1}, "lora_dropout is -0.1"),
        ({"lora_dropout": "0"}, "lora_dropout is '0'"),
        ({"lora_dropout": None}, "lora_dropout is None"),
        ({"use_rslora": 1}, "use_rslora is 1; it must be true or false"),
        ({"fan_in_fan_out": "yes"}, "fan_in_fan_out is 'yes'"),
        ({"inference_mode": 0}, "inference_mode is 0"),
        ({"rank_pattern": [8]}, r"rank_pattern is \[8\]"),
        ({"rank_pattern": {"q_proj": "8"}}, r"rank_pattern\.q_proj is '8'"),
        ({"rank_pattern": {"q_proj": 10**9}}, r"rank_pattern\.q_proj is 1000000000"),
        ({"rank_pattern": {"(([a-z._0-9]+)+)+!": 8}}, "it must be a plain name, without a pattern"),
        ({"rank_pattern": {f"m{i}": 1 for i in range(129)}}, "has 129 entries; at most 128"),
        ({"alpha_pattern": {".*": 3}}, "it must be a plain name"),
        ({"alpha_pattern": {"q_proj": float("nan")}}, r"alpha_pattern\.q_proj is nan"),
        ({"alpha_pattern": {"q_proj": -1}}, r"alpha_pattern\.q_proj is -1"),
        ({"target_modules": 3}, "target_modules is 3; it must be a text"),
        ({"target_modules": ["q_proj", 3]}, r"target_modules\[1\] is 3"),
        ({"target_modules": ["q.*"]}, r"target_modules\[0\] is 'q\.\*'; it must be a plain name"),
        ({"target_modules": ["m"] * 4097}, "has 4097 entries; 0 to 4096"),
        ({"target_modules": "(([a-z._0-9]+)+)+!"}, "a pattern that may take for ever"),
        ({"exclude_modules": "(([a-z._0-9]+)+)+!"}, "exclude_modules is .* may take for ever"),
        ({"target_modules": "x" * 2001}, "has 2001 characters"),
        ({"layers_to_transform": "0"}, "layers_to_transform is '0'"),
        ({"layers_to_transform": [True]}, r"layers_to_transform\[0\] is True"),
        ({"layers_to_transform": -1}, "layers_to_transform is -1"),
        ({"layers_pattern": "(a+)+"}, "layers_pattern is .*; it must be a plain name"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights is 'pissa', which is more than a plain LoRA"),
        ({"init_lora_weights": 1}, "init_lora_weights is 1, which is more"),
        ({"bias": "lora_only"}, "bias is 'lora_only', which is more"),
        ({"use_dora": True}, "use_dora is True, which is more"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save is .*, which is more"),
        ({"layer_replication": [[0, 4]]}, "layer_replication is .*, which is more"),
        ({"trainable_token_indices": [1]}, "trainable_token_indices is .*, which is more"),
        ({"target_parameters": ["w"]}, "target_parameters is .*, which is more"),
        ({"megatron_core": "evil"}, "megatron_core is 'evil', which is more"),
        ({"something_newer": True}, "something_newer is True, which is more"),
        ({"base_model_name_or_path": 3}, "base_model_name_or_path is 3; it must be a text"),
        ({"base_model_name_or_path": "\x1b[2J"}, "control characters"),
        ({"auto_mapping": [1]}, "auto_mapping is"),
    ],
)
def test_what_is_refused_in_one_line(changes: dict[str, Any], message: str) -> None:
    began = time.process_time()
    with pytest.raises(DataError, match=f"^f: .*{message}") as caught:
        read({**PLAIN, **changes}, read_config, "f")
    assert str(caught.value).isprintable()
    assert time.process_time() - began < 5  # a pattern that is followed blindly takes minutes


@pytest.mark.parametrize("data", [None, [], "LORA", 3, {}])
def test_what_is_no_configuration(data: Any) -> None:
    with pytest.raises(DataError, match=r"^f: (the whole|peft_type) is "):
        read(data, read_config, "f")


@pytest.mark.parametrize(
    ("expression", "bounded"),
    [
        (r"model\.layers\.\d+\.self_attn\.(q|v)_proj", True),
        (r".*\.(q_proj|v_proj)", True),
        (
            r"(?:.*?(?:language|text).*?(?:self_attn|mlp).*?(?:q_proj|up_proj).*?)|(?:\bmodel\.layers\.[\d]{1,}\.mlp)",
            True,
        ),
        (r"layers\.(0|1)+\.q", True),
        (r"(a+)+b", False),
        (r"((a*)b)*", False),
        (r"(a{1,9}){1,9}", False),
        (r"((a+))+", False),
        (r"(.)\1", False),
        (r"(a", False),
        (r"a)", False),
        (r"[a", False),
        (r"[]*]+x", True),
        (r"\(a+\)+", True),
    ],
)
def test_expressions_that_repeat_what_repeats(expression: str, bounded: bool) -> None:
    if bounded:
        assert read_config({**PLAIN, "target_modules": expression}).targets is None
    else:
        with pytest.raises(DataError, match="may take for ever"):
            read({**PLAIN, "target_modules": expression}, read_config, "f")


def test_names_are_whole_paths_or_their_last_parts() -> None:
    found = read_config({**PLAIN, "target_modules": ["proj", "a.b"], "exclude_modules": ["x.proj"]})
    sits = {name: found.sits_at(name) for name in ("proj", "m.proj", "m.q_proj", "a.b", "m.a.b", "xa.b", "m.x.proj")}
    assert [name for name, here in sits.items() if here] == ["proj", "m.proj", "a.b", "m.a.b"]


def test_patterns_are_names_and_the_first_counts() -> None:
    pattern = {"^layers.0.q": 2, r"layers\.1\.q": 3, "q": 4}
    found = read_config({**PLAIN, "rank_pattern": pattern})
    ranks = {name: found.rank(name) for name in ("layers.0.q", "m.layers.0.q", "m.layers.1.q", "m.q", "xq")}
    assert list(ranks.values()) == [2, 4, 3, 4, 8]
    told = found.for_peft([])["rank_pattern"]
    for name, rank in ranks.items():
        keys = [key for key in told if re.match(rf"(.*\.)?({key})$", name)]
        assert (told[keys[0]] if keys else 8) == rank
