"""Attacks on images of real galaxies: by the gradient, and by light that the sky could have added.

Images are those that the network sees, means over blocks of pixels, in counts. A change of a mean is written into the
cut-out by adding it to every pixel of its block: so an attack is also tried as it would be recorded, in whole counts
from 0 to 255, and as a JPEG image.
"""

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from rich.progress import track
from torch import Tensor

from analysis import metrics
from analysis.adversarial import attacks, galaxy_zoo, measures, names, physical, placement
from analysis.adversarial.attacks import Bounds
from analysis.adversarial.morphology import FULL, MorphologyNet, log_probabilities, votes
from analysis.adversarial.settings import AT_SKY_NOISE

Array = np.ndarray

_GREY = 127.5  # of no change, in the picture
AT_ONCE = 100  # images attacked or judged together: all views of all of them would not fit into memory


@dataclass(frozen=True)
class Attacked:
    """Images under attack, and what judges them.

    Attributes
    ----------
    network : MorphologyNet
    pixels : ndarray of uint8 (n, 3, block * side, block * side)
        As recorded.
    classes : Tensor of int (n,)
    settings : dict
        The block `real_adversarial` of params.yaml.
    sky_noise : float
        Counts: the unit of epsilon.
    """

    network: MorphologyNet
    pixels: Array
    classes: Tensor
    settings: dict[str, Any]
    sky_noise: float

    @cached_property
    def images(self) -> Tensor:
        """What the network sees (n, 3, side, side), counts."""
        return galaxy_zoo.coarse(self.pixels, self.settings["block"])

    @property
    def bounds(self) -> Bounds:
        """What attacks may do."""
        return Bounds(torch.tensor(self.sky_noise), torch.tensor(0.0), torch.tensor(FULL))

    @property
    def resampling(self) -> dict[str, int]:
        """Number of bootstrap resamples, and their seed."""
        return metrics.resampling(self.settings)

    def model(self, images: Tensor) -> Tensor:
        """Return the logits (n, 2): the network averaged over views."""
        return log_probabilities(self.network, images)

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> Array:
        """Return the probabilities (n, 2)."""
        return self.model(images).exp().double().numpy()

    def vote_spread(self, images: Tensor) -> Array:
        """Return the standard deviation (n,) of the votes on images."""
        return votes(self.network, images, self.settings["votes"], self.settings["seed"]).std(dim=0).numpy()

    @cached_property
    def clean_spread(self) -> Array:
        """Return that of the votes on the images before any attack."""
        return self.vote_spread(self.images)

    def recorded(self, images: Tensor, quality: int | None = None) -> Array:
        """Return cut-outs (n, 3, ny, nx), uint8, with the changes that an attack made to what the network sees.

        Parameters
        ----------
        images : Tensor (n, 3, side, side)
            Attacked.
        quality : int, optional
            Of JPEG, in which the images are saved; without it they keep every count.
        """
        block = self.settings["block"]
        change = (images - self.images).repeat_interleave(block, dim=2).repeat_interleave(block, dim=3)
        whole = (torch.from_numpy(self.pixels).float() + change).round().clamp(0, FULL).byte().numpy()
        return whole if quality is None else np.stack([_saved(image, quality) for image in whole])


def _saved(image: Array, quality: int) -> Array:
    """Return an image (3, ny, nx) as it is after it was saved as JPEG."""
    memory = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(memory, format="JPEG", quality=quality)
    return np.asarray(Image.open(memory)).transpose(2, 0, 1)


def by_gradient(attacked: Attacked) -> tuple[dict[str, Any], dict[str, pd.DataFrame], Array]:
    """Attack by noise, FGSM and PGD of growing size.

    Returns
    -------
    result : dict
        `attacks`: for each, the epsilons that flip 50% and 90% of the images judged right, in units of the sky noise,
        and, at one sky noise, accuracy, confidence and the percentage flipped. `detectability` at one sky noise, and
        what speaks against `masking`: by how much PGD ever does worse than FGSM, and the accuracy that the largest
        epsilon leaves.
    tables : dict of DataFrame
        For all epsilons: accuracy and confidence; detectability. Of each line of the picture, what it shows.
    picture : ndarray of uint8 (ny, nx, 3)
        See `triptych`.
    """
    epsilons, true = attacked.settings["epsilons"], attacked.classes.numpy()
    curves, detection = [], []
    fooled: dict[str, list[Array]] = {}
    strongest = []  # images of PGD
    for epsilon in track(epsilons, "attacks by the gradient"):
        images = adversarial_images(attacked, epsilon)
        strongest.append(images[names.PGD])
        for attack, p in outcomes(attacked, images).items():
            fooled.setdefault(attack, []).append(p.argmax(axis=1) != true)
            about = {"attack": attack, "epsilon": epsilon, "counts": epsilon * attacked.sky_noise}
            curves.append(about | measures.under_attack(true, p, **attacked.resampling))
        for attack, changed in images.items():
            detection += [{"attack": attack, "epsilon": epsilon} | one for one in detected(attacked, changed)]
    fooled_by = {attack: np.stack(by_epsilon, axis=1) for attack, by_epsilon in fooled.items()}
    tables = {names.CURVES: pd.DataFrame(curves), names.SEEN: pd.DataFrame(detection)}
    picture, tiles = triptych(attacked, strongest)
    return summary(attacked, fooled_by, tables), tables | {names.TILES: tiles}, picture


