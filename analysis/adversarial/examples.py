"""A star, a galaxy and a redshift before and after an attack, for the figure."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from analysis.adversarial import names
from analysis.adversarial.classification import CLASSES, Maker, Target, probabilities
from analysis.adversarial.redshift import RedshiftTarget
from analysis.files import replacing
from analysis.pdf_metrics import mean
from analysis.survey.schema import BANDS

Example = dict[str, Any]

_SHOWN = BANDS.index("r")


def class_examples(target: Target, maker: Maker) -> list[Example]:
    """Return the star and the galaxy of median brightness among those that PGD flips at the headline epsilon."""
    attacked = target.attacked(maker, names.PGD, target.settings["headline"])
    before, after = probabilities(target.images, maker), probabilities(attacked, maker)
    found = []
    for number in CLASSES.values():
        of_class = target.true == number
        flipped = of_class & (before.argmax(axis=1) == number) & (after.argmax(axis=1) != number)
        candidates = np.flatnonzero(flipped if flipped.any() else of_class)
        brightness = target.images.flux[candidates, _SHOWN].sum(dim=(1, 2))
        one = int(candidates[int(torch.argsort(brightness)[len(candidates) // 2])])
        words = [_class_words(p[one]) for p in (before, after)]
        found.append(_example(target.images.flux[one], attacked.flux[one], target.images.sky_noise[one], words))
    return found


def _class_words(p: np.ndarray) -> str:
    name = ("star", "galaxy")[int(p.argmax())]
    return f"{name}, p = {p.max():.3f}"


def redshift_example(target: RedshiftTarget) -> Example:
    """Return the galaxy of median brightness, pushed at the headline epsilon."""
    attacked = target.attacked(names.PUSHED_PGD, target.settings["headline"])
    order = torch.argsort(target.images.flux[:, _SHOWN].sum(dim=(1, 2)))
    one = int(order[len(order) // 2])
    z = [mean(target.grid, target.pdfs(images)[one : one + 1])[0] for images in (target.images, attacked)]
    words = [f"z = {value:.3f}" for value in z]
    return _example(target.images.flux[one], attacked.flux[one], target.images.sky_noise[one], words)


def _example(before: torch.Tensor, after: torch.Tensor, sky_noise: torch.Tensor, words: list[str]) -> Example:
    noise = sky_noise[_SHOWN, 0, 0]
    images = torch.stack([before[_SHOWN], after[_SHOWN]]) / noise
    return {"images": images.numpy().astype(np.float32), "words": words}


def write_examples(path: Path, examples: list[Example]) -> None:
    """Write images (examples, 2, ny, nx) in r, in units of the sky noise, before and after, and what the network says.

    All are cut to the smallest side, about their middle.
    """
    side = min((min(one["images"].shape[1:]) for one in examples), default=0)
    images = np.zeros((len(examples), 2, side, side), np.float32)
    for number, one in enumerate(examples):
        top, left = ((size - side) // 2 for size in one["images"].shape[1:])
        images[number] = one["images"][:, top : top + side, left : left + side]
    words = np.array([one["words"] for one in examples], dtype=str).reshape(len(examples), 2)
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, images=images, words=words)
