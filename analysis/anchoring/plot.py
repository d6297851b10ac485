"""The figures of the anchoring, from its table of medians and quartiles alone."""

import argparse

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import paths
from analysis.anchoring.names import COLOURS, COMPARISONS, NAME, STATISTICS
from analysis.figures import save_figures

FIGURES = ("fig-anchoring-colours.png", "fig-anchoring-shapes.png")

_LABELS = {
    "u_g": "$u-g$ (mag)",
    "g_r": "$g-r$ (mag)",
    "r_i": "$r-i$ (mag)",
    "i_z": "$i-z$ (mag)",
    "deVRad_r": "deVRad$_r$ (arcsec)",
    "expRad_r": "expRad$_r$ (arcsec)",
    "petroRad_r": "petroRad$_r$ (arcsec)",
    "deVAB_r": "deVAB$_r$",
    "expAB_r": "expAB$_r$",
    "psf_minus_model": "psfMag$_r$\n− modelMag$_r$ (mag)",
    "fiber_minus_petro": "fiberMag$_r$\n− petroMag$_r$ (mag)",
}


def draw_quartiles(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw medians of real (points) and mock galaxies (line) and what lies between the quartiles, real and mock."""
    centre = sorted((rows["low"] + rows["high"]).unique() / 2)
    by = {statistic: rows[rows["statistic"] == statistic].sort_values("low") for statistic in ("q25", "median", "q75")}
    axes.fill_between(centre, by["q25"]["mock"], by["q75"]["mock"], color="C3", alpha=0.5, linewidth=0, label="mock")
    axes.plot(centre, by["median"]["mock"], color="C0", label="mock, median")
    low, median, high = (by[statistic]["real"].to_numpy() for statistic in ("q25", "median", "q75"))
    spread = [median - low, high - median]
    axes.errorbar(centre, median, yerr=spread, fmt="o", color="k", markersize=3.5, linewidth=0.8, label="real")


def _legend(figure: Figure, axes: Axes) -> None:
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    names = {"mock, median": "mock, median", "mock": "mock, quartiles", "real": "real, median and quartiles"}
    figure.legend([handles[name] for name in names], list(names.values()), loc="outside upper center", ncols=3)


def plot_colours(statistics: pd.DataFrame) -> Figure:
    """Draw the four colours against redshift, the main sample beside BOSS."""
    names = [name for name, comparison in COMPARISONS.items() if comparison.binned_by == "redshift"]
    figure, grid = plt.subplots(len(COLOURS), len(names), figsize=(4.8, 6.4), sharex="col")
    for column, name in zip(grid.T, names, strict=True):
        for axes, quantity in zip(column, COLOURS, strict=True):
            rows = statistics[(statistics["comparison"] == name) & (statistics["quantity"] == quantity)]
            draw_quartiles(axes, rows)
            axes.set_ylabel(_LABELS[quantity] if name == names[0] else "")
        column[0].set_title(COMPARISONS[name].what)
        column[-1].set_xlabel("redshift")
    _legend(figure, grid[0, 0])
    return figure


def plot_shapes(statistics: pd.DataFrame) -> Figure:
    """Draw sizes, axis ratios and concentrations against magnitude."""
    panels = [
        (name, quantity)
        for name, comparison in COMPARISONS.items()
        if comparison.binned_by == "magnitude"
        for quantity in comparison.quantities
    ]
    rows = -(-len(panels) // 2)
    figure, grid = plt.subplots(rows, 2, figsize=(4.8, 1.7 * rows))
    for axes, (name, quantity) in zip(grid.flat, panels, strict=False):
        draw_quartiles(axes, statistics[(statistics["comparison"] == name) & (statistics["quantity"] == quantity)])
        axes.set(ylabel=_LABELS[quantity], title=COMPARISONS[name].what, xlabel="$r$ (mag)")
    for axes in grid.flat[len(panels) :]:
        axes.axis("off")
    _legend(figure, grid[0, 0])
    return figure


def plot_anchoring(_: argparse.Namespace) -> None:
    """Medians and quartiles -> figures of the paper."""
    statistics = pd.read_csv(paths.REAL_RESULTS / NAME / STATISTICS)
    with plt.style.context(paths.STYLE):
        drawn = plot_colours(statistics), plot_shapes(statistics)
        save_figures(dict(zip(FIGURES, drawn, strict=True)))
