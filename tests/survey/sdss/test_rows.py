"""SkyServer's CSV to catalogue."""

import numpy as np
import pytest

from analysis.survey.schema import BANDS, check_catalogue
from analysis.survey.sdss.query import FIELD_COLUMNS, page_query
from analysis.survey.sdss.rows import check_page, join_pages, object_ids, read_page, to_objects


@pytest.fixture
def page(archive) -> bytes:
    return archive.csv(page_query(1000, 0))


def changed(archive, column: str, value: str, row: int = 3) -> bytes:
    """Return the page with one cell changed."""
    archive.rows.loc[row, column] = value
    return archive.csv(page_query(1000, 0))


def test_a_page_becomes_a_catalogue(archive, page):
    table, _ = to_objects(read_page(page))
    check_catalogue(table.drop(columns=list(FIELD_COLUMNS)), "page")
    assert len(table) == len(archive.rows)
    assert table["object_id"].astype(str).tolist() == archive.rows["objID"].tolist()  # all nineteen digits
    assert set(table["class"]) == {"GALAXY", "STAR", "QSO"}
    assert table["photoz_sdss"].notna().equals(table["class"] == "GALAXY")


def test_dereddened_magnitudes_are_model_magnitudes_less_extinction(archive, page):
    table, _ = to_objects(read_page(page))
    for band in BANDS:
        model = archive.rows[f"modelMag_{band}"].astype(float)
        extinction = archive.rows[f"extinction_{band}"].astype(float)
        assert table[f"dered_{band}"].to_numpy() == pytest.approx((model - extinction).to_numpy(), abs=1e-4)


def test_a_row_that_was_not_measured(archive):
    archive.rows.loc[3, ["modelMag_u", "petroRad_z", "photoz", "q_g"]] = "-9999"
    archive.rows.loc[3, ["modelMagErr_u"]] = "-1000"
    table, nulls = to_objects(read_page(archive.csv(page_query(1000, 0))))
    assert table.loc[3, ["dered_u", "deredErr_u", "petroRad_z", "photoz_sdss", "q_g"]].isna().all()
    assert table.loc[3, ["dered_g", "psfMag_u", "petroRad_r"]].notna().all()
    assert nulls["petroRad_z"] == {"-9999": 1}
    assert nulls["deredErr_u"] == {"-1000": 1}


def test_an_impossible_value_costs_the_value_not_the_sample(archive):
    table, nulls = to_objects(read_page(changed(archive, "q_u", "3.7")))
    assert np.isnan(table.loc[3, "q_u"])
    assert nulls["q_u"] == {"impossible": 1}
    assert len(table) == len(archive.rows)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html><body>Runtime Error</body></html>", "no table of objects but"),
        (b"", "no table of objects"),
        (b"#Table1\nobjID,ra,dec\n1,2,3\n", "no column"),
        (b'[{"error_message": "Incorrect syntax near FROM"}]', "Incorrect syntax"),
    ],
)
def test_answers_that_are_no_table(content, message):
    with pytest.raises(ValueError, match=message):
        read_page(content)


@pytest.mark.parametrize("cut", [2, 5, 40, 1234])
def test_a_page_cut_short_is_noticed(page, cut):
    with pytest.raises(ValueError, match="cut short"):
        read_page(page[:-cut])


@pytest.mark.parametrize(("column", "value"), [("objID", "1.2376e18"), ("run", "null"), ("psfMag_g", "?"), ("dec", "")])
def test_a_page_that_cannot_be_used_is_not_kept(archive, column, value):
    check_page(archive.csv(page_query(1000, 0)))
    with pytest.raises(ValueError, match=value.replace("?", r"\?") or "empty"):
        check_page(changed(archive, column, value) if column != "objID" else changed_id(archive, value))


def changed_id(archive, value: str) -> bytes:
    first = archive.rows["objID"][0].encode()
    return archive.csv(page_query(1000, 0)).replace(first, value.encode())


def test_an_answer_without_rows_is_empty(page):
    header = b"\n".join(page.split(b"\n")[:2]) + b"\n"
    assert len(read_page(header)) == 0
    with pytest.raises(ValueError, match="no object meets the query"):
        join_pages([read_page(header)])


def test_an_object_with_two_spectra_comes_once(archive, page):
    raw = read_page(page)
    joined, _ = join_pages([raw, read_page(page)])
    assert joined["object_id"].tolist() == sorted(object_ids(raw).tolist())
