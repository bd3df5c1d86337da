"""What the scripts of clients share: each use of a client is tried by itself, and told in one line of JSON.

A script names its package and its uses, functions without arguments, each with what it needed beyond the client's own
documentation. A use that raises does not keep the others from being tried; the last line of its error is told.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

__all__ = ["Use", "tell"]


@dataclass(frozen=True)
class Use:
    """One way to use a client, as its documentation shows it."""

    name: str
    run: Callable[[], object]
    needed: str = "nothing"
    """What had to be done beyond the documentation, in one sentence."""
    cannot: str = ""
    """Why the client itself cannot, where it cannot: then ``run`` has to raise, and this is what is said."""


def _last_line(error: BaseException) -> str:
    told = "".join(traceback.format_exception_only(error)).strip().splitlines()
    return next((line for line in told if line.strip()), type(error).__name__)[:300]


def _tried(use: Use) -> str:
    """Return the last line of the error that the use ends in, or nothing."""
    try:
        use.run()
    except Exception as error:  # whatever a client raises is what is told
        if not use.cannot:
            traceback.print_exc()
        return _last_line(error)
    return ""


def tell(package: str, *uses: Use) -> int:
    """Try each use, print one line of JSON for each; return 1 if one failed that the client could have, else 0."""
    failed = False
    for use in uses:
        error = _tried(use)
        wrong = error
        if use.cannot:
            wrong = "" if error else "it can now: mend the script's word that it cannot"
        failed |= bool(wrong)
        row = {
            "use": use.name,
            "version": version(package),
            "yes": not error,
            "needed": use.cannot if use.cannot and not wrong else use.needed,
            "error": wrong,
        }
        sys.stderr.flush()
        print(json.dumps(row), flush=True)
    return int(failed)
