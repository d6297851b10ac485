"""Faint stars, satellite trails and cosmic-ray hits, where they hurt the network of stars and galaxies most."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis import metrics
from analysis.adversarial.classification import CLASSES, Maker, Target
from analysis.adversarial.images import Images
from analysis.adversarial.measures import under_attack
from analysis.adversarial.models import mean_redshift
from analysis.adversarial.names import RANDOM, WORST
from analysis.adversarial.physical import (
    Camera,
    CosmicRayHit,
    Disturbance,
    FaintStar,
    SatelliteTrail,
    flux_of,
    in_band,
    trail_brightness,
)
from analysis.adversarial.placement import Harm, disturbed, margin_lost, search
from analysis.adversarial.redshift import RedshiftTarget
from analysis.shares import percent_with_interval
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import PIXEL_SCALE

COLUMNS = ["disturbance", "size", "place", "objects", "n", "accuracy", "accuracy_err", "confidence", "confidence_err"]
COLUMNS += ["n_confident", "flipped_percent", "flipped_percent_err"]  # of confident objects; NaN where there is none


def faint_star(n: int, magnitude: float, how: Mapping[str, Any]) -> Disturbance:
    """Return a star of a magnitude in r in each of n images; `how` has its `colours`: magnitudes less that in r."""
    return FaintStar(flux_of(magnitude + torch.tensor(how["colours"])).expand(n, -1))


def satellite_trail(n: int, magnitude: float, how: Mapping[str, Any]) -> Disturbance:
    """Return the trail of a satellite of a magnitude, in one band; `how` has `band`, `speed` and `exposure`."""
    brightness = trail_brightness(torch.full((n,), float(magnitude)), how["speed"], how["exposure"])
    return SatelliteTrail(in_band(brightness, BANDS.index(how["band"]), len(BANDS)))


def cosmic_ray(n: int, flux: float, how: Mapping[str, Any]) -> Disturbance:
    """Return a hit of some charge, in nanomaggies, in one band; `how` has `band` and `length` (arcsec)."""
    return CosmicRayHit(in_band(torch.full((n,), float(flux)), BANDS.index(how["band"]), len(BANDS)), how["length"])


KINDS = {"faint_star": faint_star, "satellite_trail": satellite_trail, "cosmic_ray": cosmic_ray}


def placed(part: Images, disturbance: Disturbance, harm: Harm, how: Mapping[str, Any], seed: int) -> dict[str, Tensor]:
    """Return the flux (n, 5, ny, nx) with a disturbance at its worst place, and at a random one."""
    camera = Camera(
        PIXEL_SCALE, torch.tensor(part.psf_fwhm, dtype=torch.float32), (part.flux.shape[2], part.flux.shape[3])
    )
    places = disturbance.places(camera, how["step"], how["reach"], how["angles"])
    found = search(harm, part.flux, disturbance, places, camera, part.high, seed)
    chosen = {WORST: found.worst, RANDOM: found.random}
    return {name: disturbed(part.flux, disturbance, places[where], camera, part.high) for name, where in chosen.items()}


@torch.no_grad()
def flips(target: Target, maker: Maker, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return accuracy, confidence and the share of confident objects flipped, by disturbance, size and place.

    Parameters
    ----------
    target : Target
    maker : callable
        Of the network.
    settings : mapping
        Of each of `KINDS`, its `sizes` and what else it needs; `objects`, how many of the target's are tried.
    """
    some = evenly(len(target.images), settings["objects"])
    images, classes, lines = target.images[some], target.classes[some], []
    clean = maker(images)(images.flux).softmax(dim=1)
    confident = ((clean.argmax(dim=1) == classes) & (clean.amax(dim=1) >= target.settings["confident"])).numpy()
    harm = margin_lost(maker(images), classes)
    for kind, make in KINDS.items():
        how = settings["places"] | settings[kind]
        for size in how["sizes"]:
            disturbance = make(len(images), size, how)
            shown = placed(images, disturbance, harm, how, target.settings["seed"])
            for place, flux in shown.items():
                p = maker(images)(flux).double().softmax(dim=1).numpy()
                for objects, number in CLASSES.items():
                    line = {"disturbance": kind, "size": size, "place": place, "objects": objects}
                    lines.append(line | _merits(target, p, classes.numpy(), classes.numpy() == number, confident))
    return pd.DataFrame(lines, columns=COLUMNS)


@torch.no_grad()
def shifts(target: RedshiftTarget, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return by how much a disturbance of middling size changes the redshifts of galaxies, where it does most and not.

    Parameters
    ----------
    target : RedshiftTarget
    settings : mapping
        As for `flips`; of the sizes, the one in the middle is tried.

    Returns
    -------
    dict
        `n`, and for each of `KINDS` its `size` and, at the `worst` and a `random` place, the median absolute change of
        the mean of the PDF, with error and 95% interval.
    """
    images = target.images[evenly(len(target.images), settings["objects"])]
    model, grid = target.maker(images), torch.tensor(target.grid)
    clean = mean_redshift(model(images.flux), grid)

    def harm(flux: Tensor) -> Tensor:
        return (mean_redshift(model(flux), grid) - clean).abs()

    found: dict[str, Any] = {"n": len(images)}
    resampling = metrics.resampling(target.settings)
    for kind, make in KINDS.items():
        how = settings["places"] | settings[kind]
        size = how["sizes"][len(how["sizes"]) // 2]
        found[kind] = {"size": size}
        for place, flux in placed(images, make(len(images), size, how), harm, how, target.settings["seed"]).items():
            changes = harm(flux).double().numpy()
            found[kind] |= metrics.with_interval(place, lambda change: float(np.median(change)), changes, **resampling)
    return found


def evenly(there: int, number: int) -> np.ndarray:
    """Return at most so many indices of what is there, evenly spread."""
    return np.linspace(0, there - 1, min(number, there)).round().astype(int)


def _merits(
    target: Target, p: np.ndarray, true: np.ndarray, of_class: np.ndarray, confident: np.ndarray
) -> dict[str, float]:
    """Return the merits of `COLUMNS` for the objects of a class."""
    sure = of_class & confident
    found: dict[str, float] = {"n": int(of_class.sum()), "n_confident": int(sure.sum())}
    found |= under_attack(true[of_class], p[of_class], **target.resampling)
    return found | (
        percent_with_interval("flipped_percent", p[sure].argmax(axis=1) != true[sure]) if sure.any() else {}
    )
