"""trainZ: everyone gets the redshift distribution of the training set. A perfect PIT and no information."""

from typing import ClassVar

import numpy as np

from analysis.photoz_pdf.interface import Array, PdfEstimator
from analysis.photoz_pdf.kernels import deal_to_grid, silverman_bandwidth, smoothing_matrix


class TrainZ(PdfEstimator):
    """The control of Schmidt et al. (2020, MNRAS 499, 1587), as a kernel density estimate.

    Parameters
    ----------
    bandwidth : float or None
        Of the Gaussian kernel; None is Silverman's.
    """

    name = "trainz"
    defaults: ClassVar = {"bandwidth": None}

    def _fit(self, features: Array, errors: Array, z: Array) -> None:
        bandwidth = self.settings["bandwidth"] or silverman_bandwidth(z)
        dealt = deal_to_grid(self.grid, z[None], np.full((1, len(z)), 1 / len(z)))
        self.arrays = {"density": (dealt @ smoothing_matrix(self.grid, bandwidth))[0]}

    def _pdf(self, features: Array, errors: Array) -> Array:
        return np.tile(self.arrays["density"], (len(features), 1))
