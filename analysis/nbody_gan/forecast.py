"""Fisher forecasts: the error on the amplitude of the linear spectrum that a covariance matrix stands for."""

from dataclasses import replace
from typing import Any

import numpy as np

from analysis import params
from analysis.nbody_gan import statistics
from analysis.nbody_gan.boxes import run_seed
from analysis.nbody_gan.cosmology import Cosmology
from analysis.nbody_gan.covariance import parameter_error
from analysis.nbody_gan.nbody import run_settings, simulate
from analysis.nbody_gan.statistics import Binning

Array = np.ndarray

_APART = 1_000_000  # numbers of the runs for derivatives begin here: none of them is among the boxes


def amplitude_derivatives(binning: Binning, settings: dict[str, Any]) -> dict[str, Array]:
    """Return the derivative of the mean of each statistic with respect to ln(sigma8), by N-body runs.

    Parameters
    ----------
    binning : Binning
    settings : dict
        `derivative_boxes`, the number of runs on either side, which share their phases; `derivative_step`, by which
        ln(sigma8) goes up and down. The runs are those of the block `simulate_boxes` otherwise.

    Returns
    -------
    dict of ndarray, shape (bins,)
    """
    runs, step = params.load("simulate_boxes"), settings["derivative_step"]
    fiducial = Cosmology(**params.load("nbody")["cosmology"])
    seeds = [run_seed(runs["seed"], _APART + number) for number in range(settings["derivative_boxes"])]
    means: list[dict[str, Array]] = []
    for sign in (-1, 1):
        cosmology = replace(fiducial, sigma8=fiducial.sigma8 * float(np.exp(sign * step)))
        batches = [seeds[start : start + runs["batch"]] for start in range(0, len(seeds), runs["batch"])]
        vectors = [
            statistics.measure(simulate(batch, cosmology, run_settings(runs), runs["cells"]).cpu(), binning)
            for batch in batches
        ]
        means.append({name: np.concatenate([part[name] for part in vectors]).mean(axis=0) for name in vectors[0]})
    return {name: (means[1][name] - means[0][name]) / (2 * step) for name in means[0]}


def error_ratio(nbody: Array, drawn: Array, derivative: Array) -> float:
    """Return the forecast error on a parameter from the covariance of drawn boxes over that from N-body boxes.

    Parameters
    ----------
    nbody, drawn : ndarray, shape (boxes, bins)
        Data vectors.
    derivative : ndarray, shape (bins,)
        Of their mean with respect to the parameter.
    """
    return parameter_error(drawn, derivative) / parameter_error(nbody, derivative)
