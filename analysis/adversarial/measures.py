"""How well a classifier does under attack, how little it takes, and whether the attack can be seen in the image."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from analysis.classification_metrics import auc
from analysis.metrics import Metric, bootstrap, with_errors

Array = np.ndarray

# Second difference in both directions, of unit noise for white noise (Immerkaer 1996, CVIU 64, 300): blind to whatever
# changes linearly, as light does that a PSF has smoothed.
_RESIDUAL = torch.tensor([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]]) / 6
_MAD = 1.4826  # of a Gaussian's standard deviation over its median absolute deviation
_FINE = 0.25  # cycles per pixel, above which half of all frequencies along an axis lie

UNDER_ATTACK: Mapping[str, Metric] = {  # of true classes (n,) and probabilities (n, classes)
    "accuracy": lambda true, p: float(np.mean(p.argmax(axis=1) == true)),
    "confidence": lambda true, p: float(np.mean(p.max(axis=1))),
}


def under_attack(true: Array, p: Array, n: int, seed: int) -> dict[str, float]:
    """Return accuracy and mean confidence (the largest probability), each with its bootstrap error.

    Parameters
    ----------
    true : ndarray of int (objects,)
    p : ndarray (objects, classes)
    n, seed : int
        Number of resamples, and their seed.
    """
    return with_errors(UNDER_ATTACK, true, p, n=n, seed=seed)


def epsilon_needed(epsilons: Sequence[float], fooled: Array, share: float) -> float:
    """Return the smallest epsilon that fools a share of the objects; NaN where that is outside of those tried.

    Parameters
    ----------
    epsilons : sequence of float (k,)
        Above zero, growing.
    fooled : ndarray of bool (objects, k)
        By an attack of each size; an object that a smaller one fools counts as fooled by a larger one.
    share : float
        Of the objects; between two sizes, the share is interpolated linearly in the logarithm of epsilon.
    """
    shares = np.maximum.accumulate(fooled, axis=1).mean(axis=0)
    if shares[-1] < share or shares[0] > share:  # the largest does not, or a smaller one than any tried would do
        return np.nan
    k = int(np.argmax(shares >= share))
    if k == 0:
        return float(epsilons[0])
    low, high = np.log(epsilons[k - 1]), np.log(epsilons[k])
    return float(np.exp(low + (high - low) * (share - shares[k - 1]) / (shares[k] - shares[k - 1])))


def epsilons_needed(epsilons: Sequence[float], fooled: Array, n: int, seed: int) -> dict[str, float]:
    """Return the epsilons that flip 50% and 90% of the objects, `epsilon_50` and `epsilon_90`, with bootstrap errors.

    One that is outside of the sizes tried, in the sample or in some resamples, is left out.
    """
    found: dict[str, float] = {}
    for percent in (50, 90):

        def needed(sample: Array, share: float = percent / 100) -> float:
            return epsilon_needed(epsilons, sample, share)

        values = bootstrap(needed, fooled, n=n, seed=seed)
        if np.isfinite(value := needed(fooled)) and np.isfinite(values).all():
            found |= {f"epsilon_{percent}": value, f"epsilon_{percent}_err": float(values.std(ddof=1))}
    return found


def noise_level(images: Tensor) -> Array:
    """Return the noise of images (n, bands, ny, nx), (n,): their scatter about a smooth surface, mean over bands."""
    n, bands, ny, nx = images.shape
    residual = conv2d(images.reshape(n * bands, 1, ny, nx), _RESIDUAL.to(images)[None, None]).reshape(n, bands, -1)
    return _MAD * residual.abs().median(dim=2).values.mean(dim=1).double().numpy()


def fine_power(images: Tensor) -> Array:
    """Return, for each image (n,), the share of its power at fine scales: above half the Nyquist frequency."""
    power = torch.fft.fft2(images - images.mean(dim=(2, 3), keepdim=True)).abs().square().sum(dim=1)
    y, x = (torch.fft.fftfreq(size) for size in images.shape[2:])
    fine = torch.hypot(y[:, None], x[None, :]) > _FINE
    return (power[:, fine].sum(dim=1) / power.sum(dim=(1, 2)).clamp(min=1e-30)).double().numpy()


TESTS: Mapping[str, Callable[[Tensor], Array]] = {"noise_level": noise_level, "fine_power": fine_power}


def detectability(clean: Tensor, attacked: Tensor, n: int, seed: int) -> dict[str, dict[str, float]]:
    """Return, for each simple test on an image, the AUC by which it tells attacked images from clean ones.

    0.5 is none; the errors are bootstrap ones over images, each with its attacked self.
    """
    found = {}
    for name, test in TESTS.items():
        found[name] = told_apart(test(clean), test(attacked), n, seed)
    return found


def told_apart(before: Array, after: Array, n: int, seed: int) -> dict[str, float]:
    """Return `auc`, by which larger numbers tell attacked images from the same clean ones, and its bootstrap error."""
    return with_errors({"auc": _auc_of_pairs}, before, after, n=n, seed=seed)


def _auc_of_pairs(before: Array, after: Array) -> float:
    return auc(np.repeat([False, True], len(before)), np.concatenate([before, after]))
