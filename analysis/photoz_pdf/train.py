"""Labelled galaxies of a survey -> a model folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis import params
from analysis.errors import InputError
from analysis.photoz_pdf.inputs import HELD_OUT, labelled_sample, photometry
from analysis.photoz_pdf.store import estimator_class, save_model
from analysis.survey.catalogue import catalogue_path, refuse_existing, sha256


def train_on_survey(
    data: Path, estimator: str, out: Path, everything: bool = False, grid: Sequence[float] | None = None
) -> None:
    """Train an estimator on a survey's labelled galaxies.

    Parameters
    ----------
    data : pathlib.Path
        Survey folder.
    estimator : str
        One of `names.ESTIMATORS`; its settings are in params.yaml.
    out : pathlib.Path
        Model folder to make; must not exist.
    everything : bool
        Train on the galaxies of the test split, too.
    grid : (low, high, points), optional
        Of the PDFs.

    Raises
    ------
    InputError
        If the survey cannot be used, the grid does not cover its redshifts, or the folder exists.
    """
    refuse_existing(out)
    galaxies, bands = labelled_sample(data)
    if not everything:
        galaxies = galaxies[galaxies["split"] != HELD_OUT]
    sample = photometry(galaxies, bands, str(catalogue_path(data)))
    settings = params.load("photoz_pdf")[estimator]
    model = estimator_class(estimator)(_grid(grid), **settings)
    model.checkpoints = out.with_name(f".{out.name}.checkpoints")
    z = galaxies["redshift"].to_numpy()
    model.fit(sample.magnitudes, sample.errors, z)
    about: dict[str, Any] = {
        "bands": bands,
        "trained_on": {
            "catalogue_sha256": sha256(catalogue_path(data)),
            "galaxies": len(z),
            "held_out": None if everything else HELD_OUT,
            "redshifts": [float(z.min()), float(z.max())],
        },
    }
    save_model(out, model, about)
    model.forget_checkpoints()
    print(f"{out}: {estimator} of {len(z)} galaxies in {', '.join(bands)}, redshift {z.min():.3f} to {z.max():.3f}")


def _grid(grid: Sequence[float] | None) -> np.ndarray | None:
    if grid is None:
        return None
    low, high, points = grid
    if not (np.isfinite([low, high]).all() and low < high and points >= 3 and points == int(points)):
        raise InputError(f"grid: {low:g} to {high:g} in {points:g} points; expected low < high and 3 or more points")
    return np.linspace(low, high, int(points))
