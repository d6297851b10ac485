"""Read the test galaxies, once: every number of the result, with its bootstrap error."""

import argparse
import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import metrics, params, paths, pdf_metrics
from analysis.adaboost import AdaBoostR2
from analysis.cnn_redshift import comparison, names
from analysis.cnn_redshift.attribution import Attributions, attributions, summary
from analysis.cnn_redshift.curve import Curve, Predictions, crossing, fitted, learning_curves, power_law
from analysis.cnn_redshift.estimator import ImageRedshifts
from analysis.cnn_redshift.sample import SEEING, galaxies_with_stamps, network_inputs
from analysis.features import SPLITS, feature_names
from analysis.files import replacing
from analysis.photoz_pdf.calibration import Calibration
from analysis.photoz_pdf.trainz import TrainZ
from analysis.pit_calibration import conditional
from analysis.results import read_choices, write_not_run, write_result
from analysis.survey.catalogue import STAMPS, read_provenance
from analysis.survey.schema import BANDS
from analysis.survey.stamps_cache import StampCache, scaled_stamps
from analysis.survey.stamps_file import read_about

Array = np.ndarray

TABLES = {  # their columns; a result that cannot run leaves them empty
    names.LEARNING_CURVE: ["learner", "galaxies", "draws", "sigma68", "sigma68_err", "fit"],
    names.REDSHIFTS: ["object_id", "z_spec", names.CNN, names.ADABOOST],
    names.BIAS: ["learner", "property", "low", "high", "median", "galaxies", "mu", "mu_err", "sigma68", "sigma68_err"],
    names.HISTOGRAMS: ["variant", "low", "high", "density", "band_low", "band_high"],
}


def open_network(folder: Path, cache: StampCache) -> ImageRedshifts:
    """Load a network and give it the stamps."""
    estimator = ImageRedshifts.load(folder)
    estimator.cache = cache
    return estimator


def first_member(estimator: ImageRedshifts) -> ImageRedshifts:
    """Return the first network of an ensemble as an estimator of its own."""
    alone = copy.copy(estimator)
    alone.networks = estimator.networks[:1]
    return alone


def curve_predictions(test: pd.DataFrame, cache: StampCache, point: str) -> dict[str, Predictions]:
    """Predict the test galaxies by every learner of the learning curve, in draws of each size."""
    inputs, X = network_inputs(test, cache), test[feature_names(test)].to_numpy()
    drawn: dict[str, dict[int, list[Array]]] = {}
    for path in sorted((paths.MODELS / names.NAME / names.CURVE).glob("*/*")):
        if path.suffix == ".json":
            predicted = AdaBoostR2.load(path).predict(X)
        else:
            network = open_network(path, cache)
            predicted = pdf_metrics.POINTS[point](network.grid, network.pdf(inputs, None))
        size = int(path.stem.split("-")[0])
        drawn.setdefault(path.parent.name, {}).setdefault(size, []).append(predicted)
    return {name: {size: np.stack(p) for size, p in drawn[name].items()} for name in names.LABELS if name in drawn}


