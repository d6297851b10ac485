"""Read the test galaxies, once: every number of the PIT result."""

import argparse
from typing import Any

import numpy as np
import pandas as pd

from analysis import metrics, params, paths, pdf_metrics
from analysis.features import sky_pixels
from analysis.photoz_pdf import names as photoz_pdf
from analysis.photoz_pdf.calibration import Calibration
from analysis.photoz_pdf.inputs import bands_of
from analysis.photoz_pdf.photometry import PhotometricInputs
from analysis.photoz_pdf.rescale import rescaled
from analysis.photoz_pdf.sample import magnitudes_and_errors, read_sample
from analysis.photoz_pdf.store import estimator_class
from analysis.pit_calibration import conditional, names
from analysis.results import read_choices, write_not_run, write_result

Array = np.ndarray
PdfsByVariant = dict[str, dict[str, Array]]  # of each estimator, of each way of calibration, shape (n, k)

_IN_BINS = ["low", "high", "objects", "mean_pit", "mean_pit_err", "ks", "ks_limit"]
TABLES = {  # their columns; a result that cannot run leaves them empty
    names.HISTOGRAMS: ["estimator", "variant", "low", "high", "density", "band_low", "band_high"],
    names.PANELS: ["panel", "low", "high", "density", "band_low", "band_high"],
    names.CONDITIONAL: ["estimator", "variant", "property", *_IN_BINS],
}


def flatness(pits: Array, n_fitted: int, patch: Array) -> dict[str, float]:
    """Compare the KS distance of PITs with what calibrated PDFs exceed once in twenty.

    The limit is that of the two-sample test, for a calibration cannot be better than the sample it was fitted to, both
    numbers of galaxies divided by the design effect.

    Parameters
    ----------
    pits : ndarray, shape (n,)
    n_fitted : int
        Number of galaxies that the PDFs, or their calibration, were fitted to.
    patch : ndarray of int, shape (n,)
        Patch of sky of each galaxy.

    Returns
    -------
    dict
        `ks_ratio`, 1 or less where the PIT is flat, and `design_effect`.
    """
    effect = conditional.design_effect(pits, patch)
    limit = conditional.KS_5_PERCENT * np.sqrt(effect * (1 / len(pits) + 1 / n_fitted))
    return {"ks_ratio": pdf_metrics.ks_distance(pits) / limit, "design_effect": effect}


