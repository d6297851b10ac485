"""Drawn boxes held against N-body boxes that the network has not seen: covariances, spectra, copies, cost."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from analysis import metrics, params, paths, training
from analysis.errors import InputError
from analysis.loop.precision import clock
from analysis.loop.processes import pick_device
from analysis.nbody_gan import collapse, names, statistics
from analysis.nbody_gan.boxes import SPLITS, Boxes, read_boxes
from analysis.nbody_gan.controls import draw_controls
from analysis.nbody_gan.covariance import correlation, correlation_distance, forecast_distance, split_half_ratio
from analysis.nbody_gan.forecast import amplitude_derivatives, error_ratio
from analysis.nbody_gan.gan import Generator, draw_boxes
from analysis.nbody_gan.names import DRAWN, POWER_SPECTRUM, SIMULATED, STATISTICS, UNTRAINED_DRAWN
from analysis.nbody_gan.statistics import Binning
from analysis.nbody_gan.train import densities_for
from analysis.results import write_result

Array = np.ndarray
Vectors = dict[str, Array]

UNSEEN = "unseen_nbody"  # the control that is to pass


def read_binning(path: Path) -> Binning:
    """Read the bins of the statistics that training wrote.

    Raises
    ------
    InputError
        If the file is not there or holds something else.
    """
    try:
        found = json.loads(path.read_text())
        tuples = {name: tuple(part) for name, part in found.items() if isinstance(part, list)}
        return Binning(**found | tuples | {"marks": tuple(tuple(mark) for mark in found["marks"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected what `nbody-gan train` writes") from None


def ratio(nbody: Array, drawn: Array, distance: Any, settings: dict[str, Any]) -> tuple[float, float]:
    """Return `split_half_ratio` with the settings' splits and seed."""
    return split_half_ratio(nbody, drawn, distance, settings["splits"], settings["seed"])


def matrices(nbody: Vectors, drawn: Vectors, derivatives: Vectors, settings: dict[str, Any]) -> dict[str, Any]:
    """Return, for each statistic, how far the matrices of drawn boxes are from those of N-body boxes."""
    result: dict[str, Any] = {}
    for name in STATISTICS:
        half = len(nbody[name]) // 2
        in_correlation, in_forecasts = (
            ratio(nbody[name], drawn[name], distance, settings)
            for distance in (correlation_distance, forecast_distance)
        )
        result[name] = {
            "n_bins": nbody[name].shape[1],
            "half_distance": correlation_distance(nbody[name][:half], nbody[name][half:]),
            "split_half_ratio": in_correlation[0],
            "split_half_ratio_err": in_correlation[1],
            "forecast_ratio": in_forecasts[0],
            "forecast_ratio_err": in_forecasts[1],
            **metrics.with_interval(
                "amplitude_error_ratio",
                lambda of_nbody, of_drawn, along=derivatives[name]: error_ratio(of_nbody, of_drawn, along),
                nbody[name],
                drawn[name],
                **metrics.resampling(settings),
            ),
        }
    return result


def control_ratios(nbody: Vectors, controls: dict[str, Vectors], settings: dict[str, Any]) -> dict[str, Any]:
    """Return the split-half ratio of each control by statistic, and the largest; None where a bin does not vary."""
    found: dict[str, Any] = {}
    for control, vectors in controls.items():
        ratios: dict[str, float | None] = {}
        for name in STATISTICS:
            try:
                ratios[name] = ratio(nbody[name], vectors[name], correlation_distance, settings)[0]
            except InputError:  # a bin that (almost) never varies, such as one of peaks higher than a field ever has
                ratios[name] = None
        found[control] = {**ratios, "largest": max(value for value in ratios.values() if value is not None)}
    return found


