"""The figures of feature importance in depth, from its metrics and tables alone."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import params, paths
from analysis.feature_importance.selection import names
from analysis.figures import draw_result

FIGURES = ("fig-importance-samples.png", "fig-selection-curve.png", "fig-learners.png", "fig-permutation.png")

_METHODS = {
    names.TREES: ("tree importance", "C4", "s-"),
    names.MINT: ("MINT, as published", "C0", "o-"),
    names.MINT_PAIRS: ("MINT, pairs of different features", "C3", "D-"),
    names.RANDOM: ("random (± between draws)", "C2", "^--"),
}
_LEAST_SHARE = 0.05  # percent; what is below stands here, for the axis is logarithmic
_MARKERS = "oDsv"


def plot_samples(importances: pd.DataFrame, n_features: int) -> Figure:
    """Draw the most important features by type, magnitude and redshift, with errors over bootstrap refits."""
    everywhere = importances[importances["sample"] == "all"]
    top = everywhere.nlargest(n_features, "importance")["feature"].tolist()
    split = importances["sample"].str.partition(": ")
    divisions = [name for name in dict.fromkeys(split[0]) if name != "all"]
    size = (1.8 + 1.7 * max(1, len(divisions)), 1.2 + 0.32 * len(top))
    figure, panels = plt.subplots(1, max(1, len(divisions)), sharey=True, figsize=size, squeeze=False)
    for axes, division in zip(panels[0], divisions or ["all"], strict=True):
        samples = dict.fromkeys(split.loc[split[0] == division, 2])
        for number, sample in enumerate(samples):
            label = sample or "all galaxies"
            of_sample = importances[(split[0] == division) & (split[2] == sample)].set_index("feature").loc[top]
            shift = 0.22 * (number - (len(samples) - 1) / 2)
            _draw_shares(axes, of_sample, np.arange(len(top)) + shift, _MARKERS[number], f"C{number}", label)
        axes.set(xscale="log", xlabel="share of gain (%)")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.grid(axis="x", color="0.9")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), title=f"by {division}", handletextpad=0.1)
    panels[0][0].set(yticks=range(len(top)), yticklabels=top)
    panels[0][0].invert_yaxis()
    return figure


def _draw_shares(
    axes: Axes, importances: pd.DataFrame, places: np.ndarray, marker: str, colour: str, label: str
) -> None:
    shares = np.maximum(100 * importances["importance"].to_numpy(), _LEAST_SHARE)
    errors = 100 * importances["importance_err"].to_numpy()
    below = np.minimum(errors, shares - _LEAST_SHARE)  # an error bar cannot reach zero on a logarithmic axis
    axes.errorbar(
        shares, places, xerr=[below, errors], fmt=marker, color=colour, label=label, ms=3.5, lw=0.9, capsize=0
    )


def plot_curve(curve: pd.DataFrame) -> Figure:
    """Draw sigma on test galaxies against the number of features, for each way to choose them."""
    figure, axes = plt.subplots()
    for method, (label, colour, style) in _METHODS.items():
        line = curve[curve["method"] == method]
        n, sigma = line["n_features"].to_numpy(), line["sigma"].to_numpy()
        if method == names.RANDOM:
            spread = line["sigma_draws"].fillna(0).to_numpy()
            axes.fill_between(n, sigma - spread, sigma + spread, color=colour, alpha=0.25, linewidth=0)
            axes.plot(n, sigma, style, color=colour, label=label)
        else:
            axes.errorbar(n, sigma, yerr=line["sigma_err"], fmt=style, color=colour, label=label)
    ticks = sorted(set(curve["n_features"]))
    axes.set(xscale="log", yscale="log", xticks=ticks, xticklabels=ticks, xlabel="number of features")
    axes.set_ylabel(r"$\sigma$ of $z_{\rm spec} - z_{\rm predicted}$")
    axes.minorticks_off()
    low, high = axes.get_ylim()
    axes.set_yticks([tick for tick in (0.02, 0.03, 0.05, 0.1, 0.2, 0.3) if low <= tick <= high])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(color="0.9")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def plot_learners(learners: pd.DataFrame) -> Figure:
    """Draw sigma on test galaxies against the CPU time of training, for each learner.

    The error bars are those of the difference from the benchmark, on the same galaxies: the benchmark has none.
    """
    figure, axes = plt.subplots()
    benchmark = float(learners.loc[learners["learner"] == names.BENCHMARK, "sigma"].iloc[0])
    axes.axhline(benchmark, color="0.6", linestyle="--", linewidth=0.8)
    errors = benchmark * learners["gain_percent_err"].fillna(0) / 100
    for number, (line, error) in enumerate(zip(learners.to_dict("records"), errors, strict=True)):
        seconds, sigma = line["cpu_seconds"], line["sigma"]
        marker = "D" if line["learner"] == names.BENCHMARK else "o"
        name = line["learner"].replace("_", " ")
        axes.errorbar(seconds, sigma, yerr=error, fmt=marker, color=f"C{number}", label=name)
    axes.set(xscale="log", xlabel="CPU time of training (s)")
    axes.set_ylabel(r"$\sigma$ of $z_{\rm spec} - z_{\rm predicted}$")
    figure.legend(loc="outside upper center", ncols=3)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(color="0.9")
    return figure


def plot_permutation(permutation: pd.DataFrame) -> Figure:
    """Draw, for each kind of features, its share of the trees' gain, and what is lost when it is shuffled."""
    kinds = permutation[permutation["name"] == permutation["kind"]].sort_values("rise_percent", ascending=False)
    alone = permutation[permutation["name"] != permutation["kind"]]
    largest = alone.groupby("kind")["rise_percent"].max().reindex(kinds["name"])
    places = np.arange(len(kinds))
    figure, (left, right) = plt.subplots(1, 2, sharey=True, figsize=(4.8, 2.6))
    left.barh(places, 100 * kinds["tree_importance"], color="C3")
    left.set(xlabel="share of gain (%)", yticks=places)
    left.set_yticklabels([f"{name} ({n})" for name, n in zip(kinds["name"], kinds["n_features"], strict=True)])
    right.errorbar(
        kinds["rise_percent"], places, xerr=kinds["rise_percent_err"], fmt="o", color="C0", label="all of the kind"
    )
    right.plot(largest, places, "x", color="C4", label="its most harmful one")
    right.set_xscale("symlog", linthresh=1, linscale=0.5)
    right.set(xlabel=r"rise of $\sigma$ (%)")
    right.xaxis.set_major_formatter("{x:g}")
    right.grid(axis="x", color="0.9")
    right.legend(loc="lower center", bbox_to_anchor=(0.5, 1))
    left.invert_yaxis()
    return figure


def figures(results: Path, _: dict[str, Any], n_features: int) -> dict[str, Figure]:
    """Return the figures of the result, from the tables in its folder, by the name of the file."""
    drawn = (
        plot_samples(pd.read_csv(results / names.IMPORTANCES, keep_default_na=False), n_features),
        plot_curve(pd.read_csv(results / names.CURVE)),
        plot_learners(pd.read_csv(results / names.LEARNERS)),
        plot_permutation(pd.read_csv(results / names.PERMUTATION)),
    )
    return dict(zip(FIGURES, drawn, strict=True))


def plot_feature_selection(_: argparse.Namespace) -> None:
    """Results -> figures of the paper."""
    n_features = params.load("plot_feature_selection")["n_features"]
    draw_result(paths.RESULTS / names.NAME, FIGURES, partial(figures, n_features=n_features))
