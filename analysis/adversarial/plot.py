"""The figures of the adversarial examples, from metrics and tables alone."""

import argparse
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import paths
from analysis.adversarial import names
from analysis.figures import draw_result, plot_nothing

ACCURACY, EXAMPLES, DETECTION = "fig-attack-accuracy.png", "fig-attack-examples.png", "fig-attack-detection.png"
REDSHIFT, DEFENCE, PLACED = "fig-attack-redshift.png", "fig-attack-defence.png", "fig-attack-disturbances.png"
FIGURES = (ACCURACY, EXAMPLES, DETECTION, REDSHIFT, DEFENCE, PLACED)

_ATTACKS = {  # label, colour, style, marker
    names.NOISE: ("random noise", "C2", ":", "s"),
    names.FGSM: ("FGSM", "C1", "--", "^"),
    names.PGD: ("PGD", "C0", "-", "o"),
}
_OF_PUSHES = dict(zip((names.NOISE, names.PUSHED_FGSM, names.PUSHED_PGD), _ATTACKS.values(), strict=True))
_TESTS = {"noise_level": ("residual noise", "-"), "fine_power": ("power at small scales", "--")}
_NETWORKS = {names.SECOND: ("plain", "C1", "--", "^"), names.ROBUST: ("attacked in training", "C0", "-", "o")}
_KINDS = {
    "faint_star": "faint star\n$r$ (mag)",
    "satellite_trail": "satellite trail\nmagnitude",
    "cosmic_ray": "cosmic ray\n$r$ flux (nMgy)",
}

_EPSILON = r"$\epsilon$ (sky noise per pixel)"
_STRETCH = 15.0  # of asinh: images in sky noise are shown from black at none to white at the brightest pixel


def _against_epsilon(
    axes: Axes, table: pd.DataFrame, value: str, style: tuple[str, str, str, str], scale: float
) -> None:
    """Draw a column and its error against epsilon, without the line of no attack."""
    label, colour, line, marker = style
    shown = table[table["epsilon"] > 0]
    how: dict[str, Any] = {"color": colour, "ls": line, "marker": marker, "ms": 3.5, "label": label}
    axes.errorbar(shown["epsilon"], scale * shown[value], scale * shown[f"{value}_err"], **how)
    axes.set_xscale("log")


def plot_accuracy(table: pd.DataFrame) -> Figure:
    """Draw accuracy and mean confidence of the network against epsilon, for stars and galaxies."""
    figure, axes = plt.subplots(2, 2, sharex=True, sharey="row", figsize=(5.6, 4.0))
    own = table[table["network"] == names.CONVNET]
    for column, objects in zip(axes.T, ("stars", "galaxies"), strict=True):
        for attack, style in _ATTACKS.items():
            lines = own[(own["attack"] == attack) & (own["objects"] == objects)]
            _against_epsilon(column[0], lines, "accuracy", style, 100)
            _against_epsilon(column[1], lines, "confidence", style, 1)
        column[0].set(title=objects, ylim=(-3, 103))
        column[1].set(xlabel=_EPSILON)
        for panel in column:
            panel.axvline(1, color="0.6", lw=0.7)
    axes[0, 0].set_ylabel("accuracy (%)")
    axes[1, 0].set_ylabel("mean confidence")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def plot_examples(images: np.ndarray, words: np.ndarray) -> Figure:
    """Draw images in r before an attack, the perturbation, stretched, and after it, with what the network says."""
    figure, axes = plt.subplots(len(images), 3, figsize=(4.8, 1.75 * len(images)), squeeze=False)
    titles = ("clean", "perturbation, stretched", "attacked")
    for row, (before, after), said in zip(axes, images, words, strict=True):
        change = after - before
        largest = np.abs(change).max() or 1.0
        white = np.arcsinh(before.max() / _STRETCH)
        for panel, image in ((row[0], before), (row[2], after)):
            panel.imshow(np.arcsinh(image / _STRETCH), cmap="gray", vmin=-0.1, vmax=white, origin="lower")
        row[1].imshow(change, cmap="gray", vmin=-largest, vmax=largest, origin="lower")
        row[0].set_xlabel(said[0])
        row[1].set_xlabel(rf"$\pm${largest:.2g} sky noise")
        row[2].set_xlabel(said[1])
    for panel in axes.flat:
        panel.set(xticks=[], yticks=[])
        panel.spines[:].set_visible(False)
    for panel, title in zip(axes[0], titles, strict=True):
        panel.set_title(title)
    return figure


