"""Reading and writing survey folders."""

import hashlib
import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from analysis.errors import InputError
from analysis.survey.catalogue import (
    CATALOGUE,
    PROVENANCE,
    new_folder,
    read_catalogue,
    read_provenance,
    write_survey,
)


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "object_id": [1237648704040403114, 1237648704040403115],
            "class": ["STAR", None],
            "redshift": [np.nan, 0.25],
            "redshift_warning": [4.0, np.nan],
            "dered_r": [17.25, np.nan],
        }
    )


def test_round_trip(table, tmp_path):
    """What is written is read: 19 digits, labels, nulls; units and types are the contract's."""
    write_survey(table, tmp_path / "survey", {"kind": "test"})
    pd.testing.assert_frame_equal(
        read_catalogue(tmp_path / "survey").astype({"class": object}), table, check_dtype=False
    )
    arrow = pq.read_table(tmp_path / "survey" / CATALOGUE)
    assert arrow.schema.field("dered_r").metadata[b"unit"] == b"mag"
    assert [str(arrow.schema.field(n).type) for n in ("redshift_warning", "dered_r")] == ["int32", "float"]
    assert [arrow[n].null_count for n in arrow.column_names] == [0, 1, 1, 1, 1]


def test_provenance_counts_and_checksums(table, tmp_path):
    write_survey(table, tmp_path / "survey", {"kind": "test"})
    provenance = read_provenance(tmp_path / "survey")
    assert provenance["counts"] == {"objects": 2, "GALAXY": 0, "STAR": 1, "QSO": 0, "with_redshift": 1}
    content = (tmp_path / "survey" / CATALOGUE).read_bytes()
    assert provenance["sha256"] == {CATALOGUE: hashlib.sha256(content).hexdigest()}


def test_a_folder_appears_whole_or_not_at_all(table, tmp_path):
    with pytest.raises(RuntimeError), new_folder(tmp_path / "survey") as folder:
        (folder / "file").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    write_survey(table, tmp_path / "survey", {})
    with pytest.raises(InputError, match="exists already"):
        write_survey(table, tmp_path / "survey", {})


def test_columns_that_the_survey_lacks_are_left_out(table, tmp_path):
    write_survey(table, tmp_path / "survey", {})
    assert list(read_catalogue(tmp_path / "survey", ["dered_r", "dered_u"])) == ["dered_r"]


@pytest.mark.parametrize("content", ["{", json.dumps([1])])
def test_unreadable_provenance(tmp_path, content):
    (tmp_path / PROVENANCE).write_text(content)
    with pytest.raises(InputError, match=PROVENANCE):
        read_provenance(tmp_path)


def test_unreadable_catalogue(table, tmp_path):
    with pytest.raises(InputError, match=f"no {CATALOGUE}"):
        read_catalogue(tmp_path)
    write_survey(table, tmp_path / "survey", {})
    path = tmp_path / "survey" / CATALOGUE
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_catalogue(tmp_path / "survey")
