"""One pass over a file: counts, ledger, digest, the episode worth a look, and what a check says."""

from __future__ import annotations

import hashlib
from pathlib import Path

from samples import one_proposal

from tracer_env.episodes.promise import Promise
from tracer_env.runs.survey import survey
from tracer_env.types import Grade

TOLD = [
    one_proposal(Grade.CORRECT if n % 3 else Grade.WRONG, n // 2, method="ab"[n % 2], task=f"t{n // 2}")
    for n in range(12)
]


def test_all_in_one_pass(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    stranger = one_proposal(Grade.WRONG, 0, method="c", task="t0")
    path.write_text("".join(each.to_json() + "\n" for each in [*TOLD[:4], stranger, *TOLD[4:]]), encoding="utf-8")
    promise = Promise(("a", "b"), 1, 1, 6, tuple(f"t{n}" for n in range(6)))
    found = survey(path, promise, lambda told: "odd" if told.episode == 5 else "")
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.tally.methods == ["a", "b"]
    assert [row.accuracy for row in found.tally.rows("a")] == [2 / 3, 2 / 3]
    assert found.problems() == [
        "1 are foreign (line 5: method 'c' is none of the run's)",
        "2 do not follow from the run's settings (line 12: odd; line 13: odd)",
    ]
    offset = int(found.ledger.offsets[found.highlights.best()])
    assert path.read_bytes()[offset:].startswith(TOLD[0].to_json().encode())
    assert survey(path, promise).departed == 0
