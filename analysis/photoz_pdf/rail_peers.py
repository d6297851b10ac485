"""RAIL's own estimators on one table, for `bench photoz --peers`: run by the Python of an environment that has them.

usage: rail_peers.py TABLE.csv N_TRAIN
TABLE.csv: columns m_<band>, e_<band> and zs; the first N_TRAIN rows train, the rest get PDFs, into pdfs_<name>.npz.
The environment: pip install pz-rail-base pz-rail-sklearn pz-rail-flexzboost pz-rail-gpz-v1
"""

import importlib
import sys
import time
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Z_MAX, POINTS = 1.0, 301
PEERS = {
    "trainz": ("train_z", "TrainZ"),
    "knn": ("k_nearneigh", "KNearNeigh"),
    "flexzboost": ("flexzboost", "FlexZBoost"),
    "gpz": ("gpz", "GPz"),
}


def columns(table: pd.DataFrame, bands: list[str]) -> OrderedDict[str, np.ndarray]:
    """Return a table under the names that RAIL is told of; copies, for some of its stages write into them."""
    result = OrderedDict()
    for band in bands:
        result[f"mag_{band}"], result[f"err_{band}"] = (np.array(table[f"{kind}_{band}"], float) for kind in "me")
    result["redshift"] = np.array(table["zs"], float)
    return result


def settings(bands: list[str]) -> dict[str, Any]:
    """Return the settings that all stages share; each takes those that it knows."""
    magnitudes, errors = [f"mag_{band}" for band in bands], [f"err_{band}" for band in bands]
    return {
        "bands": magnitudes,
        "err_bands": errors,
        "ref_band": magnitudes[len(bands) // 2],
        "mag_limits": dict.fromkeys(magnitudes, 30.0),
        "nondetect_val": 99.0,
        "replace_error_vals": [0.1] * len(bands),
        "redshift_col": "redshift",
        "hdf5_groupname": "",
        "zmin": 0.0,
        "zmax": Z_MAX,
        "nzbins": POINTS,
    }


def run(name: str, training: Any, test: Any, shared: dict[str, Any]) -> None:
    """Fit and apply one estimator; write its PDFs and the seconds that both took."""
    module_name, stem = PEERS[name]
    module = importlib.import_module(f"rail.estimation.algos.{module_name}")
    informer, estimator = getattr(module, f"{stem}Informer"), getattr(module, f"{stem}Estimator")

    def known(stage: Any) -> dict[str, Any]:
        return {key: value for key, value in shared.items() if key in stage.config_options}

    started = time.perf_counter()
    informer.make_stage(name=f"inform_{name}", model=f"{name}.pkl", **known(informer)).inform(training)
    fitted = time.perf_counter()
    stage = estimator.make_stage(
        name=f"estimate_{name}", model=f"{name}.pkl", output=f"{name}.hdf5", **known(estimator)
    )
    handle = stage.estimate(test)
    predicted = time.perf_counter()
    ensemble = handle.data if getattr(handle, "data", None) is not None else handle.read()
    pdfs = ensemble.pdf(np.linspace(0, Z_MAX, POINTS))
    np.savez(f"pdfs_{name}.npz", pdfs=pdfs, fit_s=fitted - started, predict_s=predicted - fitted)


def main(path: str, n_train: int) -> None:
    """Run every estimator that is installed."""
    from rail.core.data import DataStore, TableHandle
    from rail.core.stage import RailStage

    warnings.filterwarnings("ignore")
    DataStore.allow_overwrite = True
    store = getattr(RailStage, "data_store", None) or DataStore()
    table = pd.read_csv(Path(path))
    bands = [str(name)[2:] for name in table.columns if str(name).startswith("m_")]
    training = store.add_data("train", columns(table[:n_train], bands), TableHandle)
    test = store.add_data("test", columns(table[n_train:], bands), TableHandle)
    for name in PEERS:
        try:
            run(name, training, test, settings(bands))
        except Exception as error:  # one that is not installed, or fails, is no reason to lose the others
            print(f"{name}: {error!r}"[:300], flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
