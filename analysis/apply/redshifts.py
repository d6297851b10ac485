"""Calibrated redshifts without a grid: quantiles and point estimates from the mixtures of the networks.

PIT-remapping turns a CDF F into G(F). So the quantile of a level q of the calibrated PDF is that of the level
G^-1(q) of the raw one: calibration costs nothing but other levels.
"""

from functools import partial

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from analysis.apply import names
from analysis.photoz_pdf.mdn import (
    MixtureDensityNetworks,
    coarse_cdf,
    in_threads,
    mixture_cdf,
    mixture_density,
    mixture_quantiles,
)
from analysis.photoz_pdf.remap import nodes

Array = np.ndarray

_FINE = 20_001  # levels at which the remapping is tabulated
_MIDDLE = slice(16, 49)  # of the coarse CDF: within one standard deviation of the mean


class CalibratedRedshifts:
    """Mixture density networks, remapped.

    Parameters
    ----------
    model : MixtureDensityNetworks
    remapping : ndarray, shape (n_nodes,)
        Of `photoz_pdf.remap`.
    """

    columns = (*map(names.quantile_name, names.LEVELS), names.Z_MEAN, names.Z_MODE)

    def __init__(self, model: MixtureDensityNetworks, remapping: Array):
        self.model = model
        self.ends = (float(model.grid[0]), float(model.grid[-1]))
        curve = PchipInterpolator(nodes(len(remapping)), remapping)
        self._raw = np.linspace(0, 1, _FINE)
        self._calibrated, self._slope = curve(self._raw), np.maximum(curve(self._raw, 1), 0)
        levels = np.interp(names.LEVELS, self._calibrated, self._raw)
        self._levels = torch.tensor(levels, dtype=torch.float32)

    def __call__(self, magnitudes: Array, errors: Array) -> dict[str, Array]:
        """Return quantiles, mean and mode by the names of their columns, each float32, shape (n,).

        Parameters
        ----------
        magnitudes, errors : ndarray, shape (n, n_bands)
            NaN is missing or unknown.
        """
        mixtures = self.model.mixtures(magnitudes, errors)
        parts = in_threads(self._of_chunk, mixtures, self.model.threads)
        table = torch.cat(parts).numpy().T
        return dict(zip(self.columns, table, strict=True))

    def _of_chunk(self, *mixture: Tensor) -> Tensor:
        quantiles = mixture_quantiles(self._levels, self.ends, *mixture)
        z, cdf = coarse_cdf(self.ends, *mixture)
        truncated = partial(self._cut, cdf[:, :1], cdf[:, -1:])
        remapped = torch.from_numpy(np.interp(truncated(cdf).numpy(), self._raw, self._calibrated))
        mean = self.ends[1] - torch.trapezoid(remapped, z.double())
        # a mixture is highest near the mean of a component, and the remapping may move the peak inside the PDF
        peaks = torch.cat([mixture[1].clamp(*self.ends), z[:, _MIDDLE]], dim=1)
        slope = np.interp(truncated(mixture_cdf(peaks, *mixture)).numpy(), self._raw, self._slope)
        height = torch.from_numpy(slope) * mixture_density(peaks, *mixture)
        mode = peaks.gather(1, height.argmax(dim=1, keepdim=True))
        return torch.cat([quantiles, mean.float()[:, None], mode], dim=1)

    @staticmethod
    def _cut(low: Tensor, high: Tensor, cdf: Tensor) -> Tensor:
        """Return CDFs of the mixtures as CDFs of what lies between the ends."""
        return ((cdf - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
