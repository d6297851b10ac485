"""Both calibrations of an estimator's PDFs, fitted on validation galaxies."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from analysis import pdf_metrics
from analysis.photoz_pdf.names import RAW, REMAPPED, RESCALED
from analysis.photoz_pdf.remap import fit_remapping, remapped
from analysis.photoz_pdf.rescale import fit_rescaling, rescaled

Array = np.ndarray


@dataclass(frozen=True)
class Calibration:
    """What turns raw PDFs into calibrated ones, in two ways.

    Attributes
    ----------
    stretch, shift : float
        Of `rescaled`.
    remapping : list of float
        Of `remapped`.
    """

    stretch: float
    shift: float
    remapping: list[float]

    @classmethod
    def fit(cls, grid: Array, pdfs: Array, z_true: Array, n_nodes: int) -> Self:
        """Fit both to PDFs (n, k) of galaxies that the estimator has not been trained on."""
        stretch, shift = fit_rescaling(grid, pdfs, z_true)
        return cls(stretch, shift, fit_remapping(pdf_metrics.pit(grid, pdfs, z_true), n_nodes).tolist())

    def variants(self, grid: Array, pdfs: Array) -> dict[str, Array]:
        """Return PDFs (n, k) as they are, rescaled and remapped, by these names."""
        return {
            RAW: pdfs,
            RESCALED: rescaled(grid, pdfs, self.stretch, self.shift),
            REMAPPED: remapped(grid, pdfs, np.array(self.remapping)),
        }
