"""Asking a model hub once, before a library asks file by file: is the model there, can it be reached, is a copy here?

Without this a name that does not exist, or a machine without a network, is a dozen lines of retries and half a minute.
"""

from __future__ import annotations

import os
from typing import Any

from tracer_env.errors import DataError

__all__ = ["only_local"]

_SECONDS = 10.0
_UNKNOWN = {401: "has no model", 403: "does not give out the model", 404: "has no model"}


def only_local(path: str, revision: str | None) -> bool:
    """Return whether the model of a hub name is to be read from this machine's copy alone.

    True offline and where the hub cannot be reached but a copy is here. Raises DataError where the hub knows no such
    model (or hides it), and where it cannot be reached and there is no copy.
    """
    from huggingface_hub import HfApi, constants, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    copied = isinstance(_copy(try_to_load_from_cache, path, revision), str)
    if constants.HF_HUB_OFFLINE or (copied and os.environ.get("TRANSFORMERS_OFFLINE")):
        return True
    try:
        HfApi().model_info(path, revision=revision, timeout=_SECONDS)
    except HFValidationError as error:
        raise DataError(
            f"cannot load a causal language model from {path!r}: it is neither a folder nor a name on the Hugging Face "
            "hub, as owner/model"
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        if status in _UNKNOWN:
            of = "" if revision is None else f" of the revision {revision!r}"
            raise DataError(
                f"the Hugging Face hub {_UNKNOWN[status]} {path!r}{of}; check the name, give a folder written by "
                "save_pretrained, or set HF_TOKEN if it is private or gated"
            ) from error
        return _copied(path, copied, f"answers with status {status}", error)
    except Exception as error:  # each version of the client has classes of its own for a network that is not there
        return _copied(path, copied, f"cannot be reached ({_reason(error)})", error)
    return False


def _copy(find: Any, path: str, revision: str | None) -> Any:
    try:
        return find(path, "config.json", revision=revision)
    except ValueError:  # no name that the hub could have
        return None


def _copied(path: str, copied: bool, state: str, error: Exception) -> bool:
    if copied:
        return True
    raise DataError(
        f"the Hugging Face hub {state}, and no copy of {path!r} is here from before; give a folder written by "
        "save_pretrained, or try again with a network"
    ) from error


def _reason(error: Exception) -> str:
    return " ".join(f"{error}".split())[:120] or type(error).__name__
