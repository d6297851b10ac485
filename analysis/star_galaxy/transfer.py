"""From simulation to the sky: the network that learnt from mock stamps, on real ones, as it is and fine-tuned.

Nothing is chosen on the real stamps: they come through the doors of any survey, their pixels are scaled as the mock's
(extinction-corrected flux over SDSS's softening), and the settings of the fine-tuning stand in params.yaml before.
"""

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import metrics, params, paths
from analysis.classification_metrics import KIM_BRUNNER, auc
from analysis.errors import InputError
from analysis.star_galaxy import names
from analysis.star_galaxy.convnet import ConvNet, class_loss
from analysis.star_galaxy.network import WEIGHTS, How, combined, load_network, rows_of, stamps_for
from analysis.star_galaxy.sample import GALAXY, STAR
from analysis.star_galaxy.seeing import blur_survey
from analysis.star_galaxy.train_convnet import images_of
from analysis.survey.catalogue import STAMPS, read_catalogue, read_provenance
from analysis.survey.real_stamps import SOURCES
from analysis.survey.schema import BANDS
from analysis.survey.stamps import Augmentation
from analysis.survey.stamps_cache import StampCache
from analysis.survey.stamps_file import read_about
from analysis.training import Settings, train

Array = np.ndarray

_FEWEST = 20  # objects of a class, for an error by resampling
_MERITS = {name: KIM_BRUNNER[name] for name in ("auc", "mse", "log_loss")}


def fine_tune(
    network: ConvNet, how: How, cache: StampCache, rows: Array, is_galaxy: Array, settings: dict[str, Any]
) -> ConvNet:
    """Train a copy of a network further, all of its layers, on some stamps of known class.

    Parameters
    ----------
    network, how
        As `load_network` returns them.
    cache : StampCache
    rows : ndarray of int (n,)
        Stamps to learn from; the epoch with the lowest loss of these is kept, since there are too few for others.
    is_galaxy : ndarray of bool (n,)
    settings : dict
        `seed`, `colour_noise`, `fine_tune` (of the training loop).
    """
    tuned, side, seed = copy.deepcopy(network), int(network.shape["side"]), settings["seed"]
    learnt, judged = (
        images_of(cache, rows, is_galaxy, side, augmentation, seed)
        for augmentation in (Augmentation(shift=how.shift > 0, colour_noise=settings["colour_noise"]), None)
    )
    loop = Settings(**settings["fine_tune"], patience=settings["fine_tune"]["epochs"], seed=seed)
    with tempfile.TemporaryDirectory() as checkpoints:  # seconds of training: nothing to resume
        train(tuned, class_loss, learnt, judged, loop, Path(checkpoints))
    return tuned.cpu()


def cross_fitted(
    network: ConvNet, how: How, cache: StampCache, rows: Array, objects: pd.DataFrame, settings: dict[str, Any]
) -> Array:
    """Return p(galaxy) (n,) of each half of a field by the network fine-tuned on the other: north and south.

    `objects` has `dec` and `is_galaxy`, a line for each of `rows`.

    Raises
    ------
    InputError
        If a half shows one class only.
    """
    north = (objects["dec"] > objects["dec"].median()).to_numpy()
    is_galaxy, p = objects["is_galaxy"].to_numpy(), np.empty(len(objects))
    for half in (north, ~north):
        if not 0 < is_galaxy[half].sum() < half.sum():
            raise InputError("half of the field shows one class only; expected stars and galaxies in both")
        tuned = fine_tune(network, how, cache, rows[half], is_galaxy[half], settings)
        p[~half], _ = combined(tuned, how, cache, rows[~half])
    return p


def labelled_stamps(survey: Path, limit: float) -> pd.DataFrame:
    """Return the stars and galaxies of a survey that have stamps; where r is known, those brighter than a limit."""
    about = read_about(survey / STAMPS)
    catalogue = read_catalogue(survey).set_index("object_id").loc[about.object_id].reset_index()
    wanted = catalogue["class"].isin([STAR, GALAXY])
    if "psfMag_r" in catalogue:
        wanted &= catalogue["psfMag_r"] < limit
    return catalogue[wanted].assign(is_galaxy=catalogue["class"] == GALAXY).reset_index(drop=True)


