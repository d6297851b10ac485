"""What the tests of the loop share."""

import pytest


@pytest.fixture(autouse=True)
def _each_with_one_thread(one_thread: None) -> None:
    """Let torch use one thread in every test of the loop."""
