"""What a worker holds: everything that answers for an object, read from one folder, and never unpickled."""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load_file

from analysis.apply import names
from analysis.apply.outside import PhotometricTraining, TrainingDistribution
from analysis.apply.redshifts import CalibratedRedshifts
from analysis.apply.trees import Trees, mean_path
from analysis.errors import InputError
from analysis.photoz_pdf.inputs import band_columns, photometry
from analysis.photoz_pdf.mdn import MixtureDensityNetworks
from analysis.photoz_pdf.photometry import PhotometricInputs
from analysis.star_galaxy import inputs as star_galaxy_inputs
from analysis.star_galaxy.names import TPC_MORPH, TPC_PHOT
from analysis.survey.schema import BANDS, MAGNITUDE_RANGE

Array = np.ndarray

FORMAT = 2  # of the folder: what is in it, and under which names

CLASS_INPUTS = {
    TPC_PHOT: star_galaxy_inputs.magnitudes_and_colours,
    TPC_MORPH: star_galaxy_inputs.with_concentrations,
}
# beginnings of the names of arrays; those of the inputs begin as `PhotometricInputs.for_model` has it
CLASS, CLASS_TRAINING, REDSHIFT_TRAINING, ISOLATION = "class.", "class_training.", "redshift_training.", "isolation."


