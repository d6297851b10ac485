"""The stages on a small survey: from stamps to figures, whatever the survey lacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from blobs import write_blob_survey
from small_compendium import lay_out

from analysis import params, paths
from analysis.__main__ import main
from analysis.cnn_redshift import evaluate, names, plot, train
from analysis.cnn_redshift.estimator import ImageRedshifts
from analysis.cnn_redshift.sample import REDDENING_R, galaxies_with_stamps
from analysis.survey.catalogue import STAMPS

TINY = {
    "train_cnn_redshift": {
        "min_galaxies": {"train": 60, "validation": 20, "test": 20},
        "min_per_bin": 1,
        "network": {"bin_width": 0.02, "smoothing": 0.03, "channels": [4, 8], "apertures": 2, "hidden": [16]}
        | {"epochs": 8, "least_steps": 60, "batch_size": 16, "precision": "float32"},
        "adaboost": {"n_estimators": 6},
        "depths": [3, 6],
        "curve": {"fractions": [0.2, 0.4], "draws": 2, "validation": 30},
    },
    "evaluate_cnn_redshift": {"n_bootstrap": 30, "bins": 2, "explained": 3, "shown": 2, "attribution_steps": 8},
    "features": {"min_galaxies": 20},
}

SEVERAL = """
import os, sys
from pathlib import Path
import torch
from analysis import paths
from analysis.__main__ import main
from analysis.cnn_redshift import train
from analysis.cnn_redshift.estimator import ImageRedshifts
from analysis.adaboost import AdaBoostR2

torch.set_num_threads(1)
root = Path(sys.argv[1])
paths.PARAMS = root / "params.yaml"
for name in ("DATA", "FEATURES", "MODELS"):
    setattr(paths, name, root / name.lower())
paths.CHECKPOINTS = paths.MODELS / "checkpoints"

def refuse(*_args, **_kwargs):
    raise AssertionError("not the first process, and writes or fits trees")

if os.environ["RANK"] != "0":
    ImageRedshifts.save = AdaBoostR2.fit = train.metrics.write_metrics = refuse
sys.exit(main(["cnn-redshift", "train"]))
"""


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """A compendium's folders, with settings for tests."""
    lay_out(tmp_path, monkeypatch, TINY)
    return tmp_path


def change(root: Path, **changes: object) -> None:
    """Change settings of the training stage."""
    settings = yaml.safe_load((root / "params.yaml").read_text())
    settings["train_cnn_redshift"] |= changes
    (root / "params.yaml").write_text(yaml.safe_dump(settings))


def run() -> dict:
    """Run all stages; return the metrics."""
    assert main(["features"]) == 0
    for stage in ("train", "evaluate", "plot"):
        assert main(["cnn-redshift", stage]) == 0
    for figure in plot.FIGURES:
        assert (paths.FIGURES / figure).stat().st_size > 1000
    return json.loads((paths.RESULTS / names.NAME / paths.METRICS).read_text())


def test_from_stamps_to_figures(root):
    write_blob_survey(root / "data", 260)
    metrics = run()
    sample = metrics["sample"]
    assert sample["n_train"] + sample["n_validation"] + sample["n_test"] == 260
    assert sample["n_real"] == 0
    for learner in (names.CNN, names.ADABOOST):
        assert metrics[learner]["sigma68"] < 0.1  # of redshifts that are uniform from 0.05 to 0.6: 0.19
    difference = metrics["network"]["sigma68"] - metrics["adaboost"]["sigma68"]
    assert metrics["difference"]["sigma68"] == pytest.approx(difference, abs=1e-6)
    assert metrics["pdf"]["raw"]["crps"] < 0.6 * metrics["pdf"]["trainz"]["crps"]
    results = paths.RESULTS / names.NAME
    curve = pd.read_csv(results / names.LEARNING_CURVE)
    sizes = [round(f * sample["n_train"]) for f in (0.2, 0.4, 1)]
    for _, line in curve.groupby("learner"):
        assert line["galaxies"].tolist() == sizes
        assert line["draws"].tolist() == [2, 2, 1]
    assert set(pd.read_csv(results / names.BIAS)["property"]) == set(evaluate.comparison.PROPERTIES.values())
    assert len(pd.read_csv(results / names.REDSHIFTS)) == sample["n_test"]
    assert not (paths.CHECKPOINTS / names.NAME).exists()
    assert sample["n_outside_grid"] == 0 and "ensemble" not in metrics


@pytest.mark.slow
def test_of_several_processes_the_first_alone_writes(root):
    write_blob_survey(root / "data", 200)
    network = params.load("train_cnn_redshift")["network"] | {"epochs": 1, "least_steps": 2, "device": "cpu"}
    pretraining = {"kinds": ["contrastive"], "epochs": 1, "rate": 0.3}
    change(root, network=network, pretraining=pretraining, curve={"fractions": [0.4], "draws": 1, "validation": 30})
    assert main(["features"]) == 0
    script = root / "several.py"
    script.write_text(SEVERAL)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "PYTHONPATH": str(paths.ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, script, root], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for stage in ("evaluate", "plot"):
        assert main(["cnn-redshift", stage]) == 0
    assert not (paths.CHECKPOINTS / names.NAME).exists()


