"""A random forest on what is measured on the images, attacked or not: does an attack on a network fool it as well?

The catalogue of the survey is of another exposure; to attack the forests trained on it, the attacked image would have
to be the one that was measured. So this forest learns from measurements of clean training images by the same code that
then measures the attacked ones (`survey.stamp_photometry`).
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.adversarial.images import Images, read_images
from analysis.star_galaxy.classifiers import Forest
from analysis.survey.schema import BANDS
from analysis.survey.stamp_photometry import measure

Array = np.ndarray


def features(images: Images) -> pd.DataFrame:
    """Measure images: PSF magnitudes, their colours, concentrations psfMag - fiberMag, Petrosian radii."""
    measured = measure(images.as_stamps()).columns()
    kept = [name for name in map(str, measured) if name.startswith(("psfMag_", "petroRad_"))]
    table = measured[kept].copy()
    for band in BANDS:
        table[f"concentration_{band}"] = measured[f"psfMag_{band}"] - measured[f"fiberMag_{band}"]
    for blue, red in pairwise(BANDS):
        table[f"{blue}-{red}"] = measured[f"psfMag_{blue}"] - measured[f"psfMag_{red}"]
    return table


def fit_forest(survey: Path, objects: pd.DataFrame, settings: dict[str, Any], seed: int) -> Forest:
    """Fit a forest on measurements of training stamps.

    Parameters
    ----------
    survey : pathlib.Path
    objects : pandas.DataFrame
        `object_id`, `is_galaxy`, `split`.
    settings : dict
        `n_training`, stamps that are measured at most; `n_estimators`.
    seed : int
    """
    training = objects[objects["split"] == "train"]
    some = training.sample(min(settings["n_training"], len(training)), random_state=seed)
    images = read_images(survey, some["object_id"].to_numpy())
    forest = Forest(seed=seed, n_estimators=settings["n_estimators"])
    return forest.fit(features(images), some["is_galaxy"].to_numpy())


def classes(forest: Forest, images: Images) -> Array:
    """Return the classes (n,) of images: 0 for a star, 1 for a galaxy."""
    return (forest.p_galaxy(features(images)) > 0.5).astype(int)
