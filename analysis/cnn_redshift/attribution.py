"""What a network looks at: integrated gradients (Sundararajan, Taly & Yan 2017, arXiv:1703.01365) of its redshift.

The attribution of a pixel in a band is its share of the difference between the redshift of the stamp and that of a
stamp without any flux. They add up to the difference but for the error of a numerical integral, which is reported.
"""

from typing import NamedTuple

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import Tensor

from analysis.cnn_redshift.estimator import ImageRedshifts
from analysis.survey.schema import BANDS

Array = np.ndarray


class Attributions(NamedTuple):
    """Of n stamps.

    Attributes
    ----------
    images : ndarray (n, 5, ny, nx)
        As the network sees them: asinh-scaled flux.
    shares : ndarray (n, 5, ny, nx)
        In redshift.
    gap : ndarray (n,)
        What the shares add up to, less the difference of the redshifts: the error of the numerical integral.
    """

    images: Array
    shares: Array
    gap: Array


def attributions(estimator: ImageRedshifts, features: Array, steps: int) -> Attributions:
    """Return what the mean redshift of each stamp is due to.

    Parameters
    ----------
    estimator : ImageRedshifts
        Fitted.
    features : ndarray, shape (n, 2)
        As it takes them.
    steps : int
        Of the integral.
    """
    stamps = estimator.images(features)
    centres = torch.tensor(estimator.grid)

    def redshift(images: Tensor, reddening: Tensor) -> Tensor:
        return estimator.masses(images, reddening) @ centres.to(images.device)

    for network in estimator.networks:
        network.cpu()
    images, shares, gaps = [], [], []
    for one in torch.arange(len(stamps)).split(1):
        image, reddening = stamps[one]
        found, gap = IntegratedGradients(redshift).attribute(
            image,
            baselines=torch.zeros_like(image),
            additional_forward_args=reddening,
            n_steps=steps,
            return_convergence_delta=True,
        )
        images.append(image)
        shares.append(found)
        gaps.append(gap)
    return Attributions(*(torch.cat(values).detach().numpy() for values in (images, shares, gaps)))


def summary(found: Attributions, pixel_scale: float) -> dict[str, float]:
    """Return the percentage of all absolute shares in each band, and within 2 and 5 arcsec of the centre.

    Parameters
    ----------
    found : Attributions
    pixel_scale : float
        Of the stamps, arcsec.

    Returns
    -------
    dict
        `u_percent` and so on, `within_2_arcsec_percent`, `within_5_arcsec_percent`; `largest_gap`, in redshift.
    """
    sizes = np.abs(found.shares).mean(axis=0)
    sizes /= sizes.sum()
    ny, nx = sizes.shape[1:]
    radius = pixel_scale * np.hypot(*np.meshgrid(np.arange(ny) - (ny - 1) / 2, np.arange(nx) - (nx - 1) / 2))
    result = {f"{band}_percent": 100 * float(of_band.sum()) for band, of_band in zip(BANDS, sizes, strict=True)}
    result |= {f"within_{r}_arcsec_percent": 100 * float(sizes[:, r >= radius.T].sum()) for r in (2, 5)}
    return result | {"largest_gap": float(np.abs(found.gap).max())}
