"""Does an object lie where training objects lie? By the distance to its k-th nearest neighbour, and by what it lacks.

What is missing is filled in with what is usual, so that an object of which less is known lies nearer to the training
objects: it is like them only where enough of them lack the same.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np
from scipy.spatial import cKDTree

from analysis.cores import cores

Array = np.ndarray

_USUAL_ERRORS = 0.999  # share of the training objects whose error in a band is usual


class TrainingDistribution:
    """Points of training objects, how far from them a usual object may lie, and what it may lack.

    Attributes
    ----------
    points : ndarray, shape (n, d)
        In units in which distances mean something.
    neighbours : int
        Which nearest neighbour is taken.
    limit : float
        The distance to it beyond which an object lies outside.
    patterns : ndarray of bool, shape (k, m)
        Which of m values may be missing together: the combinations that at least `neighbours` training objects have.
    """

    def __init__(self, points: Array, neighbours: int, limit: float, patterns: Array):
        self.points, self.neighbours, self.limit, self.patterns = points, neighbours, limit, patterns
        self._tree, self._usual = cKDTree(points), _codes(patterns)

    @classmethod
    def fit(cls, points: Array, missing: Array, neighbours: int, share_outside: float, most: int, seed: int) -> Self:
        """Set the limit so that a share of the training objects would lie outside, each judged without itself.

        Parameters
        ----------
        points : ndarray, shape (n, d)
            What is missing is filled in.
        missing : ndarray of bool, shape (n, m)
            What is.
        neighbours : int
        share_outside : float
        most : int
            Points that are kept, drawn at random where there are more.
        seed : int
        """
        neighbours = min(neighbours, min(len(points), most) - 1)
        patterns, counts = np.unique(missing, axis=0, return_counts=True)
        if len(points) > most:
            points = points[np.random.default_rng(seed).choice(len(points), most, replace=False)]
        distance = cKDTree(points).query(points, [neighbours + 1], workers=cores())[0][:, 0]
        return cls(points, neighbours, float(np.quantile(distance, 1 - share_outside)), patterns[counts >= neighbours])

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], prefix: str) -> Self:
        """Find a distribution among arrays, where `to_arrays` put it."""
        points, patterns = arrays[f"{prefix}points"].astype(float), arrays[f"{prefix}patterns"]
        neighbours, limit = arrays[f"{prefix}neighbours_limit"]
        return cls(points, int(neighbours), float(limit), patterns)

    def to_arrays(self, prefix: str) -> dict[str, Array]:
        """Return the arrays under names with a prefix."""
        return {
            f"{prefix}points": self.points.astype(np.float32),
            f"{prefix}neighbours_limit": np.array([self.neighbours, self.limit]),
            f"{prefix}patterns": self.patterns,
        }

    def outside(self, points: Array, missing: Array) -> Array:
        """Tell which of the points (n, d), of which values (n, m) are missing, lie outside, shape (n,)."""
        # nothing beyond the limit is looked for: far objects cost no more than near ones
        distance, _ = self._tree.query(points, [self.neighbours], distance_upper_bound=self.limit)
        return ~np.isfinite(distance[:, 0]) | ~np.isin(_codes(missing), self._usual)


class PhotometricTraining:
    """Where training objects lie in magnitudes and colours, and which errors they have.

    Attributes
    ----------
    distribution : TrainingDistribution
        Missing are magnitudes and errors.
    largest_errors : ndarray, shape (n_bands,)
        Beyond which an error is not usual; infinite in a band of which training knows no errors, and takes none.
    """

    def __init__(self, distribution: TrainingDistribution, largest_errors: Array):
        self.distribution, self.largest_errors = distribution, largest_errors

    @classmethod
    def fit(cls, places: Array, magnitudes: Array, errors: Array, **settings: float) -> Self:
        """Learn from training objects: places (n, d) as of `outside`, magnitudes and errors (n, n_bands)."""
        known = (of_band[of_band > 0] for of_band in np.where(np.isnan(magnitudes), np.nan, errors).T)
        largest = np.array([np.quantile(e, _USUAL_ERRORS, method="higher") if len(e) else np.inf for e in known])
        missing = _missing(magnitudes, errors, largest)
        return cls(TrainingDistribution.fit(places, missing, **settings), largest)  # type: ignore[arg-type]

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], prefix: str) -> Self:
        """Find it among arrays, where `to_arrays` put it."""
        return cls(TrainingDistribution.from_arrays(arrays, prefix), arrays[f"{prefix}largest_errors"])

    def to_arrays(self, prefix: str) -> dict[str, Array]:
        """Return the arrays under names with a prefix."""
        return self.distribution.to_arrays(prefix) | {f"{prefix}largest_errors": self.largest_errors}

    def outside(self, places: Array, magnitudes: Array, errors: Array) -> Array:
        """Tell of each object whether it lies outside.

        Parameters
        ----------
        places : ndarray, shape (n, d)
            Magnitudes and colours, in units in which distances mean something; what is missing is filled in.
        magnitudes, errors : ndarray, shape (n, n_bands)
            NaN is missing or unknown.

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        far = self.distribution.outside(places, _missing(magnitudes, errors, self.largest_errors))
        return far | ((errors > self.largest_errors) & ~np.isnan(magnitudes)).any(axis=1)


def _missing(magnitudes: Array, errors: Array, largest_errors: Array) -> Array:
    """Tell which magnitudes are missing, and then which errors that training knows, shape (n, 2 n_bands)."""
    without = np.isnan(magnitudes)
    return np.column_stack([without, (without | ~(errors > 0)) & np.isfinite(largest_errors)])


def _codes(missing: Array) -> Array:
    """Return rows (n, m) of bool as strings of bytes, shape (n,): equal where the rows are."""
    packed = np.ascontiguousarray(np.packbits(missing, axis=1))
    return packed.view(f"S{packed.shape[1]}")[:, 0]
