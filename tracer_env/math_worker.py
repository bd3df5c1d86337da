"""The program of a mathematics worker: compares two answers by `verification.comparison`, one JSON line at a time.

Run by `math_pool` in a process of its own, as a script and not as a part of the package, so that it
starts without importing anything else of tracer-env (the comparison is loaded from its file):

    out   {"ready": true}                         once math-verify is loaded, else {"error": "..."}
    in    {"gold": "...", "answer": "..."}        ASCII JSON, one line
    out   {"equal": true}                         or {"exhausted": true} when memory or the stack ran out

The parent holds the clock. What is set here is only the backstop for a parent that is gone: SIGALRM with its
default action ends the process even inside one long C call, and a memory limit (POSIX) keeps
``10**10**10`` from eating the machine. math-verify's own alarms are switched off.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import signal
import sys
import warnings
from pathlib import Path
from types import ModuleType

__all__ = ["serve"]

BACKSTOP_SECONDS = 30
MEMORY_BYTES = 3 << 30
_COMPARISON = Path(__file__).with_name("verification") / "comparison.py"


def serve() -> None:
    """Answer jobs from standard input until it closes."""
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # nothing that a library prints may pass for a reply
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        compare = _load(_COMPARISON).compare
        compare("\\frac{1}{2}", "0.5 + x^2")
    except ImportError as error:
        print(json.dumps({"error": str(error)}), file=replies, flush=True)
        return
    _limit_memory()
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        _alarm(BACKSTOP_SECONDS)
        reply = compare(job["gold"], job["answer"])
        _alarm(0)
        print(json.dumps(reply), file=replies, flush=True)


def _load(file: Path) -> ModuleType:
    """Return the module in ``file``, without the package around it."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _alarm(seconds: int) -> None:
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not a POSIX system
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES if hard < 0 else min(MEMORY_BYTES, hard), hard))


if __name__ == "__main__":
    serve()
