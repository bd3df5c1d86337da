"""Something to do once another package has been imported, without importing it.

    after("gymnasium", tell)      at once where it is imported already, else at the end of its import

That way our ids are known to who imports both packages, in either order, and who needs neither waits for neither.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

__all__ = ["after"]


def after(package: str, act: Callable[[], None]) -> None:
    """Call ``act`` when ``package`` is imported: now if it is, else when its import has succeeded."""
    if package in sys.modules:
        act()
    else:
        sys.meta_path.insert(0, _Listener(package, act))


class _Listener:
    """A meta path finder that finds what the others find, and hears when it has been executed."""

    def __init__(self, package: str, act: Callable[[], None]) -> None:
        self._package, self._act = package, act

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of the package that is waited for, once; None for every other name."""
        if name != self._package:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is None or spec.loader is None:
            sys.meta_path.insert(0, self)
            return None
        spec.loader = _Told(spec.loader, self)
        return spec

    def ended(self, well: bool) -> None:
        """Act after an import that went well; after another the next one is waited for."""
        if well:
            self._act()
        else:
            sys.meta_path.insert(0, self)


class _Told(Loader):
    """Another loader that says how the execution ended, and then steps out of the way."""

    def __init__(self, inner: Loader, listener: _Listener) -> None:
        self._inner, self._listener = inner, listener

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._inner
        if module.__spec__ is not None:
            module.__spec__.loader = self._inner
        try:
            self._inner.exec_module(module)
        except BaseException:
            self._listener.ended(well=False)
            raise
        self._listener.ended(well=True)
