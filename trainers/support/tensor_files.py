"""Tensors on disk, and the state of an optimiser as tensors and plain data: bit for bit, without pickle.

Promised:

    what is loaded equals what was saved in every bit and in its dtype (bfloat16 too), on the CPU;
    a file is complete or absent: it is written to a temporary name and renamed;
    an optimiser that is restored takes the same steps, to the bit, as one that never stopped.

Not promised: that a renamed file survives a power cut (checkpoint.py sees to that), nor that an
optimiser moves between classes. Files are in the safetensors format, which others read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer_env.errors import ConfigError, MissingExtraError, RunFolderError
from tracer_env.intake.bounded import shown
from tracer_env.intake.checked import line, listed, mapping, plain, read, record
from tracer_env.storage.files import write_with

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

__all__ = [
    "OPTIMISER",
    "load_tensors",
    "optimiser_state",
    "owner_of",
    "restore_optimiser",
    "save_tensors",
    "system_error",
]

_BETWEEN = "::"
_REMEDY = "continue from another checkpoint, or begin a new training"
_NEVER_NEGATIVE = ("step", "exp_avg_sq", "max_exp_avg_sq")
OPTIMISER = record(
    {
        "groups": listed(record({"params": listed(line(1000))}, others=plain(1)), 1000),
        "numbers": mapping(mapping(plain(1))),
    }
)
"""How the data of `optimiser_state` is read from a file."""


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors by name into one file.

    Two names may share memory (tied weights): each gets a copy in the file. Raises OSError with its
    number when the disk is full.
    """
    _need_safetensors()
    from safetensors.torch import save_file

    try:
        write_with(path, lambda name: save_file(_separate(tensors), name))
    except Exception as error:
        system = system_error(error)
        if system is None or system is error:
            raise
        raise system from error


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file, on the CPU, every number of them finite; raises RunFolderError for other files."""
    _need_safetensors()
    from tracer_env.agents.speakers.models.tensor_reading import finite, read_tensors

    found = read_tensors(path, "tensors from", finite, error=RunFolderError, remedy=_REMEDY)
    # A copy of its own for each: in the mapped file they lie at any address, and sums that are taken
    # in vectors of 64 bytes may then round otherwise than in the run that saved them.
    return {name: tensor.clone() for name, tensor in found.items()}


def optimiser_state(optimiser: Optimizer, names: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return what the optimiser remembers, as tensors and as JSON-ready data.

    ``names`` gives every parameter of the optimiser its name; raises ConfigError when it misses one or
    has one too many. For AdamW the tensors are ``<name>::exp_avg``, ``::exp_avg_sq`` and ``::step``; the
    data holds the groups with their learning rates. The tensors are the optimiser's own, not copies:
    write them before the next step.
    """
    order = _ordered(optimiser, names)
    state = optimiser.state_dict()
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, dict[str, Any]] = {}
    for index, remembered in state["state"].items():
        for key, value in remembered.items():
            if _is_tensor(value):
                tensors[f"{order[index]}{_BETWEEN}{key}"] = value
            else:
                numbers.setdefault(order[index], {})[key] = _plain(value, key)
    groups = [
        {key: _plain(value, key) for key, value in group.items() if key != "params"}
        | {"params": [order[index] for index in group["params"]]}
        for group in state["param_groups"]
    ]
    return tensors, {"groups": groups, "numbers": numbers}


def restore_optimiser(
    optimiser: Optimizer, names: Mapping[str, Tensor], tensors: Mapping[str, Tensor], data: Mapping[str, Any]
) -> None:
    """Give the optimiser back what ``optimiser_state`` returned; its own memory is replaced.

    Raises RunFolderError when the state belongs to other parameters: other names, groups or shapes.
    """
    order = _ordered(optimiser, names)
    current = optimiser.state_dict()
    live = [[order[index] for index in group["params"]] for group in current["param_groups"]]
    data = read(data, OPTIMISER, "the saved optimiser", error=RunFolderError, remedy=_REMEDY)
    saved = [group["params"] for group in data["groups"]]
    if saved != live:
        raise _of_others(_difference(saved, live))
    kept = _by_owner(tensors)
    if strangers := sorted({*kept, *data["numbers"]} - set(names)):
        raise _of_others(f"{strangers[0]} is unknown")
    state: dict[int, dict[str, Any]] = {}
    for index, name in order.items():
        remembered = _remembered(name, names[name], kept.get(name, {})) | data["numbers"].get(name, {})
        if remembered:
            state[index] = remembered
    _check_alike(optimiser, {order[index]: set(remembered) for index, remembered in state.items()})
    groups = [
        _group(now, group) | {"params": now["params"]}
        for group, now in zip(data["groups"], current["param_groups"], strict=True)
    ]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def system_error(error: BaseException) -> OSError | None:
    """Return the failure of the operating system that lies behind an error, or None when it is of another kind.

    The safetensors library reports a full disk as an error of its own that bears the number in its text.
    """
    if isinstance(error, OSError):
        return error
    found = re.search(r"\(os error (\d+)\)", str(error)) if type(error).__name__ == "SafetensorError" else None
    if found is None:
        return None
    number = int(found.group(1))
    return OSError(number, os.strerror(number))


