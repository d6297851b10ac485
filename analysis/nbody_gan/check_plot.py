"""The figures of the checks of the N-body code, from their metrics and tables alone."""

import argparse
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import paths
from analysis.figures import draw_result
from analysis.nbody_gan import names

POWER, PDF = "fig-nbody-power.png", "fig-nbody-pdf.png"
FIGURES = (POWER, PDF)

_AGAINST = {
    "halofit": ("over halofit", "C0", "o", "-"),
    "converged": ("over a finer run of the same modes", "C1", "s", "--"),
    "half_steps": ("over half the step", "C4", "^", ":"),
}
_REDSHIFTS = (("C0", "o"), ("C1", "s"), ("C2", "D"), ("C4", "^"))
_MODELS = {"log_normal": ("log-normal", "C1", "--"), "large_deviation": ("large deviations", "C4", "-")}


def _draw_ratios(axes: Axes, table: pd.DataFrame, k_max: float, title: str) -> None:
    for against, (label, colour, marker, style) in _AGAINST.items():
        line = table[(table["against"] == against) & (table["k"] <= k_max)]
        if len(line):
            axes.errorbar(
                line["k"],
                line["ratio"],
                yerr=line["ratio_err"],
                color=colour,
                marker=marker,
                ls=style,
                ms=3.5,
                label=label,
            )
    axes.axhspan(0.95, 1.05, color="0.9", zorder=0)
    axes.set(title=title, xlabel="$k$ ($h$/Mpc)", ylabel="ratio of $P(k)$")


def plot_power(growth: pd.DataFrame, power: pd.DataFrame, k_quarter: float, k_nyquist: float) -> Figure:
    """Draw growth over linear theory, and ratios of P(k): of the runs that check the code, of the network's boxes."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(7.2, 2.6))
    for (redshift, line), (colour, marker) in zip(growth.groupby("redshift"), _REDSHIFTS, strict=False):
        style = {"color": colour, "marker": marker, "ms": 3.5, "label": f"$z = {redshift:g}$"}
        left.errorbar(line["k"], line["ratio"], yerr=line["ratio_err"], **style)
    left.axhspan(0.99, 1.01, color="0.9", zorder=0)
    left.set(title="growth", xlabel="$k$ ($h$/Mpc)", ylabel="amplitude over linear theory")
    left.legend(ncols=2)
    left.set_ylim(0.988, 1.014)
    _draw_ratios(middle, power[power["run"] == "check"], 2 * k_quarter, "the code")
    middle.axvline(k_quarter, color="0.5", lw=0.8)
    _draw_ratios(right, power[power["run"] == "boxes"], k_nyquist, "the network's boxes")
    figure.legend(*right.get_legend_handles_labels(), loc="outside upper right", ncols=3)
    return figure


def plot_pdf(table: pd.DataFrame, radius: float) -> Figure:
    """Draw the PDF of the density in spheres beside published ones, and the ratios."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.8))
    shown = table[table["measured"] > 0]
    density = shown["density"]
    left.errorbar(density, shown["measured"], yerr=shown["measured_err"], fmt="o", ms=3, color="C0", label="N-body")
    right.axhline(1, color="C0", lw=0.8)
    for name, (label, colour, style) in _MODELS.items():
        left.plot(density, shown[name], style, color=colour, label=label)
        right.errorbar(
            density, shown["measured"] / shown[name], yerr=shown["measured_err"] / shown[name], color=colour, ls=style
        )
    left.set(xscale="log", yscale="log", ylim=(1e-4, None), ylabel="probability density")
    right.set(xscale="log", ylim=(0.4, 1.8), ylabel="N-body over theory")
    for axes in (left, right):
        axes.set_xlabel(rf"$\rho/\bar\rho$ in spheres of {radius:g} Mpc/$h$")
    left.legend()
    return figure


def figures(results: Path, metrics: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures of the checks, from their folder and metrics, by the name of the file."""
    growth, power, pdf = (pd.read_csv(results / name) for name in (names.GROWTH, names.POWER, names.DENSITY_PDF))
    return {
        POWER: plot_power(growth, power, metrics["power"]["k_quarter"], metrics["boxes"]["k_nyquist"]),
        PDF: plot_pdf(pdf, metrics["density_pdf"]["radius"]),
    }


def plot_nbody(_: argparse.Namespace) -> None:
    """Results -> figures of the paper."""
    draw_result(paths.RESULTS / names.NBODY, FIGURES, figures)
