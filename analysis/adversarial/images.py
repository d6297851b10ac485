"""Images as a camera gives them: flux before any correction or scaling, with the noise of the sky and what is recorded.

Attacks change these, not what the networks make of them: an epsilon in units of the sky's noise then means the same in
every band and for every network.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from analysis.adversarial.attacks import Bounds, Model
from analysis.errors import InputError
from analysis.survey.catalogue import STAMPS, read_catalogue
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import Stamps, iterate_stamps

Array = np.ndarray

_AT_ONCE = 128  # images attacked together: bounds the memory


@dataclass(frozen=True)
class Images:
    """Stamps of n objects, as recorded.

    Attributes
    ----------
    flux : Tensor (n, 5, ny, nx)
        Nanomaggies, sky subtracted, not corrected for extinction.
    sky_noise : Tensor (n, 5, 1, 1)
        Of a pixel, nanomaggies.
    correction : Tensor (n, 5, 1, 1)
        10^(0.4 A): by what flux is multiplied to correct it for Galactic extinction; 1 where that is not known.
    low, high : Tensor (5, 1, 1)
        The smallest and the largest pixel of any stamp of the survey: what its detector is known to record.
    psf_fwhm : ndarray (n, 5)
        Arcsec.
    object_id : ndarray of int (n,)
    """

    flux: Tensor
    sky_noise: Tensor
    correction: Tensor
    low: Tensor
    high: Tensor
    psf_fwhm: Array
    object_id: Array

    def __len__(self) -> int:
        return len(self.flux)

    def __getitem__(self, rows: slice | Array) -> "Images":
        per_object = ("flux", "sky_noise", "correction", "psf_fwhm", "object_id")
        return replace(self, **{name: getattr(self, name)[rows] for name in per_object})

    def parts(self) -> Iterator[tuple[slice, "Images"]]:
        """Yield some images at a time, and which they are."""
        for start in range(0, len(self), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            yield rows, self[rows]

    def with_flux(self, flux: Tensor) -> "Images":
        """Return the same objects with other pixels."""
        return replace(self, flux=flux)

    @property
    def bounds(self) -> Bounds:
        """What attacks may do, epsilon in units of the sky noise."""
        return Bounds(self.sky_noise, self.low, self.high)

    def as_stamps(self) -> Stamps:
        """Return them as `survey.stamp_photometry` measures them."""
        noise = self.sky_noise[..., 0, 0].numpy()
        return Stamps(self.flux.numpy(), self.object_id, self.psf_fwhm, noise)

    def scaled(self, flux: Tensor, softening: Tensor) -> Tensor:
        """Return flux of these objects as the networks see it: asinh(f / 2b), corrected (`stamps_cache.Scaling`)."""
        return torch.asinh(flux * self.correction / (2 * softening.view(-1, 1, 1)))


def central(images: Tensor, side: int) -> Tensor:
    """Return the crop of images (n, bands, ny, nx) in their middle, (n, bands, side, side)."""
    top, left = ((size - side) // 2 for size in images.shape[2:])
    return images[..., top : top + side, left : left + side]


def read_images(survey: Path, object_ids: Array) -> Images:
    """Read the stamps of some objects, and the range of all stamps.

    Raises
    ------
    InputError
        If an object has no stamp, or the stamps cannot be read.
    """
    wanted = np.asarray(object_ids)
    low, high, found = np.full(len(BANDS), np.inf), np.full(len(BANDS), -np.inf), []
    for stamps in iterate_stamps(survey / STAMPS):
        low, high = (
            edge(known, edge.reduce(stamps.pixels, axis=(0, 2, 3)))
            for edge, known in ((np.minimum, low), (np.maximum, high))
        )
        chosen = np.isin(stamps.object_id, wanted)
        columns = (stamps.pixels, stamps.sky_noise, stamps.psf_fwhm, stamps.object_id)
        found.append([values[chosen] for values in columns])
    flux, noise, fwhm, ids = (np.concatenate(values) for values in zip(*found, strict=True))
    if (missing := ~np.isin(wanted, ids)).any():
        raise InputError(f"{survey / STAMPS}: no stamp of object {wanted[missing][0]}")
    order = np.argsort(ids)[np.searchsorted(np.sort(ids), wanted)]
    per_band = (noise[order], extinction_correction(survey, wanted))
    sky_noise, correction = (torch.tensor(values, dtype=torch.float32)[..., None, None] for values in per_band)
    lowest, highest = (torch.tensor(edge, dtype=torch.float32).view(-1, 1, 1) for edge in (low, high))
    return Images(torch.from_numpy(flux[order]), sky_noise, correction, lowest, highest, fwhm[order], wanted)


def extinction_correction(survey: Path, object_ids: Array) -> Array:
    """Return 10^(0.4 A) (n, 5) of objects; 1 where the survey does not know the extinction."""
    columns = [f"extinction_{band}" for band in BANDS]
    table = read_catalogue(survey, ["object_id", *columns]).drop_duplicates("object_id").set_index("object_id")
    extinction = table.reindex(columns=columns).loc[object_ids].to_numpy(float)
    return 10 ** (0.4 * np.nan_to_num(extinction, nan=0.0))


def in_parts(images: Images, function: Callable[[Images, slice], Tensor]) -> Tensor:
    """Return what a function says of some images (and their rows) at a time."""
    return torch.cat([function(part, rows) for rows, part in images.parts()])


@torch.no_grad()
def outputs(images: Images, model_of: Callable[[Images], Model]) -> Tensor:
    """Return the outputs of a model, made for some images by `model_of`, for all of them."""
    return in_parts(images, lambda part, _: model_of(part)(part.flux))
