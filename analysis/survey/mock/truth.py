"""The true redshifts of a mock survey's galaxies without spectra: drawn again from what its provenance says.

The pipeline knows no truth: the survey in data/ has none. This one question, how wrong validation is for galaxies
without redshift, cannot be answered without it. The mock is the same for the same seed, so its first objects are drawn
a second time, with their truth, and must be those of the catalogue.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.survey.mock.generate import CHUNK, draw_chunk
from analysis.survey.mock.parameters import parameters_hash


def why_unknown(provenance: dict[str, Any]) -> str:
    """Return why there is no truth of a survey; empty where there is."""
    generator = provenance.get("generator", {})
    if provenance.get("kind") != "mock" or not {"objects", "seed", "parameters_sha256"} <= set(generator):
        return "nobody knows the redshifts of observed galaxies without spectra; a mock survey does"
    if generator["parameters_sha256"] != parameters_hash():
        return "the mock's parameters have changed since this survey was drawn"
    return ""


def draw_truth(provenance: dict[str, Any], n_chunks: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the first objects of a mock survey again.

    Parameters
    ----------
    provenance : dict
        Of the survey; `why_unknown` must be silent about it.
    n_chunks : int
        Each holds up to `CHUNK` objects, of all samples.

    Returns
    -------
    measured, truth : pandas.DataFrame
    """
    objects, seed = provenance["generator"]["objects"], provenance["generator"]["seed"]
    starts = range(0, min(objects, n_chunks * CHUNK), CHUNK)
    chunks = [draw_chunk(seed, start, min(start + CHUNK, objects)) for start in starts]
    measured, truth = (pd.concat([pair[k].to_pandas() for pair in chunks], ignore_index=True) for k in (0, 1))
    return measured, truth


def is_same(measured: pd.DataFrame, catalogue: pd.DataFrame) -> bool:
    """Tell whether objects drawn again are those of a catalogue, by their numbers and r magnitudes."""
    both = catalogue[["object_id", "dered_r"]].merge(measured[["object_id", "dered_r"]], on="object_id")
    same = np.isclose(both["dered_r_x"], both["dered_r_y"], atol=0.002, equal_nan=True)
    return len(both) == len(measured) and bool(same.all())
