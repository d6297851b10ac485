"""`bench photoz`: who is trained on, who is judged, what is written down."""

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from toy_photometry import draw, posterior

from analysis.errors import InputError
from analysis.photoz_pdf import bench, race
from analysis.photoz_pdf.race import GRID, N_TRAIN, Sample, boss_dr10, out_of_fold, peers, scores
from analysis.photoz_pdf.trainz import TrainZ

QUICK = (("mdn", "mdn", {"members": 1, "steps": 20, "hidden": [8]}), ("trainz", "trainz", {}))


def sample(n, seed):
    magnitudes, errors, z = draw(n, seed)
    return Sample(np.column_stack([magnitudes, magnitudes[:, :2]]), np.column_stack([errors, errors[:, :2]]), z)


class Forbidden(Sample):
    """Test galaxies that must not be read."""

    def __getitem__(self, key):
        raise AssertionError("the test galaxies were read")


@pytest.fixture
def quick(monkeypatch, tmp_path):
    def fit(name, settings, training):
        return race.estimator_class(name)(GRID, **dict(QUICK[0][2] if name == "mdn" else {})).fit(*training)

    for module in (bench, race):
        monkeypatch.setattr(module, "fit", fit)
    monkeypatch.setattr(bench, "OURS", QUICK)
    monkeypatch.setattr(bench, "_CURVE", (50, 100))
    monkeypatch.setattr(bench, "_JUDGED", 100)
    monkeypatch.setattr(bench, "_MANY", 300)
    monkeypatch.setattr(bench, "_RESULTS", tmp_path / "results")
    return tmp_path / "results"


def run(final):
    return bench.run(argparse.Namespace(real_data=Path("real"), final=final, peers=None))


def last_line(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_without_final_the_test_galaxies_are_not_read(quick, monkeypatch, capsys):
    monkeypatch.setattr(bench, "boss_dr10", lambda _: (sample(300, 0), Forbidden(*sample(100, 1))))
    monkeypatch.setattr(race, "N_TRAIN", 300)
    assert run(final=False) == 1  # tiny networks reach no figure
    result = last_line(capsys)
    assert set(result["ours"]) == {"mdn", "trainz"} and len(result["learning_curve"]) == 2
    assert not result["reached"]["cde_loss"]
    assert (quick / "cross_validation.json").is_file() and not (quick / "final_readings.csv").exists()


def test_final_writes_down_each_reading(quick, monkeypatch, capsys):
    monkeypatch.setattr(bench, "boss_dr10", lambda _: (sample(300, 0), sample(100, 1)))
    for readings in (1, 2):
        run(final=True)
        rows = list(csv.reader((quick / "final_readings.csv").read_text().splitlines()))
        assert len(rows) == 1 + readings
    result = json.loads((quick / "final.json").read_text())
    assert result["test"] == 100 and result["judged_on"] == "test"
    assert last_line(capsys)["ours"]["trainz"]["cde_loss"] == pytest.approx(
        result["ours"]["trainz"]["cde_loss"], rel=1e-5
    )


def test_scores_of_a_known_posterior():
    magnitudes, _, z = draw(20_000)
    mean, sigma = posterior(magnitudes)
    figures = scores(stats.norm.pdf(GRID, mean[:, None], sigma), z)
    assert figures["cde_loss"] == pytest.approx(-1 / (2 * sigma * np.sqrt(np.pi)), rel=0.02)
    assert figures["crps"] == pytest.approx(sigma / np.sqrt(np.pi), rel=0.02)
    assert figures["ks"] < 0.012
    assert figures["sigma_iqr"] == pytest.approx(sigma / 1.5, rel=0.05)


def test_out_of_fold_means_trained_on_the_others(monkeypatch):
    seen = []

    class Spy(TrainZ):
        def _fit(self, features, errors, z):
            seen.append(set(z))
            super()._fit(features, errors, z)

        def _pdf(self, features, errors):
            assert not seen[-1] & set(features[:, 0])
            return super()._pdf(features, errors)

    monkeypatch.setattr(race, "estimator_class", lambda _: Spy)
    z = np.linspace(0.1, 0.9, 60)
    assert out_of_fold("spy", {}, Sample(z[:, None], z[:, None], z), folds=4).shape == (60, len(GRID))
    assert len(seen) == 4 and set.union(*seen) == set(z)


def test_an_environment_without_rail_is_said_to_be_one():
    with pytest.raises(InputError, match="cannot run RAIL's estimators"):
        peers(Path(sys.executable), sample(20, 0), sample(20, 1))


def test_missing_files_and_folder(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"train_boss_dr10_0\.csv: no such file"):
        boss_dr10(tmp_path)
    monkeypatch.delenv("REAL_DATA", raising=False)
    with pytest.raises(InputError, match="--real-data"):
        bench.run(argparse.Namespace(real_data=None, final=False, peers=None))


@pytest.mark.real
def test_the_real_table(real_data):
    training, test = boss_dr10(real_data)
    assert len(training.z) == N_TRAIN and len(test.z) == 7968
    z = np.concatenate([training.z, test.z])
    assert z.min() > 0.01 and z.max() < 1
    everyone = np.concatenate([np.column_stack(part) for part in (training, test)])
    assert len(np.unique(everyone, axis=0)) == len(everyone)
    assert abs(training.z.mean() - test.z.mean()) < 0.01  # shuffled: the files are different selections
