"""The figures of the PIT result, from its metrics and tables alone."""

import argparse
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import paths
from analysis.figures import draw_result
from analysis.photoz_pdf.names import LABELS
from analysis.pit_calibration import names

FIGURES = ("fig-pit-panels.png", "fig-pit-estimators.png", "fig-pit-conditional.png")

_VARIANTS = {
    names.RAW: ("raw", "C2", "s"),
    names.RESCALED: ("rescaled", "C1", "D"),
    names.REMAPPED: ("remapped", "C0", "o"),
}


def _draw_histogram(axes: Axes, table: pd.DataFrame, colour: str, label: str = "") -> None:
    edges = [*table["low"], table["high"].iloc[-1]]
    axes.stairs(table["density"], edges, color=colour, linewidth=1.2, label=label)


def _draw_band(axes: Axes, table: pd.DataFrame) -> None:
    """Draw what calibrated PDFs give, last: it sets the limits of what has been drawn."""
    band = table["band_low"].iloc[0], table["band_high"].iloc[0]
    axes.axhspan(*band, color="0.87", linewidth=0, zorder=0, label="95% band of calibrated PDFs")
    axes.axhline(1, color="0.5", linewidth=0.6, zorder=1)
    axes.set(xlim=(0, 1), xticks=(0, 0.5, 1), xticklabels=("0", "0.5", "1"))
    axes.set_ylim(bottom=0)


def plot_panels(panels: pd.DataFrame) -> Figure:
    """Draw the PIT of one model's PDFs made too narrow, too wide, biased, and calibrated."""
    figure, axes = plt.subplots(1, 4, sharey=True, figsize=(6.4, 2.0))
    for panel, (name, table) in zip(axes, panels.groupby("panel", sort=False), strict=True):
        _draw_histogram(panel, table, "C0")
        _draw_band(panel, table)
        panel.set(title=str(name), xlabel="PIT")
    axes[0].set_ylabel("density")
    return figure


def plot_estimators(histograms: pd.DataFrame) -> Figure:
    """Draw the PIT of every estimator, raw and calibrated in two ways, on the test galaxies."""
    estimators = list(dict.fromkeys(histograms["estimator"]))
    figure, axes = plt.subplots(
        1, len(estimators), sharey=True, figsize=(1.4 + 1.5 * len(estimators), 2.5), squeeze=False
    )
    for panel, estimator in zip(axes[0], estimators, strict=True):
        of_estimator = histograms[histograms["estimator"] == estimator]
        for variant, (label, colour, _) in _VARIANTS.items():
            _draw_histogram(panel, of_estimator[of_estimator["variant"] == variant], colour, label)
        _draw_band(panel, of_estimator)
        panel.set(title=LABELS.get(estimator, estimator), xlabel="PIT")
    axes[0, 0].set_ylabel("density")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def plot_conditional(table: pd.DataFrame, estimator: str) -> Figure:
    """Draw the mean PIT in bins of magnitude, colour and redshift; calibrated PDFs have 0.5 in each but the last."""
    properties = list(dict.fromkeys(table["property"]))
    of_estimator = table[table["estimator"] == estimator]
    figure, axes = plt.subplots(1, len(properties), sharey=True, figsize=(7.0, 2.5))
    for panel, name in zip(axes, properties, strict=True):
        for number, (variant, (label, colour, marker)) in enumerate(_VARIANTS.items()):
            line = of_estimator[(of_estimator["property"] == name) & (of_estimator["variant"] == variant)]
            centres = (line["low"] + line["high"]) / 2 + 0.015 * (number - 1) * (line["high"].max() - line["low"].min())
            style = {"fmt": marker, "color": colour, "ms": 3.5, "capsize": 0, "label": label}
            panel.errorbar(centres, line["mean_pit"], yerr=line["mean_pit_err"], **style)
        panel.axhline(0.5, color="0.5", linewidth=0.6)
        panel.set(xlabel=name + (" (mag)" if "redshift" not in name else ""))
        panel.grid(axis="y", color="0.9")
    axes[0].set_ylabel("mean PIT in bin")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def figures(results: Path, _: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures of the result, from the tables in its folder, by the name of the file."""
    conditional = pd.read_csv(results / names.CONDITIONAL)
    drawn = (
        plot_panels(pd.read_csv(results / names.PANELS)),
        plot_estimators(pd.read_csv(results / names.HISTOGRAMS)),
        plot_conditional(conditional, str(conditional["estimator"].iloc[0])),
    )
    return dict(zip(FIGURES, drawn, strict=True))


def plot_pit_calibration(_: argparse.Namespace) -> None:
    """Results -> figures of the paper."""
    draw_result(paths.RESULTS / names.NAME, FIGURES, figures)
