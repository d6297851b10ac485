"""What every plotting stage does with its figures: write them for the paper, and say why where there are none."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # figures go to files: no display is needed

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from analysis import paths
from analysis.files import replacing
from analysis.provenance.record import KEY, as_text, record_of

VECTORS = "vector"  # folder beside that of the figures as pixels, which `dvc plots` shows


def plot_nothing(why: str) -> Figure:
    """Draw the reason why there is no figure."""
    figure, axes = plt.subplots(figsize=(4.8, 1.0))
    axes.axis("off")
    axes.text(0.5, 0.5, f"not run: {why}", ha="center", va="center", wrap=True)
    return figure


def draw_result(
    results: Path, names: Sequence[str], draw: Callable[[Path, dict[str, Any]], Mapping[str, Figure]]
) -> None:
    """Draw the figures of a result and write them for the paper; where it was not run, figures that say why.

    Parameters
    ----------
    results : Path
        Folder of the result, with its metrics and tables.
    names : sequence of str
        File names of all its figures.
    draw : callable
        Takes the folder and the metrics, returns the figures by the name of the file.
    """
    result = json.loads((results / paths.METRICS).read_text())
    with plt.style.context(paths.STYLE):
        if "not_run" in result:
            save_figures({name: plot_nothing(result["not_run"]) for name in names})
        else:
            save_figures(draw(results, result))


def save_figures(figures: Mapping[str, Figure]) -> None:
    """Write figures for the paper, by the name of the PNG file, and close them.

    Each is written twice, as pixels for the page and as vectors for print; both say in their metadata from what they
    were made (`analysis.provenance.record`).

    Raises
    ------
    InputError
        If no stage makes a figure of this name.
    """
    for name, figure in figures.items():
        record = as_text(record_of(paths.ROOT, f"paper/figures/{name}"))
        with replacing(paths.FIGURES / name) as partial:
            figure.savefig(partial, format="png", metadata={KEY: record})
        vectors = paths.FIGURES.with_name(VECTORS) / Path(name).with_suffix(".svg")
        with replacing(vectors) as partial:
            # no date: the same figure is the same file
            figure.savefig(partial, format="svg", metadata={"Title": vectors.stem, "Description": record, "Date": None})
        plt.close(figure)
