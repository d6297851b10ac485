"""Real spirals of Galaxy Zoo: a network that knows them from other galaxies, and how little it takes to fool it.

Nothing is chosen on the test images: the settings stand in params.yaml, and the best epoch is the validation images'.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.image import imsave
from torch import Tensor

from analysis import metrics, params, paths
from analysis.adversarial import galaxy_zoo, names, real_attacks
from analysis.adversarial.galaxy_zoo import Galaxies
from analysis.adversarial.morphology import SPIRAL, MorphologyNet, TurnedGalaxies, class_loss, log_probabilities, votes
from analysis.adversarial.real_attacks import AT_ONCE, Attacked
from analysis.classification_metrics import auc, calibration_error, log_loss, mse
from analysis.errors import InputError
from analysis.files import replacing
from analysis.results import write_result
from analysis.survey.catalogue import sha256
from analysis.training import Settings, train

Array = np.ndarray

WHAT = "SDSS colour cut-outs of galaxies, spirals by Galaxy Zoo 2 or not (Kaggle's Galaxy Challenge)"
_FEWEST = 50  # images of a class in a sample


def fit_network(images: Tensor, classes: Tensor, sample: Array, settings: dict[str, Any]) -> MorphologyNet:
    """Train the network on the training images; the epoch with the lowest validation loss is kept.

    Parameters
    ----------
    images : Tensor (n, 3, wide, wide)
        Counts; wider than the network's images.
    classes : Tensor of int (n,)
    sample : ndarray of str (n,)
        Of `galaxy_zoo.split`.
    settings : dict
        `seed`, `side`, `channels`, `dropout`, `network` (of the training loop).
    """
    seed, side = settings["seed"], settings["side"]
    torch.manual_seed(seed)
    network = MorphologyNet(side, settings["channels"], dropout=settings["dropout"])
    learnt, judged = (torch.from_numpy(np.flatnonzero(sample == part)) for part in ("train", "validation"))
    turned = TurnedGalaxies(images[learnt], classes[learnt], side, seed)
    validation, truth = centred(images[judged], side), classes[judged]

    def validation_loss(network: torch.nn.Module) -> float:
        assert isinstance(network, MorphologyNet)
        device = next(network.parameters()).device
        parts = [log_probabilities(network, part.to(device)).cpu() for part in validation.split(AT_ONCE)]
        return -torch.cat(parts).gather(1, truth[:, None]).mean().item()

    loop = Settings(**settings["network"], patience=settings["network"]["epochs"], seed=seed)
    with tempfile.TemporaryDirectory() as checkpoints:  # a minute of training: nothing to resume
        train(network, class_loss, turned, validation_loss, loop, Path(checkpoints), "spirals and other galaxies")
    return network.cpu().requires_grad_(False)


def centred(images: Tensor, side: int) -> Tensor:
    """Return the middle (n, 3, side, side) of images (n, 3, wide, wide)."""
    spare = (images.shape[-1] - side) // 2
    return images[..., spare : spare + side, spare : spare + side].contiguous()


def judge(
    network: MorphologyNet, images: Tensor, is_spiral: Array, settings: dict[str, Any]
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return how well images are judged, by the network and by its votes; and the share of spirals by votes cast."""
    resampling = metrics.resampling(settings)
    with torch.no_grad():
        parts = images.split(AT_ONCE)
        p = torch.cat([log_probabilities(network, part) for part in parts]).exp()[:, SPIRAL].double().numpy()
    cast = torch.cat([votes(network, part, settings["votes"], settings["seed"]) for part in parts], dim=1).double()
    for_spiral = (cast > 0.5).sum(dim=0).numpy()
    merits = {"accuracy": _accuracy, "auc": auc, "mse": mse, "cal": calibration_error, "log_loss": log_loss}
    found = {
        name: metrics.with_errors(merits, is_spiral, values, **resampling)
        for name, values in {"network": p, "votes": cast.mean(dim=0).numpy()}.items()
    }
    found["votes"]["median_spread"] = float(cast.std(dim=0).median())
    unanimous = (for_spiral == 0) | (for_spiral == settings["votes"])
    found["votes"]["unanimous_percent"] = 100 * float(np.mean(unanimous))
    if unanimous.any():
        right = 100.0 * ((for_spiral > 0) == is_spiral)[unanimous]
        found["votes"] |= metrics.with_interval("unanimous_right_percent", np.mean, right, **resampling)
    table = pd.DataFrame({"votes": for_spiral, "spiral": is_spiral.astype(float)})
    return found, table.groupby("votes")["spiral"].agg(n="size", share="mean").reset_index()