def measure_transfer(survey: Path, network: ConvNet, how: How, settings: dict[str, Any]) -> dict[str, Any]:
    """Return how well a network does on real stamps: unchanged, at the seeing that it knows, and fine-tuned.

    Parameters
    ----------
    survey : pathlib.Path
        Folder with stamps of known class.
    network, how
        As `load_network` returns them.
    settings : dict
        `seed`, `n_bootstrap`, `r_limit`, `colour_noise`, `fine_tune`.

    Returns
    -------
    dict
        `n_stars`, `n_galaxies`; `before`, figures of merit as the stamps are; where the PSF is known, `psf_fwhm`, and
        `at_learnt_seeing`, the same of stamps blurred to the seeing of the training; where there are positions,
        `after` the fine-tuning, and its `gain` in AUC.
    """
    objects = labelled_stamps(survey, settings["r_limit"])
    is_galaxy = objects["is_galaxy"].to_numpy()
    resampling = metrics.resampling(settings)

    def merits(p: Array) -> dict[str, float]:
        wrong = {name: int(np.sum(called & of)) for name, called, of in (
            ("stars_called_galaxies", p > 0.5, ~is_galaxy), ("galaxies_called_stars", p <= 0.5, is_galaxy)
        )}  # fmt: skip
        if min(is_galaxy.sum(), (~is_galaxy).sum()) < _FEWEST:
            return wrong | {name: metric(is_galaxy, p) for name, metric in _MERITS.items()}
        return wrong | metrics.with_errors(_MERITS, is_galaxy, p, **resampling)

    found: dict[str, Any] = {"n_stars": int((~is_galaxy).sum()), "n_galaxies": int(is_galaxy.sum())}
    seeing = np.median(read_about(survey / STAMPS).psf_fwhm, axis=0)
    with tempfile.TemporaryDirectory() as temporary:
        cache = stamps_for(how, survey, Path(temporary))
        rows = rows_of(cache, objects["object_id"].to_numpy(), survey)
        before, error = combined(network, how, cache, rows)
        found["before"] = merits(before) | {"median_p_err": float(np.median(error))}
        if np.isfinite(seeing).all() and np.isfinite(how.seeing).all():
            found["psf_fwhm"] = dict(zip(BANDS, map(float, seeing), strict=True))
            blur_survey(survey, np.array(how.seeing), settings["seed"], Path(temporary) / "blurred")
            wider = stamps_for(how, Path(temporary) / "blurred", Path(temporary))
            found["at_learnt_seeing"] = merits(combined(network, how, wider, rows)[0])
        if "dec" in objects:
            after = cross_fitted(network, how, cache, rows, objects, settings)
            found["after"] = merits(after)
            found["gain"] = metrics.with_interval("auc", _gain, is_galaxy, before, after, **resampling)
    return found


def _gain(is_galaxy: Array, before: Array, after: Array) -> float:
    return auc(is_galaxy, after) - auc(is_galaxy, before)


def run_on_real_stamps(real_data: Path) -> None:
    """Real stamps -> results/real/<folder>/star_galaxy/metrics.json: numbers, never pixels.

    Raises
    ------
    InputError
        If there is no trained network, or stamps that are there cannot be used.
    """
    settings = params.load("real_star_galaxy_convnet")
    network, how = load_network(paths.MODELS / names.CONVNET_NAME / WEIGHTS)
    for source in SOURCES:
        if not (real_data / source.folder).is_dir():
            print(f"{source.folder}: not there, left out")
            continue
        print(f"{source.folder}: {source.what}")
        with tempfile.TemporaryDirectory() as temporary:
            survey = Path(temporary) / "survey"
            source.ingest(real_data / source.folder, survey)
            about = read_provenance(survey)
            content = {"provenance": {"what": source.what, "source": about["source"]}}
            content |= measure_transfer(survey, network, how, settings)
        metrics.write_metrics(paths.REAL_RESULTS / source.folder / names.NAME / paths.METRICS, content)