def curve_results(
    z: Array, predictions: dict[str, Predictions], settings: dict[str, Any]
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the power law of each learner, where each network's meets the trees', and the curves as a table."""
    curves = learning_curves(z, predictions, settings["n_bootstrap"], settings["seed"])
    result: dict[str, Any] = {name: fitted(curve) for name, curve in curves.items()}
    trees = curves[names.ADABOOST]
    result["crossing"] = {name: crossing(curve, trees) for name, curve in curves.items() if name != names.ADABOOST}
    draws = {name: [len(of_size[size]) for size in sorted(of_size)] for name, of_size in predictions.items()}
    return result, pd.concat([_curve_table(name, curve, draws[name]) for name, curve in curves.items()])


def _curve_table(name: str, curve: Curve, draws: list[int]) -> pd.DataFrame:
    a, b = power_law(curve.sizes, curve.values, curve.errors)
    columns = {"learner": name, "galaxies": curve.sizes, "draws": draws, "sigma68": curve.values}
    columns |= {"sigma68_err": curve.errors, "fit": a * (curve.sizes / 1000) ** -b}
    return pd.DataFrame(columns)


def pdf_results(
    grid: Array, raw: Array, z: Array, z_train: Array, calibration: Calibration, settings: dict[str, Any]
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the figures of merit of PDFs before and after calibration, with trainZ as a control, and their PITs."""
    bootstrap = metrics.resampling(settings)
    variants = calibration.variants(grid, raw)
    control = TrainZ(grid, bandwidth=settings["trainz_bandwidth"]).fit(np.zeros((len(z_train), 1)), None, z_train)
    result: dict[str, Any] = {
        name: pdf_metrics.figures_of_merit(grid, pdfs, z, **bootstrap) for name, pdfs in variants.items()
    }
    result["trainz"] = pdf_metrics.figures_of_merit(grid, control.pdf(np.zeros((len(z), 1)), None), z, **bootstrap)
    pits = {name: pdf_metrics.pit(grid, pdfs, z) for name, pdfs in variants.items()}
    histograms = [conditional.histogram(p, settings["n_bins"]).assign(variant=name) for name, p in pits.items()]
    return result, pd.concat(histograms)


def explain(
    network: ImageRedshifts, test: pd.DataFrame, cache: StampCache, settings: dict[str, Any]
) -> tuple[dict[str, float], Attributions, Array]:
    """Attribute the redshifts of some test galaxies, spread in magnitude; return a few of them for the figure, too."""
    order = test["dered_r"].argsort() if "dered_r" in test else np.arange(len(test))
    places = np.linspace(0, len(test) - 1, min(settings["explained"], len(test))).round().astype(int)
    chosen = test.iloc[np.asarray(order)[places]]
    found = attributions(network, network_inputs(chosen, cache), settings["attribution_steps"])
    shown = np.linspace(0, len(chosen) - 1, settings["shown"] + 2)[1:-1].round().astype(int)
    few = Attributions(*(values[shown] for values in found))
    pixel_scale = read_about(paths.DATA / STAMPS).pixel_scale
    about = {"steps": settings["attribution_steps"]} | summary(found, pixel_scale)
    return about, few, chosen["redshift"].to_numpy()[shown]


def _write_attributions(images: Array, shares: Array, z: Array) -> None:
    """Write the galaxies of the figure: image in r and attribution summed over bands, shape (n, ny, nx), and z (n,)."""
    with replacing(paths.RESULTS / names.NAME / names.ATTRIBUTIONS) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, images=images.astype(np.float16), shares=shares.astype(np.float32), z=z)


def point_results(z: Array, predictions: dict[str, Array], settings: dict[str, Any]) -> dict[str, Any]:
    """Return both families of point metrics of both learners, their paired difference, and parity."""
    bootstrap = metrics.resampling(settings)
    pair = (z, predictions[names.CNN], predictions[names.ADABOOST])
    result: dict[str, Any] = {
        name: metrics.with_errors(metrics.PAPER_ERA, z, predicted, **bootstrap)
        for name, predicted in predictions.items()
    }
    result["lsst"] = {
        name: metrics.with_errors(metrics.LSST_ERA, z, predicted, **bootstrap)
        for name, predicted in predictions.items()
    }
    result["difference"] = comparison.differences(*pair, **bootstrap)
    result["parity"] = comparison.parity(*pair, **bootstrap, tolerance=settings["tolerance_percent"])
    return result


def head_results(
    grid: Array, z: Array, covered: Array, pdfs: dict[str, Array], points: dict[str, Array], settings: dict[str, Any]
) -> dict[str, Any]:
    """Return the point metrics of each head, and the scores of its PDFs as they are, at redshifts on the grid."""
    bootstrap = metrics.resampling(settings)
    return {
        head: metrics.with_errors(metrics.PAPER_ERA, z, points[head], **bootstrap)
        | pdf_metrics.figures_of_merit(grid, pdfs[head], covered, **bootstrap)
        for head in pdfs
    }