def _accuracy(is_it: Array, p: Array) -> float:
    return float(np.mean((p > 0.5) == is_it))


def to_attack(spirals: Array, number: int, seed: int) -> Array:
    """Choose the test images that are attacked: as many of each class, drawn at random."""
    rng, half = np.random.default_rng(seed), number // 2
    return np.sort(np.concatenate([rng.permutation(np.flatnonzero(spirals == kind))[:half] for kind in (0, 1)]))


def measure(galaxies: Galaxies, settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, pd.DataFrame], Array]:
    """Train, judge and attack.

    Parameters
    ----------
    galaxies : Galaxies
    settings : dict
        The block `real_adversarial` of params.yaml.

    Returns
    -------
    result : dict
    tables : dict of DataFrame
        By file name.
    triptych : ndarray of uint8 (rows, columns, 3)
        A picture: a line for each galaxy shown, with the clean image, the perturbation, the attacked image.

    Raises
    ------
    InputError
        If a sample has too few images of a class.
    """
    sample = galaxy_zoo.split(galaxies.table, settings["validation"], settings["seed"]).to_numpy()
    spiral = galaxies.table["spiral"].to_numpy()
    for part in ("train", "validation", "test"):
        if (fewest := min(np.sum(spiral[sample == part] == kind) for kind in (0, 1))) < _FEWEST:
            raise InputError(f"{part}: {fewest} images of a class; expected at least {_FEWEST}")
    seen, classes = galaxy_zoo.coarse(galaxies.pixels, settings["block"]), torch.tensor(spiral)
    network = fit_network(seen, classes, sample, settings)

    test = np.flatnonzero(sample == "test")
    found, by_votes = judge(network, centred(seen[test], settings["side"]), spiral[test] == 1, settings)
    sky = galaxy_zoo.sky(galaxies, settings["block"])
    rows = test[to_attack(spiral[test], settings["attacked"], settings["seed"])]
    margin = (galaxies.pixels.shape[-1] - settings["side"] * settings["block"]) // 2
    inner = slice(margin, galaxies.pixels.shape[-1] - margin)
    attacked = Attacked(network, galaxies.pixels[rows][..., inner, inner], classes[rows], settings, sky["noise_coarse"])
    by_gradient, tables, picture = real_attacks.by_gradient(attacked)
    physical, tables[names.PLACES] = real_attacks.by_light(attacked, sky["level"])
    result = {
        "sample": {f"n_{part}": int(np.sum(sample == part)) for part in ("train", "validation", "test", "duplicate")}
        | {"n_attacked": len(rows)},
        "sky": sky,
        **found,
        **by_gradient,
        "physical": physical,
    }
    return result, tables | {names.VOTES: by_votes}, picture


def run_on_real_images(options: argparse.Namespace) -> None:
    """Real images -> results/real/<folder>/adversarial/: numbers, and a picture of a few attacked galaxies."""
    settings, folder = params.load("real_adversarial"), options.real_data / names.REAL_IMAGES
    if not folder.is_dir():
        print(f"{folder.name}: not there, left out")
        return
    print(f"{folder.name}: {WHAT}")
    side = settings["block"] * (settings["side"] + 2 * settings["margin"])
    result, tables, picture = measure(galaxy_zoo.read_galaxies(folder, side, settings["corner"]), settings)
    files = {name: sha256(folder / name) for name in (galaxy_zoo.LABELS, galaxy_zoo.IMAGES)}
    about = {"provenance": {"what": WHAT, "source": galaxy_zoo.source(folder), "files": files}}
    out = paths.REAL_RESULTS / folder.name / names.NAME
    with replacing(out / names.TRIPTYCH) as partial:
        imsave(partial, picture, format="png")
    write_result(out / paths.METRICS, about | result, tables)
