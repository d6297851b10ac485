"""The figures of the redshifts from images, from their metrics and tables alone."""

import argparse
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import paths
from analysis.cnn_redshift import names
from analysis.figures import draw_result

REDSHIFTS, CURVE, BIAS = "fig-cnn-redshift.png", "fig-cnn-learning-curve.png", "fig-cnn-bias.png"
PIT, ATTRIBUTIONS = "fig-cnn-pit.png", "fig-cnn-attributions.png"
FIGURES = (REDSHIFTS, CURVE, BIAS, PIT, ATTRIBUTIONS)

_STYLES = {names.CNN: ("C0", "o", "-"), names.ADABOOST: ("C1", "s", "--")}
_OTHER_STYLES = (("C4", "D", "-."), ("C2", "^", ":"))  # of pre-trained networks
_VARIANTS = {"raw": ("C2", "-"), "rescaled": ("C1", "--"), "remapped": ("C0", "-")}
_RESIDUALS = 0.15  # of Delta / (1 + z), shown to either side


def _style(learner: str, number: int) -> tuple[str, str, str]:
    return _STYLES.get(learner) or _OTHER_STYLES[number % len(_OTHER_STYLES)]


def plot_redshifts(table: pd.DataFrame) -> Figure:
    """Draw predicted against true redshift for both learners, and the residuals below."""
    figure, axes = plt.subplots(2, 2, sharex=True, sharey="row", figsize=(6.4, 4.6), height_ratios=(2.4, 1))
    z = table["z_spec"]
    top = 1.02 * max(z.max(), table[names.CNN].quantile(0.999))
    for column, learner in zip(axes.T, _STYLES, strict=True):
        above, below = column
        residual = (z - table[learner]) / (1 + z)
        marks = {"s": 3, "lw": 0, "alpha": 0.5, "rasterized": True, "color": _STYLES[learner][0]}
        above.scatter(z, table[learner], **marks)
        above.plot([0, top], [0, top], color="0.4", lw=0.7)
        above.set(title=names.LABELS[learner], xlim=(0, top), ylim=(0, top))
        below.scatter(z, residual.clip(-_RESIDUALS, _RESIDUALS), **marks)
        below.axhline(0, color="0.4", lw=0.7)
        below.set(xlabel="true redshift", ylim=(-1.05 * _RESIDUALS, 1.05 * _RESIDUALS))
    axes[0, 0].set_ylabel("predicted redshift")
    axes[1, 0].set_ylabel(r"$\Delta / (1 + z)$")
    return figure


def plot_curve(table: pd.DataFrame) -> Figure:
    """Draw sigma68 against the number of training galaxies, with the power laws fitted, to ten times the largest."""
    figure, axes = plt.subplots(figsize=(4.8, 3.2))
    for number, (learner, line) in enumerate(table.groupby("learner", sort=False)):
        colour, marker, style = _style(str(learner), number)
        size = line["galaxies"].to_numpy()
        label = names.LABELS.get(str(learner), str(learner))
        axes.errorbar(size, line["sigma68"], line["sigma68_err"], fmt=marker, color=colour, ms=4, label=label)
        slope = np.log(line["fit"].iloc[-1] / line["fit"].iloc[0]) / np.log(size[-1] / size[0])
        reach = np.array([size[0], 10 * size[-1]])
        axes.plot(reach, line["fit"].iloc[0] * (reach / size[0]) ** slope, style, color=colour, lw=0.9)
    axes.set(xscale="log", yscale="log", xlabel="training galaxies", ylabel=r"$\sigma_{68}$")
    axes.axvspan(table["galaxies"].max(), 10 * table["galaxies"].max(), color="0.93", lw=0, zorder=0)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def plot_bias(table: pd.DataFrame) -> Figure:
    """Draw the mean residual in bins of each property, for both learners."""
    properties = list(dict.fromkeys(table["property"]))
    figure, axes = plt.subplots(1, len(properties), sharey=True, figsize=(7.2, 2.4), squeeze=False)
    for panel, name in zip(axes[0], properties, strict=True):
        for number, learner in enumerate(_STYLES):
            line = table[(table["property"] == name) & (table["learner"] == learner)]
            colour, marker, _ = _STYLES[learner]
            width = line["median"].max() - line["median"].min()
            centres = line["median"] + 0.02 * (number - 0.5) * width
            style = {"fmt": marker, "color": colour, "ms": 3.5, "label": names.LABELS[learner]}
            panel.errorbar(centres, line["mu"], line["mu_err"], **style)
        panel.axhline(0, color="0.5", lw=0.6)
        panel.set_xlabel(name)
    axes[0, 0].set_ylabel(r"$\mu$ in bin")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def plot_pit(table: pd.DataFrame) -> Figure:
    """Draw the PIT of the network's PDFs before and after calibration."""
    figure, axes = plt.subplots(figsize=(4.4, 2.8))
    for variant, line in table.groupby("variant", sort=False):
        colour, style = _VARIANTS[str(variant)]
        edges = [*line["low"], line["high"].iloc[-1]]
        axes.stairs(line["density"], edges, color=colour, linestyle=style, linewidth=1.3, label=str(variant))
    band = table["band_low"].iloc[0], table["band_high"].iloc[0]
    axes.axhspan(*band, color="0.9", lw=0, zorder=0, label="95% band of calibrated PDFs")
    axes.set(xlabel="PIT", ylabel="density", xlim=(0, 1))
    axes.set_ylim(bottom=0)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def plot_attributions(found: dict[str, np.ndarray]) -> Figure:
    """Draw galaxies in r, and what each pixel adds to the redshift."""
    images, shares, z = (found[name] for name in ("images", "shares", "z"))
    figure, axes = plt.subplots(2, len(z), figsize=(1.0 + 1.45 * len(z), 3.2), squeeze=False)
    limit = np.quantile(np.abs(shares), 0.998)
    for above, below, image, share, redshift in zip(*axes, images, shares, z, strict=True):
        above.imshow(image.astype(float), cmap="gray_r", origin="lower", vmin=-0.2, vmax=np.max(image))
        drawn = below.imshow(share, cmap="PuOr", origin="lower", vmin=-limit, vmax=limit)
        above.set_title(f"$z$ = {redshift:.2f}")
        _without_ticks(above)
        _without_ticks(below)
    axes[0, 0].set_ylabel("$r$ band")
    axes[1, 0].set_ylabel("attribution")
    figure.colorbar(drawn, ax=axes[1, :], label="share of the redshift", fraction=0.03)
    return figure


def _without_ticks(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)


def figures(results: Path, _: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures of the result, from the tables in its folder, by the name of the file."""
    with np.load(results / names.ATTRIBUTIONS, allow_pickle=False) as found:
        attributed = dict(found)
    return {
        REDSHIFTS: plot_redshifts(pd.read_csv(results / names.REDSHIFTS)),
        CURVE: plot_curve(pd.read_csv(results / names.LEARNING_CURVE)),
        BIAS: plot_bias(pd.read_csv(results / names.BIAS)),
        PIT: plot_pit(pd.read_csv(results / names.HISTOGRAMS)),
        ATTRIBUTIONS: plot_attributions(attributed),
    }


def plot_cnn_redshift(_: argparse.Namespace) -> None:
    """Results -> figures of the paper."""
    draw_result(paths.RESULTS / names.NAME, FIGURES, figures)
