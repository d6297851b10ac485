"""The classifiers of the catalogue. Each is fitted to objects of known class, and gives others p(galaxy).

Model files are skops for scikit-learn, LightGBM's text in JSON, safetensors for the network: nothing is unpickled.
"""

import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import lightgbm
import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from skops import io as skops
from skops.io.exceptions import UntrustedTypesFoundException
from torch.utils.data import TensorDataset

from analysis.cores import cores
from analysis.errors import InputError
from analysis.files import replacing, write_json
from analysis.star_galaxy import inputs, names
from analysis.star_galaxy.pca_network import PcaNetwork, cross_entropy
from analysis.training import Settings, train

Array = np.ndarray

_TRUSTED = ["numpy.dtype", "sklearn.tree._tree.Tree"]  # all of a model that skops does not know by itself


class Classifier(Protocol):
    """Separates stars from galaxies by columns of a table.

    `fit` takes inputs and truth of the objects to learn from, and of others, on which what `stops_early` does so.
    """

    stops_early: ClassVar[bool]

    def fit(self, X: pd.DataFrame, is_galaxy: Array, X_stop: pd.DataFrame, stop_is_galaxy: Array, /) -> Self: ...
    def p_galaxy(self, X: pd.DataFrame, /) -> Array: ...
    def save(self, path: Path, /) -> None: ...
    @classmethod
    def load(cls, path: Path, /) -> Self: ...


class Cut:
    """Galaxy (p = 1) above a concentration, star (p = 0) below, and where it is missing. Nothing is learnt or kept."""

    stops_early = False

    def fit(self, *_: Any) -> Self:
        return self

    def p_galaxy(self, X: pd.DataFrame) -> Array:
        return (X.iloc[:, 0].to_numpy() > inputs.CUT).astype(float)

    def save(self, path: Path) -> None: ...

    @classmethod
    def load(cls, _: Path) -> Self:
        return cls()


class ScikitLearn:
    """A classifier of scikit-learn, kept as a skops file."""

    stops_early = False

    def __init__(self, model: Any):
        self.model = model

    def fit(self, X: pd.DataFrame, is_galaxy: Array, *_: Any) -> Self:
        self.model.fit(X, is_galaxy)
        return self

    def p_galaxy(self, X: pd.DataFrame) -> Array:
        return self.model.predict_proba(X)[:, list(self.model.classes_).index(True)]

    def save(self, path: Path) -> None:
        with replacing(path) as partial:
            skops.dump(self.model, partial, compression=zipfile.ZIP_DEFLATED, compresslevel=1)

    @classmethod
    def load(cls, path: Path) -> Self:
        loaded = cls.__new__(cls)
        loaded.model = skops.load(path, trusted=_TRUSTED)
        return loaded


class SingleParameter(ScikitLearn):
    """A logistic curve of one parameter: p(galaxy) orders objects as the parameter does."""

    def __init__(self) -> None:
        super().__init__(make_pipeline(SimpleImputer(strategy="median"), LogisticRegression()))


class Forest(ScikitLearn):
    """Trees that split by entropy, each on a bootstrap sample: TPC of Kim & Brunner (2017)."""

    def __init__(self, seed: int, **settings: Any):
        super().__init__(RandomForestClassifier(criterion="entropy", n_jobs=cores(), random_state=seed, **settings))


class Boosting:
    """Gradient boosting of LightGBM, stopped on other objects, kept as LightGBM's text in JSON."""

    stops_early = True

    def __init__(self, n_estimators: int, patience: int, seed: int, **settings: Any):
        self.n_estimators, self.patience = n_estimators, patience
        fixed = {"objective": "binary", "seed": seed, "deterministic": True, "force_col_wise": True, "verbosity": -1}
        self.settings = settings | fixed | {"num_threads": 1}  # more gain nothing on some thousand objects

    def fit(self, X: pd.DataFrame, is_galaxy: Array, X_stop: pd.DataFrame, stop_is_galaxy: Array) -> Self:
        training = lightgbm.Dataset(X.to_numpy(), is_galaxy, params=self.settings)
        stopping = lightgbm.Dataset(X_stop.to_numpy(), stop_is_galaxy, reference=training)
        stop = lightgbm.early_stopping(self.patience, verbose=False)
        self.booster = lightgbm.train(self.settings, training, self.n_estimators, [stopping], callbacks=[stop])
        return self

    def p_galaxy(self, X: pd.DataFrame) -> Array:
        return np.asarray(self.booster.predict(X.to_numpy(), num_threads=1))

    def save(self, path: Path) -> None:
        write_json(path, {"trees": self.booster.model_to_string()}, indent=None)

    @classmethod
    def load(cls, path: Path) -> Self:
        loaded = cls.__new__(cls)
        content = json.loads(path.read_text())  # which a cut file is not: LightGBM would end the process
        loaded.booster = lightgbm.Booster(model_str=content["trees"])
        return loaded


