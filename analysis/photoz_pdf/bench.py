"""`bench photoz`: our estimators, and RAIL's where they are installed, on a real table.

Without `--final` everything is cross-validated inside the 12,000 training galaxies; only `--final` reads the others,
and leaves a line in results/real/boss_dr10/photoz_pdf/final_readings.csv each time.
"""

import argparse
import csv
import json
import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from analysis import paths
from analysis.cores import cores
from analysis.errors import InputError
from analysis.metrics import write_metrics
from analysis.photoz_pdf.names import CROSS_VALIDATION, FINAL, NAME, RACE_TABLE, READINGS
from analysis.photoz_pdf.race import (
    N_TRAIN,
    OURS,
    SEED,
    Sample,
    boss_dr10,
    calibrated_ks,
    fit,
    learning_curve,
    out_of_fold,
    peers,
    prediction_speed,
    scores,
    timed,
)

# Each figure of the mixture networks is to be at most this. The times are to hold on two cores that do nothing else,
# so processor seconds are judged: of all threads together, they are no less than the clock's on such a machine.
WANTED = {"cde_loss": -11.5, "crps": 0.0211, "ks_calibrated": 0.020, "fit_cpu_s": 15.0, "predict_cpu_us": 20.0}

_RESULTS = paths.REAL_RESULTS / RACE_TABLE / NAME
_FOLDS = 4
_CURVE = (1500, 3000, 6000, 9000)
_JUDGED = 3000
_MANY = 1_000_000


def cross_validated(training: Sample) -> dict[str, dict[str, float]]:
    """Return the figures of each of our estimators on the training galaxies, out of fold."""
    result = {}
    halves = np.random.default_rng(SEED).permutation(len(training.z)) % 2 == 0
    for label, name, settings in track(OURS, "cross-validation", console=Console(stderr=True)):
        pdfs, took = timed(partial(out_of_fold, name, settings, training, _FOLDS))
        figures = {"fit_s": took["s"] / _FOLDS, "fit_cpu_s": took["cpu_s"] / _FOLDS} | scores(pdfs, training.z)
        # calibrated on one half, read on the other
        parts = [(pdfs[half], training.z[half]) for half in (halves, ~halves)]
        figures["ks_calibrated"] = calibrated_ks(*parts[0], *parts[1])
        result[label] = figures
    return result


def final(training: Sample, test: Sample) -> dict[str, dict[str, float]]:
    """Return the figures of each of our estimators on the test galaxies; calibration is by out-of-fold ones."""
    result = {}
    for label, name, settings in track(OURS, "fit and test", console=Console(stderr=True)):
        model, fitted = timed(partial(fit, name, settings, training))
        pdfs, predicted = timed(partial(model.pdf, *test[:2]))
        figures = {"fit_s": fitted["s"], "fit_cpu_s": fitted["cpu_s"], "predict_s": predicted["s"]}
        others = out_of_fold(name, settings, training, _FOLDS)
        figures |= scores(pdfs, test.z) | {"ks_calibrated": calibrated_ks(pdfs, test.z, others, training.z)}
        result[label] = figures
    return result


def log_reading(real_data: Path) -> None:
    """Write down that the test galaxies are read."""
    path = _RESULTS / READINGS
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.is_file()
    with open(path, "a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["time", "table"])
        writer.writerow([datetime.now(UTC).isoformat(timespec="seconds"), f"{real_data.name}/{RACE_TABLE}"])


def print_table(results: dict[str, dict[str, float]], title: str) -> None:
    """Print one line for each estimator."""
    shown = {"fit_s": "{:.1f}", "fit_cpu_s": "{:.1f}", "predict_s": "{:.1f}", "cde_loss": "{:.2f}", "crps": "{:.5f}"}
    shown |= {"ks": "{:.4f}", "ks_calibrated": "{:.4f}", "sigma_iqr": "{:.4f}", "outliers": "{:.4f}"}
    table = Table(title=title)
    for column in ("", *shown):
        table.add_column(column, justify="right" if column else "left")
    for name, figures in results.items():
        table.add_row(name, *(form.format(figures[key]) if key in figures else "" for key, form in shown.items()))
    Console(width=120).print(table)


def reached(figures: dict[str, float]) -> dict[str, bool]:
    """Tell of each wanted figure whether it is reached."""
    return {name: bool(figures[name] <= most) for name, most in WANTED.items()}


def run(options: argparse.Namespace) -> int:
    """Measure, print; return the exit code."""
    real_data = options.real_data or os.environ.get("REAL_DATA")
    if not real_data:
        raise InputError("no real data: expected --real-data DIR, or the environment variable REAL_DATA")
    training, test = boss_dr10(Path(real_data))
    about: dict[str, Any] = {"bench": "photoz", "cores": cores(), "train": N_TRAIN}
    if options.final:
        log_reading(Path(real_data))
        about |= {"test": len(test.z), "judged_on": "test"}
        results = final(training, test)
    else:
        about |= {"folds": _FOLDS, "judged_on": "training galaxies, out of fold"}
        results = cross_validated(training)
        about["learning_curve"] = learning_curve(training, _CURVE, _JUDGED)
    speed = prediction_speed(fit("mdn", {}, training), training, _MANY)
    figures = results["mdn"] | {"predict_cpu_us": speed["mixtures_cpu_us"]}
    done = reached(figures)
    content = {**about, "wanted": WANTED, "reached": done, "ours": results, "speed": speed}
    path = _RESULTS / (FINAL if options.final else CROSS_VALIDATION)
    write_metrics(path, content)  # now, too: the peers take minutes, and may fail
    theirs = peers(options.peers, training, test) if options.final and options.peers else {}
    content["peers"] = theirs
    write_metrics(path, content)
    print_table(results | {f"RAIL {name}": of_peer for name, of_peer in theirs.items()}, about["judged_on"])
    print(json.dumps(content))
    return 0 if all(done.values()) else 1
