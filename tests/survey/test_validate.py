"""What a survey holds and lacks."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from small_stamps import write_small_survey

from analysis.errors import InputError
from analysis.survey.catalogue import CATALOGUE, PROVENANCE, TRUTH, read_provenance, to_arrow, write_survey
from analysis.survey.validate import print_summary, summarise


@pytest.fixture
def survey(tmp_path):
    table = pd.DataFrame(
        {
            "object_id": [1, 2, 3, 4],
            "class": ["GALAXY", "GALAXY", "STAR", None],
            "redshift": [0.1, 0.3, 0.0, np.nan],
            "dered_g": [20.0, 21.0, 22.0, np.nan],
            "dered_r": [19.0, 20.0, 21.5, 18.0],
            "dered_y": [np.nan] * 4,
        }
    )
    write_survey(table, tmp_path / "survey", {"kind": "test", "source": "nowhere"})
    return tmp_path / "survey"


def rewrite(survey, **columns):
    """Write the catalogue anew without a word to the provenance."""
    table = pd.read_parquet(survey / CATALOGUE).assign(**columns)
    pq.write_table(to_arrow(table), survey / CATALOGUE)


def test_summary(survey):
    summary = summarise(survey)
    assert (summary["objects"], summary["with_redshift"]) == (4, 3)
    assert summary["classes"] == {"GALAXY": 2, "STAR": 1, "QSO": 0}
    assert summary["columns"]["dered_g"] == {"unit": "mag", "nulls": 0.25, "min": 20, "median": 21, "max": 22}
    assert summary["columns"]["dered_y"] == {
        "unit": "mag",
        "nulls": 1,
        "min": None,
        "median": None,
        "max": None,
    }
    assert summary["columns"]["object_id"]["max"] is None
    assert "psfMag_u" in summary["missing_columns"]
    assert "dered_g" not in summary["missing_columns"]
    assert summary["stamps"] is None
    assert summary["provenance"] == {"kind": "test", "source": "nowhere", "checksums": True}
    assert json.loads(json.dumps(summary)) == summary


def test_printed_summary(survey, capsys):
    print_summary(summarise(survey), survey)
    printed = capsys.readouterr().out
    assert "4 objects" in printed
    assert "psfMag (ugriz)" in printed
    assert "dered (uiz)" in printed


def test_changed_file(survey):
    rewrite(survey, redshift=[0.1, 0.3, 0.0, 0.2])
    with pytest.raises(InputError, match=f"{CATALOGUE}: sha256 .*; expected"):
        summarise(survey)


def test_changed_stamps(tmp_path):
    write_small_survey(tmp_path / "survey", n=4)
    provenance = read_provenance(tmp_path / "survey")
    provenance["sha256"]["stamps.h5"] = "0" * 64
    (tmp_path / "survey" / PROVENANCE).write_text(json.dumps(provenance))
    with pytest.raises(InputError, match=r"stamps\.h5: sha256 .*; expected 000"):
        summarise(tmp_path / "survey")


def test_stamps_are_in_the_summary(tmp_path, capsys):
    write_small_survey(tmp_path / "survey", n=6)
    summary = summarise(tmp_path / "survey")
    assert summary["stamps"]["classes"] == {"GALAXY": 3, "STAR": 3, "QSO": 0, "unlabelled": 0}
    assert json.loads(json.dumps(summary)) == summary
    print_summary(summary, tmp_path / "survey")
    printed = capsys.readouterr().out
    assert "stamps: 6 of 44 x 44 pixels of 0.396 arcsec: 3 GALAXY, 3 STAR" in printed
    assert "PSF FWHM (arcsec): u 1.3, g 1.3" in printed
    assert "sky noise (nmgy per pixel): u 0.03, g 0.012" in printed


def test_missing_files(survey):
    """A survey may come without provenance, and a mock without its truth, but not without a file told of."""
    provenance = read_provenance(survey)
    for name, complaint in {TRUTH: None, "stamps.h5": r"stamps\.h5: missing"}.items():
        provenance["sha256"][name] = "0"
        (survey / PROVENANCE).write_text(json.dumps(provenance))
        if complaint is None:
            summarise(survey)
            continue
        with pytest.raises(InputError, match=complaint):
            summarise(survey)
    (survey / PROVENANCE).unlink()
    assert summarise(survey)["provenance"] is None


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"dered_r": [19, 20, 99, 18]}, "'dered_r', row 3: value 99"),
        ({"object_id": [1, 2, 2, 4]}, "'object_id', row 2: value 2; expected unique"),
        ({"redshift": [0.1, -0.5, 0, 1]}, "'redshift', row 2: value -0.5"),
    ],
)
def test_broken_contract(survey, columns, complaint):
    rewrite(survey, **columns)
    with pytest.raises(InputError, match=f"{CATALOGUE}: column {complaint}"):
        summarise(survey)


def test_no_survey(tmp_path):
    with pytest.raises(InputError, match=f"no {CATALOGUE} here"):
        summarise(tmp_path)
    pd.DataFrame({"ra": [1.0]}).to_parquet(tmp_path / CATALOGUE)
    with pytest.raises(InputError, match="'object_id' is missing"):
        summarise(tmp_path)
