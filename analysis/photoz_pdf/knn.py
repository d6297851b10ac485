"""k nearest neighbours: the two simple ways of Polsterer et al. (2016, arXiv:1608.08016) to make PDFs of them."""

from itertools import product
from typing import ClassVar

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import ndtr

from analysis.cores import cores
from analysis.pdf_metrics import cde_loss, normalised
from analysis.photoz_pdf.interface import Array, PdfEstimator
from analysis.photoz_pdf.kernels import cell_edges, deal_to_grid, silverman_bandwidth, smoothing_matrix
from analysis.photoz_pdf.photometry import PhotometricInputs

KERNEL, GAUSSIAN = "kernel", "gaussian"

_NEIGHBOURS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_BANDWIDTHS = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0)  # of Silverman's for all redshifts
_JUDGED = 4000  # training objects on which neighbours and bandwidth are chosen


class KNearestNeighbours(PdfEstimator):
    """The redshifts of the nearest training objects in magnitudes and colours.

    Parameters
    ----------
    way : str
        'kernel': a kernel density estimate of the neighbours' redshifts; 'gaussian': the Gaussian of their mean and
        standard deviation.
    neighbours : int or None
        How many; None: chosen by the CDE loss of training objects, each without itself among its neighbours.
    bandwidth : float or None
        Of the kernel; None: chosen likewise.
    """

    name = "knn"
    defaults: ClassVar = {"way": KERNEL, "neighbours": None, "bandwidth": None}

    def _fit(self, features: Array, errors: Array, z: Array) -> None:
        inputs = PhotometricInputs.for_sample(features, errors)
        points = inputs(features, errors)[:, : inputs.n_magnitudes]
        self.arrays = inputs.for_model()
        self.arrays |= {"points": points, "z": z}
        self._prepare()
        neighbours, bandwidth = self._choose(points, z)
        self.arrays |= {"neighbours": np.array(neighbours), "bandwidth": np.array(bandwidth)}

    def _prepare(self) -> None:
        arrays = self.arrays
        self._inputs = PhotometricInputs.from_model(arrays)
        self._tree = cKDTree(arrays["points"])

    def _choose(self, points: Array, z: Array) -> tuple[int, float]:
        """Return the number of neighbours and the bandwidth of the least CDE loss, where they are not given."""
        wanted, bandwidth = self.settings["neighbours"], self.settings["bandwidth"]
        numbers = [min(wanted, len(z))] if wanted else [k for k in _NEIGHBOURS if k < len(z)] or [len(z) - 1]
        whole = silverman_bandwidth(z)
        bandwidths = [bandwidth] if bandwidth else [factor * whole for factor in _BANDWIDTHS]
        if self.settings["way"] == GAUSSIAN:
            bandwidths = bandwidths[:1]
        if len(numbers) * len(bandwidths) == 1:
            return numbers[0], bandwidths[0]
        judged = np.random.default_rng(0).permutation(len(z))[:_JUDGED]
        near = self._tree.query(points[judged], min(numbers[-1] + 1, len(z)), workers=cores())[1]
        others = _without(near, judged)

        def loss(choice: tuple[int, float]) -> float:
            k, h = choice
            pdfs = normalised(self.grid, self._densities(z[others[:, :k]], h))
            return float(np.mean(cde_loss(self.grid, pdfs, z[judged])))

        return min(product(numbers, bandwidths), key=loss)

    def _pdf(self, features: Array, errors: Array) -> Array:
        points = self._inputs(features, errors)[:, : self._inputs.n_magnitudes]
        k = int(self.arrays["neighbours"])
        near = self._tree.query(points, range(1, k + 1), workers=cores())[1]
        return self._densities(self.arrays["z"][near], float(self.arrays["bandwidth"]))

    def _densities(self, z: Array, bandwidth: float) -> Array:
        """Return PDFs on the grid for the redshifts of neighbours, shape (n, k)."""
        if self.settings["way"] == GAUSSIAN:
            return gaussians(self.grid, z.mean(axis=1), z.std(axis=1))
        dealt = deal_to_grid(self.grid, z, np.full(z.shape, 1 / z.shape[1]))
        return dealt @ smoothing_matrix(self.grid, bandwidth)


def gaussians(grid: Array, mean: Array, sigma: Array) -> Array:
    """Return the densities of Gaussians, means over cells, shape (n, n_grid); at least as wide as half a cell."""
    sigma = np.maximum(sigma, (grid[1] - grid[0]) / 2)
    edges = cell_edges(grid)
    return np.diff(ndtr((edges - mean[:, None]) / sigma[:, None]), axis=1) / np.diff(edges)


def _without(near: Array, own: Array) -> Array:
    """Drop from each row of neighbours the object itself, or the last where it is not among them (duplicates)."""
    is_own = near == own[:, None]
    is_own[~is_own.any(axis=1), -1] = True
    return near[~is_own].reshape(len(near), -1)
