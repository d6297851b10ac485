"""The figures of the feature-importance result, from its metrics and tables alone."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from analysis import metrics, params, paths
from analysis.feature_importance.names import (
    ANN_TABLE,
    IMPORTANCES,
    NAME,
    REDSHIFTS,
    STANDARD,
    STANDARD_TOP_1_2,
    STANDARD_TOP_1_2_3,
    TOP_1_2,
)
from analysis.figures import draw_result

FIGURES = ("fig-importance.png", "fig-ann-table.png", "fig-redshift.png")

_ROW_LABELS = {
    STANDARD: "aNN, standard",
    TOP_1_2: "aNN, top 1, 2",
    STANDARD_TOP_1_2: "aNN, standard\n+ top 1, 2",
    STANDARD_TOP_1_2_3: "aNN, standard\n+ top 1, 2, 3",
    "adaboost_standard": "AdaBoost, standard",
    "adaboost_same_inputs": "AdaBoost, standard\n+ top 1, 2, 3",
    "adaboost": "AdaBoost, all features",
}
# Shape tells the magnitude, filling the type.
_SHAPES = {"bright": "^", "middle": "o", "faint": "v", "all": "s"}
_FILLINGS = {"early": "C4", "late": "white", "all": "C2"}
_LEAST_SHARE = 0.1  # percent


def plot_importances(importances: pd.DataFrame, n_features: int) -> Figure:
    """Draw the most important features: bars over all galaxies, markers by type and magnitude.

    The axis is logarithmic, for importances fall by orders of magnitude; what is below its end stands at its end.
    """
    top = importances.nsmallest(n_features, "rank_all")
    places = np.arange(len(top))
    figure, axes = plt.subplots(figsize=(4.8, 1.6 + 0.2 * len(top)))
    axes.barh(places, 100 * top["importance_all"], color="C3", label="all galaxies")
    prefix = "importance_"
    for column in [name for name in map(str, top) if name.startswith(prefix) and name != "importance_all"]:
        kind, magnitude = column.removeprefix(prefix).split("_")
        filling, label = _FILLINGS[kind], f"{kind}, {magnitude}"
        shares = np.maximum(100 * top[column], _LEAST_SHARE)
        axes.plot(shares, places, _SHAPES[magnitude], mec="C4", mfc=filling, label=label, clip_on=False)
    axes.set(yticks=places, yticklabels=top["feature"], xlabel="share of the trees' gain in squared error (%)")
    axes.invert_yaxis()
    axes.margins(y=0.02)
    axes.set_xscale("log")
    axes.set_xlim(_LEAST_SHARE, 100)
    axes.xaxis.set_major_formatter("{x:g}")
    figure.legend(loc="outside upper center", ncols=3, title="AdaBoost trained on")
    return figure


def plot_ann_table(measured: dict[str, dict[str, float]], published: dict[str, dict[str, float]]) -> Figure:
    """Draw sigma for each choice of inputs, ours with bootstrap error beside the published one."""
    rows = [row for row in _ROW_LABELS if row in measured]
    places = np.arange(len(rows))
    figure, axes = plt.subplots()
    sigma, error = (np.array([measured[row][name] for row in rows]) for name in ("sigma", "sigma_err"))
    axes.errorbar(sigma, places, xerr=error, fmt="o", color="C0", label="here (± bootstrap error)")
    theirs = {place: published[row]["sigma"] for place, row in enumerate(rows) if row in published}
    label = "Hoyle et al. (2015)"
    axes.plot(list(theirs.values()), list(theirs), "D", color="C1", markeredgecolor="k", label=label)
    axes.set(yticks=places, yticklabels=[_ROW_LABELS[row] for row in rows])
    axes.set_xlabel(r"$\sigma$ of $z_{\rm spec} - z_{\rm predicted}$ (dimensionless)")
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="x", color="0.9")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def plot_redshifts(counts: pd.DataFrame) -> Figure:
    """Draw the numbers of test galaxies by true and predicted redshift; dashed: the limits of an outlier."""
    width = counts["bin_width"].iloc[0]
    centres = counts[["z_spec", "z_predicted"]].to_numpy()
    first, last = (round(centre / width - 0.5) for centre in (min(centres.min(), width / 2), centres.max()))
    edges = width * np.arange(first, last + 2)
    low, high = edges[[0, -1]]
    figure, axes = plt.subplots(figsize=(4.2, 3.6))
    drawn = axes.hist2d(
        counts["z_spec"], counts["z_predicted"], edges, weights=counts["galaxies"], cmin=1, norm=LogNorm()
    )
    figure.colorbar(drawn[3], label="test galaxies in bin")
    ends = np.array([low, high])
    axes.plot(ends, ends, color="k", linewidth=0.6)
    for sign in (-1, 1):
        axes.plot(ends, ends + sign * metrics.OUTLIER_LIMIT * (1 + ends), color="k", linestyle="--", linewidth=0.8)
    axes.set(xlim=ends, ylim=ends, xlabel=r"$z_{\rm spec}$", ylabel=r"$z_{\rm predicted}$ (AdaBoost)")
    return figure


def figures(results: Path, result: dict[str, Any], published: dict[str, Any], n_features: int) -> dict[str, Figure]:
    """Return the figures of a result, from its folder and its metrics, by the name of the file."""
    networks: dict[Any, Any] = pd.read_csv(results / ANN_TABLE, index_col="inputs").to_dict("index")
    drawn = (
        plot_importances(pd.read_csv(results / IMPORTANCES), n_features),
        plot_ann_table(result | networks, published),
        plot_redshifts(pd.read_csv(results / REDSHIFTS)),
    )
    return dict(zip(FIGURES, drawn, strict=True))


def plot_feature_importance(_: argparse.Namespace) -> None:
    """Results -> figures of the paper."""
    published = params.read_yaml(paths.PUBLISHED)["feature_importance"]["values"]
    n_features = params.load("plot_feature_importance")["n_features"]
    draw_result(paths.RESULTS / NAME, FIGURES, partial(figures, published=published, n_features=n_features))