def ensemble_results(z: Array, ensemble: Array, alone: Array, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the point metrics of the first network alone, and by how much the ensemble's differ, in pairs."""
    bootstrap = metrics.resampling(settings)
    first = metrics.with_errors(metrics.PAPER_ERA, z, alone, **bootstrap)
    return {"first_network": first, "difference": comparison.differences(z, ensemble, alone, **bootstrap)}


def about_the_sample(galaxies: pd.DataFrame, choices: dict[str, Any], n_bins: int) -> dict[str, Any]:
    """Return the numbers of galaxies, and what was chosen on validation."""
    of_main = next(iter(choices["heads"].values()))
    provenance, sizes = read_provenance(paths.DATA), galaxies["split"].value_counts()
    is_real = provenance.get("kind") != "mock" and not provenance.get("simulated")
    sample = {f"n_{split}": int(sizes[split]) for split in SPLITS} | {"n_features": len(feature_names(galaxies))}
    result: dict[str, Any] = {"sample": sample | {"n_real": len(galaxies) if is_real else 0}}
    result["choices"] = {name: of_main[name] for name in ("point", "best_epoch", "epochs", "n_weights")}
    result["choices"] |= {"n_bins": n_bins, "depth_of_trees": choices["depth"]}
    if galaxies[SEEING].isna().all():
        result["no_seeing"] = "the stamps have no PSF widths: no bias with seeing"
    return result | {"compute": of_main["compute"]}


def measure(
    galaxies: pd.DataFrame, cache: StampCache, choices: dict[str, Any], settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Return every number and table of the result.

    Parameters
    ----------
    galaxies : pandas.DataFrame
        As from `galaxies_with_stamps`; what is measured is measured on its test galaxies.
    cache : StampCache
    choices : dict
        What the training stage found.
    settings : dict
        Of the evaluating stage.
    """
    folder = paths.MODELS / names.NAME
    training, test = (galaxies[galaxies["split"] == name] for name in ("train", "test"))
    z, inputs = test["redshift"].to_numpy(), network_inputs(test, cache)
    networks = {head: open_network(folder / head, cache) for head in choices["heads"]}
    pdfs = {head: network.pdf(inputs, None) for head, network in networks.items()}
    main = next(iter(networks))  # the first head is the result; others are compared with it
    grid, of_main = networks[main].grid, choices["heads"][main]
    points = {head: pdf_metrics.POINTS[choices["heads"][head]["point"]](grid, pdfs[head]) for head in networks}
    trees = AdaBoostR2.load(folder / names.TREES).predict(test[feature_names(test)].to_numpy())
    predictions = {names.CNN: points[main], names.ADABOOST: trees}

    result = about_the_sample(galaxies, choices, networks[main].outputs) | point_results(z, predictions, settings)
    covered = z.clip(grid[0], grid[-1])  # the grid is of other galaxies; PDFs are judged at its end beyond it
    result["sample"]["n_outside_grid"] = int(np.count_nonzero(covered != z))
    z_train, calibration = training["redshift"].to_numpy(), Calibration(**of_main["calibration"])
    result["pdf"], pits = pdf_results(grid, pdfs[main], covered, z_train, calibration, settings)
    others = {head: pdfs[head] for head in networks if head != main}
    result["heads"] = {main: result[names.CNN] | result["pdf"]["raw"]}
    result["heads"] |= head_results(grid, z, covered, others, points, settings)
    alone = points[main]
    if len(networks[main].networks) > 1:
        alone = pdf_metrics.POINTS[of_main["point"]](grid, first_member(networks[main]).pdf(inputs, None))
        result["ensemble"] = ensemble_results(z, points[main], alone, settings)
    drawn = curve_predictions(test, cache, of_main["point"])
    for learner, predicted in {names.CNN: alone, names.ADABOOST: trees}.items():  # networks of the curve are single
        drawn.setdefault(learner, {})[len(training)] = predicted[None]
    result["curve"], curve = curve_results(z, drawn, settings)
    bias = comparison.bias(test, predictions, settings["bins"], settings["n_bootstrap"], settings["seed"])
    result["bias"] = comparison.largest_bias(bias)
    result["attribution"], few, z_few = explain(networks[main], test, cache, settings)
    _write_attributions(few.images[:, BANDS.index("r")], few.shares.sum(axis=1), z_few)
    redshifts = pd.DataFrame({"object_id": test["object_id"], "z_spec": z} | predictions)
    tables = {names.LEARNING_CURVE: curve, names.REDSHIFTS: redshifts, names.BIAS: bias, names.HISTOGRAMS: pits}
    return result, {name: table[TABLES[name]] for name, table in tables.items()}


def evaluate_cnn_redshift(_: argparse.Namespace) -> None:
    """Networks, trees and test galaxies -> metrics.json, tables, attributions."""
    out = paths.RESULTS / names.NAME / paths.METRICS
    choices = read_choices(paths.MODELS / names.NAME / names.CHOICES, "cnn-redshift train")
    if "not_run" in choices:
        _write_attributions(np.empty((0, 0, 0)), np.empty((0, 0, 0)), np.empty(0))
        write_not_run(out, choices["not_run"], TABLES)
        return
    galaxies, _why = galaxies_with_stamps(paths.DATA)
    cache = scaled_stamps(paths.DATA, folder=paths.MODELS / "stamps")
    write_result(out, *measure(galaxies, cache, choices, params.load("evaluate_cnn_redshift")))