def deliberate_panels(
    grid: Array, calibrated: Array, z: Array, patch: Array, n_fitted: int, settings: dict[str, Any]
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Make the four PIT histograms of Polsterer et al. (2016, fig. 3) from one model's calibrated PDFs.

    Parameters
    ----------
    grid : ndarray, shape (k,)
    calibrated : ndarray, shape (n, k)
    z : ndarray, shape (n,)
        True redshifts.
    patch : ndarray of int, shape (n,)
        Of sky.
    n_fitted : int
        Number of objects of the calibration.
    settings : dict
        `panels` (`narrow`, `wide`, `shift`), `n_bins`, `n_bootstrap`, `seed`.

    Returns
    -------
    dict, pandas.DataFrame
        By panel, moments of the PIT; and the histograms.
    """
    how = settings["panels"]
    panels = {
        names.UNDERDISPERSED: rescaled(grid, calibrated, how["narrow"], 0.0),
        names.OVERDISPERSED: rescaled(grid, calibrated, how["wide"], 0.0),
        names.BIASED: rescaled(grid, calibrated, 1.0, how["shift"]),
        names.CALIBRATED: calibrated,
    }
    result, tables = {}, []
    for name, pdfs in panels.items():
        pits = pdf_metrics.pit(grid, pdfs, z)
        result[name] = {"ks": pdf_metrics.ks_distance(pits)} | flatness(pits, n_fitted, patch)
        for moment in ("curvature", "slope"):
            bootstrap = metrics.resampling(settings)
            result[name] |= metrics.with_interval(moment, getattr(conditional, moment), pits, **bootstrap)
        tables.append(conditional.histogram(pits, settings["n_bins"]).assign(panel=name))
    return result, pd.concat(tables)[TABLES[names.PANELS]]


def properties(galaxies: pd.DataFrame, point: Array) -> dict[str, Array]:
    """Return what the PIT is binned by: a magnitude, the colour about it, and redshift, estimated and true."""
    bands = bands_of(map(str, galaxies))
    band = "r" if "r" in bands[1:] else bands[1]
    bluer = bands[bands.index(band) - 1]
    magnitude, blue = (galaxies[f"dered_{name}"].to_numpy(float) for name in (band, bluer))
    return {
        f"{band} magnitude": magnitude,
        f"{bluer} - {band}": blue - magnitude,
        "estimated redshift": point,
        names.TRUE_REDSHIFT: galaxies["redshift"].to_numpy(),
    }


def conditional_tables(
    grid: Array, pdfs: PdfsByVariant, galaxies: pd.DataFrame, settings: dict[str, Any]
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Describe each estimator's PIT in bins, and test it around each object."""
    z = galaxies["redshift"].to_numpy()
    points = PhotometricInputs.for_sample(*magnitudes_and_errors(galaxies))
    place = points(*magnitudes_and_errors(galaxies))[:, : points.n_magnitudes]
    local: dict[str, Any] = {}
    tables = []
    for estimator, variants in pdfs.items():
        by = properties(galaxies, pdf_metrics.mean(grid, variants[names.RAW]))
        local[estimator] = {}
        for variant, densities in variants.items():
            pits = pdf_metrics.pit(grid, densities, z)
            local[estimator][variant] = conditional.local_test(place, pits, **settings["local"], seed=settings["seed"])
            for name, values in by.items():
                table = conditional.in_bins(pits, values, settings["property_bins"])
                tables.append(table.assign(estimator=estimator, variant=variant, property=name))
    return local, pd.concat(tables)[TABLES[names.CONDITIONAL]]


def control_gap(grid: Array, pdfs: PdfsByVariant, z: Array, settings: dict[str, Any]) -> dict[str, float]:
    """Return by how much the control's CDE loss exceeds the worst one among the estimators, by paired bootstrap."""
    losses = np.column_stack([pdf_metrics.cde_loss(grid, variants[names.RAW], z) for variants in pdfs.values()])
    control = list(pdfs).index(names.CONTROL)

    def gap(loss: Array) -> float:
        means = loss.mean(axis=0)
        return float(means[control] - np.delete(means, control).max())

    return metrics.with_interval("cde_loss_gap", gap, losses, **metrics.resampling(settings))


def measure(
    grid: Array, pdfs: PdfsByVariant, galaxies: pd.DataFrame, n_fitted: dict[str, int], settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Return every number and table of the result.

    Parameters
    ----------
    grid : ndarray, shape (k,)
    pdfs : dict
        Of each estimator, of each way of calibration, of the test galaxies.
    galaxies : pandas.DataFrame
        The test galaxies: redshift, magnitudes, errors.
    n_fitted : dict
        Number of galaxies that each way of calibration was fitted to.
    settings : dict
        Of the evaluating stage.
    """
    z = galaxies["redshift"].to_numpy()
    patch = sky_pixels(galaxies, settings["nside"])
    bootstrap = metrics.resampling(settings)
    result: dict[str, Any] = {"estimators": {}, "points": {}}
    histograms = []
    for estimator, variants in pdfs.items():
        result["points"][estimator] = pdf_metrics.point_figures_of_merit(grid, variants[names.RAW], z, **bootstrap)
        result["estimators"][estimator] = {}
        for variant, densities in variants.items():
            pits = pdf_metrics.pit(grid, densities, z)
            merit = pdf_metrics.figures_of_merit(grid, densities, z, **bootstrap)
            result["estimators"][estimator][variant] = merit | flatness(pits, n_fitted[variant], patch)
            histogram = conditional.histogram(pits, settings["n_bins"])
            histograms.append(histogram.assign(estimator=estimator, variant=variant))
    of_panels = pdfs[settings["panels"]["estimator"]][names.REMAPPED]
    result["panels"], panels = deliberate_panels(grid, of_panels, z, patch, n_fitted[names.REMAPPED], settings)
    result["local"], in_bins = conditional_tables(grid, pdfs, galaxies, settings)
    result["control"] = control_gap(grid, pdfs, z, settings)
    drawn = {
        names.HISTOGRAMS: pd.concat(histograms)[TABLES[names.HISTOGRAMS]],
        names.PANELS: panels,
        names.CONDITIONAL: in_bins,
    }
    return result, drawn


def evaluate_pit_calibration(_: argparse.Namespace) -> None:
    """Estimators and test galaxies -> metrics.json and tables."""
    folder, out = paths.MODELS / photoz_pdf.NAME, paths.RESULTS / names.NAME / paths.METRICS
    choices = read_choices(folder / photoz_pdf.CHOICES, "pit-calibration train")
    if "not_run" in choices:
        write_not_run(out, choices["not_run"], TABLES)
        return
    galaxies = read_sample()
    sizes = galaxies["split"].value_counts()
    test = galaxies[galaxies["split"] == "test"]
    pdfs: PdfsByVariant = {}
    for name, fitted in choices["calibrations"].items():
        estimator = estimator_class(name).load(folder / name)
        calibration = Calibration(**{key: fitted[key] for key in ("stretch", "shift", "remapping")})
        pdfs[name] = calibration.variants(estimator.grid, estimator.pdf(*magnitudes_and_errors(test)))
    n_fitted = {variant: int(sizes["train" if variant == names.RAW else "validation"]) for variant in names.VARIANTS}
    result, tables = measure(estimator.grid, pdfs, test, n_fitted, params.load("evaluate_pit_calibration"))
    about = {
        "sample": {f"n_{split}": int(sizes[split]) for split in ("train", "validation", "test")}
        | {"n_bands": len(choices["bands"])},
        "calibration": {
            name: {key: fitted[key] for key in ("stretch", "shift", "fit_seconds")}
            for name, fitted in choices["calibrations"].items()
        },
    }
    write_result(out, about | result, tables)
