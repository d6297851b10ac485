"""The figures of the catalogue classifiers beside the network, from metrics and tables alone."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis import params, paths
from analysis.figures import draw_result, plot_nothing
from analysis.star_galaxy import names

ROC, BINS, RELIABILITY = "fig-star-galaxy-roc.png", "fig-star-galaxy-bins.png", "fig-star-galaxy-reliability.png"
IMPORTANCE, GAIN, LATITUDE = "fig-star-galaxy-importance.png", "fig-purity-gain.png", "fig-star-density.png"
FIGURES = (ROC, BINS, RELIABILITY, IMPORTANCE, GAIN, LATITUDE)

_STYLES = {  # colour, line, marker: told apart without colour, too
    names.CUT: ("0.4", "", "x"),
    names.SDSS_TYPE: ("0.4", "", "+"),
    names.SINGLE: ("C2", "-", "^"),
    names.TPC_PHOT: ("C1", "--", "s"),
    names.TPC_MORPH: ("C0", "-", "o"),
    names.PCA_NETWORK: ("C3", "-.", "D"),
    names.BOOSTING: ("C0", ":", "v"),
    names.CONVNET: ("C4", "-", "P"),
}
_COMPARED = (names.TPC_PHOT, names.TPC_MORPH, names.PCA_NETWORK, names.CONVNET)
_SAMPLES = {
    names.TEST: "test objects",
    names.SPECTRA: "without spectra,\ntrained on spectra",
    names.SAME_KIND: "without spectra,\ntrained on the same kind",
}
_FLOOR = 1e-3  # of the logarithmic axes


def _in_order(table: pd.DataFrame, shown: tuple[str, ...] = tuple(names.LABELS)) -> list[str]:
    return [name for name in names.LABELS if name in shown and name in set(table["classifier"])]


def _by_sample(table: pd.DataFrame) -> tuple[Figure, dict[str, Any]]:
    """Return a figure with a panel for each sample."""
    shown = [sample for sample in _SAMPLES if sample in set(table["sample"])]
    width = 1.4 + 2.0 * len(shown)
    figure, panels = plt.subplots(1, len(shown), figsize=(width, 3.0), sharex=True, sharey=True, squeeze=False)
    for panel, sample in zip(panels[0], shown, strict=True):
        panel.set_title(_SAMPLES[sample], fontsize=8)
    return figure, dict(zip(shown, panels[0], strict=True))


def plot_roc(table: pd.DataFrame) -> Figure:
    """Draw the galaxies lost against the stars let in, both logarithmic: all classifiers are near the corner."""
    figure, panels = _by_sample(table)
    for sample, axes in panels.items():
        of_sample = table[table["sample"] == sample]
        for name in _in_order(of_sample):
            curve = of_sample[of_sample["classifier"] == name]
            curve = curve[1:-1] if name in names.CUTS else curve  # at its ends all are galaxies, or none
            # a sample says nothing of shares below one object: what is zero is drawn at the end of the axis
            x = np.maximum(curve["stars_called_galaxies"], _FLOOR)
            y = np.maximum(1 - curve["galaxies_called_galaxies"], _FLOOR)
            colour, line, marker = _STYLES[name]
            style: dict[str, Any] = {"ls": "", "marker": marker} if name in names.CUTS else {"ls": line}
            axes.plot(x, y, color=colour, label=names.LABELS[name], **style)
        axes.set(xscale="log", yscale="log", xlim=(_FLOOR, 1), ylim=(_FLOOR, 1))
    figure.supxlabel("stars called galaxies", fontsize=9)
    figure.supylabel("galaxies lost", fontsize=9)
    figure.legend(*panels[names.TEST].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def plot_reliability(table: pd.DataFrame) -> Figure:
    """Draw the share of galaxies among objects of like probability; diagonal: what a calibrated classifier shows."""
    figure, panels = _by_sample(table)
    for sample, axes in panels.items():
        axes.plot([0, 1], [0, 1], color="0.6", lw=0.8)
        for name in _in_order(table, _COMPARED):
            line = table[(table["classifier"] == name) & (table["sample"] == sample)]
            values = (line["p_galaxy"], line["share_of_galaxies"], line["share_of_galaxies_err"])
            _points(axes, name, *values)
        axes.set(xlim=(0, 1), ylim=(0, 1))
    figure.supxlabel("mean probability of being a galaxy", fontsize=9)
    figure.supylabel("share of galaxies", fontsize=9)
    figure.legend(*panels[names.TEST].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def _points(axes: Any, name: str, x: Any, y: Any, error: Any) -> None:
    """Draw points of a classifier with their errors."""
    colour, line, marker = _STYLES[name]
    style = {"color": colour, "ls": line, "marker": marker, "ms": 3.5, "lw": 0.9}
    axes.errorbar(x, y, error, label=names.LABELS[name], **style)


def plot_bins(table: pd.DataFrame) -> Figure:
    """Draw completeness and purity by magnitude and colour, at thresholds chosen on validation."""
    columns = [(names.TEST, names.MAGNITUDE), (names.TEST, names.COLOUR), (names.SPECTRA, names.MAGNITUDE)]
    columns = [pair for pair in columns if not table[(table["sample"] == pair[0]) & (table["by"] == pair[1])].empty]
    size = (1.4 + 1.9 * len(columns), 6.2)
    figure, panels = plt.subplots(4, len(columns), figsize=size, sharex="col", sharey="row", squeeze=False)
    for column, (sample, by) in zip(panels.T, columns, strict=True):
        for name in _in_order(table, (names.CUT, *_COMPARED)):
            line = table[(table["classifier"] == name) & (table["sample"] == sample) & (table["by"] == by)]
            for panel, share in zip(column, names.SHARES, strict=True):
                _points(panel, name, line["centre"], line[share], line[f"{share}_err"])
        column[0].set_title(_SAMPLES[sample], fontsize=8)
        column[-1].set_xlabel(f"{by} (mag)")
    for panel, share in zip(panels[:, 0], names.SHARES, strict=True):
        panel.set_ylabel(share.replace("_", "\n"))
        panel.set_ylim(top=1.01)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def plot_importances(features: pd.DataFrame, kinds: pd.DataFrame, n_features: int) -> Figure:
    """Draw the most important parameters, and what it costs to shuffle all of a kind."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.6, 0.9 + 0.19 * n_features))
    top = features.nlargest(n_features, "importance")
    left.barh(top["feature"], 100 * top["importance"], xerr=100 * top["importance_err"], color="C0", height=0.7)
    left.set_xlabel("share of the entropy gained at splits (%)")
    costly = kinds.nlargest(n_features, "mse_rise")
    right.barh(costly["kind"], costly["mse_rise"], xerr=costly["mse_rise_err"], color="C1", height=0.7)
    right.set_xlabel("rise of the MSE when shuffled")
    right.set_xscale("log")
    right.set_xlim(left=max(1e-6, costly["mse_rise"].clip(lower=0).max() * 1e-4))
    for axes in (left, right):
        axes.invert_yaxis()
        axes.margins(y=0.02)
    return figure


