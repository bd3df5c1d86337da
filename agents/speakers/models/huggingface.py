"""A speaker that writes with any causal language model of the transformers library, in this process.

Prompts, reading and adapters by seat are those of every `ModelSpeaker`; what computes is the `TransformersEngine`: one
forward pass a token for all rows of a batch, equal prompts computed once, whoever sends them, and so is the beginning
that all prompts of a role share. All speakers of one model, whatever their settings, share one copy of the weights, and
adapters of one speaker leave the others the base.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracer_env.agents.speakers.models.checks import require_packages
from tracer_env.agents.speakers.models.files import model_name
from tracer_env.agents.speakers.models.model_speaker import ModelSpeaker, check_settings
from tracer_env.agents.speakers.models.templates import TODAY
from tracer_env.agents.speakers.models.transformers_engine import TransformersEngine
from tracer_env.annotations import FromOne
from tracer_env.settings import require

__all__ = ["HuggingFaceSpeaker"]


class HuggingFaceSpeaker(ModelSpeaker):
    """Speaks with the model at ``path`` (a folder or a hub name).

    ``temperature``: 0 takes the most likely token each time. ``examples``: how many worked examples a prompt
    opens with; ``auto`` is all there are below 1 billion parameters and none above. ``dtype``: ``auto`` is bfloat16
    where the hardware multiplies it, else float32. ``max_batch_tokens``: rows times (prompt + completion) of one
    forward batch; lower it when memory runs out. ``chat_options`` go to the chat template. ``reuse_prefix``: keep the
    keys and values of the common prompt beginning. ``context``: overrides the model's own context length.
    ``adapters``: folders that peft saved, by role, agent_N or agent_N/role, the most specific wins; or one folder
    with subfolders of such names (``agent_0-proposer`` for agent_0/proposer). ``trust_remote_code`` runs the model's
    own code; ``pickled_weights`` opens weights that are no safetensors. Both are for users to say: a file's word
    for them does not count (`trust`).

    Raises MissingExtraError without torch, transformers or (for adapters) peft, DataError when the model or an
    adapter cannot be read, ConfigError for settings that cannot work.
    """

    def __init__(
        self,
        path: str,
        *,
        temperature: float = 0.3,
        max_new_tokens: int = 256,
        device: str = "auto",
        dtype: str = "auto",
        examples: int | str = "auto",
        proposer_prompt: str | None = None,
        reviewer_prompt: str | None = None,
        max_batch_tokens: int = 65_536,
        context: int | None = None,
        reuse_prefix: bool = True,
        chat_options: Mapping[str, Any] | None = None,
        date: str = TODAY,
        revision: str | None = None,
        trust_remote_code: bool = False,
        pickled_weights: bool = False,
        adapters: Mapping[str, str] | str | None = None,
    ) -> None:
        check_settings(temperature, max_new_tokens, context, examples, (proposer_prompt, reviewer_prompt))
        require("speaker.", FromOne, max_batch_tokens=max_batch_tokens)
        require_packages()
        from tracer_env.agents.speakers.models.weights import load

        self.loaded = load(
            path,
            revision=revision,
            dtype=dtype,
            device=device,
            trust_remote_code=trust_remote_code,
            pickled_weights=pickled_weights,
        )
        inside = {} if adapters is None else _read_adapters(self.loaded, adapters)
        self.loaded.users[self] = set(inside.values())
        self._own = TransformersEngine(path, self.loaded, max_batch_tokens, reuse_prefix)
        super().__init__(
            self._own,
            temperature=temperature,
            max_new_tokens=max_new_tokens,
            examples=examples,
            proposer_prompt=proposer_prompt,
            reviewer_prompt=reviewer_prompt,
            context=context,
            chat_options=chat_options,
            date=date,
            adapters=inside,
        )

    @property
    def model(self) -> str:
        """What the model is called in what people share: no path of this machine."""
        return model_name(self.path, self.weights)

    @property
    def weights(self) -> str:
        """The digest of the model's files, or of its numbers where no file is found: what it is known by."""
        return self._own.weights

    @property
    def settings(self) -> dict[str, Any]:
        """What the texts hang on, as of every `ModelSpeaker`; weights that have been trained here by their digest."""
        if not self.loaded.withdrawn:
            return super().settings
        from tracer_env.agents.speakers.models.adapters import weights_digest

        return {**super().settings, "weights": weights_digest(self.loaded)}


def _read_adapters(loaded: Any, adapters: Mapping[str, str] | str) -> dict[str, str]:
    from tracer_env.agents.speakers.models.adapters import read_adapters

    return read_adapters(loaded, adapters)
