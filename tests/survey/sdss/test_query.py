"""The query: one, written out, short enough for SkyServer."""

import re
from urllib.parse import urlencode

import pytest

from analysis.errors import InputError
from analysis.features import MEASURED
from analysis.survey.schema import COLUMNS as CONTRACT
from analysis.survey.sdss.query import COLUMNS, FIELD_COLUMNS, LONGEST, page_query


def selected(sql: str) -> list[str]:
    columns = re.search(r"TOP \d+ (.*?) FROM", sql)[1].split(",")
    return [re.split(r" AS |\.", column.strip())[-1] for column in columns]


def test_all_columns_of_the_contract_are_asked_for():
    assert set(COLUMNS) == set(CONTRACT)
    assert set(MEASURED) <= set(COLUMNS)
    assert sorted(selected(page_query(10, 0))) == sorted([*COLUMNS.values(), *FIELD_COLUMNS])


def test_the_query_is_paged_by_key_and_cut_to_good_measurements():
    sql = page_query(500, 1237652943176138868)
    assert sql.startswith("SELECT TOP 500 p.objID,")
    assert "p.objID > 1237652943176138868 AND s.zWarning = 0 AND p.clean = 1" in sql
    assert "s.class IN ('GALAXY','STAR','QSO')" in sql
    assert "LEFT JOIN Photoz" in sql
    assert sql.endswith("ORDER BY p.objID")
    assert "--" not in sql and "\n" not in sql


def test_a_further_condition_is_put_in_brackets_as_it_is():
    sql = page_query(1, 0, "p.run = 4510 OR p.run IN (1, 2)")
    assert " AND (p.run = 4510 OR p.run IN (1, 2)) ORDER BY" in sql


def test_the_query_is_short_enough_for_skyserver():
    payload = {"cmd": page_query(10_000, 2**63 - 1), "format": "csv", "searchtool": "SQL"}
    assert len(urlencode(payload)) < LONGEST - 300  # room for a condition
    with pytest.raises(InputError, match="SkyServer takes 2048"):
        page_query(1, 0, "p.run = 4510 OR " * 50)
