"""Magnitudes and errors -> inputs that learners can use: finite, of order one, robust against wild values.

Surveys differ: logarithmic magnitudes of faint objects go to 33 with errors of thousands, errors may be unknown,
bands missing. All that is learnt from the training sample; nothing is set for one survey.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np

Array = np.ndarray

_POGSON = 2.5 / np.log(10)  # magnitudes per unit of ln(flux)
_CLIP = 6.0  # robust standard deviations; what is further out says no more
_PREFIX = "inputs."
_FAINT = 99.0  # percentile of magnitude that is the softening where errors are unknown


class PhotometricInputs:
    """Asinh magnitudes, colours of neighbouring bands, errors, and which bands are missing, standardised.

    Magnitudes become asinh ones (Lupton et al. 1999, AJ 118, 1406), softened at the band's median noise, so that
    an undetected object is faint and not infinitely faint. A missing band counts as what the object's other bands
    let expect (the conditional mean of a Gaussian), and an indicator says so where training has such objects.

    Attributes
    ----------
    arrays : dict of str to ndarray
        All that was learnt.
    """

    def __init__(self, arrays: dict[str, Array]):
        self.arrays = arrays

    @classmethod
    def for_sample(cls, magnitudes: Array, errors: Array) -> Self:
        """Learn from a training sample, both arrays of shape (n, n_bands); NaN is missing."""
        magnitudes, errors = _measured(magnitudes, errors)
        arrays = {"softening": _softening(magnitudes, errors)}
        asinh = _asinh_magnitudes(magnitudes, arrays["softening"])
        arrays["mean"], arrays["covariance"] = _moments(asinh)
        inputs = cls(arrays)
        raw = inputs._raw(magnitudes, errors)
        centre, scale = _robust_moments(raw)
        arrays |= {"centre": centre, "scale": scale, "kept": np.flatnonzero(scale > 0)}
        return inputs

    @classmethod
    def from_model(cls, arrays: Mapping[str, Array]) -> Self:
        """Find the inputs among the arrays of a model, where `for_model` put them."""
        return cls({name.removeprefix(_PREFIX): values for name, values in arrays.items() if name.startswith(_PREFIX)})

    def for_model(self) -> dict[str, Array]:
        """Return what was learnt under names that a model's other arrays do not have."""
        return {_PREFIX + name: values for name, values in self.arrays.items()}

    @property
    def n_magnitudes(self) -> int:
        """How many of the inputs, the first ones, are magnitudes and colours."""
        return int(np.count_nonzero(self.arrays["kept"] < 2 * len(self.arrays["mean"]) - 1))

    def __call__(self, magnitudes: Array, errors: Array) -> Array:
        """Return the inputs, float32, shape (n, n_inputs): magnitudes and colours first."""
        raw = self._raw(*_measured(magnitudes, errors))
        kept = self.arrays["kept"]
        scaled = (raw[:, kept] - self.arrays["centre"][kept]) / self.arrays["scale"][kept]
        return np.clip(np.nan_to_num(scaled), -_CLIP, _CLIP).astype(np.float32)

    def _raw(self, magnitudes: Array, errors: Array) -> Array:
        asinh = _asinh_magnitudes(magnitudes, self.arrays["softening"])
        filled = fill_missing(asinh, self.arrays["mean"], self.arrays["covariance"])
        missing = [np.isnan(values).astype(float) for values in (magnitudes, errors)]
        return np.column_stack([filled, np.diff(filled, axis=1), np.log(errors), *missing])


def _measured(magnitudes: Array, errors: Array) -> tuple[Array, Array]:
    """Make what is no measurement NaN; an error without its magnitude is none."""
    magnitudes = np.where(np.isfinite(magnitudes), magnitudes, np.nan)
    return magnitudes, np.where(np.isfinite(errors) & (errors > 0) & ~np.isnan(magnitudes), errors, np.nan)


def _softening(magnitudes: Array, errors: Array) -> Array:
    """Return the magnitude of the median noise in each band, shape (n_bands,)."""
    softening = np.zeros(magnitudes.shape[1])
    for band, (m, e) in enumerate(zip(magnitudes.T, errors.T, strict=True)):
        noise = (m - _POGSON * np.log(e / _POGSON))[~np.isnan(e)]
        if len(noise):
            softening[band] = np.median(noise)
        elif not np.isnan(m).all():
            softening[band] = np.nanpercentile(m, _FAINT)
    return softening


def _asinh_magnitudes(magnitudes: Array, softening: Array) -> Array:
    """Return asinh magnitudes, equal to the given ones (less the softening) for objects well above the noise."""
    return -_POGSON * np.arcsinh(10 ** (-0.4 * (magnitudes - softening)) / 2)


def _moments(values: Array) -> tuple[Array, Array]:
    """Return mean (n_bands,) and covariance (n_bands, n_bands) of what is measured, missing values left out.

    The covariance of each pair is over the objects that have both; its eigenvalues are kept positive.
    """
    present = ~np.isnan(values)
    counts = np.maximum(present.sum(axis=0), 1)
    mean = np.where(present, values, 0).sum(axis=0) / counts
    centred = np.where(present, values - mean, 0)
    both = np.maximum(present.T.astype(float) @ present, 1)
    eigenvalues, vectors = np.linalg.eigh(centred.T @ centred / both)
    floor = max(1e-4 * eigenvalues[-1], 1e-12)
    return mean, (vectors * np.maximum(eigenvalues, floor)) @ vectors.T


def fill_missing(values: Array, mean: Array, covariance: Array) -> Array:
    """Return values (n, k) with NaN replaced by its expectation given the object's other values, for a Gaussian."""
    filled = values.copy()
    missing = np.isnan(values)
    patterns, members = np.unique(missing, axis=0, return_inverse=True)
    for number, absent in enumerate(patterns):
        if not absent.any():
            continue
        rows = np.flatnonzero(members.ravel() == number)
        there = ~absent
        weights = np.linalg.solve(covariance[np.ix_(there, there)], covariance[np.ix_(there, absent)])
        filled[np.ix_(rows, absent)] = mean[absent] + (values[np.ix_(rows, there)] - mean[there]) @ weights
    return filled


def _robust_moments(raw: Array) -> tuple[Array, Array]:
    """Return median and robust standard deviation of each column; scale zero where the column says nothing."""
    empty = np.isnan(raw).all(axis=0)
    known = np.where(empty, 0.0, raw)
    low, centre, high = np.nanpercentile(known, [25, 50, 75], axis=0)
    scale = (high - low) / 1.349
    spread = np.nanstd(known, axis=0)
    return centre, np.where(scale > 0, scale, spread)
