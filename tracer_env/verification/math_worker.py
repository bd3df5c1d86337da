"""The program of a mathematics worker: compares two answers by `comparison`, one JSON line at a time.

Run by `math_pool` in a process of its own, as a script and not as a part of the package, so that it
starts without importing anything else of tracer-env (the comparison is loaded from its file):

    out   {"ready": true, "clock": true}                       once math-verify is loaded, else {"error": "..."}
    in    {"gold": "...", "answer": "...", "seconds": 1.5}     ASCII JSON, one line
    out   {"equal": true}                                      or {"exhausted": true} when memory or the stack ran out

The clock counts the processor time of this process from job to reply, and when it runs out SIGPROF ends the
process, even inside one long C call; time that the process did not run does not count. ``clock`` says whether the
system has such a clock; if not, the parent holds one. A memory limit (POSIX) keeps ``10**10**10`` from eating the
machine. math-verify's own alarms are switched off. When the parent is gone the input ends, and so does this.
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

MEMORY_BYTES = 3 << 30
_COMPARISON = Path(__file__).with_name("comparison.py")


def serve() -> None:
    """Answer jobs from standard input until it closes."""
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # nothing that a library prints may pass for a reply
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    clock = _clock_works()
    try:
        compare = _load(_COMPARISON).compare
        compare("\\frac{1}{2}", "0.5 + x^2")
    except ImportError as error:
        print(json.dumps({"error": str(error)}), file=replies, flush=True)
        return
    _limit_memory()
    print(json.dumps({"ready": True, "clock": clock}), file=replies, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        _set_clock(job["seconds"])
        reply = compare(job["gold"], job["answer"])
        _set_clock(0)
        print(json.dumps(reply), file=replies, flush=True)


def _load(file: Path) -> ModuleType:
    """Return the module in ``file``, without the package around it."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _clock_works() -> bool:
    """Return whether the system counts processor time, with the signal at its default: it may come to us ignored."""
    if not hasattr(signal, "setitimer"):
        return False
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})
    return True


def _set_clock(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not a POSIX system
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES if hard < 0 else min(MEMORY_BYTES, hard), hard))


if __name__ == "__main__":
    serve()