def adversarial_images(attacked: Attacked, epsilon: float) -> dict[str, Tensor]:
    """Return images (n, 3, side, side) changed by at most epsilon sky noises, by each attack."""
    settings, clean = attacked.settings, attacked.images
    generator = torch.Generator().manual_seed(settings["seed"])
    control = attacks.noise(clean, epsilon, attacked.bounds, generator)
    stepped, climbed = [], []
    for images, classes in zip(clean.split(AT_ONCE), attacked.classes.split(AT_ONCE), strict=True):
        given = (attacked.model, images, classes, epsilon, attacked.bounds)
        stepped.append(attacks.fgsm(*given))
        climbed.append(attacks.pgd(*given, **settings["pgd"], generator=generator))
    return {names.NOISE: control, names.FGSM: torch.cat(stepped), names.PGD: torch.cat(climbed)}


def outcomes(attacked: Attacked, images: dict[str, Tensor]) -> dict[str, Array]:
    """Return the probabilities (n, 2) under each attack, and of PGD's images as they would be recorded."""
    found = {attack: attacked.probabilities(changed) for attack, changed in images.items()}
    for attack, quality in ((names.RECORDED, None), (names.JPEG, attacked.settings["jpeg_quality"])):
        whole = attacked.recorded(images[names.PGD], quality)
        found[attack] = attacked.probabilities(galaxy_zoo.coarse(whole, attacked.settings["block"]))
    return found


def detected(attacked: Attacked, changed: Tensor) -> list[dict[str, Any]]:
    """Return by which AUC simple tests, and the spread of the votes, tell changed images from clean ones."""
    found = measures.detectability(attacked.images, changed, **attacked.resampling)
    found["vote_spread"] = measures.told_apart(
        attacked.clean_spread, attacked.vote_spread(changed), **attacked.resampling
    )
    return [{"test": test, **values} for test, values in found.items()]


