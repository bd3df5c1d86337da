"""What tests share: one thread for each numerical library, set before any is loaded, models of a few letters, and
examples of properties that are the same in each run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from tracer_env import registry  # noqa: E402  # after the threads are set

PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}  # how busy a machine is decides nothing
settings.register_profile("fixed", derandomize=True, **PATIENT)
settings.register_profile("sweep", max_examples=1000, print_blob=True, **PATIENT)
settings.load_profile("fixed")  # `make sweep` takes the other one: new examples each time


@pytest.fixture(autouse=True)
def _names_as_they_were() -> Iterator[None]:
    """Take back what a test registers: another file's tests may run in the same process, in any order."""
    kept = {kind: dict(table) for kind, table in registry.KINDS.items()}
    yield
    for kind, table in registry.KINDS.items():
        table.clear()
        table.update(kept[kind])


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a tiny Llama with a chat template; each test file has its own."""
    import tiny  # loads torch, which most tests do without

    return tiny.save(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a tiny GPT-2 without a chat template."""
    import tiny

    return tiny.save(tmp_path_factory.mktemp("gpt2"), kind="gpt2", template=None)
