"""The stage: the models applied to the survey, and its objects without a spectrum held beside those with one."""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
from astropy import units
from astropy_healpix import HEALPix

from analysis import params, paths
from analysis.apply import names
from analysis.apply.run import Outcome, Request, apply
from analysis.photoz_pdf.sample import read_sample
from analysis.results import write_not_run, write_result
from analysis.survey.catalogue import column_names, read_catalogue

Array = np.ndarray

TABLES = {names.N_Z: ["z", "labelled", "science"], names.SKY: ["pixel", "nside", "labelled", "science"]}


def why_not(settings: dict[str, Any]) -> str:
    """Return why the models cannot be applied to the survey; empty where they can."""
    about = json.loads((paths.MODELS / names.NAME / names.ABOUT).read_text())
    if "not_run" in about:
        return str(about["not_run"])
    present = column_names(paths.DATA)
    if not {names.RA, names.DEC} <= set(present):
        return "the survey has no positions: nothing to partition the sky by"
    if "redshift" not in about:
        return "there is no calibrated estimator of redshifts"
    without = int(science_objects().sum())
    if without < settings["min_science"]:
        return f"{without} objects without spectrum; {settings['min_science']} are needed"
    return ""


def science_objects() -> pd.Series:
    """Tell of each object of the survey whether it has no spectrum; the index is its number."""
    table = read_catalogue(paths.DATA, [names.OBJECT, "class", "redshift"]).set_index(names.OBJECT)
    return table.isna().all(axis=1) if len(table.columns) else pd.Series(True, table.index)


def stacked_cdf(answers: pd.DataFrame, weights: Array, z: Array) -> Array:
    """Return the CDF of the weighted sum of calibrated PDFs, from their quantiles, at redshifts z (k,).

    Between quantiles the CDF is linear; beyond the outermost ones it goes on as between them and their neighbours.
    """
    levels = np.array(names.LEVELS)
    quantiles = answers[[names.quantile_name(level) for level in levels]].to_numpy(float)
    slopes = np.diff(quantiles[:, [0, 1, -2, -1]], axis=1)[:, [0, 2]] / np.diff(levels)[[0, -1]]
    low = quantiles[:, 0] - slopes[:, 0] * levels[0]
    high = quantiles[:, -1] + slopes[:, 1] * (1 - levels[-1])
    nodes, cdf = np.column_stack([low, quantiles, high]), np.concatenate([[0], levels, [1]])
    each = np.array([np.interp(z, row, cdf) for row in nodes])
    return weights @ each / weights.sum()


def weighted_mean(values: Array, weights: Array) -> tuple[float, float]:
    """Return a weighted mean and its standard error."""
    mean = np.average(values, weights=weights)
    return float(mean), float(np.sqrt(np.sum(weights**2 * (values - mean) ** 2)) / weights.sum())


def compare(answers: pd.DataFrame, settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Hold the science sample beside the labelled galaxies: numbers, n(z), and where they are on the sky.

    Parameters
    ----------
    answers : pandas.DataFrame
        For every object of the survey.
    settings : dict
        `n_z: {width, max}` in redshift, `nside` of the map.
    """
    labelled = read_sample()[["object_id", "redshift", "split"]].merge(answers, on="object_id")
    science = answers[answers[names.OBJECT].map(science_objects())]
    told_apart = science[names.P_GALAXY].notna().any()
    weights = science[names.P_GALAXY].fillna(0) if told_apart else pd.Series(1.0, science.index)
    measured = science[names.Z_MEAN].notna()
    known, p = science[measured], weights[measured].to_numpy(float)
    edges = np.arange(0, settings["n_z"]["max"] + settings["n_z"]["width"] / 2, settings["n_z"]["width"])
    counts, _ = np.histogram(labelled["redshift"], edges)
    # shares of all, those beyond the last edge included
    cells = {"labelled": counts / len(labelled), "science": np.diff(stacked_cdf(known, p, edges))}
    n_z = pd.DataFrame({"z": (edges[1:] + edges[:-1]) / 2} | {k: share / np.diff(edges) for k, share in cells.items()})
    mean, error = weighted_mean(known[names.Z_MEAN].to_numpy(float), p)
    of_labelled: dict[str, Any] = {"objects": len(labelled), "mean_z": float(labelled["redshift"].mean())}
    of_labelled["mean_z_err"] = float(labelled["redshift"].std() / np.sqrt(len(labelled)))
    of_science: dict[str, Any] = {
        "objects": len(science),
        "galaxies": float(p.sum()),
        "mean_z": mean,
        "mean_z_err": error,
    }
    new = labelled[labelled["split"] != "train"]  # a training galaxy is near itself
    for name, sample, unseen in ((of_labelled, labelled, new), (of_science, science, science)):
        name["outside_redshift_percent"] = float(100 * unseen[names.OUTSIDE_REDSHIFT].mean())
        name["anomaly_median"] = float(sample[names.ANOMALY].median())
    sky = on_the_sky({"labelled": labelled, "science": science}, settings["nside"])
    return {"labelled": of_labelled, "science": of_science}, {names.N_Z: n_z, names.SKY: sky}


def on_the_sky(samples: dict[str, pd.DataFrame], nside: int) -> pd.DataFrame:
    """Count the objects of samples in HEALPix pixels (nested, ICRS); pixels without any are left out."""
    grid = HEALPix(nside, order="nested")
    counts = {"pixel": np.arange(grid.npix), "nside": nside}
    for name, sample in samples.items():
        places = [sample[axis].to_numpy(float) * units.deg for axis in (names.RA, names.DEC)]
        counts[name] = np.bincount(grid.lonlat_to_healpix(*places), minlength=grid.npix)
    table = pd.DataFrame(counts)
    return table[table[list(samples)].any(axis=1)]


def throughput(outcome: Outcome) -> dict[str, float]:
    """Return how fast it was; a small survey is over before the workers are warm: `bench apply` says what they can."""
    return {
        "objects": outcome.objects,
        "seconds": outcome.seconds,
        "objects_per_second": outcome.objects / outcome.seconds,
        "peak_gib": max(outcome.peak_bytes) / 2**30,
    }


def apply_science_sample(_: argparse.Namespace) -> None:
    """The survey and models/apply -> results/apply: metrics.json and tables."""
    settings, path = params.load("apply_science_sample"), paths.RESULTS / names.NAME / paths.METRICS
    if why := why_not(settings):
        write_not_run(path, why, TABLES)
        return
    models = paths.MODELS / names.NAME
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "answers"
        outcome = apply(Request(str(paths.DATA), models, out, workers=settings["workers"], **settings["rows"]))
        answers = ds.dataset(out / "dataset", exclude_invalid_files=True).to_table().to_pandas()
    result, tables = compare(answers, settings)
    result |= {"agreement": json.loads((models / names.ABOUT).read_text())["agreement"]}
    write_result(path, result | {"throughput": throughput(outcome)}, tables)
