"""Train the network of Kim & Brunner (2017) on the stamps of the sample; what it is worth, on validation stamps."""

import argparse
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from analysis import metrics, params, paths
from analysis.classification_metrics import KIM_BRUNNER
from analysis.loop.processes import rank
from analysis.star_galaxy import names
from analysis.star_galaxy.convnet import ConvNet, class_loss
from analysis.star_galaxy.network import (
    GALAXY_OUTPUT,
    STAR_OUTPUT,
    WEIGHTS,
    How,
    combined,
    describe,
    first_kernels,
    rows_of,
    save_network,
)
from analysis.star_galaxy.sample import star_galaxy_sample
from analysis.survey.catalogue import STAMPS
from analysis.survey.stamps import Augmentation, StampImages
from analysis.survey.stamps_cache import Scaling, StampCache, scaled_stamps
from analysis.survey.stamps_file import read_about
from analysis.training import LOG, Settings, best_epoch, train


def images_of(
    cache: StampCache, rows: np.ndarray, is_galaxy: np.ndarray, side: int, augmentation: Augmentation | None, seed: int
) -> StampImages:
    """Return stamps with labels as the training loop takes them."""
    labels = torch.from_numpy(np.where(is_galaxy, GALAXY_OUTPUT, STAR_OUTPUT))
    return StampImages(cache, np.array(rows), side, (labels,), augmentation, seed)


def new_network(settings: dict[str, Any]) -> ConvNet:
    """Return a network with initial weights, the same for the same seed."""
    torch.manual_seed(settings["seed"])
    return ConvNet(side=settings["side"], width=settings["width"], dropout=settings["dropout"])


def at_most(objects: pd.DataFrame, most_training: int | None, seed: int) -> pd.DataFrame:
    """Return objects with no more than so many training objects, drawn at random; None keeps all."""
    training = np.flatnonzero(objects["split"] == "train")
    if most_training is None or len(training) <= most_training:
        return objects
    dropped = np.random.default_rng(seed).permutation(training)[most_training:]
    return objects.drop(objects.index[dropped])


def fit_network(
    cache: StampCache, objects: pd.DataFrame, settings: dict[str, Any], checkpoints: Path
) -> tuple[ConvNet, list[dict[str, float]]]:
    """Train a network; the epoch with the lowest loss of the validation stamps is kept.

    Parameters
    ----------
    cache : StampCache
    objects : pandas.DataFrame
        `row` in the cache, `is_galaxy`, `split`.
    settings : dict
        `seed`, `side`, `width`, `dropout`, `colour_noise`, `network` (of the training loop).
    checkpoints : pathlib.Path
        Where an interrupted training waits.

    Returns
    -------
    ConvNet
        In evaluation mode.
    list of dict
        Of every epoch, as `training.train` returns it.
    """
    samples = {}
    augmentations = {"train": Augmentation(colour_noise=settings["colour_noise"]), "validation": None}
    for split, augmentation in augmentations.items():
        of_split = objects[objects["split"] == split]
        samples[split] = images_of(
            cache,
            of_split["row"].to_numpy(),
            of_split["is_galaxy"].to_numpy(),
            settings["side"],
            augmentation,
            settings["seed"],
        )
    network = new_network(settings)
    how = Settings(**settings["network"], seed=settings["seed"])
    history = train(network, class_loss, samples["train"], samples["validation"], how, checkpoints, "network on stamps")
    return network, history


def how_to_use(cache: StampCache, survey: Path, settings: dict[str, Any]) -> How:
    """Return what is to be known of a network that learnt from the stamps of a survey."""
    about = read_about(survey / STAMPS)
    shift = (min(cache.pixels.shape[1:3]) - settings["side"]) // 2
    seeing = tuple(np.median(about.psf_fwhm, axis=0).round(3).tolist())
    return How(shift, about.pixel_scale, seeing, Scaling().softening, settings["passes"], settings["seed"])


def judge(network: ConvNet, how: How, cache: StampCache, objects: pd.DataFrame) -> dict[str, Any]:
    """Return the figures of merit of the validation stamps."""
    validation = objects[objects["split"] == "validation"]
    is_galaxy = validation["is_galaxy"].to_numpy()
    p_galaxy, _p_err = combined(network, how, cache, validation["row"].to_numpy())
    return {"validation": {name: metric(is_galaxy, p_galaxy) for name, metric in KIM_BRUNNER.items()}}


def train_star_galaxy_convnet(_: argparse.Namespace) -> None:
    """Stamps of the sample -> a network, how to use it, and what was found on validation stamps."""
    settings = params.load("train_star_galaxy_convnet")
    folder = paths.MODELS / names.CONVNET_NAME
    objects, about = star_galaxy_sample(paths.DATA)
    if why := about.get("not_run") or about.get("no_stamps"):
        (folder / WEIGHTS).unlink(missing_ok=True)
        metrics.write_metrics(folder / names.CHOICES, {"not_run": why})
        return
    cache = scaled_stamps(paths.DATA)
    objects["row"] = rows_of(cache, objects["object_id"].to_numpy(), paths.DATA)
    checkpoints = paths.CHECKPOINTS / names.CONVNET_NAME
    objects = at_most(objects, settings["most_training"], settings["seed"])
    network, history = fit_network(cache, objects, settings, checkpoints)
    if rank():
        return  # of several, the first process writes
    how = how_to_use(cache, paths.DATA, settings)
    choices: dict[str, Any] = {"n_training": int((objects["split"] == "train").sum()), "epochs": len(history)}
    # of all processes that trained, where one was killed and the next went on
    choices["training_seconds"] = sum(epoch["seconds"] for epoch in history)
    choices["best_epoch"] = best_epoch([epoch["validation_loss"] for epoch in history])
    choices |= describe(network) | judge(network, how, cache, objects)
    initial, learnt = first_kernels(new_network(settings)), first_kernels(network)
    changed = np.linalg.norm(learnt - initial) / np.linalg.norm(initial)
    choices["first_kernels_changed_percent"] = float(100 * changed)
    save_network(folder / WEIGHTS, network, how)
    shutil.copy(checkpoints / LOG, folder / LOG)
    metrics.write_metrics(folder / names.CHOICES, choices)
    shutil.rmtree(checkpoints)