def power_agreement(nbody: Vectors, drawn: Vectors, cells: int, settings: dict[str, Any]) -> dict[str, float]:
    """Return by how many percent the mean P(k) is off: at worst up to half the Nyquist wavenumber; in the last shell.

    Shells are a fundamental mode wide, and the Nyquist wavenumber is n/2 of them. As many boxes of each are taken.
    """
    number = min(len(nbody[POWER_SPECTRUM]), len(drawn[POWER_SPECTRUM]))
    powers = [vectors[POWER_SPECTRUM][:number] for vectors in (nbody, drawn)]

    def off(of_nbody: Array, of_drawn: Array) -> Array:
        return 100 * (of_drawn.mean(axis=0) / of_nbody.mean(axis=0) - 1)

    def worst(of_nbody: Array, of_drawn: Array) -> float:
        return float(np.abs(off(of_nbody, of_drawn)[: cells // 4]).max())

    def last(of_nbody: Array, of_drawn: Array) -> float:
        return float(off(of_nbody, of_drawn)[-1])

    how = metrics.resampling(settings)
    found = metrics.with_interval("worst_percent", worst, *powers, **how)
    return found | metrics.with_interval("last_percent", last, *powers, **how)


def memory_tests(
    training_boxes: Tensor, held_out: Tensor, drawn: Tensor, floor: float, settings: dict[str, Any]
) -> dict[str, Any]:
    """Return the tests of copying and collapse for drawn boxes, and for a generator that does copy or collapse."""
    number = min(len(training_boxes), len(held_out), len(drawn), settings["compared_boxes"])
    sets = [boxes[:number] for boxes in (training_boxes, held_out, drawn)]
    few = training_boxes[: max(1, number // settings["collapsed_to"])]
    sets += [collapse.copies(source, number, settings["copy_noise"], settings["seed"]) for source in (sets[0], few)]
    prints = [collapse.fingerprints(boxes, floor) for boxes in sets]
    known, unknown, ours, copied, collapsed = (collapse.standardise(of, prints[1]) for of in prints)

    def nearest(of: Array) -> dict[str, float]:
        share, error = collapse.nearest_is_training(of, known, unknown)
        return {"nearest_is_training": share, "nearest_is_training_err": error}

    def birthday(of: Array) -> dict[str, float]:
        pairs = collapse.close_pairs(of, unknown)
        return {"close_pairs": pairs, "distinct_boxes_low": collapse.distinct_boxes(number, pairs)}

    variances = [collapse.large_scale_variance(boxes) for boxes in (held_out[: len(drawn)], drawn[: len(held_out)])]
    return {
        "n_boxes": number,
        DRAWN: nearest(ours) | birthday(ours),
        "copying": nearest(copied),
        "collapsed": {"n_distinct": len(few)} | birthday(collapsed),
        **metrics.with_interval(
            "large_scale_variance_ratio",
            lambda of_nbody, of_drawn: float(of_drawn.mean() / of_nbody.mean()),
            *variances,
            **metrics.resampling(settings),
        ),
    }


def costs(boxes: dict[str, Boxes], history: pd.DataFrame, seconds_per_drawn: float, on_gpu: bool) -> dict[str, Any]:
    """Return what N-body and drawn boxes cost, and after how many the network has paid off.

    In processor seconds; on a GPU in those of the clock.
    """
    simulated = sum(len(of_split.density) for of_split in boxes.values())
    per_simulated = boxes["train"].simulation_cpu_seconds / simulated
    learned_from = len(boxes["train"].density) + len(boxes["validation"].density)
    spent = float(history["seconds" if on_gpu else "cpu_seconds"].sum())
    gain = per_simulated - seconds_per_drawn
    return {
        "nbody_boxes_per_second": 1 / per_simulated,
        "gan_boxes_per_second": 1 / seconds_per_drawn,
        "training_cpu_seconds": spent,
        "training_boxes": learned_from,
        "speed_up": per_simulated / seconds_per_drawn,
        "break_even_boxes": (spent + learned_from * per_simulated) / gain if gain > 0 else None,
    }


def matrix_table(sources: dict[str, Vectors]) -> pd.DataFrame:
    """Return every element of every correlation matrix, a line each."""
    parts = []
    for source, vectors in sources.items():
        for name in STATISTICS:
            matrix = correlation(vectors[name])
            row, column = (axis.ravel() for axis in np.indices(matrix.shape))
            parts.append(
                pd.DataFrame(
                    {
                        "source": source,
                        "statistic": name,
                        "row": row,
                        "column": column,
                        "correlation": matrix.ravel(),
                    }
                )
            )
    return pd.concat(parts)


def spectrum_table(nbody: Vectors, sources: dict[str, Vectors], k: Array, settings: dict[str, Any]) -> pd.DataFrame:
    """Return mean P(k) of each source over that of N-body, and how far halves of the N-body boxes lie apart."""
    half = len(nbody[POWER_SPECTRUM]) // 2
    generator = np.random.default_rng(settings["seed"])
    apart = []
    for _ in range(settings["n_bootstrap"]):
        order = generator.permutation(len(nbody[POWER_SPECTRUM]))
        means = [nbody[POWER_SPECTRUM][rows].mean(axis=0) for rows in (order[:half], order[half : 2 * half])]
        apart.append(means[0] / means[1] - 1)
    band = np.std(apart, axis=0)
    mean = nbody[POWER_SPECTRUM].mean(axis=0)
    parts = []
    for source, vectors in sources.items():
        drawn = metrics.bootstrap(
            lambda boxes: boxes.mean(axis=0), vectors[POWER_SPECTRUM], **metrics.resampling(settings)
        )
        columns = {
            "k": k,
            "power": vectors[POWER_SPECTRUM].mean(axis=0),
            "ratio": vectors[POWER_SPECTRUM].mean(axis=0) / mean,
        }
        parts.append(pd.DataFrame({"source": source, **columns, "err": drawn.std(axis=0) / mean, "half_band": band}))
    return pd.concat(parts)


def slice_table(nbody: Tensor, drawn: Tensor, panels: int, seed: int) -> pd.DataFrame:
    """Return slices of N-body and of drawn boxes in an order that the seed alone knows."""
    sources = np.random.default_rng(seed).permutation([SIMULATED] * (panels // 2) + [DRAWN] * (panels - panels // 2))
    taken = {SIMULATED: iter(nbody), DRAWN: iter(drawn)}
    parts = []
    for panel, source in enumerate(sources):
        cut = next(taken[source])[0].numpy()
        row, column = (axis.ravel() for axis in np.indices(cut.shape))
        parts.append(
            pd.DataFrame({"panel": panel, "source": source, "row": row, "column": column, "density": cut.ravel()})
        )
    return pd.concat(parts)


def evaluate_nbody_gan(_: argparse.Namespace) -> None:
    """Boxes and generator -> metrics.json and tables."""
    settings = params.load("evaluate_nbody_gan")
    folder, path = paths.MODELS / names.NAME / names.GAN, paths.MODELS / names.NAME / names.BOXES
    binning = read_binning(folder / names.BINNING)
    generators = {
        DRAWN: Generator.load(folder / names.GENERATOR),
        UNTRAINED_DRAWN: Generator.load(folder / names.UNTRAINED),
    }
    cells = generators[DRAWN].shape.cells
    boxes = {split: read_boxes(path, split) for split in SPLITS}
    density = {split: densities_for(of_split, path, split, cells) for split, of_split in boxes.items()}
    number = len(density["test"])

    device = pick_device(settings["device"])
    for generator in generators.values():
        generator.to(device)
    started = clock(device)
    drawn = draw_boxes(generators[DRAWN], number, settings["seed"])
    seconds_per_drawn = (clock(device) - started) / number
    sources = {SIMULATED: density["test"], DRAWN: drawn}
    others = {UNTRAINED_DRAWN: draw_boxes(generators[UNTRAINED_DRAWN], number // 2, settings["seed"])}
    others |= {UNSEEN: density["train"], **draw_controls(density["train"], number // 2, settings["seed"])}
    vectors = {name: statistics.measure(of, binning) for name, of in (sources | others).items()}
    nbody, ours = vectors[SIMULATED], vectors[DRAWN]
    derivatives = amplitude_derivatives(binning, settings)

    controls = control_ratios(nbody, {name: vectors[name] for name in others if name != UNSEEN}, settings)
    if len(density["train"]) >= number // 2:
        controls |= control_ratios(nbody, {UNSEEN: vectors[UNSEEN]}, settings)
    history = pd.read_csv(folder / training.LOG)
    of_statistics = matrices(nbody, ours, derivatives, settings)
    result = {
        "sample": {
            "n_half": number // 2,
            "n_training": len(density["train"]),
            "cells": cells,
            "side": boxes["test"].side,
        },
        **of_statistics,
        "worst": {"split_half_ratio": max(of_statistics[name]["split_half_ratio"] for name in STATISTICS)},
        "controls": controls,
        "power": power_agreement(nbody, ours, cells, settings),
        "power_untrained": power_agreement(nbody, vectors[UNTRAINED_DRAWN], cells, settings),
        "memory": memory_tests(density["train"], density["test"], drawn, generators[DRAWN].shape.floor, settings),
        "cost": costs(boxes, history, seconds_per_drawn, device.type == "cuda"),
        "training": {"epochs": len(history), "best_epoch": training.best_epoch(history["validation_loss"].tolist())},
    }
    k = statistics.wavenumbers(cells, binning.cell)
    tables = {
        names.MATRICES: matrix_table({name: vectors[name] for name in (SIMULATED, DRAWN)}),
        names.SPECTRA: spectrum_table(nbody, {name: vectors[name] for name in (DRAWN, UNTRAINED_DRAWN)}, k, settings),
        names.SLICES: slice_table(density["test"], drawn, settings["panels"], settings["seed"]),
        names.TRAINING: history,
    }
    write_result(paths.RESULTS / names.NAME / paths.METRICS, result, tables)
