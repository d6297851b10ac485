"""What every plotting stage does with its figures: write them for the paper, and say why where there are none."""

from collections.abc import Mapping

import matplotlib

matplotlib.use("Agg")  # figures go to files: no display is needed

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from analysis import paths
from analysis.files import replacing


def plot_nothing(why: str) -> Figure:
    """Draw the reason why there is no figure."""
    figure, axes = plt.subplots(figsize=(4.8, 1.0))
    axes.axis("off")
    axes.text(0.5, 0.5, f"not run: {why}", ha="center", va="center", wrap=True)
    return figure


def save_figures(figures: Mapping[str, Figure]) -> None:
    """Write figures into the paper's folder, by the name of the file, and close them."""
    for name, figure in figures.items():
        with replacing(paths.FIGURES / name) as partial:
            figure.savefig(partial, format="png")
        plt.close(figure)
