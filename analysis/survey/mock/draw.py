"""Draw objects of a mock survey: truth, measurement, selection and labels of a chunk of the catalogue."""

from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.survey import catalogue
from analysis.survey.mock import photometry, populations, targets
from analysis.survey.mock.fields import draw_fields, place
from analysis.survey.mock.parameters import parameters
from analysis.survey.schema import COLUMNS

_GOLDEN = (np.sqrt(5) - 1) / 2
_CANDIDATES = 4_000  # drawn at a time until a sample is full
_MEASURED = [name for name in COLUMNS if not name.startswith("photoz")]
_TRUTH = [
    "object_id", "sample", "class", "type", "redshift", "M_r", *populations.SHARES, *populations.MAGNITUDES,
    *populations.BULGE_TO_TOTAL, "bulge_radius", "disc_radius", "bulge_axis_ratio", "disc_axis_ratio", "position_angle",
    "field",
]  # fmt: skip


def samples_of(indices: np.ndarray) -> np.ndarray:
    """Say which sample each object of a survey belongs to: fixed shares, evenly spread, whatever the survey's size."""
    shares = np.cumsum([sample["share"] for sample in parameters()["samples"].values()])
    return np.searchsorted(shares / shares[-1], (indices * _GOLDEN) % 1.0)


def _draw_candidates(rng: np.random.Generator, sample: str, number: int) -> pd.DataFrame:
    settings = parameters()["samples"][sample]
    limit = tuple(settings["limit"])
    if sample == "star":
        return populations.draw_stars(rng, number, limit)
    if sample == "quasar":
        return populations.draw_quasars(rng, number, limit)
    stars, quasars = (rng.binomial(number, settings.get(kind, 0.0)) for kind in ("stars", "quasars"))
    parts = [populations.draw_galaxies(rng, number - stars - quasars, limit, tuple(settings["redshift"]))]
    if stars:
        parts.append(populations.draw_stars(rng, stars, limit))
    if quasars:
        parts.append(populations.draw_quasars(rng, quasars, limit))
    return pd.concat(parts, ignore_index=True).sample(frac=1, random_state=rng, ignore_index=True)


def _draw_sample(
    rng: np.random.Generator, sample: str, number: int, fields: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw and measure candidates until a sample is full; return its truth and its catalogue, labels included."""
    truths: list[pd.DataFrame] = []
    measured: list[pd.DataFrame] = []
    have, accepted = 0, 0.5
    while have < number:
        batch = int(np.clip((number - have) / accepted * 1.1, 100, _CANDIDATES))
        truth = place(rng, _draw_candidates(rng, sample, batch), fields)
        table = photometry.observe(rng, truth)
        chosen = np.flatnonzero(targets.is_target(sample, table))
        accepted = max(len(chosen) / batch, 0.02)
        truths.append(truth.iloc[chosen])
        measured.append(table.iloc[chosen])
        have += len(chosen)
    truth = pd.concat(truths, ignore_index=True).iloc[:number]
    table = pd.concat(measured, ignore_index=True).iloc[:number]
    labelled = targets.labels(rng, sample, truth, table)
    return truth.assign(sample=sample), pd.concat([truth[["ra", "dec"]], labelled, table], axis=1)


@cache
def fields_of(seed: int) -> pd.DataFrame:
    """Return the fields of a survey, drawn once."""
    return draw_fields(seed)


def draw_chunk(seed: int, start: int, stop: int) -> tuple[pa.Table, pa.Table]:
    """Draw objects start to stop of a survey.

    Returns
    -------
    measured, truth : pyarrow.Table
        Rounded as stored.
    """
    rng = np.random.default_rng([seed, 1, start])
    membership = samples_of(np.arange(start, stop))
    truths, tables = [], []
    for number, sample in enumerate(parameters()["samples"]):
        wanted = int((membership == number).sum())
        if wanted:
            truth, table = _draw_sample(rng, sample, wanted, fields_of(seed))
            truths.append(truth)
            tables.append(table)
    order = rng.permutation(stop - start)
    truth = pd.concat(truths, ignore_index=True).iloc[order].reset_index(drop=True)
    table = pd.concat(tables, ignore_index=True).iloc[order].reset_index(drop=True)
    ids = np.arange(start, stop) + 1
    measured = table.assign(object_id=ids).reindex(columns=_MEASURED)
    for name in _MEASURED:
        if (decimals := COLUMNS[name].decimals) is not None:
            measured[name] = measured[name].round(decimals)
    return catalogue.to_arrow(measured), _truth_to_arrow(truth.assign(object_id=ids))


def _truth_to_arrow(truth: pd.DataFrame) -> pa.Table:
    truth = truth.reindex(columns=_TRUTH)
    shortened = {name: "float32" for name in truth.select_dtypes("float64") if name != "redshift"}
    text = pa.field("text", pa.string()).type
    table = pa.Table.from_pandas(truth.astype(shortened), preserve_index=False)
    for name in ("sample", "class", "type"):
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(text))
    return table
