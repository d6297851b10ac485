"""Two more networks of stars and galaxies: one from another seed, and one that is attacked while it learns.

They differ in nothing else, so that what the defence costs, in time and in clean accuracy, can be read off the pair.
"""

import argparse
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from analysis import metrics, params, paths
from analysis.adversarial import names
from analysis.adversarial.attacks import Bounds, pgd
from analysis.adversarial.images import extinction_correction
from analysis.loop.processes import rank
from analysis.star_galaxy.convnet import ConvNet
from analysis.star_galaxy.network import rows_of, save_network
from analysis.star_galaxy.sample import star_galaxy_sample
from analysis.star_galaxy.train_convnet import at_most, class_loss, how_to_use, new_network
from analysis.survey.catalogue import STAMPS
from analysis.survey.stamps import Augmentation, StampImages
from analysis.survey.stamps_cache import StampCache, scaled_stamps
from analysis.survey.stamps_file import read_about
from analysis.training import Settings, train

Loss = Callable[[nn.Module, tuple[Tensor, ...]], Tensor]


def plain_loss(network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the mean cross-entropy of a batch: images, classes, noise."""
    return class_loss(network, batch[:2])


def attacked_loss(epsilon: float, steps: int, softening: tuple[float, ...]) -> Loss:
    """Return the mean cross-entropy of a batch under attack (Madry et al. 2018, arXiv:1706.06083, eq. 2.1).

    Parameters
    ----------
    epsilon : float
        In units of the sky noise.
    steps : int
        Of projected gradient, from one random start in the ball.
    softening : tuple of float (5,)
        Of the scaled pixels, nanomaggies.

    Returns
    -------
    callable
        Network and batch -> loss; a batch is scaled images, classes, and the noise of the sky in each band (n, 5),
        nanomaggies, corrected for extinction as the images are.
    """
    double = 2 * torch.tensor(softening).view(-1, 1, 1)
    nothing = torch.tensor(math.inf)  # a flux beyond the detector's range is no fault of a training image

    def loss(network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        images, classes, sky_noise = batch
        unit = double.to(images)

        def of_flux(flux: Tensor) -> Tensor:
            return network(torch.asinh(flux / unit))

        bounds = Bounds(sky_noise[..., None, None], -nothing.to(images), nothing.to(images))
        flux = unit * torch.sinh(images)
        attacked = pgd(of_flux, flux, classes, epsilon, bounds, steps=steps, from_image=False)
        return cross_entropy(of_flux(attacked).float(), classes)

    return loss


def images_with_noise(
    cache: StampCache, objects: pd.DataFrame, side: int, augmentation: Augmentation | None, seed: int
) -> StampImages:
    """Return stamps with classes and noise; `objects` has `row`, `is_galaxy`, and `noise_0` to `noise_4`."""
    classes = torch.from_numpy(objects["is_galaxy"].to_numpy().astype(np.int64))
    noise = torch.tensor(objects[[f"noise_{band}" for band in range(5)]].to_numpy(), dtype=torch.float32)
    return StampImages(cache, objects["row"].to_numpy(), side, (classes, noise), augmentation, seed)


def with_noise(objects: pd.DataFrame, cache: StampCache, survey: Path) -> pd.DataFrame:
    """Return objects with the row of their stamp in the cache, and the noise of the sky in it, corrected."""
    ids = objects["object_id"].to_numpy()
    about = read_about(survey / STAMPS)
    place = pd.Series(np.arange(len(about.object_id)), about.object_id).loc[ids].to_numpy()
    noise = about.sky_noise[place] * extinction_correction(survey, ids)
    columns = {f"noise_{band}": noise[:, band] for band in range(noise.shape[1])}
    return objects.assign(row=rows_of(cache, ids, survey), **columns)


def fit(
    cache: StampCache, objects: pd.DataFrame, loss: Loss, settings: dict[str, Any], checkpoints: Path, what: str
) -> tuple[ConvNet, list[dict[str, float]]]:
    """Train a network of stars and galaxies by a loss; return it, in evaluation mode, and what every epoch was."""
    samples = {}
    for split, augmentation in {
        "train": Augmentation(colour_noise=settings["colour_noise"]),
        "validation": None,
    }.items():
        of_split = objects[objects["split"] == split]
        samples[split] = images_with_noise(cache, of_split, settings["side"], augmentation, settings["seed"])
    network = new_network(settings)
    how = Settings(**settings["network"], seed=settings["seed"])
    about = settings["attack"] if loss is not plain_loss else None
    history = train(network, loss, samples["train"], samples["validation"], how, checkpoints, what, about)
    return network, history


def cost(history: list[dict[str, float]]) -> dict[str, float]:
    """Return how long a training took: epochs, CPU seconds (of all threads), seconds."""
    seconds = {name: sum(epoch[name] for epoch in history) for name in ("cpu_seconds", "seconds")}
    return {"epochs": len(history), **seconds}


def train_adversarial(_: argparse.Namespace) -> None:
    """Stamps -> a network from another seed, one that was attacked in training, and what they cost."""
    own, plain = params.load("train_adversarial"), params.load("train_star_galaxy_convnet")
    settings = plain | {name: own[name] for name in ("seed", "attack", "most_training")}
    settings["network"] = plain["network"] | own["network"]
    folder = paths.MODELS / names.NAME
    objects, about = star_galaxy_sample(paths.DATA)
    if why := about.get("not_run") or about.get("no_stamps"):
        metrics.write_metrics(folder / names.CHOICES, {"not_run": why})
        return
    cache = scaled_stamps(paths.DATA)
    objects = with_noise(at_most(objects, settings["most_training"], settings["seed"]), cache, paths.DATA)
    how = how_to_use(cache, paths.DATA, settings)
    losses = {names.SECOND: plain_loss, names.ROBUST: attacked_loss(**settings["attack"], softening=how.softening)}
    choices: dict[str, Any] = {"n_training": int((objects["split"] == "train").sum()), **settings["attack"]}
    for name, loss in losses.items():
        checkpoints = paths.CHECKPOINTS / f"{names.NAME}_{name}"
        network, history = fit(cache, objects, loss, settings, checkpoints, f"{name} network")
        choices[name] = cost(history)
        if rank() == 0:
            save_network(folder / f"{name}.safetensors", network.cpu(), how)
            shutil.rmtree(checkpoints)
    choices["cost_ratio"] = choices[names.ROBUST]["cpu_seconds"] / choices[names.SECOND]["cpu_seconds"]
    if rank() == 0:
        metrics.write_metrics(folder / names.CHOICES, choices)
