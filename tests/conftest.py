"""What tests share: one thread for each numerical library, set before any is loaded, and models of a few letters."""

from __future__ import annotations

import os

import pytest

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ.setdefault(name, "1")


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
