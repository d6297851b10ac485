"""Tomographic bins, and the shift of their mean redshift by resampling reference fields in colour space.

The form of DES Y1 (Hoyle, Gruen et al. 2018, MNRAS 478, 592, section 4): for each galaxy of the science sample, take
the galaxy of a reference field of known redshifts that looks most like it; what was estimated for the galaxies so drawn
is compared with what they are, bin by bin, Delta z = <z_true> - <z_phot>.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

Array = np.ndarray

ENOUGH_POSITIONS = 2 / 3  # least share of galaxies with a position, for fields of sky


def bin_edges(z: Array, n_bins: int, outside: float) -> Array:
    """Return edges of tomographic bins of equal width inside the range of a survey.

    Parameters
    ----------
    z : ndarray, shape (n,)
        Redshifts of the survey.
    n_bins : int
    outside : float
        Fraction of the galaxies that is left out at either end.

    Returns
    -------
    ndarray, shape (n_bins + 1,)
        To two decimals.
    """
    low, high = np.quantile(z, [outside, 1 - outside])
    return np.round(np.linspace(low, high, n_bins + 1), 2)


def bin_of(z: Array, edges: Array) -> Array:
    """Return the number of the bin that holds each redshift, from 0; -1 outside all."""
    number = np.searchsorted(edges, z, side="right") - 1
    return np.where((number >= 0) & (number < len(edges) - 1), number, -1)


@dataclass(frozen=True)
class Reference:
    """Galaxies of known redshift.

    Attributes
    ----------
    points : ndarray, shape (n, d)
        Standardised magnitudes and colours.
    z : ndarray, shape (n,)
        True redshifts.
    z_phot : ndarray, shape (n,)
        What the estimator says, from their photometry: means of PDFs.
    """

    points: Array
    z: Array
    z_phot: Array

    def of(self, chosen: Array) -> "Reference":
        """Return the chosen ones, such as those of one field."""
        return Reference(self.points[chosen], self.z[chosen], self.z_phot[chosen])

    def drawn_for(self, points: Array) -> "Reference":
        """Return, for each point, shape (m, d), the galaxy that lies nearest."""
        return self.of(cKDTree(self.points).query(points)[1])

    def shifts(self, edges: Array) -> Array:
        """Return <z_true> - <z_phot> in each bin of `z_phot`, shape (bins,); NaN where there is no galaxy."""
        return mean_by_bin(self.z - self.z_phot, bin_of(self.z_phot, edges), len(edges) - 1)


def mean_by_bin(values: Array, number: Array, n_bins: int) -> Array:
    """Return the mean of values in each bin, shape (n_bins,); NaN where there is none."""
    inside = number >= 0
    counts = np.bincount(number[inside], minlength=n_bins)
    sums = np.bincount(number[inside], values[inside], minlength=n_bins)
    return np.divide(sums, counts, out=np.full(n_bins, np.nan), where=counts > 0)


def resampled_shifts(reference: Reference, field: Array, points: Array, edges: Array) -> tuple[Array, Array]:
    """Return the shift of each bin, from all reference fields together and from each one alone.

    Parameters
    ----------
    reference : Reference
    field : ndarray of int, shape (n,)
        The field that each reference galaxy lies in.
    points : ndarray, shape (m, d)
        The science sample.
    edges : ndarray, shape (bins + 1,)

    Returns
    -------
    shifts : ndarray, shape (bins,)
    by_field : ndarray, shape (fields, bins)
        Their scatter is the sample variance of one field, its few galaxies included.
    """
    by_field = [reference.of(field == number).drawn_for(points).shifts(edges) for number in np.unique(field)]
    return reference.drawn_for(points).shifts(edges), np.array(by_field)


def fields_of_sky(ra: Array, dec: Array, n_fields: int, seed: int) -> Array:
    """Divide galaxies into compact fields, by k-means of their positions on the sphere; -1 without position.

    Parameters
    ----------
    ra, dec : ndarray, shape (n,)
        In degrees; NaN where unknown.
    n_fields, seed : int

    Returns
    -------
    ndarray of int, shape (n,)
        At random, all of them, where fewer than two galaxies in three have a position.
    """
    from sklearn.cluster import KMeans

    placed = np.isfinite(ra) & np.isfinite(dec)
    if placed.mean() <= ENOUGH_POSITIONS:
        return np.random.default_rng(seed).permutation(len(ra)) % n_fields
    a, d = np.radians(ra[placed]), np.radians(dec[placed])
    sphere = np.column_stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
    field = np.full(len(ra), -1)
    field[placed] = KMeans(n_fields, n_init=3, random_state=seed).fit_predict(sphere)
    return field