def _need_safetensors() -> None:
    if find_spec("safetensors") is None:
        raise MissingExtraError("saving tensors", "safetensors", "hf")


def _separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors on the CPU, contiguous, no two in the same memory."""
    seen: set[int] = set()
    apart: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        flat = tensor.detach().to("cpu").contiguous()
        place = flat.untyped_storage().data_ptr()
        apart[name] = flat.clone() if place in seen else flat
        seen.add(place)
    return apart


def _ordered(optimiser: Optimizer, names: Mapping[str, Tensor]) -> dict[int, str]:
    """Return the name of each parameter by the number that ``state_dict`` gives it."""
    by_id = {id(parameter): name for name, parameter in names.items()}
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    if len(by_id) != len(names) or {id(parameter) for parameter in parameters} != set(by_id):
        raise ConfigError(
            f"the optimiser has {len(parameters)} parameters and {len(names)} names were given, "
            "which are not theirs one to one; name exactly the parameters it was made of"
        )
    return {index: by_id[id(parameter)] for index, parameter in enumerate(parameters)}


def _by_owner(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Return the saved tensors by parameter, then by what each of them is."""
    found: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        found.setdefault(owner_of(key), {})[key.rpartition(_BETWEEN)[2]] = tensor
    return found


def _remembered(name: str, parameter: Tensor, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    for kind, tensor in tensors.items():
        key = f"{name}{_BETWEEN}{kind}"
        if (tensor.dim() or kind.startswith("exp_")) and tensor.shape != parameter.shape:
            raise RunFolderError(
                f"the saved optimiser has {key} of shape {tuple(tensor.shape)}, "
                f"but the parameter's is {tuple(parameter.shape)}; continue with the model that it was saved with"
            )
        if kind in _NEVER_NEGATIVE and bool((tensor < 0).any()):
            raise RunFolderError(f"the saved optimiser has a negative number in {key}; {_REMEDY}")
    return {kind: tensor.clone() for kind, tensor in tensors.items()}


def _check_alike(optimiser: Optimizer, kinds: Mapping[str, set[str]]) -> None:
    """Raise RunFolderError when parameters remember different things, or AdamW's not what AdamW needs."""
    from torch.optim import Adam, AdamW

    needed = {"step", "exp_avg", "exp_avg_sq"} if isinstance(optimiser, Adam | AdamW) else set()
    for name, found in kinds.items():
        everything = needed.union(*kinds.values())
        if missing := sorted(everything - found):
            raise RunFolderError(f"the saved optimiser lacks {name}{_BETWEEN}{missing[0]}; {_REMEDY}")


def _group(now: Mapping[str, Any], saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a group, each of the kind that it has in the optimiser."""
    for key in {*now, *saved} - {"params"}:
        if key not in now or key not in saved or _kind(now[key]) != _kind(saved[key]):
            given = shown(saved[key]) if key in saved else "missing"
            raise RunFolderError(f"the saved optimiser's setting {shown(key)} is {given}; {_REMEDY}")
    return {key: _as(now[key], value) for key, value in saved.items() if key != "params"}


def _kind(value: Any) -> Any:
    """Return the kind of a setting; switches that nobody has set are of the kind of those that are."""
    if isinstance(value, list | tuple):
        return [_kind(each) for each in value]
    return "switch" if value is None or isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def owner_of(key: str) -> str:
    """Return the parameter that a tensor of `optimiser_state` belongs to."""
    return key.rpartition(_BETWEEN)[0]


def _of_others(difference: str) -> RunFolderError:
    return RunFolderError(
        f"the saved optimiser has other parameters than this one: {difference}; "
        "continue with the model and the finetune that it was saved with"
    )


def _difference(saved: Sequence[Sequence[str]], live: Sequence[Sequence[str]]) -> str:
    old, new = ({name for group in groups for name in group} for groups in (saved, live))
    if old - new:
        return f"{min(old - new)} is unknown"
    if new - old:
        return f"{min(new - old)} is not in it"
    return "they are grouped or ordered otherwise"


def _is_tensor(value: object) -> bool:
    from torch import Tensor

    return isinstance(value, Tensor)


def _plain(value: Any, key: str) -> Any:
    """Return a setting as JSON holds it; raises ConfigError for what JSON cannot hold exactly."""
    if isinstance(value, list | tuple):
        return [_plain(each, key) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ConfigError(f"the optimiser's {key} is a {type(value).__name__}; give it as a plain number")


def _as(now: Any, value: Any) -> Any:
    return tuple(value) if isinstance(now, tuple) else value
