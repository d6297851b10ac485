"""The figure of the race against other programs: the learning curve, from its file alone."""

import argparse
import json

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from analysis import paths
from analysis.figures import save_figures
from analysis.photoz_pdf.names import CROSS_VALIDATION, NAME, RACE_TABLE

FIGURE = "fig-learning-curve.png"


def plot_learning_curve(curve: pd.DataFrame, wanted: float) -> Figure:
    """Draw the CDE loss against the number of training galaxies: of galaxies held out, and of those trained on."""
    figure, axes = plt.subplots(figsize=(4.8, 2.8))
    galaxies = curve["galaxies"]
    axes.errorbar(galaxies, curve["cde_loss"], yerr=curve["cde_loss_err"], fmt="o-", color="C0", label="held out")
    axes.plot(galaxies, curve["cde_loss_of_training"], "s--", color="C1", label="trained on")
    axes.axhline(wanted, color="0.5", linestyle=":", label="wanted")
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(galaxies, [f"{number:,}" for number in galaxies])
    axes.set(xlabel="training galaxies", ylabel="CDE loss")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def plot_photoz_pdf(_: argparse.Namespace) -> None:
    """Cross-validation of the race -> figure of the paper."""
    result = json.loads((paths.REAL_RESULTS / RACE_TABLE / NAME / CROSS_VALIDATION).read_text())
    with plt.style.context(paths.STYLE):
        curve = pd.DataFrame(result["learning_curve"])
        save_figures({FIGURE: plot_learning_curve(curve, result["wanted"]["cde_loss"])})
