"""The estimators by name, and reading back what the training stage left."""

from pathlib import Path

from analysis.errors import InputError
from analysis.photoz_pdf.interface import PdfEstimator
from analysis.photoz_pdf.knn import KNearestNeighbours
from analysis.photoz_pdf.rdf import BoostedTrees
from analysis.photoz_pdf.trainz import TrainZ

ESTIMATORS: dict[str, type[PdfEstimator]] = {kind.name: kind for kind in (BoostedTrees, KNearestNeighbours, TrainZ)}


def estimator_class(name: str) -> type[PdfEstimator]:
    """Return the estimator of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in ESTIMATORS:
        raise InputError(f"params.yaml: no estimator {name!r}; expected one of {sorted(ESTIMATORS)}")
    return ESTIMATORS[name]


def load(folder: Path, name: str) -> PdfEstimator:
    """Read the estimator that was trained under a name, in the folder of all of them."""
    return estimator_class(name).load(folder / name)
