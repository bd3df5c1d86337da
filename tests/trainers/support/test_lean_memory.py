from __future__ import annotations

import ctypes

import pytest

from tracer_env.trainers.support import lean_memory as module
from tracer_env.trainers.support.lean_memory import lean_memory


class Recorded:
    """Stands where the C library would and writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def mallopt(self, what: int, value: int) -> None:
        self.told.append(("mallopt", what, value))

    def malloc_trim(self, pad: int) -> None:
        self.told.append(("trim", pad, 0))


def test_the_threshold_is_lowered_inside_and_raised_again(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Recorded()
    monkeypatch.setattr(module, "_glibc", lambda: library)
    with lean_memory("cpu"):
        assert library.told == [("trim", 0, 0), ("mallopt", -3, 2 << 20)]
    assert library.told[-1] == ("mallopt", -3, 32 << 20)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_other_devices_have_allocators_of_their_own(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    library = Recorded()
    monkeypatch.setattr(module, "_glibc", lambda: library)
    with lean_memory(device):
        pass
    assert library.told == []


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "platform", "darwin")
    module._glibc.cache_clear()
    try:
        assert module._glibc() is None
        with lean_memory("cpu"):
            pass
    finally:
        module._glibc.cache_clear()


def test_the_allocator_here_takes_it() -> None:
    library = module._glibc()
    if library is None:
        pytest.skip("not glibc")
    assert isinstance(library, ctypes.CDLL)
    with lean_memory("cpu"):
        assert library.mallopt(-3, 1 << 20) == 1
