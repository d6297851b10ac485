"""What tests share."""

import os
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