class PrincipalComponents:
    """Soumagnac's network on principal components, stopped on other objects, kept as safetensors."""

    stops_early = True

    def __init__(self, n_components: int, hidden: list[int], seed: int, **settings: Any):
        self.n_components, self.hidden = n_components, hidden
        self.settings = Settings(**settings, seed=seed, device="cpu")

    def fit(self, X: pd.DataFrame, is_galaxy: Array, X_stop: pd.DataFrame, stop_is_galaxy: Array) -> Self:
        training, stopping = (
            TensorDataset(torch.tensor(x.to_numpy(), dtype=torch.float32), torch.tensor(y, dtype=torch.float32))
            for x, y in ((X, is_galaxy), (X_stop, stop_is_galaxy))
        )
        self.network = PcaNetwork.for_sample(X.to_numpy(), self.n_components, self.hidden, self.settings.seed)
        with tempfile.TemporaryDirectory() as checkpoints:  # seconds of training: nothing to resume
            train(self.network, cross_entropy, training, stopping, self.settings, Path(checkpoints))
        return self

    def p_galaxy(self, X: pd.DataFrame) -> Array:
        return self.network.predict(X.to_numpy())

    def save(self, path: Path) -> None:
        self.network.save(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        loaded = cls.__new__(cls)
        loaded.network = PcaNetwork.load(path)
        return loaded


class Kind(NamedTuple):
    """What a classifier is made of: its inputs, its class, and the name of its settings, if it has any."""

    inputs: Callable[[pd.DataFrame], pd.DataFrame]
    make: Any
    settings: str = ""


KINDS: Mapping[str, Kind] = {
    names.CUT: Kind(inputs.reference_concentration, Cut),
    names.SDSS_TYPE: Kind(inputs.summed_concentration, Cut),
    names.SINGLE: Kind(inputs.reference_concentration, SingleParameter),
    names.TPC_PHOT: Kind(inputs.magnitudes_and_colours, Forest, "forest"),
    names.TPC_MORPH: Kind(inputs.with_concentrations, Forest, "forest"),
    names.PCA_NETWORK: Kind(inputs.all_parameters, PrincipalComponents, "pca_network"),
    names.BOOSTING: Kind(inputs.with_concentrations, Boosting, "boosting"),
}


_NEED_ONE_CONCENTRATION = (names.CUT, names.SINGLE, names.TPC_MORPH)


def possible(objects: pd.DataFrame) -> tuple[list[str], dict[str, str]]:
    """Return which of `KINDS` have their inputs in a table, and why the others have not."""
    without = {}
    resolved = len(inputs.reference_concentration(objects).columns) > 0
    for name, kind in KINDS.items():
        if name in _NEED_ONE_CONCENTRATION and not resolved:
            without[name] = f"no PSF and model magnitudes in {inputs.REFERENCE_BAND}"
        elif not len(kind.inputs(objects).columns):
            two = name == names.SDSS_TYPE
            without[name] = "no PSF and composite model magnitudes in two bands" if two else "no magnitudes in ugriz"
    return [name for name in KINDS if name not in without], without


def fit(name: str, training: pd.DataFrame, stopping: pd.DataFrame, settings: dict[str, Any]) -> Classifier:
    """Fit one of `KINDS`.

    Parameters
    ----------
    name : str
    training, stopping : pandas.DataFrame
        Objects with `is_galaxy`, columns as in the catalogue contract; on `stopping`, what stops early does so.
    settings : dict
        `seed`, and a dict for each of the names of settings in `KINDS`.

    Raises
    ------
    InputError
        If either holds one class only.
    """
    kind = KINDS[name]
    for objects, what in ((training, "train"), (stopping, "stop")):
        if objects["is_galaxy"].nunique() < 2:
            raise InputError(f"{name}: all objects to {what} on are of one class; expected stars and galaxies")
    own = settings[kind.settings] | {"seed": settings["seed"]} if kind.settings else {}
    sides = [part for o in (training, stopping) for part in (kind.inputs(o), o["is_galaxy"].to_numpy())]
    return kind.make(**own).fit(*sides)


def p_galaxy(name: str, classifier: Classifier, objects: pd.DataFrame) -> Array:
    """Return the probability of being a galaxy by one of `KINDS`, shape (objects,)."""
    return classifier.p_galaxy(KINDS[name].inputs(objects))


def load(name: str, folder: Path) -> Classifier:
    """Read one of `KINDS` from the folder that `train` wrote it to, under its name.

    Raises
    ------
    InputError
        If there is no readable one.
    """
    try:
        return KINDS[name].make.load(folder / name)
    except UntrustedTypesFoundException as error:
        raise InputError(f"{folder / name}: {error}; expected what `star-galaxy train` wrote", "code-in-data") from None
    except Exception as error:  # whatever skops, LightGBM or safetensors make of a damaged file
        raise InputError(
            f"{folder / name}: no readable classifier ({type(error).__name__}: {error})", "damaged-file"
        ) from None
