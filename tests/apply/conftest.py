"""Models and a cluster that the tests of this folder share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import LocalCluster
from toy_survey import THREADS, write_models

from analysis.apply.train import Parts


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> tuple[Path, Parts]:
    folder = tmp_path_factory.mktemp("apply") / "models"
    return folder, write_models(folder)


@pytest.fixture(scope="session")
def models(made) -> Path:
    return made[0]


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """Two workers as threads of this process: at once there, and as strict about what they are sent."""
    with LocalCluster(n_workers=2, **THREADS) as running:
        yield running.scheduler_address
