"""The figures of the n(z) result, from its metrics and tables alone."""

import argparse
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis import paths
from analysis.figures import draw_result
from analysis.redshift_distributions import names

FIGURES = ("fig-n-z.png", "fig-n-z-shifts.png")


def plot_n_z(curves: pd.DataFrame, bins: pd.DataFrame) -> Figure:
    """Draw n(z) of each tomographic bin: true, of stacked PDFs, resampled; grey: the bin's limits."""
    shown = list(dict.fromkeys(curves["bin"]))
    figure, axes = plt.subplots(len(shown), 1, sharex=True, figsize=(4.8, 0.6 + 1.1 * len(shown)), squeeze=False)
    for panel, number in zip(axes[:, 0], shown, strict=True):
        curve = curves[curves["bin"] == number]
        line = bins.set_index("bin").loc[number]
        width = curve["z"].diff().median()
        edges = [*(curve["z"] - width / 2), curve["z"].iloc[-1] + width / 2]
        panel.axvspan(line["low"], line["high"], color="0.9", linewidth=0, zorder=0)
        panel.stairs(curve["true"], edges, fill=True, color="C3", label="true")
        panel.stairs(curve["resampled"], edges, color="C1", label="reference, resampled", linewidth=1.2)
        panel.plot(curve["z"], curve["stacked"], color="C0", label="stacked PDFs")
        panel.set(ylabel=f"n(z), bin {number}", yticks=[])
        panel.set_xlim(0, bins["high"].max() * 1.3)
    axes[-1, 0].set_xlabel("redshift")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def plot_shifts(bins: pd.DataFrame) -> Figure:
    """Draw the shift of each bin's mean redshift, by resampling and in truth; the thin bars are those of one field."""
    figure, axes = plt.subplots(figsize=(4.8, 2.6))
    places = np.arange(len(bins))
    for name, shift, error, marker, colour, label in (
        ("shift_resampled", -0.1, "field_scatter", "none", "0.6", "one field alone"),
        ("shift_resampled", -0.1, "shift_resampled_err", "o", "C1", "resampled, all fields"),
        ("shift_true", 0.1, "shift_true_err", "D", "C0", "true"),
    ):
        axes.errorbar(places + shift, bins[name], yerr=bins[error], fmt=marker, color=colour, label=label)
    axes.axhline(0, color="0.5", linewidth=0.6)
    labels = [f"{low:g} to {high:g}" for low, high in zip(bins["low"], bins["high"], strict=True)]
    axes.set(xticks=places, xticklabels=labels, xlabel=r"tomographic bin in $z_{\rm phot}$")
    axes.set_ylabel(r"$\langle z_{\rm true} \rangle - \langle z_{\rm phot} \rangle$")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def figures(results: Path, _: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures of the result, from the tables in its folder, by the name of the file."""
    bins = pd.read_csv(results / names.BINS)
    drawn = plot_n_z(pd.read_csv(results / names.CURVES), bins), plot_shifts(bins)
    return dict(zip(FIGURES, drawn, strict=True))


def plot_redshift_distributions(_: argparse.Namespace) -> None:
    """Results -> figures of the paper."""
    draw_result(paths.RESULTS / names.NAME, FIGURES, figures)
