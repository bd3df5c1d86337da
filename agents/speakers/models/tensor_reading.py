"""Tensors of a safetensors file from elsewhere: sizes first, then kinds, then whether every number is finite.

The format is read by its own library, which believes no offset that leaves the file. Checked here besides: that the
file is an ordinary one, that its head is small, and of each tensor what a check says: that no number is NaN or
infinite (`finite`), which would only come out at the first token as somebody else's fault, and that it holds floating
point numbers (`weights`). Errors name the tensor.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_env.errors import DataError, UserError
from tracer_env.intake.bounded import MEBIBYTE, shown, shown_path, told

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Check", "finite", "read_tensors", "weights"]

_HEAD = 16 * MEBIBYTE


Check = Callable[["Tensor"], str | None]
"""Says what is wrong with a tensor, or nothing."""


def finite(tensor: Tensor) -> str | None:
    """Refuse numbers that are not finite; whole numbers and empty tensors pass."""
    import torch

    if tensor.is_complex() or not tensor.numel() or not tensor.is_floating_point():
        return "holds complex numbers" if tensor.is_complex() else None
    low, high = torch.aminmax(tensor.float() if tensor.element_size() == 1 else tensor)
    return None if bool(torch.isfinite(low) & torch.isfinite(high)) else "holds a number that is not finite"


def weights(tensor: Tensor) -> str | None:
    """Refuse what is no matrix of finite floating point numbers of 16 bits or more."""
    if not tensor.is_floating_point() or tensor.element_size() == 1:
        return f"holds {tensor.dtype}, not floating point numbers"
    if not tensor.numel():
        return f"is empty (its shape is {tuple(tensor.shape)})"
    return finite(tensor)


def read_tensors(
    path: Path, what: str, check: Check, *, error: type[UserError] = DataError, remedy: str
) -> dict[str, Tensor]:
    """Return the tensors by name, on the CPU, each in the mapped file. Raises ``error``, which ``what`` opens."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        _check_head(path)
        found = load_file(path)
    except (OSError, ValueError, KeyError, SafetensorError, RuntimeError) as failure:
        raise error(f"cannot read {what} {shown_path(path)}: {told(failure)}; {remedy}") from failure
    for name, tensor in found.items():
        if problem := check(tensor):
            raise error(f"{what} {shown_path(path)}: the tensor {shown(name, 200)} {problem}; {remedy}")
    return found


def _check_head(path: Path) -> None:
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("it is no ordinary file")
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
    if about.st_size < 8 or size > min(_HEAD, about.st_size - 8):
        raise ValueError(f"its head claims {size} bytes of {about.st_size}")
