"""The same code on real tables: bad redshifts planted among real ones. Every galaxy there has a redshift: no map."""

import argparse
from typing import Any

import pandas as pd

from analysis import params
from analysis.photoz_pdf.real import on_real_tables
from analysis.spectroscopic_completeness import names
from analysis.spectroscopic_completeness.sample import standardised
from analysis.spectroscopic_completeness.train import flag_labels


def measure_labels(galaxies: pd.DataFrame) -> dict[str, Any]:
    """Return how well planted bad redshifts are found among the training galaxies of a table."""
    settings = params.load("train_spectroscopic_completeness")
    planting = settings["labels"] | {"seed": settings["seed"]}
    return {"labels": flag_labels(galaxies, standardised(galaxies), planting)[0]}


def run_on_real_tables(options: argparse.Namespace) -> None:
    """Real tables -> results/real/<table>/spectroscopic_completeness/metrics.json."""
    on_real_tables(names.NAME, measure_labels, options.real_data)
