"""The same code on real tables: are redshift PDFs of real galaxies calibrated?"""

import argparse
from typing import Any

import pandas as pd

from analysis import params
from analysis.features import SPLITS
from analysis.photoz_pdf.calibration import Calibration
from analysis.photoz_pdf.inputs import bands_of
from analysis.photoz_pdf.real import on_real_tables
from analysis.photoz_pdf.sample import magnitudes_and_errors
from analysis.pit_calibration import names
from analysis.pit_calibration.evaluate import measure
from analysis.pit_calibration.train import fit_estimators


def measure_pit(galaxies: pd.DataFrame) -> dict[str, Any]:
    """Return every number of the result on the galaxies of a table."""
    sizes = galaxies["split"].value_counts()
    estimators, fitted = fit_estimators(galaxies, params.load("photoz_pdf") | params.load("train_photoz_pdf"))
    test = galaxies[galaxies["split"] == "test"]
    pdfs = {}
    for name, estimator in estimators.items():
        calibration = Calibration(**{key: fitted[name][key] for key in ("stretch", "shift", "remapping")})
        pdfs[name] = calibration.variants(estimator.grid, estimator.pdf(*magnitudes_and_errors(test)))
    n_fitted = {variant: int(sizes["train" if variant == names.RAW else "validation"]) for variant in names.VARIANTS}
    found, _tables = measure(estimator.grid, pdfs, test, n_fitted, params.load("evaluate_pit_calibration"))
    sample = {f"n_{split}": int(sizes[split]) for split in SPLITS} | {"n_bands": len(bands_of(galaxies.columns))}
    return {"sample": sample} | found


def run_on_real_tables(options: argparse.Namespace) -> None:
    """Real tables -> results/real/<table>/pit_calibration/metrics.json."""
    on_real_tables(names.NAME, measure_pit, options.real_data)
