"""The figures of the completeness result, from its metrics and tables alone."""

import argparse
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis import paths
from analysis.figures import draw_result, plot_nothing
from analysis.spectroscopic_completeness import names
from analysis.spectroscopic_completeness.labels import ISOLATION, LEAVES

MAP, SCIENCE, LABELS = "fig-completeness.png", "fig-science-sample.png", "fig-bad-labels.png"
FIGURES = (MAP, SCIENCE, LABELS)

_SAMPLES = {
    "test": ("labelled test galaxies", "C2", "s"),
    "test_reweighted": ("the same, reweighted", "C1", "D"),
    "science": ("science sample, the truth", "C0", "o"),
}
_SHOWN = {"sigma68": r"$\sigma_{68}$", "outliers_percent": "outliers (%)", "crps": "CRPS", "ks": "KS of PIT"}
_METHODS = {LEAVES: ("leaf mates of a random forest", "C0", "-"), ISOLATION: ("isolation forest", "C1", "--")}


def plot_map(pixels: pd.DataFrame, elbow: pd.DataFrame) -> Figure:
    """Draw the completeness of cells over a colour and a magnitude, and how many cells there are."""
    magnitude, colour, _ = map(str, pixels)
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.8), width_ratios=(1.7, 1))
    grid = pixels.pivot(index=colour, columns=magnitude, values="completeness")
    drawn = left.pcolormesh(grid.columns, grid.index, grid, vmin=0, vmax=1, shading="nearest", rasterized=True)
    figure.colorbar(drawn, ax=left, label="spectroscopic completeness")
    left.set(xlabel=f"{magnitude} (mag)", ylabel=f"{colour} (mag)")
    right.plot(elbow["n_cells"], elbow["squares"] / elbow["squares"].iloc[0], "o-", ms=3.5)
    chosen = elbow[elbow["chosen"]]
    right.plot(chosen["n_cells"], chosen["squares"] / elbow["squares"].iloc[0], "s", color="C4", ms=8, mfc="none")
    ends = elbow.iloc[[0, -1]]
    right.plot(ends["n_cells"], ends["squares"] / elbow["squares"].iloc[0], color="0.6", ls="--", lw=0.8)
    right.set(xlabel="number of cells", ylabel="sum of squares in cells", ylim=(0, None))
    return figure


def plot_science(table: pd.DataFrame) -> Figure:
    """Draw what test galaxies say, plain and reweighted, beside the truth of the science sample, for both trainings."""
    trainings = list(dict.fromkeys(table["training"]))
    figure, axes = plt.subplots(1, len(_SHOWN), figsize=(7.0, 2.4))
    for panel, (metric, label) in zip(axes, _SHOWN.items(), strict=True):
        of_metric = table[table["metric"] == metric]
        for number, (sample, (name, colour, marker)) in enumerate(_SAMPLES.items()):
            line = of_metric[of_metric["sample"] == sample].set_index("training").reindex(trainings)
            places = np.arange(len(trainings)) + 0.15 * (number - 1)
            panel.errorbar(places, line["value"], yerr=line["err"], fmt=marker, color=colour, label=name)
        panel.set(title=label, xticks=range(len(trainings)), xticklabels=trainings, xlim=(-0.5, len(trainings) - 0.5))
        panel.set_ylim(bottom=0)
    figure.supxlabel("training", fontsize=9)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def plot_labels(table: pd.DataFrame, bad_percent: float) -> Figure:
    """Draw precision against recall for planted bad redshifts; dotted: flags at random."""
    figure, axes = plt.subplots(figsize=(4.2, 2.8))
    for method, (label, colour, style) in _METHODS.items():
        line = table[table["method"] == method]
        axes.plot(100 * line["recall"], 100 * line["precision"], style, color=colour, label=label)
    axes.axhline(bad_percent, color="0.5", linestyle=":", label="at random")
    axes.set(xlim=(0, 100), ylim=(0, 102), xlabel="bad redshifts found (%)", ylabel="of those flagged, bad (%)")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def figures(results: Path, result: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures of a result, from its folder and its metrics, by the name of the file."""
    drawn = {LABELS: plot_labels(pd.read_csv(results / names.LABELS), result["labels"]["bad_percent"])}
    if "no_science" in result:
        return drawn | {name: plot_nothing(result["no_science"]) for name in (MAP, SCIENCE)}
    drawn[MAP] = plot_map(pd.read_csv(results / names.MAP), pd.read_csv(results / names.ELBOW))
    drawn[SCIENCE] = plot_science(pd.read_csv(results / names.SCIENCE))
    return drawn


def plot_spectroscopic_completeness(_: argparse.Namespace) -> None:
    """Results -> figures of the paper."""
    draw_result(paths.RESULTS / names.NAME, FIGURES, figures)
