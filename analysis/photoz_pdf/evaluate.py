"""A file of PDFs and a survey with redshifts -> figures of merit."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import params
from analysis.errors import InputError
from analysis.metrics import write_metrics
from analysis.pdf_metrics import figures_of_merit
from analysis.photoz_pdf.inputs import labelled_sample
from analysis.photoz_pdf.interface import grid_for
from analysis.photoz_pdf.pdf_files import PdfFile
from analysis.survey.catalogue import catalogue_path, sha256


def evaluate_pdfs(pdfs: Path, data: Path, out: Path | None = None) -> dict[str, Any]:
    """Judge PDFs by the redshifts of a survey's labelled galaxies; print the result as JSON, and return it.

    Parameters
    ----------
    pdfs : pathlib.Path
        HDF5 file of a qp ensemble with the ancillary column `object_id`.
    data : pathlib.Path
        Survey folder.
    out : pathlib.Path, optional
        JSON file to write.

    Raises
    ------
    InputError
        If the file holds no PDFs, none of a labelled galaxy, or its grid does not cover the redshifts.
    """
    file = PdfFile(pdfs)
    galaxies, _ = labelled_sample(data)
    trained_on = file.about.get("trained_on", {})
    same_survey = trained_on.get("catalogue_sha256") == sha256(catalogue_path(data))
    held_out = trained_on.get("held_out") if same_survey else None
    if held_out:
        galaxies = galaxies[galaxies["split"] == held_out]
    rows = pd.Index(file.object_id).get_indexer(pd.Index(galaxies["object_id"]))
    z, rows = galaxies["redshift"].to_numpy()[rows >= 0], rows[rows >= 0]
    if len(rows) < 2:
        whose = "held-out labelled galaxies" if held_out else "labelled galaxies"
        raise InputError(
            f"{pdfs}: PDFs of {len(rows)} {whose} of {data}; expected two or more, by object_id", "no-rows"
        )
    grid = file.grid(default=grid_for(z))
    settings = params.load("photoz_pdf")
    figures = figures_of_merit(grid, file.densities(rows, grid), z, settings["n_bootstrap"], settings["seed"])
    sample = (
        "held out from training" if held_out else "seen in training" if same_survey else "not of the training survey"
    )
    if not file.about:
        sample = "unknown"  # a file of another program
    result = {"estimator": file.about.get("estimator", "unknown"), "galaxies": len(z), "sample": sample, **figures}
    if out is not None:
        write_metrics(out, result)
    print(json.dumps(result, indent=1))
    return result