def plot_detection(roc: pd.DataFrame, seen: pd.DataFrame, headline: float) -> Figure:
    """Draw ROC curves of simple tests on an image at one epsilon, and their AUC against epsilon."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.9))
    own = seen[seen["network"] == names.CONVNET]
    for attack, (label, colour, _, marker) in _ATTACKS.items():
        for test, (words, line) in _TESTS.items():
            curve = roc[(roc["attack"] == attack) & (roc["test"] == test)]
            left.plot(100 * curve["false_alarms"], 100 * curve["found"], color=colour, ls=line)
            of_test = own[(own["attack"] == attack) & (own["test"] == test)]
            _against_epsilon(right, of_test, "auc", (f"{label}, {words}", colour, line, marker), 1)
    left.plot([0, 100], [0, 100], color="0.5", ls=":", lw=0.7)
    left.set(xlabel="clean images flagged (%)", ylabel="attacked images found (%)")
    left.set_title(rf"$\epsilon$ = {headline:g} sky noise")
    right.axhline(0.5, color="0.5", ls=":", lw=0.7)
    right.set(xlabel=_EPSILON, ylabel="AUC", ylim=(0.4, 1.02))
    figure.legend(*right.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=7)
    return figure


def plot_redshift(table: pd.DataFrame, pits: pd.DataFrame, result: dict) -> Figure:
    """Draw how far redshifts are pushed and how many get there, against epsilon; and PIT before and after."""
    figure, axes = plt.subplots(1, 3, figsize=(7.0, 2.7))
    for attack, style in _OF_PUSHES.items():
        lines = table[table["attack"] == attack]
        _against_epsilon(axes[0], lines, "shift", style, 1)
        _against_epsilon(axes[1], lines, "reached_percent", style, 1)
    axes[0].axhline(result["push"], color="0.5", ls=":", lw=0.7)
    axes[0].set(xlabel=_EPSILON, ylabel="median change of redshift")
    axes[1].set(xlabel=_EPSILON, ylabel=f"within {result['near']:g} of the target (%)", ylim=(-3, 103))
    edges = np.linspace(0, 1, 11)
    for attack, (label, colour, line) in {
        "clean": ("clean", "C2", ":"),
        names.NOISE: ("noise", "C1", "--"),
        names.PUSHED_PGD: ("PGD", "C0", "-"),
    }.items():
        axes[2].stairs(np.histogram(pits[attack], edges, density=True)[0], edges, color=colour, ls=line, label=label)
    axes[2].set(xlabel="PIT", ylabel="density")
    axes[2].legend(fontsize=7)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def plot_defence(table: pd.DataFrame, trained_at: float) -> Figure:
    """Draw accuracy under PGD against epsilon of two networks, one of them attacked in training at some epsilon."""
    figure, axes = plt.subplots(figsize=(4.2, 2.8))
    own = table[(table["attack"] == names.PGD) & (table["objects"] == "all")]
    for network, style in _NETWORKS.items():
        _against_epsilon(axes, own[own["network"] == network], "accuracy", style, 100)
    axes.axvline(trained_at, color="0.5", ls=":", lw=0.8)
    axes.set(xlabel=_EPSILON, ylabel="accuracy under PGD (%)", ylim=(-3, 103))
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def plot_disturbances(table: pd.DataFrame) -> Figure:
    """Draw how many confident objects a disturbance flips by its size, where it hurts most and at a random place."""
    figure, axes = plt.subplots(1, len(_KINDS), sharey=True, figsize=(6.4, 2.8))
    styles = {("stars", "worst"): ("C0", "-", "o"), ("stars", "random"): ("C0", ":", "o")}
    styles |= {("galaxies", "worst"): ("C1", "-", "^"), ("galaxies", "random"): ("C1", ":", "^")}
    for panel, (kind, label) in zip(axes, _KINDS.items(), strict=True):
        for (objects, place), (colour, line, marker) in styles.items():
            of = table[(table["disturbance"] == kind) & (table["objects"] == objects) & (table["place"] == place)]
            how: dict[str, Any] = {
                "color": colour,
                "ls": line,
                "marker": marker,
                "ms": 3.5,
                "label": f"{objects}, {place} place",
            }
            panel.errorbar(of["size"], of["flipped_percent"], of["flipped_percent_err"], **how)
        panel.set(xlabel=label, ylim=(-3, 103))
        if kind == "cosmic_ray":
            panel.set_xscale("log")
        else:
            panel.invert_xaxis()
    axes[0].set_ylabel("flipped (%)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def figures(results: Path, result: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures of a result, from its folder and its metrics, by the name of the file."""
    table = {
        name: pd.read_csv(results / name)
        for name in (names.CURVES, names.ROC, names.SEEN, names.PLACED, names.REDSHIFTS, names.PITS)
    }
    with np.load(results / names.EXAMPLES, allow_pickle=False) as arrays:
        examples = plot_examples(arrays["images"], arrays["words"])
    of_redshifts = result["redshift"]
    return {
        ACCURACY: plot_accuracy(table[names.CURVES]),
        EXAMPLES: examples,
        DETECTION: plot_detection(table[names.ROC], table[names.SEEN], result["headline"]),
        REDSHIFT: plot_nothing(of_redshifts["not_run"])
        if "not_run" in of_redshifts
        else plot_redshift(table[names.REDSHIFTS], table[names.PITS], of_redshifts),
        DEFENCE: plot_defence(table[names.CURVES], result["training"]["epsilon"]),
        PLACED: plot_disturbances(table[names.PLACED]),
    }


def plot_adversarial(_: argparse.Namespace) -> None:
    """Results -> figures of the paper."""
    draw_result(paths.RESULTS / names.NAME, FIGURES, figures)