def summary(attacked: Attacked, fooled: dict[str, Array], tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the metrics of `by_gradient`; `fooled` (images, epsilons) by each attack."""
    epsilons = attacked.settings["epsilons"]
    curves, detection = tables[names.CURVES], tables[names.SEEN]
    p, true = attacked.probabilities(attacked.images), attacked.classes.numpy()
    right = p.argmax(axis=1) == true
    groups = {
        "flipped_percent": right,
        "confident_flipped_percent": right & (p.max(axis=1) >= attacked.settings["confident"]),
    }
    here = curves[curves["epsilon"] == AT_SKY_NOISE].set_index("attack").drop(columns=["epsilon", "counts"])
    found: dict[str, Any] = {}
    for attack, wrong in fooled.items():
        found[attack] = measures.epsilons_needed(epsilons, wrong[right], **attacked.resampling)
        found[attack] |= here.loc[attack].to_dict()
        for name, of in groups.items():
            percent = 100.0 * wrong[of, epsilons.index(AT_SKY_NOISE)]
            found[attack] |= metrics.with_interval(name, np.mean, percent, **attacked.resampling) if of.any() else {}
    tests = detection[detection["epsilon"] == AT_SKY_NOISE].drop(columns="epsilon")
    accuracy = curves.pivot(index="epsilon", columns="attack", values="accuracy")
    return {
        "n_right": int(right.sum()),
        "n_confident": int(groups["confident_flipped_percent"].sum()),
        "attacks": found,
        "detectability": {
            attack: rows.drop(columns="attack").set_index("test").to_dict("index")
            for attack, rows in tests.groupby("attack")
        },
        "masking": {
            "pgd_minus_fgsm": float((accuracy[names.PGD] - accuracy[names.FGSM]).max()),
            "accuracy_at_largest": float(accuracy[names.PGD].iloc[-1]),
        },
    }


def triptych(attacked: Attacked, strongest: list[Tensor]) -> tuple[Array, pd.DataFrame]:
    """Draw the galaxies of each class that are judged with most confidence to be of it, and what fools the network.

    Parameters
    ----------
    attacked : Attacked
    strongest : list of Tensor (n, 3, side, side)
        Images attacked with each epsilon; shown, as it would be recorded, is the first that fools, or the last.

    Returns
    -------
    picture : ndarray of uint8 (ny, nx, 3)
        A line for each galaxy: the cut-out, the change (grey: none; stretched to its largest), the attacked cut-out.
    tiles : DataFrame
        For each line: spiral (0 or 1), the probability of it before and after, epsilon.
    """
    settings, true = attacked.settings, attacked.classes.numpy()
    clean = attacked.probabilities(attacked.images)
    whole = np.stack([attacked.recorded(images) for images in strongest])
    p = np.stack([attacked.probabilities(galaxy_zoo.coarse(images, settings["block"])) for images in whole])
    fooled = p.argmax(axis=2) != true  # (epsilons, n)
    fooled[-1] = True  # by the largest epsilon, or not at all: shown in any case
    lines, tiles = [], []
    for kind in (1, 0):
        rows = np.flatnonzero(true == kind)
        for row in rows[np.argsort(-clean[rows, kind], kind="stable")][: settings["shown"]]:
            first = int(fooled[:, row].argmax())
            change = whole[first, row].astype(float) - attacked.pixels[row]
            stretched = np.rint(_GREY * (1 + change / max(1.0, np.abs(change).max()))).astype(np.uint8)
            parts = [attacked.pixels[row], stretched, whole[first, row]]
            lines.append(np.concatenate(parts, axis=2).transpose(1, 2, 0))
            confidence = {"before": clean[row, kind], "after": p[first, row, kind]}
            tiles.append({"spiral": kind, **confidence, "epsilon": settings["epsilons"][first]})
    return np.concatenate(lines), pd.DataFrame(tiles)


def by_light(attacked: Attacked, sky_level: float) -> tuple[dict[str, Any], pd.DataFrame]:
    """Add a star, a trail or a hit of growing light, where it hurts most and, as control, anywhere.

    Each holds the same light, as many magnitudes fainter than the galaxy: a star in all three channels, a trail on its
    way through the image, and a hit on its track, in one. Both lights are as displayed, the stretch not undone, and a
    channel is full at 255 counts.

    Returns
    -------
    result : dict
        By kind and by number of magnitudes: `worst` and `random` place, with accuracy and confidence.
    table : DataFrame
        The same, by kind, magnitudes fainter, place.
    """
    settings, how = attacked.settings, attacked.settings["light"]
    number = how["attacked"] // 2
    chosen = torch.cat([torch.nonzero(attacked.classes == kind)[:number, 0] for kind in (0, 1)])
    images, classes = attacked.images[chosen], attacked.classes[chosen]
    scale = galaxy_zoo.PIXEL * how["petro_r90"] * settings["block"]
    camera = physical.Camera(scale, torch.full(images.shape[:2], how["seeing"]), (images.shape[2], images.shape[3]))
    of_galaxy = (images - sky_level).clamp(min=0).sum(dim=(1, 2, 3))
    harm = placement.margin_lost(attacked.model, classes)
    rows = []
    for fainter in track(how["fainter"], "stars, trails and cosmic rays"):
        for kind, thing in disturbances(of_galaxy * 10 ** (-0.4 * fainter), camera, how).items():
            places = thing.places(camera, how["step"], how["reach"], how["angles"][kind])
            found = placement.search(harm, images, thing, places, camera, FULL, settings["seed"])
            for where in (names.WORST, names.RANDOM):
                at = places[getattr(found, where)]
                p = attacked.probabilities(placement.disturbed(images, thing, at, camera, FULL))
                about = {"kind": kind, "fainter": fainter, "place": where}
                rows.append(about | measures.under_attack(classes.numpy(), p, **attacked.resampling))
    table = pd.DataFrame(rows)
    of_clean = measures.under_attack(classes.numpy(), attacked.probabilities(images), **attacked.resampling)
    result: dict[str, Any] = {"n": len(images), "clean": of_clean}
    for row in rows:
        values = {name: row[name] for name in of_clean}
        result.setdefault(row["kind"], {}).setdefault(f"fainter_{row['fainter']:g}", {})[row["place"]] = values
    return result, table


def disturbances(light: Tensor, camera: physical.Camera, how: dict[str, Any]) -> dict[str, physical.Disturbance]:
    """Return a star, a trail and a hit that hold so much light (n,), counts times pixels."""
    bands, length = camera.psf_fwhm.shape[1], camera.shape[1] * camera.pixel_scale
    in_one = physical.in_band(light, how["channel"], bands)
    return {
        names.STAR: physical.FaintStar((light / bands)[:, None].expand(-1, bands)),
        names.TRAIL: physical.SatelliteTrail(in_one / length),
        names.HIT: physical.CosmicRayHit(in_one, how["track"]),
    }
