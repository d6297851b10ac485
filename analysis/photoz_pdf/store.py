"""Model folders: an estimator's own files, and about.json, which says of what bands and data it was made."""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import analysis
from analysis.errors import InputError
from analysis.photoz_pdf.interface import PdfEstimator
from analysis.photoz_pdf.names import CLASSES
from analysis.survey.catalogue import new_folder

ABOUT = "about.json"


def estimator_class(name: str) -> type[PdfEstimator]:
    """Return the class of an estimator, or raise InputError if there is no such one.

    Its module is imported only now: torch is slow to import.
    """
    if name not in CLASSES:
        raise InputError(f"estimator {name!r}; expected one of {', '.join(CLASSES)}", "other-model")
    return getattr(importlib.import_module(f"analysis.photoz_pdf.{name}"), CLASSES[name])


def save_model(folder: Path, model: PdfEstimator, about: Mapping[str, Any]) -> None:
    """Write a model folder, all of it or nothing; it must not exist."""
    with new_folder(folder) as partial:
        model.save(partial)
        content = {"estimator": model.name, **about, "code_version": analysis.__version__}
        (partial / ABOUT).write_text(json.dumps(content, indent=1) + "\n")


def load_model(folder: Path) -> tuple[PdfEstimator, dict[str, Any]]:
    """Read a model folder; return the model and what is said about it.

    Raises
    ------
    InputError
        If there is no readable model.
    """
    path = Path(folder) / ABOUT
    if not path.is_file():
        raise InputError(
            f"{folder}: no {ABOUT} here; expected a model folder, which `photoz train` makes", "no-such-file"
        )
    try:
        about = json.loads(path.read_text())
        bands = about["bands"]
        model = estimator_class(about["estimator"]).load(folder)
    except InputError:
        raise
    except Exception as error:  # whatever safetensors, LightGBM or torch make of a damaged file
        raise InputError(f"{folder}: no readable model ({type(error).__name__}: {error})", "damaged-file") from None
    if model.n_features != len(bands):
        raise InputError(
            f"{folder}: a model of {model.n_features} bands; {ABOUT} says {', '.join(bands)}", "other-model"
        )
    return model, about
