"""The figures of the attacks on real spirals, from the tables and the picture that `adversarial real` left."""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from analysis import paths
from analysis.adversarial import names
from analysis.figures import plot_nothing, save_figures

FIGURES = ("fig-adversarial-real.png", "fig-adversarial-spirals.png")

_ATTACKS = {
    names.NOISE: ("random signs", "o", "C2"),
    names.FGSM: ("FGSM", "s", "C1"),
    names.PGD: ("PGD", "D", "C0"),
    names.JPEG: ("PGD, saved as JPEG", "v", "C4"),
}
_LIGHT = {
    names.STAR: ("faint star", "o", "C0"),
    names.TRAIL: ("satellite trail", "s", "C1"),
    names.HIT: ("cosmic ray", "D", "C4"),
}
_CLASSES = {1: "spiral", 0: "no spiral"}


def plot_curves(curves: pd.DataFrame, places: pd.DataFrame, by_votes: pd.DataFrame) -> Figure:
    """Draw accuracy and confidence against epsilon, accuracy against light that is added, spirals by votes cast."""
    figure, ((accuracy, confidence), (light, votes)) = plt.subplots(2, 2, figsize=(4.8, 4.4))
    for attack, (label, marker, colour) in _ATTACKS.items():
        rows = curves[curves["attack"] == attack]
        for axes, quantity in ((accuracy, "accuracy"), (confidence, "confidence")):
            error = rows[f"{quantity}_err"]
            axes.errorbar(rows["epsilon"], rows[quantity], error, marker=marker, color=colour, label=label)
    for axes, quantity in ((accuracy, "accuracy"), (confidence, "mean confidence")):
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set(xlabel="epsilon (sky noise)", ylabel=quantity, ylim=(0, 1.02))
    for kind, (label, marker, colour) in _LIGHT.items():
        for place, style in ((names.WORST, "-"), (names.RANDOM, ":")):
            rows = places[(places["kind"] == kind) & (places["place"] == place)]
            shown = label if place == names.WORST else None
            error = rows["accuracy_err"]
            light.errorbar(rows["fainter"], rows["accuracy"], error, ls=style, marker=marker, color=colour, label=shown)
    light.set(xlabel="fainter than the galaxy (mag)", ylabel="accuracy", ylim=(0, 1.02))
    light.set_xticks(sorted(set(places["fainter"])))
    light.invert_xaxis()
    confidence.legend(*accuracy.get_legend_handles_labels(), loc="lower left")
    light.legend(loc="lower left")
    draw_votes(votes, by_votes)
    return figure


def draw_votes(axes: Axes, by_votes: pd.DataFrame) -> None:
    """Draw the share of spirals where the votes agree, and in thirds of the numbers of votes between."""
    most = by_votes["votes"].max()
    part = pd.cut(by_votes["votes"], sorted({-1, 0, most / 3, 2 * most / 3, most - 1, most}))
    sums = by_votes.assign(cast=by_votes["votes"] * by_votes["n"], spirals=by_votes["share"] * by_votes["n"])
    sums = sums.groupby(part, observed=True)[["n", "cast", "spirals"]].sum()
    share, cast = (sums[name].to_numpy() / sums["n"].to_numpy() for name in ("spirals", "cast"))
    error = np.sqrt(share * (1 - share) / sums["n"].to_numpy())
    axes.errorbar(cast, share, error, fmt="o", color="k")
    axes.plot([0, most], [0, 1], color="C2", linestyle="--")
    axes.set(xlabel="votes for a spiral", ylabel="share of spirals", ylim=(0, 1.02))


def plot_triptych(picture: np.ndarray, tiles: pd.DataFrame) -> Figure:
    """Draw galaxies with their confidence, the change that fools the network, and the same galaxies changed."""
    side = picture.shape[0] // len(tiles)
    figure, grid = plt.subplots(len(tiles), 3, figsize=(4.8, 1.72 * len(tiles)), squeeze=False)
    for line, (axes, tile) in enumerate(zip(grid, tiles.to_dict("records"), strict=True)):
        kind = int(tile["spiral"])
        titles = (
            _said(kind, tile["before"]),
            f"change, {tile['epsilon']:g} sky noise",
            _said(kind, tile["after"]),
        )
        for column, (one, title) in enumerate(zip(axes, titles, strict=True)):
            one.imshow(picture[line * side : (line + 1) * side, column * side : (column + 1) * side])
            one.set_title(title)
            one.axis("off")
    return figure


def _said(kind: int, p: float) -> str:
    """Say what the network says, and with which confidence, where it gives a class a probability."""
    return f"{_CLASSES[kind]}, {p:.0%}" if p > 0.5 else f"{_CLASSES[1 - kind]}, {1 - p:.0%}"


def plot_adversarial_real(_: argparse.Namespace) -> None:
    """Tables and picture -> figures of the paper; where there are none, figures that say so."""
    folder: Path = paths.REAL_RESULTS / names.REAL_IMAGES / names.NAME
    with plt.style.context(paths.STYLE):
        if not (folder / paths.METRICS).is_file():
            save_figures({name: plot_nothing("`make real` attacks real images") for name in FIGURES})
            return
        curves, places, by_votes, tiles = (
            pd.read_csv(folder / name) for name in (names.CURVES, names.PLACES, names.VOTES, names.TILES)
        )
        drawn = plot_curves(curves, places, by_votes), plot_triptych(imread(folder / names.TRIPTYCH), tiles)
        save_figures(dict(zip(FIGURES, drawn, strict=True)))
