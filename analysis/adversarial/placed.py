"""Faint stars, satellite trails and cosmic-ray hits, where they hurt the network of stars and galaxies most."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.adversarial.classification import CLASSES, Maker, Target
from analysis.adversarial.images import Images
from analysis.adversarial.physical import (
    Camera,
    CosmicRayHit,
    Disturbance,
    FaintStar,
    SatelliteTrail,
    disturbed,
    flux_of,
    in_band,
    margin_lost,
    search,
    trail_brightness,
)
from analysis.metrics import with_interval
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import PIXEL_SCALE

COLUMNS = ["disturbance", "size", "place", "objects", "flipped_percent", "flipped_percent_err"]
WORST, RANDOM = "worst", "random"


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


def placed(
    part: Images, disturbance: Disturbance, maker: Maker, classes: Tensor, how: Mapping[str, Any], seed: int
) -> dict[str, Tensor]:
    """Return the flux (n, 5, ny, nx) with a disturbance at its worst place, and at a random one."""
    camera = Camera(
        PIXEL_SCALE, torch.tensor(part.psf_fwhm, dtype=torch.float32), (part.flux.shape[2], part.flux.shape[3])
    )
    places = disturbance.places(camera, how["step"], how["reach"], how["angles"])
    found = search(margin_lost(maker(part), classes), part.flux, disturbance, places, camera, part.high, seed)
    chosen = {WORST: found.worst, RANDOM: found.random}
    return {name: disturbed(part.flux, disturbance, places[where], camera, part.high) for name, where in chosen.items()}


@torch.no_grad()
def flips(target: Target, maker: Maker, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return the share of confident objects that a disturbance flips, by kind, size and place.

    Parameters
    ----------
    target : Target
    maker : callable
        Of the network.
    settings : mapping
        Of each of `KINDS`, its `sizes` and what else it needs; `objects`, how many of the target's are tried.
    """
    some = slice(0, None, max(1, len(target.images) // settings["objects"]))
    images, classes, lines = target.images[some], target.classes[some], []
    clean = maker(images)(images.flux).softmax(dim=1)
    confident = (clean.argmax(dim=1) == classes) & (clean.amax(dim=1) >= target.settings["confident"])
    for kind, make in KINDS.items():
        how = settings["places"] | settings[kind]
        for size in how["sizes"]:
            disturbance = make(len(images), size, how)
            shown = placed(images, disturbance, maker, classes, how, target.settings["seed"])
            for place, flux in shown.items():
                wrong = (maker(images)(flux).argmax(dim=1) != classes).numpy()
                for objects, number in CLASSES.items():
                    of_class = wrong[(confident & (classes == number)).numpy()]
                    if not len(of_class):
                        continue
                    merits = with_interval("flipped_percent", _percent, of_class, **target.resampling)
                    line = {"disturbance": kind, "size": size, "place": place, "objects": objects}
                    lines.append(line | {name: merits[name] for name in COLUMNS[4:]})
    return pd.DataFrame(lines, columns=COLUMNS)


def _percent(yes: np.ndarray) -> float:
    return float(100 * np.mean(yes))
