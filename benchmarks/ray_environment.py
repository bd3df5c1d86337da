"""An environment with Ray, and a place where it may listen: makes both, and runs the tests of `--executor ray` there.

    python benchmarks/ray_environment.py                               the tests
    python benchmarks/ray_environment.py benchmarks/ray_speed.py       a script, with its arguments behind it
    python benchmarks/ray_environment.py --system-packages --folder DIR     the environment shares this one's packages

Ray listens on all interfaces, so whatever is run stands in a network namespace of its own, in which there is nothing
but the loopback (``unshare -n``; without root also ``-r``). The environment is kept and used again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "clients"))
from environments import ROOT, Client, InstallError, python_of

CLIENT = Client("ray", "Ray", "", install=("pytest", "hypothesis"), extras=("ray", "endpoint"))
TESTS = ("tests/executors", "tests/cli/test_executors.py", "tests/runs/test_sweeping.py")
INSIDE = 'ip link set lo up; exec "$@"'


def alone(command: list[str]) -> list[str]:
    """Return the command in a network namespace of its own; raises SystemExit where the system gives none."""
    root = [] if os.geteuid() == 0 else ["-r"]
    if shutil.which("unshare") is None:
        raise SystemExit("there is no unshare (util-linux) here: Ray would listen on all interfaces of this machine")
    return ["unshare", *root, "-n", "sh", "-c", INSIDE, "sh", *command]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "clients", help="where the environment is kept")
    parser.add_argument("--system-packages", action="store_true", help="share the packages of this environment")
    parser.add_argument("script", nargs=argparse.REMAINDER, help="what to run instead of the tests")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    try:
        python = python_of(CLIENT, asked.folder.resolve(), asked.system_packages)
    except InstallError as error:
        print(f"the environment could not be made: {error}", file=sys.stderr)
        return 1
    tests = ["-m", "pytest", "-q", *(name for name in TESTS if (ROOT / name).exists())]
    environment = {
        **os.environ,
        "RAY_AUTH_MODE": "disabled",  # or a token is written to the home folder
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        alone([str(python), *(asked.script or tests)]), cwd=ROOT, env=environment, check=False
    ).returncode


if __name__ == "__main__":
    raise SystemExit(main())