def test_a_test_galaxy_beyond_the_grid_is_counted(root, monkeypatch):
    def with_one_far_away(survey: Path) -> tuple[pd.DataFrame, str]:
        galaxies, why = galaxies_with_stamps(survey)
        galaxies.loc[galaxies.index[galaxies["split"] == "test"][0], "redshift"] = 2.0
        return galaxies, why

    for stage in (train, evaluate):
        monkeypatch.setattr(stage, "galaxies_with_stamps", with_one_far_away)
    write_blob_survey(root / "data", 200)
    change(root, network=params.load("train_cnn_redshift")["network"] | {"epochs": 1, "least_steps": 1})
    metrics = run()
    assert metrics["sample"]["n_outside_grid"] == 1
    network = ImageRedshifts.load(paths.MODELS / names.NAME / "bins")
    assert network.grid[-1] < 0.64  # 1.05 times the largest redshift of the others
    assert pd.read_csv(paths.RESULTS / names.NAME / names.REDSHIFTS)["z_spec"].max() == 2.0


def test_what_training_has_not_left_whole_is_named(root, capsys):
    assert main(["cnn-redshift", "evaluate"]) == 2
    assert "run `python -m analysis cnn-redshift train` first" in capsys.readouterr().err


def test_pretraining_and_other_heads_are_compared(root):
    write_blob_survey(root / "data", 200)
    network = params.load("train_cnn_redshift")["network"] | {"epochs": 2, "least_steps": 4, "members": 2}
    pretraining = {"kinds": ["star_galaxy", "contrastive"], "epochs": 1, "rate": 0.3}
    curve = {"fractions": [0.3], "draws": 1, "validation": 30}
    change(root, heads=["bins", "regression", "mixture"], network=network, pretraining=pretraining, curve=curve)
    metrics = run()
    assert set(metrics["heads"]) == {"bins", "regression", "mixture"}
    assert metrics["heads"]["bins"] == metrics["network"] | metrics["pdf"]["raw"]
    gained = metrics["network"]["sigma68"] - metrics["ensemble"]["first_network"]["sigma68"]
    assert metrics["ensemble"]["difference"]["sigma68"] == pytest.approx(gained, abs=1e-6)
    curve = pd.read_csv(paths.RESULTS / names.NAME / names.LEARNING_CURVE)
    largest = curve[curve["learner"] == names.CNN].iloc[-1]
    assert largest["sigma68"] == pytest.approx(metrics["ensemble"]["first_network"]["sigma68"], abs=1e-6)
    for folder in (paths.MODELS / names.NAME / names.CURVE / names.CNN).iterdir():
        assert ImageRedshifts.load(folder).settings["members"] == 1
    learners = {"network", "adaboost", "network_star_galaxy", "network_contrastive"}
    assert set(metrics["curve"]) == learners | {"crossing"}
    assert set(metrics["curve"]["crossing"]) == learners - {"adaboost"}


@pytest.mark.parametrize(
    ("survey", "changed", "why"),
    [
        ({"n": 200, "stamps": False}, {}, "the survey has no stamps"),
        ({"n": 60}, {}, "12 galaxies with redshift and stamp in the test sample; 20 are needed"),
        ({"n": 15}, {}, "15 galaxies with redshift and magnitudes; 20 are needed"),
        ({"n": 200}, {"min_per_bin": 10}, "training galaxies for 31 bins of redshift; 10 a bin are needed"),
        ({"n": 200, "z_top": 3.0}, {}, "training galaxies for 157 bins of redshift; 1 a bin are needed"),
    ],
)
def test_what_cannot_run_says_why_and_the_rest_goes_on(root, survey, changed, why):
    write_blob_survey(root / "data", **survey)
    change(root, **changed)
    metrics = run()
    assert why in metrics["not_run"]
    for name, columns in evaluate.TABLES.items():
        assert list(pd.read_csv(paths.RESULTS / names.NAME / name)) == columns
    assert (paths.RESULTS / names.NAME / names.ATTRIBUTIONS).is_file()


def test_psf_widths_and_pixel_scale_are_those_of_the_stamps_file(root):
    write_blob_survey(root / "data", 200, seeing=np.nan)
    with h5py.File(root / "data" / STAMPS, "a") as file:
        file.attrs["pixel_scale"] = 10.0  # arcsec: no pixel's centre lies within 2 arcsec
    network = params.load("train_cnn_redshift")["network"] | {"epochs": 1, "least_steps": 1}
    change(root, network=network)
    metrics = run()
    assert "no PSF widths" in metrics["no_seeing"]
    assert "seeing" not in metrics["bias"]["network"]
    assert metrics["attribution"]["within_2_arcsec_percent"] == 0 < metrics["attribution"]["r_percent"]


def test_the_sample_knows_extinction_and_seeing(root):
    write_blob_survey(root / "data", 200)
    assert main(["features"]) == 0
    galaxies, why = galaxies_with_stamps(root / "data")
    assert not why
    np.testing.assert_allclose(galaxies["ebv"], 0.1 / REDDENING_R, rtol=1e-6)
    assert galaxies["psf_fwhm_r"].between(1.0, 1.4).all()


def test_missing_bands_are_named(root, capsys):
    write_blob_survey(root / "data", 200)
    assert main(["features"]) == 0
    with h5py.File(root / "data" / STAMPS, "a") as file:
        file.attrs["bands"] = "gri"
    assert main(["cnn-redshift", "train"]) == 2
    assert "bands 'gri' are not ugriz" in capsys.readouterr().err