class Bundle:
    """Models, and what they need to answer for the rows of a catalogue.

    Attributes
    ----------
    about : dict
        `format` and `bands`; under `redshift`, `class` and `isolation` what belongs to each part: one that is not there
        is not answered for.
    """

    def __init__(self, about: dict[str, Any], arrays: Mapping[str, Array], folder: Path):
        self.about, self._arrays = about, arrays
        self.bands: list[str] = about["bands"]
        self.answered = [names.ANOMALY]  # columns
        self.inputs = PhotometricInputs.from_model(arrays)
        if (found := len(self.inputs.arrays["mean"])) != len(self.bands):
            raise ValueError(f"arrays of {found} bands; {names.ABOUT} says {len(self.bands)}")
        self._isolation = Trees.from_arrays(arrays, ISOLATION, len(self.inputs.arrays["kept"]))
        self._max_samples = about["isolation"]["max_samples"]
        self.redshifts: CalibratedRedshifts | None = None
        if "redshift" in about:
            model = MixtureDensityNetworks.load(folder / names.REDSHIFT)
            model.threads = 1  # a worker is a core
            self.redshifts = CalibratedRedshifts(model, np.array(about["redshift"]["remapping"]))
            self.answered += [
                *map(names.quantile_name, names.LEVELS),
                names.Z_MEAN,
                names.Z_MODE,
                names.OUTSIDE_REDSHIFT,
            ]
            self.redshift_training = PhotometricTraining.from_arrays(arrays, REDSHIFT_TRAINING)
        if "class" in about:
            self.answered += [names.P_GALAXY, names.P_GALAXY_ERR, names.OUTSIDE_CLASS]
            self._forest = Trees.from_arrays(arrays, CLASS, len(about["class"]["columns"]))
            self._class_training = TrainingDistribution.from_arrays(arrays, CLASS_TRAINING)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a folder that `science-sample train` wrote.

        Raises
        ------
        InputError
            If it is not there, cut, of another format, or made for objects that it cannot answer for.
        """
        about_path = Path(folder) / names.ABOUT
        if not about_path.is_file():
            wanted = "a folder of models, which `python -m analysis science-sample train` makes"
            raise InputError(f"{folder}: no {names.ABOUT} here; expected {wanted}", "no-such-file")
        try:
            about = json.loads(about_path.read_text())
            if not isinstance(about, dict) or not {"bands", "not_run"} & about.keys():
                raise ValueError(f"{names.ABOUT} names no bands")
            if "not_run" in about:
                raise InputError(f"{folder}: holds no models: {about['not_run']}")
            if (found := about.get("format", 1)) != FORMAT:
                how = "make them again: `python -m analysis science-sample train`"
                raise InputError(f"{folder}: no models of format {FORMAT}, but of {found}; {how}", "other-model")
            return cls(about, load_file(Path(folder) / names.ARRAYS), Path(folder))
        except InputError:
            raise
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{folder}: no readable models ({type(error).__name__}: {error})", "damaged-file"
            ) from None

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Load from the content of the files of a folder, as `bundle_files` read them elsewhere."""
        with tempfile.TemporaryDirectory() as temporary:
            for name, content in files.items():
                path = Path(temporary) / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
            return cls.load(Path(temporary))

    def columns(self) -> list[str]:
        """List the columns of the catalogue that are read where they are there."""
        of_class = self.about["class"]["catalogue_columns"] if "class" in self.about else []
        return list(dict.fromkeys([names.OBJECT, names.RA, names.DEC, *band_columns(self.bands), *of_class]))

    def check_columns(self, present: list[str], source: str) -> None:
        """Raise InputError naming the first column that is needed and not there."""
        needed = [names.OBJECT, names.RA, names.DEC, *(f"dered_{band}" for band in self.bands)]
        for name in needed:
            if name not in present:
                raise InputError(
                    f"{source}: no column {name!r}; expected {', '.join(needed)} (--columns MAP says what others mean)",
                    "no-such-column",
                )
        if "class" in self.about:
            self._check_class_columns(present, source)

    def _check_class_columns(self, present: Iterable[str], source: str) -> None:
        of_class = self.about["class"]["catalogue_columns"]
        if lacking := sorted(set(of_class) - set(present)):
            raise InputError(
                f"{source}: no column {lacking[0]!r}, by which stars are told from galaxies; expected what the "
                f"concentrations were made of in training: {', '.join(of_class)}",
                "no-such-column",
            )

    def answers(self, table: pd.DataFrame, source: str) -> dict[str, Array]:
        """Return the columns of the answer for each row, by name, but for those of its place.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns as in the catalogue contract.
        source : str
            What to call the table in an error.

        Returns
        -------
        dict of str to ndarray, shape (n,)
            NaN for objects without any magnitude, or with an impossible one: they lie outside of every training.

        Raises
        ------
        InputError
            If a column is not there.
        """
        sample = photometry(self._possible(table), self.bands, source)
        if "class" in self.about:
            self._check_class_columns(table.columns, source)  # of one file, and not of the first, it may be missing
        measured = np.isfinite(sample.magnitudes).sum(axis=1).astype(np.int8)
        some = np.flatnonzero(measured)
        answered = {}
        if len(some):
            answered = self._answers(table.iloc[some], sample.magnitudes[some], sample.errors[some])
        columns: dict[str, Array] = {names.OBJECT: sample.object_id, names.BANDS_MEASURED: measured}
        for name in self.answered:
            outside = name in (names.OUTSIDE_REDSHIFT, names.OUTSIDE_CLASS)
            columns[name] = np.full(len(table), True if outside else np.float32(np.nan))
            if len(some):
                columns[name][some] = answered[name]
        return columns

    def impossible(self, table: pd.DataFrame) -> int:
        """Count the objects with a magnitude that cannot be: they get no answer."""
        return int(self._impossible(table).sum())

    def _impossible(self, table: pd.DataFrame) -> Array:
        magnitudes = table.reindex(columns=[f"dered_{band}" for band in self.bands]).to_numpy(float)
        outside = (magnitudes < MAGNITUDE_RANGE[0]) | (magnitudes > MAGNITUDE_RANGE[1])
        return np.asarray(outside.any(axis=1))

    def _possible(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table in which an object with an impossible magnitude has none at all: what is true of it?"""
        if not (wrong := self._impossible(table)).any():
            return table
        columns = [name for band in self.bands if (name := f"dered_{band}") in table]
        return table.assign(**{name: table[name].mask(wrong) for name in columns})

    def _answers(self, table: pd.DataFrame, magnitudes: Array, errors: Array) -> dict[str, Array]:
        inputs = self.inputs(magnitudes, errors)
        depth, _ = self._isolation.mean_and_variance(inputs)
        # Liu, Ting & Zhou (2008), eq. 2
        columns = {names.ANOMALY: 2 ** (-depth / mean_path(self._max_samples)).astype(np.float32)}
        if self.redshifts is not None:
            columns |= self.redshifts(magnitudes, errors)
            columns[names.OUTSIDE_REDSHIFT] = self.outside_redshift(inputs, magnitudes, errors)
        if "class" in self.about:
            about, of_class = self.about["class"], self._class_inputs(table)[self.about["class"]["columns"]]
            p, variance = self._forest.mean_and_variance(of_class.to_numpy())
            columns[names.P_GALAXY] = p.astype(np.float32)
            columns[names.P_GALAXY_ERR] = np.sqrt(about["variance_share"] * variance).astype(np.float32)
            places = standardised(of_class, self._arrays)
            columns[names.OUTSIDE_CLASS] = self._class_training.outside(places, of_class.isna().to_numpy())
        return columns

    def outside_redshift(self, inputs: Array, magnitudes: Array, errors: Array) -> Array:
        """Tell which objects are unlike those of the redshift training; the inputs are those made of the photometry."""
        return self.redshift_training.outside(inputs[:, : self.inputs.n_magnitudes], magnitudes, errors)

    def _class_inputs(self, table: pd.DataFrame) -> pd.DataFrame:
        about = self.about["class"]
        return CLASS_INPUTS[about["classifier"]](table[about["catalogue_columns"]])  # no others: no other definition


def class_columns(classifier: str, present: Iterable[str]) -> list[str]:
    """List the columns of a catalogue, some of them perhaps not present, that define the inputs of a classifier.

    A concentration is psfMag - cModelMag where there is one, else psfMag - dered - extinction: not without extinction.
    """
    here = set(present)
    bands = [band for band in BANDS if f"dered_{band}" in here]
    columns = [f"dered_{band}" for band in bands]
    if classifier == TPC_MORPH:
        for band in bands:
            if f"psfMag_{band}" in here:
                wider = "cModelMag" if f"cModelMag_{band}" in here else "extinction"
                columns += [f"psfMag_{band}", f"{wider}_{band}"]
    return columns


def standardised(of_class: pd.DataFrame, arrays: Mapping[str, Array]) -> Array:
    """Return the inputs of the classifier in units of their spread in training; what is missing is the median."""
    return np.nan_to_num((of_class.to_numpy() - arrays[f"{CLASS}centre"]) / arrays[f"{CLASS}scale"])


def bundle_files(folder: Path) -> tuple[dict[str, bytes], str]:
    """Read the files of a folder of models, and return them by name, with the SHA-256 of all."""
    paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    digests = "".join(f"{name} {hashlib.sha256(content).hexdigest()}\n" for name, content in files.items())
    return files, hashlib.sha256(digests.encode()).hexdigest()
