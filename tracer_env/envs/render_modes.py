"""Render modes: an unknown one is warned of, as Gymnasium's own environments do, and shows nothing.

Clients ask for a mode that most environments have (``rgb_array``) before they know which there are.
"""

from __future__ import annotations

from collections.abc import Sequence

from gymnasium import logger

from tracer_env.errors import did_you_mean

__all__ = ["checked_mode"]


def checked_mode(mode: str | None, known: Sequence[str]) -> str | None:
    """Return the mode as it is; warn of one that is not ``known``."""
    if mode is not None and mode not in known:
        near = did_you_mean(str(mode), known) if known else ""
        logger.warn(
            f"The environment is being initialised with render_mode={mode!r} that is not in the possible render_modes "
            f"({list(known)}){near}"
        )
    return mode
