"""What validation says of redshifts, and what is true of the galaxies that the redshifts are for."""

import argparse
from typing import Any

import numpy as np
import pandas as pd

from analysis import metrics, params, paths, pdf_metrics
from analysis.photoz_pdf import names as photoz_pdf
from analysis.photoz_pdf.interface import PdfEstimator
from analysis.photoz_pdf.sample import magnitudes_and_errors
from analysis.photoz_pdf.store import estimator_class
from analysis.results import read_choices, write_result
from analysis.spectroscopic_completeness import names
from analysis.spectroscopic_completeness.sample import galaxies_of_the_images, standardised
from analysis.spectroscopic_completeness.weights import neighbour_weights, weighted_metric, weighted_resamples
from analysis.survey.catalogue import read_catalogue, read_provenance
from analysis.survey.mock import truth

Array = np.ndarray

TABLES = {  # their columns; what cannot run leaves them empty
    names.CELLS: ["cell", "objects", "labelled", "completeness", "completeness_err"],
    names.ELBOW: ["n_cells", "squares", "chosen"],
    names.MAP: ["completeness"],
    names.LABELS: ["method", "recall", "precision"],
    names.SCIENCE: ["training", "sample", "metric", "value", "err"],
}
COPIED = (names.CELLS, names.ELBOW, names.MAP, names.LABELS)
METRICS = ("sigma68", "outliers_percent", "mu", "crps", "ks")
TEST, REWEIGHTED, SCIENCE = "test", "test_reweighted", "science"
UNIFORM, WEIGHTED = "unweighted", "weighted"


def scores(estimator: PdfEstimator, galaxies: pd.DataFrame, z: Array) -> dict[str, tuple[Any, ...]]:
    """Return, by metric, the function and the arrays of objects that it takes."""
    grid, pdfs = estimator.grid, estimator.pdf(*magnitudes_and_errors(galaxies))
    point = pdf_metrics.mean(grid, pdfs)
    return {
        "sigma68": (metrics.sigma68, z, point),
        "outliers_percent": (metrics.outliers_percent, z, point),
        "mu": (metrics.mu, z, point),
        "crps": (np.mean, pdf_metrics.crps(grid, pdfs, z)),
        "ks": (pdf_metrics.ks_distance, pdf_metrics.pit(grid, pdfs, z)),
    }


def measured(of: dict[str, Any], weights: Array, settings: dict[str, Any]) -> dict[str, float]:
    """Return metrics of weighted galaxies with their bootstrap errors."""
    result: dict[str, float] = {}
    for name, (metric, *arrays) in of.items():
        value, error = weighted_metric(metric, *arrays, weights=weights, **metrics.resampling(settings))
        result |= {name: value, f"{name}_err": error}
    return result


def with_truth(galaxies: pd.DataFrame, settings: dict[str, Any]) -> tuple[pd.DataFrame, str]:
    """Return science galaxies with their true class and redshift, `z_true`; none, and why, where nobody knows them."""
    provenance = read_provenance(paths.DATA)
    if why := truth.why_unknown(provenance):
        return galaxies.iloc[:0], why
    drawn, true = truth.draw_truth(provenance, settings["truth_chunks"])
    if not truth.is_same(drawn, read_catalogue(paths.DATA, ["object_id", "dered_r"])):
        return galaxies.iloc[:0], "drawn again, the mock survey is another one: the code that draws it has changed"
    true = true[["object_id", "class", "redshift"]].rename(columns={"class": "true_class", "redshift": "z_true"})
    return galaxies[~galaxies["labelled"]].merge(true, on="object_id"), ""


def rises(
    of_test: dict[str, Any], weights: Array, of_science: dict[str, Any], settings: dict[str, Any]
) -> dict[str, float]:
    """Return by how many percent sigma68 rises from test galaxies to the reweighted ones, and to the science sample."""
    metric, z, point = of_test["sigma68"]
    ones, how = np.ones(len(z)), metrics.resampling(settings)
    before = weighted_resamples(metric, z, point, weights=ones, **how)
    after = {"reweighted": weighted_resamples(metric, z, point, weights=weights, **how)}
    if of_science:
        metric, z, point = of_science["sigma68"]
        after["science"] = weighted_resamples(metric, z, point, weights=np.ones(len(z)), **how)
    result: dict[str, float] = {}
    for name, values in after.items():
        rise = 100 * (values / before - 1)
        result |= metrics.summarised(f"{name}_rise_percent", float(rise.mean()), rise)
    return result


def compare(galaxies: pd.DataFrame, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of test galaxies, plain and reweighted, and of the science sample, for both trainings."""
    science, why = with_truth(galaxies, settings)
    points, is_test = standardised(galaxies), (galaxies["split"] == "test").to_numpy()
    test = galaxies[is_test]
    weights = neighbour_weights(points[is_test], points[~galaxies["labelled"].to_numpy()], settings["neighbours"])
    result: dict[str, Any] = {"truth": {"not_known": why} if why else {"n_science": len(science)}}
    if not why:
        others = science["true_class"] != "GALAXY"
        result["truth"]["not_galaxies_percent"] = float(100 * others.mean())
        science = science[~others]
    for training, folder in (
        (UNIFORM, paths.MODELS / photoz_pdf.NAME / settings["estimator"]),
        (WEIGHTED, paths.MODELS / names.NAME / names.WEIGHTED),
    ):
        estimator = estimator_class(settings["estimator"]).load(folder)
        of_test = scores(estimator, test, test["redshift"].to_numpy())
        result[training] = {TEST: measured(of_test, np.ones(len(test)), settings)}
        result[training][REWEIGHTED] = measured(of_test, weights, settings)
        of_science: dict[str, Any] = {}
        if not why:
            of_science = scores(estimator, science, science["z_true"].to_numpy())
            result[training][SCIENCE] = measured(of_science, np.ones(len(science)), settings)
        result[training] |= rises(of_test, weights, of_science, settings)
    return result


def as_table(result: dict[str, Any]) -> pd.DataFrame:
    """Return a line for each training, sample and metric."""
    lines = [
        {"training": training, "sample": sample, "metric": name, "value": values[name], "err": values[f"{name}_err"]}
        for training in (UNIFORM, WEIGHTED)
        for sample in (TEST, REWEIGHTED, SCIENCE)
        for values in [result.get(training, {}).get(sample, {})]
        for name in METRICS
        if name in values
    ]
    return pd.DataFrame(lines, columns=TABLES[names.SCIENCE])


def evaluate_spectroscopic_completeness(_: argparse.Namespace) -> None:
    """Models, test galaxies and, of a mock survey, the truth -> metrics.json and tables."""
    models = paths.MODELS / names.NAME
    choices = read_choices(models / names.CHOICES, "spectroscopic-completeness train")
    tables = {name: pd.DataFrame(columns=columns) for name, columns in TABLES.items()}
    if "not_run" not in choices:
        settings = params.load("evaluate_spectroscopic_completeness")
        galaxies = galaxies_of_the_images()
        if "no_science" not in choices:
            choices["science"] = compare(galaxies, settings)
            tables[names.SCIENCE] = as_table(choices["science"])
        tables |= {name: pd.read_csv(models / name) for name in COPIED if (models / name).is_file()}
    write_result(paths.RESULTS / names.NAME / paths.METRICS, choices, tables)
