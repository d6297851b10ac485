"""Train the classifiers of the catalogue, and rank its parameters. No test object is read here."""

import argparse
from typing import Any

from rich.progress import track

from analysis import metrics, params, paths
from analysis.results import write_tables
from analysis.star_galaxy import classifiers, names
from analysis.star_galaxy.importance import importances
from analysis.star_galaxy.sample import star_galaxy_sample


def train_star_galaxy(_: argparse.Namespace) -> None:
    """Catalogue -> models/star_galaxy: classifiers, what they are missing, importances."""
    settings = params.load("train_star_galaxy")
    folder = paths.MODELS / names.NAME
    objects, about = star_galaxy_sample(paths.DATA)
    if "not_run" in about:
        metrics.write_metrics(folder / names.CHOICES, about)
        return
    training, validation = (objects[objects["split"] == split] for split in ("train", "validation"))
    chosen, without = classifiers.possible(objects)
    for name in track(chosen, "classifiers of the catalogue"):
        classifiers.fit(name, training, validation, settings).save(folder / name)
    tables: dict[str, Any] = dict(
        zip((names.IMPORTANCES, names.KINDS), importances(training, validation, settings), strict=True)
    )
    write_tables(folder, tables)
    metrics.write_metrics(folder / names.CHOICES, {"sample": about, "classifiers": chosen, "without": without})
