"""A speaker that writes with vLLM, in this process: any model it serves, on a GPU or a CPU.

Prompts, reading and adapters by seat are those of every `ModelSpeaker`; what computes is the `VLLMEngine`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Gt

from tracer_env.agents.speakers.models.adapter_files import CONFIG
from tracer_env.agents.speakers.models.files import model_name
from tracer_env.agents.speakers.models.model_speaker import ModelSpeaker, check_settings
from tracer_env.agents.speakers.models.nano import PROPOSER_PROMPT as NANO_PROPOSER
from tracer_env.agents.speakers.models.nano import REVIEWER_PROMPT as NANO_REVIEWER
from tracer_env.agents.speakers.models.nano import NanoPrompts, packaged_weights
from tracer_env.agents.speakers.models.smollm2 import cache_folder, converted, gguf_file
from tracer_env.agents.speakers.models.templates import TODAY
from tracer_env.agents.speakers.models.vllm_engine import VLLMEngine
from tracer_env.agents.speakers.models.vllm_loading import VLLMSettings, require_vllm, start
from tracer_env.annotations import Words
from tracer_env.errors import DataError
from tracer_env.settings import require

__all__ = ["VLLMSpeaker"]

_ABOVE: Any = Annotated[float, Gt(0), Words(kind="must be a number above 0")]


class VLLMSpeaker(ModelSpeaker):
    """Speaks with vLLM: a folder or hub name at ``path``, or ``nano`` or ``smollm2``, with the settings of those.

    ``temperature`` (1 for nano, else 0.3), ``max_new_tokens`` (64 for nano, else 256), ``examples``, the prompts,
    ``context``, ``chat_options``, ``date`` and ``adapters`` as for ``hf:``; ``dtype``: ``auto`` is bfloat16 where the
    hardware multiplies it, else float32 (nano: float32). ``kv_memory``: GiB for keys and values; by default 2 on a CPU,
    and on a GPU what is free. ``eager``: compile nothing; by default so on a CPU. ``batch_invariant``: texts hang on
    nothing that shares their batch, bit for bit, where the hardware has it. ``slots``: adapters in one batch, by
    default as many as ``adapters`` has.

    Raises MissingExtraError without vLLM, DataError when the model or an adapter cannot be read or served, ConfigError
    for settings that cannot work here.
    """

    def __init__(
        self,
        path: str,
        *,
        temperature: float | None = None,
        max_new_tokens: int | None = None,
        dtype: str = "auto",
        examples: int | str = "auto",
        proposer_prompt: str | None = None,
        reviewer_prompt: str | None = None,
        context: int | None = None,
        chat_options: Mapping[str, Any] | None = None,
        date: str = TODAY,
        revision: str | None = None,
        kv_memory: float | None = None,
        eager: bool | None = None,
        batch_invariant: bool = False,
        slots: int | None = None,
        adapters: Mapping[str, str] | str | None = None,
    ) -> None:
        nano = path == "nano"
        heat = (1.0 if nano else 0.3) if temperature is None else temperature
        new = (64 if nano else 256) if max_new_tokens is None else max_new_tokens
        told = (proposer_prompt or NANO_PROPOSER, reviewer_prompt or NANO_REVIEWER)
        prompts = told if nano else (proposer_prompt, reviewer_prompt)
        check_settings(heat, new, context, examples, prompts)
        require("speaker.", _ABOVE | None, kv_memory=kv_memory)
        require_vllm()
        folders = {} if adapters is None else _folders(adapters)
        settings = VLLMSettings(
            "float32" if nano and dtype == "auto" else dtype,
            revision,
            context,
            kv_memory,
            eager,
            batch_invariant,
            len(set(folders.values())) if slots is None else slots,
            max((_rank(folder) for folder in folders.values()), default=16),
        )
        self.name = path
        engine = start(_files(path), settings, cache_folder())
        super().__init__(
            engine,
            temperature=heat,
            max_new_tokens=new,
            examples=0 if nano else examples,
            proposer_prompt=prompts[0],
            reviewer_prompt=prompts[1],
            context=context,
            chat_options=chat_options,
            date=date,
            adapters=_read(engine, folders),
        )
        self._own = engine
        if nano:
            self.prompts = NanoPrompts(0, *told)

    @property
    def model(self) -> str:
        """``nano``, ``smollm2``, or what the model is called in what people share: no path of this machine."""
        return self.name if self.name in ("nano", "smollm2") else model_name(self.path, self.weights)

    @property
    def weights(self) -> str:
        """The digest of the model's files."""
        return self._own.weights

    @property
    def settings(self) -> dict[str, Any]:
        """What the texts hang on, as of every `ModelSpeaker`; vLLM's version and kind of device are part of it."""
        return {**super().settings, "engine": self._own.version}


def _files(path: str) -> str:
    if path == "nano":
        return str(packaged_weights())
    return str(converted(gguf_file())) if path == "smollm2" else path


def _folders(adapters: Mapping[str, str] | str) -> dict[str, Path]:
    from tracer_env.agents.speakers.models.adapters import adapter_folders

    return {key: folder.resolve() for key, folder in adapter_folders(adapters).items()}


def _read(engine: VLLMEngine, folders: Mapping[str, Path]) -> dict[str, str]:
    """Make the adapters known to the engine, each folder once; return their names there by seat key."""
    for folder in dict.fromkeys(folders.values()):
        engine.read_adapter(str(folder), folder)
    return {key: str(folder) for key, folder in folders.items()}


def _rank(folder: Path) -> int:
    try:
        return int(json.loads((folder / CONFIG).read_text(encoding="utf-8")).get("r", 16))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"the adapter {folder} has no readable {CONFIG}; save it again") from error
