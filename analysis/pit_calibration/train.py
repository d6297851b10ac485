"""Train every estimator of redshift PDFs, and calibrate its PDFs on validation galaxies."""

import argparse
import time
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from rich.progress import track

from analysis import metrics, params, paths
from analysis.features import read_features
from analysis.photoz_pdf.calibration import Calibration
from analysis.photoz_pdf.inputs import bands_of
from analysis.photoz_pdf.interface import PdfEstimator, grid_for
from analysis.photoz_pdf.names import CHOICES, NAME
from analysis.photoz_pdf.sample import magnitudes_and_errors, read_sample, why_not
from analysis.photoz_pdf.store import estimator_class


def fit_estimators(galaxies: pd.DataFrame, settings: dict[str, Any]) -> tuple[dict[str, PdfEstimator], dict[str, Any]]:
    """Fit every estimator to the training galaxies and calibrate it on the validation galaxies.

    Parameters
    ----------
    galaxies : pandas.DataFrame
        `redshift`, `split`, magnitudes and errors.
    settings : dict
        `remap_nodes`, and for each estimator to fit its settings, a dict under its name.

    Returns
    -------
    estimators : dict
        By name.
    calibrations : dict
        By name: the fields of `Calibration`, and `fit_seconds`.
    """
    # the grid covers all galaxies, the test ones too: a redshift outside it would have no PIT
    grid = grid_for(galaxies["redshift"].to_numpy())
    training, validation = (galaxies[galaxies["split"] == split] for split in ("train", "validation"))
    estimators: dict[str, PdfEstimator] = {}
    calibrations: dict[str, Any] = {}
    named = [name for name, own in settings.items() if isinstance(own, dict)]
    for name in track(named, "estimators of redshift PDFs"):
        started = time.perf_counter()
        estimator = estimator_class(name)(grid, **settings[name])
        estimator.fit(*magnitudes_and_errors(training), training["redshift"].to_numpy())
        seconds = time.perf_counter() - started
        pdfs = estimator.pdf(*magnitudes_and_errors(validation))
        fitted = Calibration.fit(grid, pdfs, validation["redshift"].to_numpy(), settings["remap_nodes"])
        estimators[name], calibrations[name] = estimator, asdict(fitted) | {"fit_seconds": seconds}
    return estimators, calibrations


def train_photoz_pdf(_: argparse.Namespace) -> None:
    """Features and catalogue -> models/photoz_pdf: estimators and their calibrations."""
    settings = params.load("photoz_pdf") | params.load("train_photoz_pdf")
    folder = paths.MODELS / NAME
    galaxies = read_sample()
    if why := why_not(galaxies, read_features(paths.FEATURES)[1]):
        metrics.write_metrics(folder / CHOICES, {"not_run": why})
        return
    estimators, calibrations = fit_estimators(galaxies, settings)
    for name, estimator in estimators.items():
        estimator.save(folder / name)
    remappings = {name: np.round(fitted["remapping"], 6).tolist() for name, fitted in calibrations.items()}
    calibrations = {name: fitted | {"remapping": remappings[name]} for name, fitted in calibrations.items()}
    metrics.write_metrics(folder / CHOICES, {"bands": bands_of(map(str, galaxies)), "calibrations": calibrations})
