"""Mathematics workers that are killed and stopped at random moments, and a machine that is busy: the grades stay.

The same pairs are graded again and again by two threads while somebody kills or stops one worker at a time: idle ones,
starting ones, computing ones. Then three new pools grade them beside two processes that take what time there is.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing

from tracer_env.verification.math_pool import MathPool

__all__ = ["attack_workers"]

_PAIRS = [
    ("1/2", "0.5"), ("x+1", "1+x"), ("3", "4"), ("5", "3^{3000000}"), ("\\sin(x)^{12}", "\\cos(x)^{12}"),
    ("(x+y)^{40}", "(x+y)^{39}(x+y+1)"), ("\\sqrt{8}", "2\\sqrt{2}"), ("\\frac{2}{4}", "\\frac{1}{2}"),
    ("(1,2)", "(1,2)"), ("30000!", "30001!"), ("\\pi", "3.14"), ("x^2-1", "(x-1)(x+1)"),
]  # fmt: skip


def attack_workers(luck: random.Random, counts: Counter[str], kills: int, repeats: int) -> None:
    """Grade the pairs again and again, one attack a round; then on a busy machine."""
    with closing(MathPool(size=2, timeout=20.0)) as pool:
        expected = _graded(pool, luck)
    with closing(MathPool(size=2, timeout=20.0)) as pool:
        for number in range(kills):  # one a round, since a job is asked twice and no more
            attack = threading.Thread(target=_harass, args=(pool, random.Random(luck.random()), number % 2 > 0, counts))
            attack.start()
            _compare_grades(_graded(pool, luck), expected, "killed and stopped", counts)
            attack.join()
    busy = [subprocess.Popen(["yes"], stdout=subprocess.DEVNULL) for _ in range(2)]
    try:
        for _ in range(repeats):
            with closing(MathPool(size=2)) as pool:
                _compare_grades(_graded(pool, luck), expected, "beside a busy machine", counts)
    finally:
        for process in busy:
            process.kill()
            process.wait()


def _graded(pool: MathPool, luck: random.Random) -> dict[int, bool | None]:
    """Grade all pairs, in any order, by two threads."""
    order = luck.sample(range(len(_PAIRS)), len(_PAIRS))
    grades: dict[int, bool | None] = {}

    def work(places: list[int]) -> None:
        for place in places:
            grades[place] = pool.compare(*_PAIRS[place])

    threads = [threading.Thread(target=work, args=(order[half::2],)) for half in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return grades


def _compare_grades(
    found: dict[int, bool | None], expected: dict[int, bool | None], when: str, counts: Counter[str]
) -> None:
    counts["answers compared"] += len(found)
    for place, grade in sorted(expected.items()):
        if place not in found or found[place] is not grade:
            counts["failures"] += 1
            print(f"parts: {_PAIRS[place]} is {found.get(place)}, not {grade}, {when}", file=sys.stderr, flush=True)


def _harass(pool: MathPool, luck: random.Random, kill: bool, counts: Counter[str]) -> None:
    """Kill or stop one worker at some moment of a round: it may be idle, starting or computing."""
    time.sleep(luck.random() * luck.choice((0.01, 0.1, 0.5)))
    workers = list(pool._all)
    if not workers:
        return
    process = luck.choice(workers)._process
    if kill:
        process.kill()
        counts["workers killed"] += 1
        return
    process.send_signal(signal.SIGSTOP)
    time.sleep(luck.choice((0.2, 0.5, 2.5)))
    process.send_signal(signal.SIGCONT)
    counts["workers stopped"] += 1
