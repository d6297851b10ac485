"""Real tables as the results on redshift PDFs take them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import metrics, params, paths
from analysis.features import sample_with_features, split_sample
from analysis.photoz_pdf.inputs import band_columns, bands_of
from analysis.photoz_pdf.names import RACE_TABLE
from analysis.photoz_pdf.race import BANDS, boss_dr10
from analysis.photoz_pdf.sample import why_not
from analysis.survey.columns_map import read_map
from analysis.survey.real_tables import TABLES, RealTable, ingested, provenance


def real_galaxies(table: RealTable, real_data: Path) -> pd.DataFrame:
    """Return the galaxies of a real table: redshift, split, magnitudes and errors, positions where it has them.

    Raises
    ------
    InputError
        If a file is missing or cannot be used.
    """
    settings = params.load("features")
    if table.name == RACE_TABLE:  # the others are for `bench photoz --final` alone
        sample, _reserved = boss_dr10(real_data)
        columns = np.column_stack([sample.magnitudes, sample.errors])
        galaxies = pd.DataFrame(columns, columns=band_columns(BANDS)).assign(redshift=sample.z)
        galaxies["object_id"] = np.arange(1, len(galaxies) + 1)
    else:
        with ingested(table, real_data) as catalogue:
            labelled = sample_with_features(catalogue, settings["z_max"])[["object_id", "redshift"]]
            wanted = [name for name in band_columns(bands_of(catalogue.columns)) if name in catalogue]
            positions = [name for name in ("ra", "dec") if name in catalogue]
            measured = catalogue[["object_id", *positions, *wanted]].drop_duplicates("object_id")
            galaxies = labelled.merge(measured, on="object_id", how="left")
    galaxies["split"], _how = split_sample(galaxies, settings["nside"], settings["seed"])
    return galaxies


def on_real_tables(result: str, measure_table: Callable[[pd.DataFrame], dict[str, Any]], real_data: Path) -> None:
    """Run a result on every real table -> results/real/<table>/<result>/metrics.json: numbers, never rows.

    Parameters
    ----------
    result : str
        Its name.
    measure_table : callable
        Takes the galaxies of a table, returns the metrics.
    real_data : pathlib.Path
        The folder of real tables.
    """
    for table in TABLES:
        print(f"{table.name}: {table.what}")
        content: dict[str, Any] = {"provenance": provenance(table, real_data)}
        if read_map(paths.COLUMN_MAPS / table.map).simulated:
            content["simulated"] = True
        galaxies = real_galaxies(table, real_data)
        why = why_not(galaxies, {})
        content |= {"not_run": why} if why else measure_table(galaxies)
        metrics.write_metrics(paths.REAL_RESULTS / table.name / result / paths.METRICS, content)
