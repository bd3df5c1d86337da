"""vLLM as an engine, in this process: all asks of a call in one batch, beginnings of prompts kept by vLLM itself.

    asks -> one request each (exact ids, a seed of its own, its adapter by name) -> `LLM.generate` -> completions

vLLM's sampler takes the argmax of log-probabilities plus noise that hangs on a request's seed and the position alone,
so equal seeds meet equal luck, as with our own decoding, up to rounding. The luck is another one than ours, and another
one on other hardware and in other versions of vLLM: `identity` names all three. Nothing is cut off (no top-k, no
top-p), and log-probabilities are those that were sampled from.

Traps. A call is all seeded or, at temperature 0, all greedy; never both. On a CPU a request without an adapter that
shares its batch with one of an adapter comes out as that adapter's (seen in vLLM 0.32): they go in two calls. The
log-probabilities at temperature 1 (``Completion.own``) are known where the temperature is 1 or 0 alone. Kept beginnings
go by an adapter's name, so changed weights need a new one: `put_adapter` gives each version its own.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer_env.agents.speakers.models.adapter_files import read_folder
from tracer_env.agents.speakers.models.engine import Ask, Completion, ModelFacts, Sampling
from tracer_env.agents.speakers.models.files import digest
from tracer_env.agents.speakers.models.padded_heads import Padding
from tracer_env.errors import ConfigError, SpeakerError, did_you_mean
from tracer_env.intake.bounded import told

if TYPE_CHECKING:
    import torch

__all__ = ["VLLMEngine"]

_HOTTEST = 2.0


@dataclass(frozen=True)
class _Adapter:
    """An adapter as vLLM is told of it, and the digest of what it does."""

    request: Any
    digest: str


class VLLMEngine:
    """Completes with ``llm``, a `vllm.LLM`, whose weights lie in ``folder``; ``form`` is the digest of its settings.

    ``slots``: how many adapters fit into one batch; a call that names more goes in several. ``mixes``: whether requests
    without an adapter may share a batch with those that have one. ``padding``: how heads were made larger for vLLM,
    which adapters have to follow. `vllm_loading` makes one.
    """

    def __init__(
        self,
        llm: Any,
        facts: ModelFacts,
        folder: Path,
        version: str,
        form: str,
        *,
        slots: int = 0,
        mixes: bool = True,
        padding: Padding | None = None,
    ) -> None:
        self.llm, self._facts, self._folder, self._version, self._form = llm, facts, folder, version, form
        self.slots, self._mixes, self._padding = slots, mixes, padding
        self._asleep = False
        self._adapters: dict[str, _Adapter] = {}
        self._made, self._failed = 0, ""
        self._files = tempfile.TemporaryDirectory(prefix="tracer-env-adapters-")

    @property
    def facts(self) -> ModelFacts:
        return self._facts

    @property
    def weights(self) -> str:
        """The digest of the model's files."""
        return digest(self._folder) or str(self._folder)

    @property
    def version(self) -> str:
        """What the noise hangs on: vLLM's version and the kind of device."""
        return self._version

    def identity(self) -> str:
        return f"{self._version} {self.weights} {self._form} {self._facts.dtype}"

    def adapter_identity(self, name: str) -> str:
        return self._known(name).digest

    def rest(self) -> None:
        """Lay the weights aside in ordinary memory and forget all keys and values; the next ask fetches them back.

        Only for an engine that was started with ``VLLMSettings.sleeps``.
        """
        if not self._asleep:
            self.llm.sleep(level=1)
            self._asleep = True

    def read_adapter(self, name: str, folder: Path) -> None:
        """Make the adapter in a folder that peft saved known as ``name``. Raises DataError as `read_folder` does."""
        _, tensors = read_folder(folder)
        settings = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        self.put_adapter(name, settings, tensors)

    def put_adapter(self, name: str, settings: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        """Make an adapter known as ``name`` from now on, in place of what was called so; no copy of the base is made.

        ``settings`` are those of adapter_config.json, ``tensors`` the matrices by module and matrix. ConfigError where
        the engine was made without room for adapters.
        """
        from vllm.lora.request import LoRARequest

        from tracer_env.agents.speakers.models.adapter_files import write_settings
        from tracer_env.agents.speakers.models.adapters import tensors_digest

        if not self.slots:
            raise ConfigError(f"there is no room for the adapter {name!r}: the engine was made without adapters")
        self._made += 1
        folder = Path(self._files.name) / str(self._made)
        write_settings(folder, settings, self._padding.adapter(tensors) if self._padding else tensors)
        request = LoRARequest(f"{name}@{self._made}", self._made, str(folder))
        self._adapters[name] = _Adapter(request, tensors_digest(tensors, settings))

    def complete(self, asked: Sequence[Ask], sampling: Sampling) -> list[Completion]:
        """Send all asks to vLLM in one call; in several where they do not go together.

        ConfigError for a temperature above 2, which vLLM does not take.
        """
        if sampling.temperature > _HOTTEST:
            raise ConfigError(f"speaker.temperature is {sampling.temperature:g}, and vLLM takes 0 to {_HOTTEST:g}")
        done = [Completion()] * len(asked)
        for places in self._calls(asked):
            for place, completion in zip(places, self._call([asked[p] for p in places], sampling), strict=True):
                done[place] = completion
        return done

    def _calls(self, asked: Sequence[Ask]) -> list[list[int]]:
        """Return the places of each call: of no more adapters than slots, the base apart unless it ``mixes``."""
        names = list(dict.fromkeys(ask.adapter for ask in asked if ask.adapter is not None))
        for name in names:
            self._known(name)
        call_of: dict[str | None, int] = {name: number // self.slots for number, name in enumerate(names)}
        call_of[None] = 0 if self._mixes else -1
        calls: dict[int, list[int]] = {}
        for place, ask in enumerate(asked):
            calls.setdefault(call_of[ask.adapter], []).append(place)
        return list(calls.values())

    def _call(self, asked: Sequence[Ask], sampling: Sampling) -> list[Completion]:
        from vllm import TokensPrompt

        prompts = [TokensPrompt(prompt_token_ids=list(ask.ids)) for ask in asked]
        loras = [None if ask.adapter is None else self._known(ask.adapter).request for ask in asked]
        params = [self._params(ask, sampling) for ask in asked]
        if self._failed:
            raise SpeakerError(self._failed)
        if self._asleep:
            self.llm.wake_up()
            self._asleep = False
        try:
            found = self.llm.generate(prompts, params, use_tqdm=False, lora_request=loras if self.slots else None)
        except ValueError:  # what vLLM refuses before it begins
            raise
        except Exception as error:
            # What it had begun stays in its queue, and asking again would wait for that for ever.
            self._failed = f"vLLM failed and cannot go on in this process: {told(error)}; begin anew"
            raise SpeakerError(self._failed) from error
        return [
            _completion(one.outputs[0], sampling, ask.watched, self._facts.path)
            for ask, one in zip(asked, found, strict=True)
        ]

    def _params(self, ask: Ask, sampling: Sampling) -> Any:
        from vllm import SamplingParams

        watch = list(sampling.watch) if ask.watched and sampling.watch else None
        return SamplingParams(
            temperature=sampling.temperature,
            top_k=0,
            top_p=1.0,
            seed=ask.seed >> 1 if sampling.temperature > 0 else None,  # vLLM's seeds are signed
            max_tokens=sampling.max_tokens,
            stop=list(sampling.stops) or None,
            stop_token_ids=sorted(sampling.ends),
            ignore_eos=True,  # the ends say it all
            include_stop_str_in_output=True,
            detokenize=bool(sampling.stops),
            logprobs=len(watch) if watch else 0,
            logprob_token_ids=watch,
        )

    def _known(self, name: str) -> _Adapter:
        if name not in self._adapters:
            raise ConfigError(f"the model has no adapter {name!r}{did_you_mean(name, self._adapters)}")
        return self._adapters[name]


def _completion(output: Any, sampling: Sampling, watched: bool, path: str) -> Completion:
    """Return vLLM's output as a completion. Raises SpeakerError where a log-probability is no number."""
    ids = list(output.token_ids)
    logprobs = [found[token].logprob for token, found in zip(ids, output.logprobs, strict=True)]
    if any(not value <= 0.0 or value == float("-inf") for value in logprobs):
        odd = next(value for value in logprobs if not value <= 0.0 or value == float("-inf"))
        raise SpeakerError(
            f"the model {os.path.basename(path)!r} gave the log-probability {odd} in vLLM; try "
            "speaker.dtype=float32, which overflows later"
        )
    heat = sampling.temperature or 1.0
    seen = []
    if watched and sampling.watch:
        seen = [[heat * found[token].logprob for token in sampling.watch] for found in output.logprobs]
    own = list(logprobs) if sampling.temperature in (0, 1) else []
    return Completion(ids, logprobs, own, seen, "length" if output.finish_reason == "length" else "stop")