def plot_gain(table: pd.DataFrame) -> Figure:
    """Draw the purity gained over the single parameter at equal completeness, by magnitude."""
    figure, axes = plt.subplots(figsize=(4.8, 3.0))
    for sample, (colour, style, marker) in {"galaxies": ("C3", "-", "D"), "stars": ("C1", "--", "s")}.items():
        line = table[table["sample"] == sample]
        centre, half = (line["low"] + line["high"]) / 2, (line["high"] - line["low"]) / 2
        look: dict[str, Any] = {"color": colour, "ls": style, "marker": marker, "label": sample}
        axes.errorbar(centre, line["gain_percent"], line["gain_percent_err"], half, **look)
    axes.axhline(0, color="0.6", lw=0.8)
    axes.set(xlabel=f"{names.MAGNITUDE} (mag)", ylabel="gain in purity (percentage points)")
    axes.legend(loc="upper left")
    return figure


def plot_latitude(table: pd.DataFrame) -> Figure:
    """Draw the density of objects called stars by Galactic latitude."""
    figure, axes = plt.subplots(figsize=(4.8, 3.0))
    for name in _in_order(table, (names.CUT, *_COMPARED, names.BOOSTING)):
        line = table[table["classifier"] == name]
        _points(axes, name, line["sin_b"], line["per_deg2"], line["per_deg2_err"])
    axes.set(xlabel=r"$\sin\,|b|$", ylabel=r"called stars (deg$^{-2}$)", yscale="log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def figures(results: Path, result: dict[str, Any], n_features: int) -> dict[str, Figure]:
    """Return the figures of a result, from its folder and its metrics, by the name of the file."""
    files = (names.ROC, names.BINS, names.RELIABILITY, names.IMPORTANCES, names.KINDS, names.GAIN, names.LATITUDE)
    read = {name: pd.read_csv(results / name) for name in files}
    drawn = {
        ROC: plot_roc(read[names.ROC]),
        BINS: plot_bins(read[names.BINS]),
        RELIABILITY: plot_reliability(read[names.RELIABILITY]),
        IMPORTANCE: plot_importances(read[names.IMPORTANCES], read[names.KINDS], n_features),
    }
    for file, part, name, plot in (
        (GAIN, "deep", names.GAIN, plot_gain),
        (LATITUDE, "sky", names.LATITUDE, plot_latitude),
    ):
        why = result[part].get("not_run", "" if len(read[name]) else "too few objects")
        drawn[file] = plot_nothing(why) if why else plot(read[name])
    return drawn


def plot_star_galaxy(_: argparse.Namespace) -> None:
    """Results -> figures of the paper."""
    n_features = params.load("plot_star_galaxy")["n_features"]
    draw_result(paths.RESULTS / names.NAME, FIGURES, partial(figures, n_features=n_features))
