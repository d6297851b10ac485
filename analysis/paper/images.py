"""The paper's tables of the redshifts from images: one function a table, from results to text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.cnn_redshift.names import ADABOOST, CNN, LABELS, LEARNING_CURVE, NAME
from analysis.paper.numbers import format_published, typeset
from analysis.paper.tables import cell, include, not_run, pipe_table, why_not

METRICS = {
    "mu": "$\\mu$",
    "sigma68": "$\\sigma_{68}$",
    "sigma95": "$\\sigma_{95}$",
    "outliers_percent": "outliers, %",
}
SCORES = {"crps": "CRPS", "cde_loss": "CDE loss", "ks": "KS", "pit_outlier_rate": "PIT outliers"}
_PUBLISHED = {"dnn": "network, published", "adaboost": "AdaBoost, published"}
_PDFS = {"raw": "network, raw", "rescaled": "network, rescaled", "remapped": "network, remapped"}
_PDFS |= {"trainz": "trainZ (control)"}


def learners(metrics: Mapping[str, Any], published: Mapping[str, Mapping[str, float]]) -> str:
    """Write the published table, ours, and the paired difference."""
    cells = [
        [label, *(typeset(format_published(published[name][leaf])) for leaf in METRICS)]
        for name, label in _PUBLISHED.items()
    ]
    rows = {LABELS[CNN]: metrics[CNN], LABELS[ADABOOST]: metrics[ADABOOST]}
    rows["network less AdaBoost"] = metrics["difference"]
    cells += [[label, *(cell(values, leaf) for leaf in METRICS)] for label, values in rows.items()]
    return pipe_table(["Learner", *METRICS.values()], cells, [28, 20, 18, 18, 16], "lrrrr")


def heads(metrics: Mapping[str, Any]) -> str:
    """Write the heads that were trained: point metrics, and scores of their PDFs as they are."""
    leaves = {name: METRICS[name] for name in ("sigma68", "outliers_percent")} | SCORES
    cells = [[name, *(cell(values, leaf) for leaf in leaves)] for name, values in metrics["heads"].items()]
    return pipe_table(["Head", *leaves.values()], cells, [14, 16, 14, 16, 16, 12, 12], "lrrrrrr")


def pdfs(metrics: Mapping[str, Any]) -> str:
    """Write the figures of merit of the network's PDFs before and after calibration, beside the control's."""
    leaves = SCORES | {"coverage_68": "in central 68%", "coverage_95": "in central 95%"}
    cells = [[label, *(cell(metrics["pdf"][name], leaf) for leaf in leaves)] for name, label in _PDFS.items()]
    return pipe_table(["PDFs", *leaves.values()], cells, [18, 16, 16, 12, 14, 12, 12], "lrrrrrr")


def curve(table: pd.DataFrame) -> str:
    """Write sigma68 of every learner by number of training galaxies."""
    learners = list(dict.fromkeys(table["learner"]))
    cells = []
    for size, lines in table.groupby("galaxies"):
        of_learner = lines.set_index("learner").to_dict("index")
        cells.append([f"{size:,}", *(cell(of_learner.get(name, {}), "sigma68") for name in learners)])
    header = ["Training galaxies", *(LABELS.get(name, name) for name in learners)]
    return pipe_table(header, cells, [20, *[80 // len(learners)] * len(learners)], "r" * len(header))


def image_pages(results: Path, metrics: Mapping[str, dict[str, Any]], published: Mapping[str, Any]) -> dict[str, str]:
    """Write the generated files of paper/tables/ for the redshifts from images: name -> Markdown."""
    if why := why_not(metrics, NAME):
        return not_run("cnn-redshift", why)
    content = metrics[NAME]
    return {
        "section-cnn-redshift": include("cnn-redshift"),
        "cnn-learners": learners(content, published[NAME]["values"]),
        "cnn-heads": heads(content),
        "cnn-pdfs": pdfs(content),
        "cnn-curve": curve(pd.read_csv(results / NAME / LEARNING_CURVE)),
    }
