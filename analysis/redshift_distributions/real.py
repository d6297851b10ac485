"""The same code on real tables: the shift of the mean redshift of tomographic bins of real galaxies."""

import argparse
from typing import Any

import pandas as pd

from analysis import params
from analysis.photoz_pdf.real import on_real_tables
from analysis.pit_calibration.train import fit_estimators
from analysis.redshift_distributions import names
from analysis.redshift_distributions.evaluate import measure


def measure_shifts(galaxies: pd.DataFrame) -> dict[str, Any]:
    """Return every number of the result on the galaxies of a table."""
    settings = params.load("evaluate_redshift_distributions")
    name = settings["estimator"]
    estimators, _ = fit_estimators(galaxies, {name: params.load("photoz_pdf")[name]} | params.load("train_photoz_pdf"))
    reference, science = (galaxies[galaxies["split"] == split] for split in ("validation", "test"))
    return measure(estimators[name], reference, science, settings)[0]


def run_on_real_tables(options: argparse.Namespace) -> None:
    """Real tables -> results/real/<table>/redshift_distributions/metrics.json."""
    on_real_tables(names.NAME, measure_shifts, options.real_data)
