"""Makes a bare clone importable: the three rooms beside `tracer_env` answer to `tracer_env.<room>`.

An installed distribution maps the rooms itself and never needs this. In a checkout (recognised by
its pyproject.toml and agents/ folder) a finder offers exactly these names and nothing else of the
root, so that `tests` or `benchmarks` never become part of the package.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

ROOMS = ("agents", "trainers", "scenarios")


class RoomFinder:
    """A meta path finder for ``tracer_env.agents``, ``tracer_env.trainers`` and ``tracer_env.scenarios``."""

    def __init__(self, root: Path) -> None:
        self._folders = {f"tracer_env.{room}": root / room for room in ROOMS}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a room, or None for every other name."""
        folder = self._folders.get(name)
        if folder is None:
            return None
        init = folder / "__init__.py"
        return importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(folder)])


def open_rooms(package_file: str) -> None:
    """Make the rooms importable when ``package_file`` lies in a checkout."""
    root = Path(package_file).resolve().parent.parent
    if (root / "pyproject.toml").is_file() and (root / "agents").is_dir():
        sys.meta_path.append(RoomFinder(root))
