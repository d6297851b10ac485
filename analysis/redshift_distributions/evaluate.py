"""Tomographic bins of the test galaxies: what their n(z) is said to be, by resampling and in truth."""

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis import metrics, params, paths, pdf_metrics
from analysis.photoz_pdf import names as photoz_pdf
from analysis.photoz_pdf.interface import PdfEstimator
from analysis.photoz_pdf.photometry import PhotometricInputs
from analysis.photoz_pdf.sample import magnitudes_and_errors, read_sample
from analysis.photoz_pdf.store import estimator_class
from analysis.redshift_distributions import names
from analysis.redshift_distributions.resample import (
    ENOUGH_POSITIONS,
    Reference,
    bin_edges,
    bin_of,
    fields_of_sky,
    mean_by_bin,
    resampled_shifts,
)
from analysis.results import read_choices, write_not_run, write_result

Array = np.ndarray

_SHIFTS = ["shift_true", "shift_true_err", "shift_resampled", "shift_resampled_err", "field_scatter"]
TABLES = {  # their columns; a result that cannot run leaves them empty
    names.BINS: ["bin", "low", "high", "galaxies", "z_phot", *_SHIFTS],
    names.CURVES: ["bin", "z", "stacked", "resampled", "true"],
}
_TWO_SIDED_95 = 1.96


