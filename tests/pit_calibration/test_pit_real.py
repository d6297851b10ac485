"""Redshift PDFs on real tables: who is read, who is spared, what is written."""

import json
from argparse import Namespace

import numpy as np
import pytest

from analysis import paths
from analysis.errors import InputError
from analysis.photoz_pdf import real
from analysis.photoz_pdf.names import RACE_TABLE
from analysis.photoz_pdf.race import N_TRAIN, boss_dr10
from analysis.pit_calibration.real import run_on_real_tables
from analysis.redshift_distributions.real import measure_shifts
from analysis.spectroscopic_completeness.real import measure_labels
from analysis.survey.real_tables import TABLES, table


def test_every_table_has_its_results_and_no_rows():
    for one in TABLES:
        for result in ("pit_calibration", "redshift_distributions", "spectroscopic_completeness"):
            folder = paths.REAL_RESULTS / one.name / result
            assert [path.name for path in folder.iterdir()] == ["metrics.json"]
            content = json.loads((folder / "metrics.json").read_text())
            assert content["provenance"]["files"].keys() == set(one.files)
            assert content.get("simulated", False) == (one.name == "dc2_sim")
            assert ("not_run" in content) == (one.name == "star_galaxy_sdss")


def test_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match="expected the folder of real tables"):
        real.real_galaxies(table("sdss_mgs"), tmp_path)
    with pytest.raises(InputError, match="expected the folder of real tables"):
        real.real_galaxies(table(RACE_TABLE), tmp_path)


@pytest.mark.real
def test_galaxies_that_judge_the_bench_are_not_read(real_data):
    galaxies = real.real_galaxies(table(RACE_TABLE), real_data)
    training, reserved = boss_dr10(real_data)
    assert len(galaxies) == N_TRAIN == len(training.z)
    measured = ["dered_u", "dered_g", "dered_r", "dered_i", "dered_z"]
    ours = set(map(tuple, np.column_stack([galaxies[measured], galaxies["redshift"]])))
    assert not ours & set(map(tuple, np.column_stack([reserved.magnitudes, reserved.z])))


@pytest.mark.real
@pytest.mark.slow
def test_shifts_and_bad_labels_of_real_galaxies(real_data):
    galaxies = real.real_galaxies(table("sdss_mgs"), real_data)
    shifts = measure_shifts(galaxies)
    for number in range(1, 5):
        values = shifts[f"bin_{number}"]
        assert abs(values["miss"]) < 5 * values["miss_err"] < 0.05
    found = measure_labels(galaxies)["labels"]
    assert found["leaf_mates"]["recall"] > 0.5
    assert found["leaf_mates"]["average_precision"] > 20 * found["bad_percent"] / 100


def test_one_band_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "REAL_RESULTS", tmp_path)
    one = table("star_galaxy_sdss")
    monkeypatch.setattr(real, "TABLES", [one])
    monkeypatch.setattr(real, "provenance", lambda *_: {})
    galaxies = real.pd.DataFrame({"object_id": [1], "redshift": [0.1], "dered_r": [18.0], "split": ["train"]})
    monkeypatch.setattr(real, "real_galaxies", lambda *_: galaxies)
    run_on_real_tables(Namespace(real_data=tmp_path))
    content = json.loads((tmp_path / one.name / "pit_calibration" / "metrics.json").read_text())
    assert "fewer than two bands" in content["not_run"]
