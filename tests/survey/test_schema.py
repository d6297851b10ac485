"""The catalogue contract."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import InputError
from analysis.survey.schema import (
    COLUMNS,
    check_catalogue,
    column_of,
    find_violation,
    is_magnitude,
    magnitude_of,
)


def catalogue(**columns):
    return pd.DataFrame({"object_id": [1, 2, 3], **columns})


def test_contract_has_what_the_features_need():
    """Hoyle et al. (2015): three magnitudes, three radii, fracDeV, axis ratios, Stokes parameters, ugriz."""
    magnitudes_and_radii = ["dered", "psfMag", "fiberMag", "petroRad", "expRad", "deVRad"]
    shapes = ["fracDeV", "expAB", "deVAB", "q", "u"]
    assert all(f"{family}_{band}" in COLUMNS for family in magnitudes_and_radii + shapes for band in "ugriz")


def test_further_bands():
    assert column_of("dered_y").unit == "mag"
    assert column_of("deredErr_J").low == 0
    assert column_of("psfMag_y") is None
    assert column_of("redshfit") is None


def test_magnitudes_and_their_errors():
    assert is_magnitude("cModelMag_r")
    assert is_magnitude("dered_y")
    assert not is_magnitude("extinction_r")
    assert magnitude_of("psfMagErr_g") == "psfMag_g"
    assert magnitude_of("deredErr_y") == "dered_y"
    assert magnitude_of("dered_g") is None
    assert magnitude_of("redshift_err") is None


def test_missing_is_welcome_and_limits_belong_to_the_range():
    table = catalogue(ra=[0.0, 360.0, np.nan], redshift=[-0.02, 12, np.nan])
    table["class"] = ["GALAXY", None, "QSO"]
    assert find_violation(table) is None


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"redshift": [0.1, -0.021, 0.2]}, r"'redshift', row 2: value -0.021; expected between -0.02 and 12"),
        ({"dered_g": [20, 21, np.inf]}, r"'dered_g', row 3: value inf; expected"),
        ({"deredErr_y": [-1, 0, 0]}, "'deredErr_y', row 1"),
        ({"dec": [0, 0, 91]}, "'dec', row 3"),
        ({"class": ["GALAXY", "Galaxy", None]}, "'class', row 2: value Galaxy"),
        ({"mag_g": [1, 2, 3]}, "'mag_g' is not in the catalogue contract"),
        ({"ra": ["1", "2", "3"]}, "'ra' holds .*expected numbers"),
        ({"object_id": [1, 2, 1]}, "'object_id', row 1: value 1; expected unique"),
        ({"object_id": [1.0, 2.0, 3.0]}, "'object_id' holds float64, expected whole numbers"),
    ],
)
def test_violations_are_named(columns, complaint):
    with pytest.raises(InputError, match=complaint):
        check_catalogue(catalogue(**columns), "here")


def test_no_objects():
    with pytest.raises(InputError, match="no rows"):
        check_catalogue(catalogue().iloc[:0], "here")
    with pytest.raises(InputError, match="'object_id' is missing"):
        check_catalogue(pd.DataFrame({"ra": [1.0]}), "here")


def test_violation_says_the_row_of_a_table_with_any_index():
    table = pd.DataFrame({"dered_r": [20, 60]}, index=[7, 8])
    assert (find_violation(table).row, find_violation(table).value) == (1, 60)
    assert find_violation(table.iloc[:1]) is None
