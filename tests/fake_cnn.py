"""A made-up result on redshifts from images, for tests of what is made of results."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

POINT = {"mu": 0.001, "mu_err": 0.001, "sigma68": 0.021, "sigma68_err": 0.0008}
POINT |= {"sigma95": 0.08, "sigma95_err": 0.004, "outliers_percent": 1.2, "outliers_percent_err": 0.3}
PDFS = {"crps": 0.012, "crps_err": 0.0004, "cde_loss": -14.0, "cde_loss_err": 0.5, "ks": 0.03, "ks_err": 0.01}
PDFS |= {"pit_outlier_rate": 0.004, "coverage_68": 0.67, "coverage_95": 0.94}
LAW = {f"exponent{part}": 0.3 for part in ("", "_err", "_low", "_high")}
RESULT: dict[str, Any] = {
    "sample": {"n_train": 2700, "n_validation": 860, "n_test": 850, "n_features": 85, "n_real": 0},
    "choices": {"point": "median", "best_epoch": 38, "epochs": 40, "n_weights": 75000, "n_bins": 92}
    | {"depth_of_trees": 14},
    "network": POINT,
    "adaboost": POINT,
    "difference": POINT,
    "parity": {f"sigma68_percent{part}": value for part, value in (("", 4.0), ("_low", -4.0), ("_high", 12.5))}
    | {"tolerance_percent": 10, "verdict": "undecided at this sample size"},
    "heads": {"bins": POINT | PDFS},
    "pdf": dict.fromkeys(("raw", "rescaled", "remapped", "trainz"), PDFS),
    "curve": {"network": LAW, "adaboost": LAW}
    | {
        "crossing": {
            "network": {"within_reach_percent": 3.0, "reach_galaxies": 27000}
            | {"words": "do not cross within a factor of ten"}
        }
    },
    "attribution": dict.fromkeys([*(f"{band}_percent" for band in "ugriz"), "within_2_arcsec_percent"], 20.0)
    | {"within_5_arcsec_percent": 70.0, "steps": 64, "largest_gap": 0.004},
}
FIGURES = tuple(f"fig-cnn-{name}" for name in ("redshift", "learning-curve", "bias", "pit", "attributions"))


def write_cnn(results: Path) -> None:
    """Write results/cnn_redshift/."""
    folder = results / "cnn_redshift"
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(RESULT))
    curve = {"learner": ["network", "adaboost"] * 2, "galaxies": [340, 340, 2700, 2700], "draws": 1}
    curve |= {"sigma68": [0.06, 0.04, 0.021, 0.02], "sigma68_err": 0.001, "fit": 0.03}
    pd.DataFrame(curve).to_csv(folder / "learning_curve.csv", index=False)
