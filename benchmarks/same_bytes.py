"""Whether two checkouts write the same bytes: a score of commands, every file that they leave and all that they print.

    python benchmarks/same_bytes.py --write before.json            minutes on one core: what this installation writes
    python benchmarks/same_bytes.py --against before.json          the same commands now, and what differs

For moves of files and other changes that must not change a result. Each command runs in one empty folder after those
before it; of every file and of stdout a digest is kept after versions, paths and lengths of time are taken out. Run
both with the packages, threads and machine of each other: a language model's last digits hang on all three.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

SMALL = "--set gspo.num_generations=4 --set gspo.tasks_per_step=4 --limit 8"
COMMANDS = {
    "list": "list",
    "settings": "compare --scenario gsm8k --methods never,random:p=0.3 --dry-run",
    "settings of training": "train --method tracer --speaker nano --dry-run",
    "compare simulated": "compare --scenario arithmetic --speaker simulated --limit 200 --methods never,always,"
    "until_approved,random:p=0.5,regret_matching,regret_matching_plus,cfr_plus:price=2e-5 --train-episodes 300 "
    "--train-tasks 100 --out simulated --json",
    "compare casts": "compare --scenario arithmetic --speaker proposer=simulated,reviewer=simulated:harsh "
    "--limit 50 --methods proposer=always+reviewer=random:p=0.4,never --worlds 3 --out casts",
    "compare recorded": "compare --limit 60 --out shipped --json",
    "compare seeds": "compare --scenario arithmetic --speaker simulated --limit 40 --methods never,regret_matching "
    "--train-episodes 200 --seeds 0,1,2 --out seeds --json",
    "compare nano": "compare --scenario arithmetic --speaker nano --limit 6 --methods never,always --out nano --json",
    "report": "report simulated --json",
    "verify": "verify simulated",
    "replay": "replay simulated --episode 3 --json",
    "replay as html": "replay nano --episode 2 --export two.html",
    "replay as svg": "replay simulated --episode 5 --export five.svg",
    "expand simulated": "expand --scenario arithmetic --speaker simulated --limit 120 --out trees --json",
    "expand nano": "expand --scenario arithmetic --speaker nano --limit 2 --worlds 2 --out nano-trees --json",
    "see": "see trees --information vote+time --information vote+time+confidence --price 2e-5 --iterations 30 --json",
    "see recorded": "see recorded --information vote+time --iterations 20 --starts 1 --picture seen.svg",
    "calibrate trees": "calibrate trees --out trees.toml --json",
    "calibrate run": "calibrate nano --out nano.toml --json",
    "frontier": "frontier trees --out frontier.png --json",
    **{
        f"train {method}": f"train --method {method} --scenario arithmetic --speaker simulated --steps 200 --seed 3 "
        f"--out {method} --json"
        for method in ("regret_matching", "regret_matching_plus")
    },
    **{
        f"train {method} on trees": f"train --trees trees --method {method} --iterations 20 --out trees-{method} --json"
        for method in ("cfr_plus", "dcfr", "hedge", "external_mccfr", "outcome_mccfr", "regret_matching")
    },
    "train logistic": "train --trees trees --method logistic --iterations 20 --out trees-logistic --json",
    **{
        f"train {method}": f"train --method {method} --scenario arithmetic --speaker nano --steps 2 {SMALL} "
        f"--out {method} --json"
        for method in ("gspo", "grpo", "magrpo", "maporl", "tracer")
    },
}
TAKEN_OUT = (
    (re.compile(r"\b\d+(\.\d+)? ?(s|ms|MB|tokens/s|it/s)\b"), "MEASURED"),
    (
        re.compile(r"(?i)(\"?[\w/]*(second|_at|elapsed|memory|started|rss)[\w/]*\"?\s*[:=]\s*)[^,}\n]+"),
        r"\1MEASURED",
    ),
    (re.compile(r"(\"?[\w. -]*version[\w. -]*\"?\s*[:=]\s*)[^,}\n]+"), r"\1VERSION"),
)


def cleaned(text: str, folder: Path) -> str:
    """Return a text without what may differ: paths of the folder, versions, measured times and memory."""
    text = text.replace(str(folder), "FOLDER")
    for pattern, instead in TAKEN_OUT:
        text = pattern.sub(instead, text)
    return text


def digest(path: Path, folder: Path) -> str | None:
    """Return the digest of a file's contents; None for what holds nothing but clocks and owners."""
    if path.name == "environment.json" or path.suffix == ".lock" or path.name.startswith("events.out."):
        return None
    data = path.read_bytes()
    if path.suffix == ".npz":
        with np.load(io.BytesIO(data)) as arrays:
            parts = [
                f"{name} {arrays[name].dtype} {arrays[name].shape}".encode() + arrays[name].tobytes()
                for name in sorted(arrays)
            ]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    with contextlib.suppress(UnicodeDecodeError):
        data = cleaned(data.decode("utf-8"), folder).encode()
    return hashlib.sha256(data).hexdigest()


def written(names: list[str], keep: Path | None) -> dict[str, dict[str, str]]:
    """Run the commands in an empty folder; return the digests of stdout and of each file that is new or has changed."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    plain = {"NO_COLOR": "1", "COLUMNS": "120", "TERM": "dumb", "TOKENIZERS_PARALLELISM": "false"}
    found: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory(prefix="same-bytes-") as place:
        folder = (keep or Path(place)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        seen: dict[str, str | None] = {}
        for name in names:
            print(name, file=sys.stderr, flush=True)
            command = [sys.executable, "-m", "tracer_env.cli", *COMMANDS[name].split()]
            done = subprocess.run(
                command, cwd=folder, env={**os.environ, **threads, **plain}, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise SystemExit(
                    f"{name}: tracer-env {COMMANDS[name]} ended with {done.returncode}\n{done.stderr[-2000:]}"
                )
            now = {
                path.relative_to(folder).as_posix(): digest(path, folder)
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            }
            new = {path: known for path, known in now.items() if known is not None and seen.get(path) != known}
            found[name] = {"stdout": hashlib.sha256(cleaned(done.stdout, folder).encode()).hexdigest(), **new}
            seen = now
    return found


def compared(before: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return a line for everything that differs, in the commands that both have."""
    lines = []
    for name in now:
        old = before.get(name)
        if old is None:
            lines.append(f"{name}: not among what was written before")
            continue
        for path in sorted({*old, *now[name]}):
            if old.get(path) != now[name].get(path):
                kind = "differs" if path in old and path in now[name] else "is new" if path in now[name] else "is gone"
                lines.append(f"{name}: {path} {kind}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, help="a file for the digests")
    parser.add_argument("--against", type=Path, help="digests that an earlier call has written")
    parser.add_argument("--only", action="append", choices=list(COMMANDS), help="these commands; repeat it")
    parser.add_argument("--keep", type=Path, help="run in this folder and leave it, to look at what differs")
    given = parser.parse_args()
    found = written(given.only or list(COMMANDS), given.keep)
    count = sum(len(files) for files in found.values())
    if given.write:
        given.write.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if not given.against:
        print(f"{len(found)} commands, {count} outputs")
        return 0
    lines = compared(json.loads(given.against.read_text(encoding="utf-8")), found)
    print("\n".join([*lines, f"{len(found)} commands, {count} outputs, {len(lines)} differ"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
