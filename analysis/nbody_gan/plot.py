"""The figures of the GAN, from its metrics and tables alone."""

import argparse
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from analysis import paths
from analysis.figures import draw_result
from analysis.nbody_gan import names

SLICES, MATRICES, SPECTRA, TRAINING = (
    "fig-gan-slices.png",
    "fig-gan-matrices.png",
    "fig-gan-power.png",
    "fig-gan-training.png",
)
FIGURES = (SLICES, MATRICES, SPECTRA, TRAINING)

_NAMES = {names.SIMULATED: "N-body", names.DRAWN: "GAN"}
_TITLES = {
    names.COUNTS: "voxel masses",
    names.POWER_SPECTRUM: "$P(k)$",
    names.CORRELATION: r"$\xi(r)$",
    names.MARKED: "marked $M(r)$",
    names.PEAKS: "peaks",
    names.MOMENTS: "moments",
}
_LEAST = 0.05  # density of the darkest voxels of a slice
_DENSEST = 30.0
_SPECTRA = {names.DRAWN: ("GAN", "C0", "o-"), names.UNTRAINED_DRAWN: ("before training", "C1", "s--")}


def plot_slices(slices: pd.DataFrame) -> Figure:
    """Draw slices of boxes at one stretch, first without saying which is which, then, small and below, the answer."""
    panels = int(slices["panel"].max()) + 1
    figure, axes = plt.subplots(1, panels, figsize=(7.0, 1.75))
    stretch = LogNorm(_LEAST, _DENSEST)
    for panel, one in enumerate(axes):
        cut = slices[slices["panel"] == panel]
        image = cut.pivot(index="row", columns="column", values="density").clip(lower=_LEAST)
        drawn = one.imshow(image, norm=stretch, interpolation="nearest")
        one.set(xticks=[], yticks=[], title="abcdefghijkl"[panel])
        answer = _NAMES[cut["source"].iloc[0]]
        one.text(0.5, -0.06, answer, rotation=180, ha="center", va="top", fontsize=6, transform=one.transAxes)
    figure.colorbar(drawn, ax=axes, label=r"$1+\delta$", shrink=0.7, pad=0.01)
    return figure


def plot_matrices(matrices: pd.DataFrame) -> Figure:
    """Draw the correlation matrix of each statistic, of N-body above that of the GAN."""
    figure, axes = plt.subplots(2, len(_TITLES), figsize=(7.0, 2.7))
    for row, source in enumerate((names.SIMULATED, names.DRAWN)):
        for panel, (name, title) in zip(axes[row], _TITLES.items(), strict=True):
            chosen = matrices[(matrices["source"] == source) & (matrices["statistic"] == name)]
            matrix = chosen.pivot(index="row", columns="column", values="correlation")
            drawn = panel.imshow(matrix, vmin=-1, vmax=1, interpolation="nearest")
            panel.set(xticks=[], yticks=[], title=title if row == 0 else "")
        axes[row, 0].set_ylabel(_NAMES[source])
    figure.supxlabel("bin (each matrix: the bins of its statistic, in order)", fontsize=8)
    figure.colorbar(drawn, ax=axes, label="correlation", shrink=0.8, pad=0.01)
    return figure


def plot_power(spectra: pd.DataFrame, half_nyquist: float) -> Figure:
    """Draw the ratio of mean power spectra to that of N-body, with the band within which halves of N-body differ."""
    figure, axes = plt.subplots(figsize=(4.8, 2.8))
    of_gan = spectra[spectra["source"] == names.DRAWN]
    band = of_gan["half_band"]
    axes.fill_between(of_gan["k"], 1 - band, 1 + band, color="0.8", label="two halves of N-body", lw=0)
    for source, (label, colour, style) in _SPECTRA.items():
        line = spectra[spectra["source"] == source]
        axes.errorbar(line["k"], line["ratio"], yerr=line["err"], fmt=style, color=colour, label=label, ms=4)
    axes.axhline(1, color="0.4", lw=0.8)
    axes.axvline(half_nyquist, color="0.4", ls=":", lw=0.8)
    axes.text(half_nyquist, 0.03, " half Nyquist", transform=axes.get_xaxis_transform(), fontsize=7, color="0.3")
    axes.set(xlabel="k (h/Mpc)", ylabel="P(k) over that of N-body")
    axes.legend(loc="upper right", ncols=3, bbox_to_anchor=(1, 1.15))
    return figure


def plot_training(history: pd.DataFrame, best_epoch: int) -> Figure:
    """Draw the critic's estimate of the Wasserstein distance and the score that chooses the checkpoint, by epoch."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.4))
    epochs = history["epoch"] + 1
    left.plot(epochs, -history["critic_loss"], "o-", ms=3)
    left.set(xlabel="epoch", ylabel="minus the critic's loss")
    right.plot(epochs, history["validation_loss"], "o-", ms=3)
    kept = history.loc[epochs == best_epoch, "validation_loss"]
    right.plot([best_epoch], kept, "s", color="C4", ms=9, mfc="none", label="kept")
    right.axhline(1, color="0.5", ls=":", label="N-body")
    right.set(xlabel="epoch", ylabel="score on validation boxes", yscale="log")
    right.legend()
    return figure


def figures(results: Path, result: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures of the GAN, from its folder and its metrics, by the name of the file."""
    sample = result["sample"]
    return {
        SLICES: plot_slices(pd.read_csv(results / names.SLICES)),
        MATRICES: plot_matrices(pd.read_csv(results / names.MATRICES)),
        SPECTRA: plot_power(pd.read_csv(results / names.SPECTRA), np.pi * sample["cells"] / sample["side"] / 2),
        TRAINING: plot_training(pd.read_csv(results / names.TRAINING), result["training"]["best_epoch"]),
    }


def plot_nbody_gan(_: argparse.Namespace) -> None:
    """Results -> figures of the paper."""
    draw_result(paths.RESULTS / names.NAME, FIGURES, figures)
