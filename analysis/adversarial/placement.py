"""Where a disturbance of an image hurts most: every place of a grid is tried, without gradients.

The control is the same disturbance at a place of the same grid drawn at random.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.adversarial.physical import Camera, Disturbance, Places
from analysis.errors import InputError

Model = Callable[[Tensor], Tensor]
Harm = Callable[[Tensor], Tensor]


def margin_lost(model: Model, labels: Tensor) -> Harm:
    """Return the harm to a classifier: the best wrong logit minus the right one, above zero where it is fooled."""

    def harm(images: Tensor) -> Tensor:
        logits = model(images)
        right = torch.nn.functional.one_hot(labels, logits.shape[1]).bool()
        return logits.masked_fill(right, -torch.inf).amax(dim=1) - logits[right]

    return harm


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes
    ----------
    places : Places (k,)
        All that were tried.
    harm : Tensor (n, k)
        Of each image with the disturbance at each place.
    worst, random : Tensor of int (n,)
        The place of largest harm, and one drawn at random: the control.
    """

    places: Places
    harm: Tensor
    worst: Tensor
    random: Tensor


def disturbed(
    images: Tensor, disturbance: Disturbance, places: Places, camera: Camera, highest: Tensor | float = torch.inf
) -> Tensor:
    """Return images (n, bands, rows, columns) with a disturbance at places (n,), cut off where the detector saturates.

    Parameters
    ----------
    images : Tensor (n, bands, rows, columns)
        Nanomaggies.
    disturbance : Disturbance
        Of n images.
    places : Places (n,)
    camera : Camera
        Of n images.
    highest : Tensor or float
        The largest flux that a pixel can hold; a pixel that holds more already is left as it is.

    Raises
    ------
    InputError
        If the images are not of the camera's size.
    """
    if tuple(images.shape[2:]) != camera.shape:
        raise InputError(f"images of {tuple(images.shape[2:])} pixels; the camera takes {camera.shape}")
    if images.shape[:2] != camera.psf_fwhm.shape:
        raise InputError(f"PSF widths {tuple(camera.psf_fwhm.shape)}; expected {tuple(images.shape[:2])}: image, band")
    full = torch.as_tensor(highest, dtype=images.dtype, device=images.device)
    return torch.maximum(images, torch.minimum(images + disturbance.draw(places, camera), full))


@torch.no_grad()
def search(
    harm: Harm,
    images: Tensor,
    disturbance: Disturbance,
    places: Places,
    camera: Camera,
    highest: Tensor | float = torch.inf,
    seed: int = 0,
) -> Found:
    """Try a disturbance at every place on every image; no gradients are needed.

    Parameters
    ----------
    harm : callable
        Images (n, bands, rows, columns) to a number each (n,), the higher the worse: `margin_lost` of a classifier,
        or how far a redshift is pushed.
    images, disturbance, camera, highest
        As for `disturbed`.
    places : Places (k,)
        Of `disturbance.places`; the same for all images.
    seed : int
        Of the control's places.

    Returns
    -------
    Found

    Raises
    ------
    InputError
        If the images are not of the camera's size.
    """
    n, found = len(images), []
    for k in range(len(places)):
        here = places[torch.full((n,), k, device=images.device)]
        found.append(harm(disturbed(images, disturbance, here, camera, highest)))
    harms = torch.stack(found, dim=1)
    drawn = torch.randint(len(places), (n,), generator=torch.Generator().manual_seed(seed))
    return Found(places, harms, harms.argmax(dim=1), drawn.to(images.device))
