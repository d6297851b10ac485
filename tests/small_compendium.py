"""A compendium in a folder of a test's own: its data, models and results there, with settings smaller than usual."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from analysis import params, paths

SMOKE = params.read_yaml(paths.SCALES / "smoke.yaml")
FOLDERS = ("DATA", "FEATURES", "MODELS", "RESULTS", "REAL_RESULTS", "FIGURES")


def lay_out(root: Path, patch: pytest.MonkeyPatch, *overrides: Mapping[str, Any]) -> None:
    """Point the paths of the compendium at a folder, with the settings of params.yaml, some replaced.

    Parameters
    ----------
    root : pathlib.Path
        The folder.
    patch : pytest.MonkeyPatch
        What puts the paths back in the end.
    *overrides : mapping
        What differs from params.yaml, as in a file of scales/; each goes over those before it.
    """
    settings = params.read_yaml(paths.PARAMS)
    for changed in overrides:
        settings = params.merge(settings, changed, "tests")
    for name in FOLDERS:
        patch.setattr(paths, name, root / name.lower())
    patch.setattr(paths, "CHECKPOINTS", paths.MODELS / paths.CHECKPOINTS.name)
    patch.setattr(paths, "PARAMS", root / "params.yaml")
    paths.PARAMS.write_text(yaml.safe_dump(settings))
