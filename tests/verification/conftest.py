"""The small checkout, made once and copied for each test."""

import shutil
import sys
from pathlib import Path

import pytest
from small_checkout import FILES, commit, run


@pytest.fixture(scope="session")
def _sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sound") / "checkout"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    run(root, "git", "init", "-q")
    commit(root)  # the code, of which the figures name the commit
    for step in ("init -q", "add -q data", "repro -q"):
        run(root, sys.executable, "-m", "dvc", *step.split())
    commit(root)
    return root


@pytest.fixture
def sound(_sound: Path, tmp_path: Path) -> Path:
    """A copy of a checkout in which everything fits together."""
    root = tmp_path / "checkout"
    shutil.copytree(_sound, root, symlinks=True)
    return root
