"""What tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real tables, or skip: the environment variable REAL_DATA names it."""
    if "REAL_DATA" not in os.environ:
        pytest.skip("REAL_DATA is not set: the tests on real tables did not run")
    folder = Path(os.environ["REAL_DATA"]).resolve()
    assert folder.is_dir(), f"REAL_DATA names {folder}, which is no folder"
    return folder


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Let torch use one thread: the networks are tiny, and threads that wait for each other take long."""
    import torch  # slow to import, and most tests go without

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