def measure(
    estimator: PdfEstimator, reference: pd.DataFrame, science: pd.DataFrame, settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Return the shift of each bin's mean redshift, by resampling and in truth, and the n(z) of each.

    Parameters
    ----------
    estimator : PdfEstimator
        Trained on neither of the samples, and not calibrated on them: the shift is the calibration.
    reference, science : pandas.DataFrame
        Galaxies with redshift, magnitudes and errors; those of the science sample serve the truth alone.
    settings : dict
        Of the evaluating stage.
    """
    inputs = PhotometricInputs.for_sample(*magnitudes_and_errors(reference))
    points = [inputs(*magnitudes_and_errors(sample))[:, : inputs.n_magnitudes] for sample in (reference, science)]
    pdfs = estimator.pdf(*magnitudes_and_errors(science))
    z_phot, z = pdf_metrics.mean(estimator.grid, pdfs), science["redshift"].to_numpy()
    known = Reference(
        points[0],
        reference["redshift"].to_numpy(),
        pdf_metrics.mean(estimator.grid, estimator.pdf(*magnitudes_and_errors(reference))),
    )
    ra, dec = reference.reindex(columns=["ra", "dec"]).to_numpy(float).T
    field = fields_of_sky(ra, dec, settings["n_fields"], settings["seed"])
    edges = bin_edges(known.z, settings["n_bins"], settings["outside"])
    table = bin_table(known, field, points[1], z, z_phot, edges, settings)
    drawn = known.drawn_for(points[1])
    drawn_redshifts = (drawn.z, bin_of(drawn.z_phot, edges))
    curves = n_z_curves(estimator.grid, pdfs, z, bin_of(z_phot, edges), drawn_redshifts, settings)

    biased = [z_of + settings["planted_bias"] * (1 + z_of) for z_of in (known.z_phot, z_phot)]
    planted = bin_table(replace(known, z_phot=biased[0]), field, points[1], z, biased[1], edges, settings)
    result = {
        "sample": {
            "n_reference": len(reference),
            "n_science": len(science),
            "n_fields": len(np.unique(field[field >= 0])),
        }
        | {"reference_has_positions": int(np.mean(np.isfinite(ra + dec)) > ENOUGH_POSITIONS)},
        **{f"bin_{line['bin']}": of_bin(line) for line in table.to_dict("records")},
        "uncorrected": {"largest": float(table["shift_true"].abs().max())},
        "planted": {"bias": settings["planted_bias"], **missed_of_planted(planted)},
    }
    return result, {names.BINS: table, names.CURVES: curves}


def bin_table(
    reference: Reference, field: Array, points: Array, z: Array, z_phot: Array, edges: Array, settings: dict[str, Any]
) -> pd.DataFrame:
    """Return a line for each bin: its limits, how many galaxies, and their shift by resampling and in truth.

    Parameters
    ----------
    reference : Reference
    field : ndarray of int, shape (n,)
        The field of each reference galaxy; -1 for those that are not to be drawn.
    points, z, z_phot : ndarray, shape (m, d), (m,), (m,)
        Of the science sample.
    edges : ndarray, shape (bins + 1,)
    settings : dict
        Of the evaluating stage.
    """
    shifts, by_field = resampled_shifts(reference.of(field >= 0), field[field >= 0], points, edges)
    number = bin_of(z_phot, edges)
    truth = true_shifts(z, z_phot, number, settings)
    scatter = np.nanstd(by_field, axis=0, ddof=1)
    columns = {
        "bin": np.arange(1, len(edges)),
        "low": edges[:-1],
        "high": edges[1:],
        "galaxies": np.bincount(number[number >= 0], minlength=settings["n_bins"]),
        "z_phot": mean_by_bin(z_phot, number, settings["n_bins"]),
        "shift_true": truth[0],
        "shift_true_err": truth[1],
        "shift_resampled": shifts,
        "shift_resampled_err": scatter / np.sqrt(np.isfinite(by_field).sum(axis=0)),
        "field_scatter": scatter,
    }
    return pd.DataFrame(columns)


def missed_of_planted(bins: pd.DataFrame) -> dict[str, float]:
    """Return the largest shift that a planted bias makes, and by how much resampling misses it, at most, over bins."""
    shift, miss = (float(of.abs().max()) for of in (bins["shift_true"], bins["shift_resampled"] - bins["shift_true"]))
    return {"largest_shift": shift, "largest_miss": miss, "missed_share": miss / shift}


def true_shifts(z: Array, z_phot: Array, number: Array, settings: dict[str, Any]) -> tuple[Array, Array]:
    """Return <z_true> - <z_phot> of the galaxies in each bin, and its bootstrap error, both of shape (bins,)."""

    def shifts(missed: Array, number: Array) -> Array:
        return mean_by_bin(missed, number, settings["n_bins"])

    columns = (z - z_phot, number)
    resampled = metrics.bootstrap(shifts, *columns, **metrics.resampling(settings))
    return shifts(*columns), np.nanstd(resampled, axis=0, ddof=1)


def of_bin(line: dict[Any, Any]) -> dict[str, Any]:
    """Return the numbers of a bin, and by how much resampling misses the true shift, with its 95% interval.

    A bin that is empty, or that too few fields reach, has none.
    """
    result = {name: value for name, value in line.items() if name != "bin" and np.isfinite(value)}
    miss = line["shift_resampled"] - line["shift_true"]
    error = float(np.hypot(line["shift_resampled_err"], line["shift_true_err"]))
    if np.isfinite(miss) and np.isfinite(error):
        result |= {"miss": miss, "miss_err": error}
        result |= {"miss_low": miss - _TWO_SIDED_95 * error, "miss_high": miss + _TWO_SIDED_95 * error}
    return result


def n_z_curves(
    grid: Array, pdfs: Array, z: Array, number: Array, drawn: tuple[Array, Array], settings: dict[str, Any]
) -> pd.DataFrame:
    """Return n(z) of each bin in cells of redshift: stacked PDFs, resampled and true redshifts, each of unit area."""
    edges = np.arange(0, grid[-1] + settings["cell"], settings["cell"])
    tables = []
    for k in range(settings["n_bins"]):
        inside, drawn_inside = number == k, drawn[1] == k
        if not inside.any() or not drawn_inside.any():
            continue
        cdf = pdf_metrics.cumulative(grid, pdf_metrics.stacked(pdfs[inside])[None])[0]
        table = {"bin": k + 1, "z": (edges[1:] + edges[:-1]) / 2}
        table["stacked"] = np.diff(np.interp(edges, grid, cdf)) / settings["cell"]
        for name, redshifts in (("resampled", drawn[0][drawn_inside]), ("true", z[inside])):
            table[name] = np.histogram(redshifts, edges)[0] / len(redshifts) / settings["cell"]
        tables.append(pd.DataFrame(table))
    return pd.concat(tables)[TABLES[names.CURVES]] if tables else pd.DataFrame(columns=TABLES[names.CURVES])


def evaluate_redshift_distributions(_: argparse.Namespace) -> None:
    """Estimator, reference (validation) and science (test) galaxies -> metrics.json and tables."""
    folder, out = paths.MODELS / photoz_pdf.NAME, paths.RESULTS / names.NAME / paths.METRICS
    choices = read_choices(folder / photoz_pdf.CHOICES, "pit-calibration train")
    if "not_run" in choices:
        write_not_run(out, choices["not_run"], TABLES)
        return
    settings = params.load("evaluate_redshift_distributions")
    galaxies = read_sample()
    reference, science = (galaxies[galaxies["split"] == split] for split in ("validation", "test"))
    estimator = estimator_class(settings["estimator"]).load(folder / settings["estimator"])
    write_result(out, *measure(estimator, reference, science, settings))
