"""What a server's faults cost a comparison: 1,000 dialogues against one that stumbles, and against one that does not.

    python benchmarks/endpoint_faults.py                     about a minute and a half on two cores

The server (`fault_server`) answers after 0.1 s; of all attempts 5% meet each of seven faults: slow (1 s), 429 with
Retry-After 0.2 s, 500, a connection that breaks, malformed JSON, no choice, wrong usage. 32 requests are in flight at
once. Printed, with what must hold:

    episodes     each once, and the same words as without faults
    used         an episode's tokens are those of the answer that was used
    budget       the account of every attempt that may have been billed: known ones to the token, the rest as unknown
    unknown      wrong usage is marked in the episode, and never guessed
    wall time    at most 2 times that of the run without faults

Exits with 1 where something does not hold. The server is a process of its own, as a real one is.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tracer_env
from tracer_env.episodes.transcript import Transcript
from tracer_env.parts.accounts import Spent
from tracer_env.runs.config import Config
from tracer_env.runs.spending import FILE, read_spending

WITHOUT = ("limit", "error")  # what is answered at once and costs nothing
UNKNOWN = ("error", "cut", "malformed", "usage")  # nobody can know what these used


@contextmanager
def serving(share: float, latency: float) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Run the server as a process of its own; give its URL and, after the block, what it saw."""
    script = Path(__file__).with_name("fault_server.py")
    words = [sys.executable, str(script), "--port", "0", "--share", str(share), "--latency", str(latency), "--json"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    seen: list[dict[str, Any]] = []
    try:
        yield process.stdout.readline().split()[0], seen
    finally:
        told, _ = process.communicate("")  # the end of its input ends it
        seen.append(json.loads(told))


def compared(folder: Path, share: float, asked: argparse.Namespace) -> tuple[float, dict[str, Any], list[Transcript]]:
    """Play the dialogues; return the seconds, what the server saw, and the episodes."""
    with serving(share, asked.latency) as (url, seen):
        config = Config.from_data(
            {
                "scenario": {"name": "arithmetic", "limit": asked.dialogues // 2},
                "speaker": {"name": "endpoint:faulty", "base_url": url, "concurrency": 32},
                "evaluation": {"methods": ["always", "until_approved"], "batch_size": asked.batch},
                "executor": {"name": asked.executor},
            }
        )
        began = time.monotonic()
        run = tracer_env.compare(config, out=folder).run
        seconds = time.monotonic() - began
        episodes = run.transcripts()
    return seconds, seen[0], episodes


def words(episodes: list[Transcript]) -> list[Any]:
    """Return who said what in which episode."""
    return [(t.method, t.episode, [u.text for turn in t.turns if (u := turn.utterance)]) for t in episodes]


def checks(
    spent: Spent, seen: dict[str, Any], calm: list[Transcript], stormy: list[Transcript], ratio: float, count: int
) -> dict[str, tuple[bool, str]]:
    """Return what must hold: whether it does, and the numbers."""
    said = [
        (turn.utterance, other.utterance)
        for t, o in zip(stormy, calm, strict=True)
        for turn, other in zip(t.turns, o.turns, strict=True)
    ]
    both = [(mine, true) for mine, true in said if mine is not None and true is not None]
    used = all(not mine.counted or mine.tokens == true.tokens for mine, true in both)
    marked = [mine for mine, _ in both if not mine.counted]
    faults, unknown = seen["faults"], sum(seen["faults"].get(kind, 0) for kind in UNKNOWN)
    billed = spent.prompt_tokens + spent.completion_tokens
    least, most = billed, billed + spent.unknown_tokens
    true = seen["prompt_tokens"] + seen["completion_tokens"]
    attempts = seen["attempts"] - faults.get("limit", 0)
    return {
        "episodes": (
            len({(t.method, t.episode) for t in stormy}) == len(stormy) == count and words(stormy) == words(calm),
            f"{len(stormy)}, each once, words as without faults",
        ),
        "used": (used, f"{len(both)} utterances, tokens of the answer that was used"),
        "budget": (
            spent.calls == attempts and spent.unknown == unknown and least <= true <= most,
            f"{spent.calls} calls that may have been billed of {seen['attempts']} sent, {spent.unknown} of unknown "
            f"usage; the server would bill {true:,} tokens, the account says {least:,} to {most:,}",
        ),
        "unknown": (
            len(marked) > 0 and all(mine.tokens == 0 for mine in marked),
            f"{len(marked)} utterances marked ({faults.get('usage', 0)} answers had wrong usage), none guessed",
        ),
        "wall time": (ratio <= 2.0, f"{ratio:.2f} times the run without faults (at most 2)"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dialogues", type=int, default=1000)
    parser.add_argument("--share", type=float, default=0.05, help="share of the attempts for each kind of fault")
    parser.add_argument("--latency", type=float, default=0.1, help="seconds of an answer")
    parser.add_argument("--batch", type=int, default=256, help="dialogues at once (evaluation.batch_size)")
    parser.add_argument("--executor", default="process")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        quick, first, calm = compared(Path(place) / "calm", 0.0, asked)
        slow, seen, stormy = compared(Path(place) / "stormy", asked.share, asked)
        spent = read_spending(Path(place) / "stormy" / FILE).spent
        whole = read_spending(Path(place) / "calm" / FILE).spent
    print(f"without faults  {quick:6.1f} s, {first['attempts']} attempts, {whole.line()}")
    print(f"with faults     {slow:6.1f} s, {seen['attempts']} attempts, {spent.line()}")
    print(f"faults          {', '.join(f'{kind} {number}' for kind, number in sorted(seen['faults'].items()) if kind)}")
    found = checks(spent, seen, calm, stormy, slow / quick, asked.dialogues)
    for name, (holds, told) in found.items():
        print(f"{name:<15} {'ok' if holds else 'WRONG'}: {told}")
    return 0 if all(holds for holds, _ in found.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
