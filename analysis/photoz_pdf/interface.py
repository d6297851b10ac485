"""What every estimator of redshift PDFs is: `fit(features, errors, z)`, `pdf(features, errors) -> (n, n_grid)`.

A PDF is tabulated on a grid of redshifts and means what lies between: the density at a grid point is the mean over
the cell around it, so that a peak narrower than a cell keeps its probability. Whoever reads these densities takes them
as linear between nodes (`pdf_metrics`).
"""

import json
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from analysis.errors import InputError
from analysis.files import replacing
from analysis.pdf_metrics import check_pdfs, normalised, quantiles

Array = np.ndarray

GRID_POINTS = 301  # at least
GRID_STEP = 0.005  # at most
MODEL_FILE = "model.safetensors"

_CHUNK = 20_000  # objects computed at a time: 50 MB of PDFs


class PdfEstimator(ABC):
    """Base of the estimators: checks what comes in and goes out, tabulates, saves.

    Subclasses keep their settings in `settings` (what JSON can hold) and what they learn in `arrays`, and from these
    two alone they predict: so they are saved and loaded here.

    Parameters
    ----------
    grid : ndarray, shape (n_grid,), optional
        Redshifts, evenly spaced, on which PDFs are tabulated; made for the training redshifts if not given.
    **settings
        Of the estimator; each has a default in `defaults`.
    """

    name: ClassVar[str]
    defaults: ClassVar[dict[str, Any]] = {}

    def __init__(self, grid: Array | None = None, **settings: Any):
        if unknown := sorted(set(settings) - set(self.defaults)):
            raise InputError(
                f"{self.name}: unknown setting {unknown[0]!r}; expected one of {sorted(self.defaults)}",
                "unknown-setting",
            )
        self.settings: dict[str, Any] = {**self.defaults, **settings}
        self.arrays: dict[str, Array] = {}
        self.checkpoints: Path | None = None  # where a long training waits when it is interrupted
        self._grid = None if grid is None else checked_grid(grid)

    @property
    def grid(self) -> Array:
        """Redshifts on which the PDFs are tabulated, shape (n_grid,)."""
        if self._grid is None:
            raise InputError(f"{self.name}: has no grid yet; fit it, or give it one")
        return self._grid

    def fit(self, features: Array, errors: Array | None, z: Array) -> Self:
        """Learn from objects of known redshift.

        Parameters
        ----------
        features : ndarray, shape (n, n_features)
            Magnitudes; NaN is missing.
        errors : ndarray, shape (n, n_features), or None
            Their standard errors; NaN is unknown, None is all unknown.
        z : ndarray, shape (n,)
            Redshifts.

        Raises
        ------
        InputError
            If there are fewer than two redshifts that differ, a redshift is not finite, or the grid does not cover
            the redshifts.
        """
        z = np.asarray(z, float)
        if not np.all(np.isfinite(z)):
            row = int(np.argmax(~np.isfinite(z)))
            raise InputError(
                f"{self.name}: training redshift {z[row]} in row {row + 1}; expected a number", "not-a-number"
            )
        if len(np.unique(z)) < 2:
            found = f"{len(z)} training objects of {len(np.unique(z))} redshift"
            raise InputError(f"{self.name}: {found}; expected two or more objects, of redshifts that differ")
        if self._grid is None:
            self._grid = grid_for(z)
        self._check_covered(z)
        features, errors = self._checked(features, errors, len(z))
        self.n_features = features.shape[1]
        self._fit(features, errors, z)
        return self

    def pdf(self, features: Array, errors: Array | None) -> Array:
        """Return the PDFs on the grid, shape (n, n_grid), of integral one (by the trapezoid rule).

        Raises
        ------
        InputError
            If there are other features than in training.
        """
        features, errors = self._checked(features, errors)
        pdfs = np.empty((len(features), len(self.grid)))
        for start in range(0, len(features), _CHUNK):
            part = slice(start, start + _CHUNK)
            densities = self._pdf(features[part], errors[part])
            check_pdfs(self.grid, densities, source=self.name)
            pdfs[part] = normalised(self.grid, densities)
        return pdfs

    def quantiles(self, features: Array, errors: Array | None, levels: Array) -> Array:
        """Return the redshifts at which the CDFs reach `levels` (n_levels,), shape (n, n_levels)."""
        return quantiles(self.grid, self.pdf(features, errors), np.asarray(levels, float))

    def qp_parameters(self, features: Array, errors: Array | None) -> tuple[str, dict[str, Array]]:
        """Return the name of a parameterisation of the qp library, and its data for these PDFs."""
        return "interp", {"xvals": self.grid, "yvals": self.pdf(features, errors)}

    @abstractmethod
    def _fit(self, features: Array, errors: Array, z: Array) -> None: ...

    @abstractmethod
    def _pdf(self, features: Array, errors: Array) -> Array: ...

    def _check_covered(self, z: Array) -> None:
        outside = (z < self.grid[0]) | (z > self.grid[-1])
        if outside.any():
            row = int(np.argmax(outside))
            raise InputError(
                f"{self.name}: the grid, {self.grid[0]:g} to {self.grid[-1]:g}, does not cover "
                f"{np.count_nonzero(outside)} of {len(z)} training redshifts, first {z[row]:g} in row {row + 1}; "
                f"expected a grid from {np.min(z):g} to {np.max(z):g} or wider"
            )

    def _checked(self, features: Array, errors: Array | None, n: int | None = None) -> tuple[Array, Array]:
        """Return features and errors as float arrays of one shape."""
        features = np.asarray(features, float)
        if features.ndim != 2 or not features.shape[1]:
            raise InputError(f"{self.name}: features of shape {features.shape}; expected (objects, features)")
        errors = np.full(features.shape, np.nan) if errors is None else np.asarray(errors, float)
        expected = (len(features) if n is None else n, getattr(self, "n_features", features.shape[1]))
        for what, values in {"features": features, "errors": errors}.items():
            if values.shape != expected:
                raise InputError(f"{self.name}: {what} of shape {values.shape}; expected {expected}, as in training")
        return features, errors

    def forget_checkpoints(self) -> None:
        """Remove what only an interrupted training needs."""
        if self.checkpoints is not None:
            shutil.rmtree(self.checkpoints, ignore_errors=True)

    def save(self, folder: Path) -> None:
        """Write the model into a folder."""
        about = {"estimator": self.name, "settings": self.settings, "n_features": self.n_features}
        arrays = {name: np.array(values, order="C") for name, values in self.arrays.items()} | {"grid": self.grid}
        with replacing(Path(folder) / MODEL_FILE) as partial:
            save_file(arrays, partial, metadata={"about": json.dumps(about)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; the model predicts, bit for bit, what it did.

        Raises
        ------
        InputError
            If the file is missing, cut, or of another estimator.
        """
        path = Path(folder) / MODEL_FILE
        try:
            with safe_open(path, framework="np") as file:
                about = json.loads(file.metadata()["about"])
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (a file is no mapping)
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path}: not a whole safetensors file ({error})", "damaged-file") from None
        if about["estimator"] != cls.name:
            raise InputError(
                f"{folder}: holds a model of estimator {about['estimator']!r}; expected {cls.name!r}", "other-model"
            )
        model = cls(arrays.pop("grid"), **about["settings"])
        model.arrays, model.n_features = arrays, about["n_features"]
        model._prepare()
        return model

    def _prepare(self) -> None:  # noqa: B027 (most estimators need nothing)
        """Make, from the arrays, what predicting needs besides them. Called after loading."""


def grid_for(z: Array) -> Array:
    """Return a grid that covers redshifts with some room: from 0 (or below) to 1.05 times the largest."""
    low, high = min(0.0, 1.05 * float(np.min(z))), 1.05 * float(np.max(z))
    return np.linspace(low, high, max(GRID_POINTS, int(np.ceil((high - low) / GRID_STEP)) + 1))


def checked_grid(grid: Array) -> Array:
    """Return a grid as float64, or raise InputError if it is not evenly spaced and increasing."""
    grid = np.asarray(grid, float)
    steps = np.diff(grid)
    if grid.ndim != 1 or len(grid) < 3 or not np.all(steps > 0) or not np.allclose(steps, steps[0], rtol=1e-3):
        raise InputError("grid: expected at least three redshifts, increasing, evenly spaced")
    return grid
