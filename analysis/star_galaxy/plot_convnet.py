"""The figures of the network: the objects that it gets most wrong, and the kernels of its first layer."""

import argparse
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import params, paths
from analysis.figures import plot_nothing, save_figures
from analysis.results import read_choices
from analysis.star_galaxy import names
from analysis.star_galaxy.network import WEIGHTS, first_kernels, load_network
from analysis.survey.catalogue import STAMPS
from analysis.survey.schema import BANDS
from analysis.survey.sheet import ROWS, Sheet, draw
from analysis.survey.stamps_file import read_ids

MISTAKES, KERNELS = "fig-convnet-mistakes.png", "fig-convnet-kernels.png"
FIGURES = (MISTAKES, KERNELS)

_NAMES = {"GALAXY": "galaxies", "STAR": "stars"}


def most_wrong(objects: pd.DataFrame, columns: int) -> pd.DataFrame:
    """Return the objects of each class with the lowest probability of being of it; `column`, in this order."""
    of_class = np.where(objects["class"] == "GALAXY", objects["p_galaxy"], 1 - objects["p_galaxy"])
    lines = objects.assign(of_class=of_class).sort_values("of_class", kind="stable")
    chosen = [lines[lines["class"] == label].head(columns) for label in ROWS]
    return pd.concat([part.assign(column=range(len(part))) for part in chosen], ignore_index=True)


def plot_mistakes(chosen: pd.DataFrame, sheet: Sheet) -> Figure:
    """Draw stamps of both classes, the most wrong first, with r, p(galaxy) and its error; mistakes are in bold."""
    columns, side = sheet.about["columns"], sheet.about["side"]
    figure, axes = plt.subplots(len(ROWS), columns, figsize=(4.8, 0.88 * len(ROWS)), squeeze=False)
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.02, wspace=0.02, hspace=0.02)
    for place in axes.flat:
        place.axis("off")
    for _, one in chosen.iterrows():
        row = ROWS.index(one["class"])
        place, y, x = axes[row, one["column"]], row * side, one["column"] * side
        place.imshow(sheet.rgb[y : y + side, x : x + side], origin="lower", interpolation="nearest")
        wrong = one["of_class"] < 0.5
        text = f"p = {one['p_galaxy']:.3f}\n± {one['p_err']:.3f}"
        place.set_title(text, fontsize=6, fontweight="bold" if wrong else "normal", pad=2)
        if np.isfinite(one["r"]):
            shown = {"color": "w", "fontsize": 6, "ha": "center", "va": "top"}
            place.text(0.5, 0.97, f"{one['r']:.1f}", transform=place.transAxes, **shown)
    for label, line in zip(ROWS, axes, strict=True):
        where = {"transform": line[0].transAxes, "ha": "right", "va": "center", "rotation": 90}
        line[0].text(-0.1, 0.5, _NAMES[label], fontsize=8, **where)
    return figure


def plot_kernels(weights: np.ndarray, columns: int) -> Figure:
    """Draw the kernels (n, 5, ny, nx) of the first layer, those of largest weights first, a row for each band.

    Each kernel has a scale of its own, the same in all bands: black is negative, white positive.
    """
    order = np.argsort(-np.linalg.norm(weights.reshape(len(weights), -1), axis=1))[:columns]
    figure, axes = plt.subplots(len(BANDS), len(order), figsize=(4.8, 3.9 * len(BANDS) / max(len(order), 8)))
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0.02, hspace=0.02)
    for column, kernel in enumerate(weights[order]):
        largest = np.abs(kernel).max()
        for band, image in enumerate(kernel):
            place: Axes = axes[band, column]
            drawn = place.imshow(image / largest, cmap="gray", vmin=-1, vmax=1, origin="lower")
            place.set(xticks=[], yticks=[])
            place.spines[:].set_visible(False)
    for name, line in zip(BANDS, axes, strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    figure.colorbar(drawn, ax=axes, label="weight", shrink=0.8, pad=0.02, ticks=[-1, 0, 1])
    return figure


def draw_mistakes(objects: pd.DataFrame, survey: Path, settings: dict[str, Any]) -> Figure:
    """Choose the objects that are most wrong and draw their stamps, as the contact sheet draws them."""
    chosen = most_wrong(objects, settings["columns"])
    places = pd.Series(range(len(ids := read_ids(survey / STAMPS))), index=ids)
    chosen["row"] = places.loc[chosen["object_id"]].to_numpy()
    return plot_mistakes(chosen, draw(survey, chosen, params.load("plot_stamps") | settings, {"name": "test stamps"}))


def plot_star_galaxy_convnet(_: argparse.Namespace) -> None:
    """Network and test objects as it sees them -> figures of the paper."""
    settings, folder = params.load("plot_star_galaxy_convnet"), paths.MODELS / names.CONVNET_NAME
    objects = pd.read_csv(paths.RESULTS / names.NAME / names.OBJECTS)
    why = read_choices(folder / names.CHOICES, "star-galaxy train-convnet").get("not_run", "")
    with plt.style.context(paths.STYLE):
        if why or objects.empty:
            save_figures({name: plot_nothing(why or "no test objects with stamps") for name in FIGURES})
            return
        network, _how = load_network(folder / WEIGHTS)
        kernels = first_kernels(network)
        save_figures(
            {
                MISTAKES: draw_mistakes(objects, paths.DATA, settings["mistakes"]),
                KERNELS: plot_kernels(kernels, settings["n_kernels"]),
            }
        )
