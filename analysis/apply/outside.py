"""Does an object lie where training objects lie? By the distance to its k-th nearest neighbour among them."""

from collections.abc import Mapping
from typing import Self

import numpy as np
from scipy.spatial import cKDTree

from analysis.cores import cores

Array = np.ndarray


class TrainingDistribution:
    """Points of training objects, and how far from them a usual object may lie.

    Attributes
    ----------
    points : ndarray, shape (n, d)
        In units in which distances mean something.
    neighbours : int
        Which nearest neighbour is taken.
    limit : float
        The distance to it beyond which an object lies outside.
    """

    def __init__(self, points: Array, neighbours: int, limit: float):
        self.points, self.neighbours, self.limit = points, neighbours, limit
        self._tree = cKDTree(points)

    @classmethod
    def fit(cls, points: Array, neighbours: int, share_outside: float, most: int, seed: int) -> Self:
        """Set the limit so that a share of the training objects would lie outside, each judged without itself.

        Parameters
        ----------
        points : ndarray, shape (n, d)
        neighbours : int
        share_outside : float
        most : int
            Points that are kept, drawn at random where there are more.
        seed : int
        """
        if len(points) > most:
            points = points[np.random.default_rng(seed).choice(len(points), most, replace=False)]
        neighbours = min(neighbours, len(points) - 1)
        distance = cKDTree(points).query(points, [neighbours + 1], workers=cores())[0][:, 0]
        return cls(points, neighbours, float(np.quantile(distance, 1 - share_outside)))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], prefix: str) -> Self:
        """Find a distribution among arrays, where `to_arrays` put it."""
        neighbours, limit = arrays[f"{prefix}neighbours_limit"]
        return cls(arrays[f"{prefix}points"].astype(float), int(neighbours), float(limit))

    def to_arrays(self, prefix: str) -> dict[str, Array]:
        """Return the arrays under names with a prefix."""
        numbers = np.array([self.neighbours, self.limit])
        return {f"{prefix}points": self.points.astype(np.float32), f"{prefix}neighbours_limit": numbers}

    def outside(self, points: Array) -> Array:
        """Tell of each of the points (n, d) whether it lies outside, shape (n,)."""
        # nothing beyond the limit is looked for: far objects cost no more than near ones
        distance, _ = self._tree.query(points, [self.neighbours], distance_upper_bound=self.limit)
        return ~np.isfinite(distance[:, 0])
