"""The door for foreign tables: what comes in is right, what is wrong stays out and is named."""

import gzip
import json

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from astropy.table import Table

from analysis.errors import InputError
from analysis.paths import COLUMN_MAPS
from analysis.survey.catalogue import read_catalogue, read_provenance
from analysis.survey.columns_map import read_map
from analysis.survey.ingest import ingest
from analysis.survey.schema import check_catalogue

SDSS_ID = 1237648704040403114
GOOD_MAP = {"columns": {"object_id": "id", "ra": "ra", "redshift": "z", "class": "label", "dered_g": "g"}}
GOOD_TABLE = "id,ra,z,label,g\n1,10,0.1,GALAXY,20\n2,11,0.2,STAR,21\n3,12,0.3,QSO,22\n"


@pytest.fixture
def door(tmp_path):
    """Return a function that ingests text or a written table with a map, and reads the result."""

    def call(table, columns_map, name="table.csv"):
        if isinstance(table, str):
            (tmp_path / name).write_text(table)
        (tmp_path / "map.yaml").write_text(yaml.safe_dump(columns_map, sort_keys=False))
        ingest([tmp_path / name], tmp_path / "map.yaml", tmp_path / "survey")
        return read_catalogue(tmp_path / "survey")

    return call


def test_ids_labels_and_numbers(door):
    """19 digits survive, labels are of any case, the contract's order of columns is kept."""
    table = door(
        f"id,label,z,g\n{SDSS_ID}, galaxy ,0.1,+20.5\n{SDSS_ID + 1},STAR,-1e-4,21\n",
        {"columns": {"dered_g": "g", "object_id": "id", "class": "label", "redshift": "z"}},
    )
    assert list(table) == ["object_id", "class", "redshift", "dered_g"]
    assert table["object_id"].tolist() == [SDSS_ID, SDSS_ID + 1]
    assert table["class"].tolist() == ["GALAXY", "STAR"]
    assert table["redshift"].tolist() == [0.1, -1e-4]
    assert table["dered_g"].tolist() == [20.5, 21]


def test_rows_are_numbered_over_all_files(tmp_path):
    for name, rows in {"a.csv": "0.1\n0.2\n", "b.csv": "0.3\n"}.items():
        (tmp_path / name).write_text("z\n" + rows)
    (tmp_path / "map.yaml").write_text("{columns: {redshift: z}, constants: {class: QSO, extinction_r: 0.1}}")
    ingest([tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "map.yaml", tmp_path / "survey")
    table = read_catalogue(tmp_path / "survey")
    assert table["object_id"].tolist() == [0, 1, 2]
    assert table["redshift"].tolist() == [0.1, 0.2, 0.3]
    assert set(table["class"]) == {"QSO"}
    assert np.allclose(table["extinction_r"], 0.1)
    files = read_provenance(tmp_path / "survey")["files"]
    assert [(f["name"], f["rows"]) for f in files] == [("a.csv", 2), ("b.csv", 1)]


def test_missing_values(tmp_path, door):
    """Sentinels, empty cells and NaN become null, are counted, and never touch an object's number."""
    table = door(
        "id,z,g,eg,r,w\n-9999,0.1,-9999.0,5,0,-9999\n0,0.2,20,0.1,,0\n99,99,bad,0.2,NaN,4\n7,0,0,0.3,21,\n",
        {
            "columns": {
                "object_id": "id",
                "redshift": "z",
                "dered_g": "g",
                "deredErr_g": "eg",
                "dered_r": "r",
                "redshift_warning": "w",
            },
            "missing_values": {"*": [-9999, 99, "bad"], "dered_*": [0]},
        },
    )
    assert table["object_id"].tolist() == [-9999, 0, 99, 7]
    assert table["redshift"].fillna(-1).tolist() == [
        0.1,
        0.2,
        -1,
        0,
    ]  # declared, so even a label may be missing
    assert table["dered_g"].fillna(-1).tolist() == [-1, 20, -1, -1]
    assert table["deredErr_g"].isna().tolist() == [True, False, True, True]  # an error without its magnitude
    assert table["dered_r"].fillna(-1).tolist() == [-1, -1, -1, 21]
    assert table["redshift_warning"].fillna(-1).tolist() == [-1, 0, 4, -1]
    nulls = read_provenance(tmp_path / "survey")["files"][0]["nulls"]
    assert nulls["dered_g"] == {"-9999": 1, "bad": 1, "0": 1}
    assert nulls["dered_r"] == {"0": 1, "empty": 2}
    assert nulls["deredErr_g"] == {"no magnitude": 3}
    assert nulls["redshift"] == {"99": 1}


def test_sentinel_in_single_precision(tmp_path, door):
    """-99.9 stored as float32 is not the double -99.9."""
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["g"] = np.array([-99.9, 20], "f4")
    table = door(None, {"columns": {"dered_g": "g"}, "missing_values": [-99.9]}, "t.h5")
    assert table["dered_g"].isna().tolist() == [True, False]


def test_nan_may_be_declared_or_allowed(door, tmp_path):
    """A label may be missing if the map says so: in missing_values, or as optional."""
    columns = {"redshift": "z", "class": "label"}
    text = "z,label\n0.1,\nnan,STAR\n"
    table = door(text, {"columns": columns, "missing_values": [float("nan"), ""]})
    assert table["redshift"].isna().tolist() == [False, True]
    assert table["class"].isna().tolist() == [True, False]
    strict = json.loads((tmp_path / "survey" / "provenance.json").read_text(), parse_constant=pytest.fail)
    assert strict["columns_map"]["missing_values"] == ["NaN", ""]
    (tmp_path / "survey").rename(tmp_path / "first")
    pd.testing.assert_frame_equal(door(text, {"columns": columns, "optional": ["redshift", "class"]}), table)


def test_labels_are_translated(door):
    table = door(
        "t\n0\n1.0\nQSO\n-1\n",
        {
            "columns": {"class": "t"},
            "values": {"class": {0: "STAR", "1.0": "GALAXY"}},
            "missing_values": [-1],
        },
    )
    assert table["class"].astype(object).where(table["class"].notna(), None).tolist() == [
        "STAR",
        "GALAXY",
        "QSO",
        None,
    ]


def test_labels_kept_as_floats(tmp_path, door):
    Table({"t": [0.0, 1.0]}).write(tmp_path / "t.fits")
    table = door(None, {"columns": {"class": "t"}, "values": {"class": {0: "STAR", 1: "GALAXY"}}}, "t.fits")
    assert table["class"].tolist() == ["STAR", "GALAXY"]


@pytest.mark.parametrize("suffix", ["fits", "vot"])
def test_units_of_the_file_are_converted(tmp_path, door, suffix):
    table = Table({"ra": [12.0], "rad": [0.5], "g": [20500.0], "z": [0.1]})
    for name, unit in {"ra": "rad", "rad": "arcmin", "g": "mmag"}.items():
        table[name].unit = unit
    table["ra"] = [np.pi]
    table["ra"].unit = "rad"
    table.write(tmp_path / f"t.{suffix}", format={"vot": "votable"}.get(suffix, suffix))
    columns = {"ra": "ra", "petroRad_r": "rad", "dered_g": "g", "redshift": "z"}
    result = door(None, {"columns": columns}, f"t.{suffix}")
    assert result["ra"].tolist() == pytest.approx([180])
    assert result["petroRad_r"].tolist() == [30]
    assert result["dered_g"].tolist() == [20.5]


def test_units_of_the_map_override(door):
    table = door(
        "ra,rad\n6,0.5\n",
        {"columns": {"ra": "ra", "expRad_r": "rad"}, "units": {"ra": "hourangle", "expRad_r": "arcmin"}},
    )
    assert table.iloc[0][["ra", "expRad_r"]].tolist() == pytest.approx([90, 30])


def test_fluxes_become_magnitudes(door):
    """1 nanomaggy is AB 22.5, 3.631 microjansky too (within the definition of AB); dm = 2.5/ln(10) df/f."""
    table = door(
        "f,e,j\n1,0.1,3.6307805\n100,1,363.07805\n-1,1,0\n",
        {
            "columns": {"psfMag_r": "f", "psfMagErr_r": "e", "dered_r": "j"},
            "units": {"psfMag_r": "nanomaggies", "psfMagErr_r": "nanomaggies", "dered_r": "uJy"},
        },
    )
    assert table["psfMag_r"].tolist()[:2] == pytest.approx([22.5, 17.5])
    assert table["dered_r"].tolist()[:2] == pytest.approx([22.5, 17.5], abs=1e-4)
    assert table["psfMagErr_r"].tolist()[:2] == pytest.approx([0.1085736, 0.01085736], rel=1e-5)
    assert table.iloc[2][["psfMag_r", "psfMagErr_r", "dered_r"]].isna().all()


BAD_TABLES = {
    "misspelt column": (
        GOOD_TABLE.replace("label", "lable"),
        {},
        ["'label'", "(for class)", "did you mean 'lable'"],
    ),
    "missing column": ("x,y\n1,2\n", {}, ["'id'", "expected one of: x, y"]),
    "text in a number": (
        GOOD_TABLE.replace("21", "bright"),
        {},
        ["row 2 (line 3)", "'g' (dered_g)", "'bright'"],
    ),
    "too few cells": (GOOD_TABLE + "4,13\n", {}, ["row 4 (line 5)", "2 cells; expected 5"]),
    "empty": ("", {}, ["empty"]),
    "no rows": ("id,ra,z,label,g\n", {}, ["no rows"]),
    "duplicate ids": (
        GOOD_TABLE.replace("\n3,", "\n1,"),
        {},
        ["row 3 (line 4)", "'id'", "1 also in", "row 1 (line 2)"],
    ),
    "low redshift": (
        GOOD_TABLE.replace("0.2", "-0.0201"),
        {},
        ["row 2 (line 3)", "'z' (redshift)", "-0.0201"],
    ),
    "NaN redshift": (
        GOOD_TABLE.replace("0.2", "nan"),
        {},
        ["row 2 (line 3)", "'z' (redshift)", "optional: [redshift]"],
    ),
    "empty class": (
        GOOD_TABLE.replace("STAR", ""),
        {},
        ["row 2 (line 3)", "'label' (class)", "optional: [class]"],
    ),
    "unknown class": (
        GOOD_TABLE.replace("STAR", "STARS"),
        {},
        ["row 2 (line 3)", "'STARS'", "did you mean 'STAR'"],
    ),
    "infinite": (GOOD_TABLE.replace("21", "inf"), {}, ["row 2 (line 3)", "'g' (dered_g)", "inf", "finite"]),
    "overflow": (GOOD_TABLE.replace("21", "1e400"), {}, ["row 2 (line 3)", "'g' (dered_g)", "inf"]),
    "position": (GOOD_TABLE.replace("11", "361"), {}, ["row 2 (line 3)", "'ra'", "361", "between 0 and 360"]),
    "required": (
        GOOD_TABLE.replace("21", ""),
        {"required": ["dered_g"]},
        ["row 2 (line 3)", "'g' (dered_g)", "empty"],
    ),
    "float id": (
        GOOD_TABLE.replace("\n2,", "\n1.23764870457714E+018,"),
        {},
        ["row 2 (line 3)", "lost digits"],
    ),
    "text id": (GOOD_TABLE.replace("\n2,", "\nJ1234,"), {}, ["row 2 (line 3)", "'J1234'", "whole number"]),
    "empty id": (GOOD_TABLE.replace("\n2,", "\n,"), {}, ["row 2 (line 3)", "object_id", "''"]),
    "huge id": (GOOD_TABLE.replace("\n2,", "\n9223372036854775808,"), {}, ["row 2 (line 3)", "2^63"]),
    "unknown unit": (GOOD_TABLE, {"units": {"ra": "grad"}}, ["'ra'", "'grad'", "units"]),
    "wrong unit": (GOOD_TABLE, {"units": {"ra": "km"}}, ["'ra'", "'km'", "expected deg"]),
    "fraction of a bit mask": (
        GOOD_TABLE,
        {"columns": {"redshift_warning": "z"}},
        ["row 1 (line 2)", "redshift_warning", "whole number"],
    ),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables(tmp_path, door, case):
    """The error names file, row, line and column; nothing is written."""
    text, additions, said = BAD_TABLES[case]
    with pytest.raises(InputError) as error:
        door(text, GOOD_MAP | additions)
    for part in ["table.csv", *said]:
        assert part in str(error.value)
    assert {path.name for path in tmp_path.iterdir()} == {"table.csv", "map.yaml"}


BAD_MAPS = {
    "unknown key": ({"colums": {}}, ["'colums'", "did you mean 'columns'"]),
    "unknown format key": (
        {"format": {"delimeter": ","}},
        ["format", "'delimeter'", "did you mean 'delimiter'"],
    ),
    "unknown type": ({"format": {"type": "fit"}}, ["'fit'", "did you mean 'fits'"]),
    "long delimiter": ({"format": {"delimiter": "::"}}, ["'::'", "one character"]),
    "header": ({"format": {"header": -1}}, ["header", "-1"]),
    "unknown survey column": ({"columns": {"redshfit": "z"}}, ["'redshfit'", "did you mean 'redshift'"]),
    "column by number": ({"columns": {"redshift": 3}}, ["redshift", "3", "expected text"]),
    "no columns": ({"columns": {}}, ["no columns"]),
    "twice": ({"constants": {"redshift": 0.1}}, ["'redshift'", "columns and in constants"]),
    "constant class": ({"constants": {"class": "Galaxy"}}, ["'Galaxy'", "did you mean 'GALAXY'"]),
    "constant text": ({"constants": {"dec": "high"}}, ["dec", "'high'", "a number"]),
    "values": ({"values": {"class": {0: "STARS"}}}, ["'STARS'", "did you mean 'STAR'"]),
    "missing values": ({"missing_values": {"derd_g": [0]}}, ["'derd_g'", "did you mean 'dered_g'"]),
    "missing value": ({"missing_values": [True]}, ["True", "numbers or texts"]),
    "optional id": ({"optional": ["object_id"]}, ["object_id", "never missing"]),
    "required": ({"required": ["dered"]}, ["required", "'dered'"]),
    "not a mapping": ([], ["expected `key: value` lines"]),
}


@pytest.mark.parametrize("case", BAD_MAPS)
def test_bad_maps(tmp_path, door, case):
    additions, said = BAD_MAPS[case]
    with pytest.raises(InputError) as error:
        door(
            GOOD_TABLE,
            additions if isinstance(additions, list) else {"columns": {"redshift": "z"}} | additions,
        )
    for part in ["map.yaml", *said]:
        assert part in str(error.value)
    assert not (tmp_path / "survey").exists()


def test_unreadable_map_and_existing_folder(tmp_path, door):
    (tmp_path / "bad.yaml").write_text("columns: {redshift: z")
    (tmp_path / "twice.yaml").write_text("columns: {redshift: z, redshift: zphot}")
    for path in (tmp_path / "bad.yaml", tmp_path / "twice.yaml", tmp_path / "none.yaml"):
        with pytest.raises(InputError, match=r"cannot be read as YAML|no such file"):
            ingest([tmp_path / "table.csv"], path, tmp_path / "survey")
    (tmp_path / "survey").mkdir()
    with pytest.raises(InputError, match="exists already"):
        door(GOOD_TABLE, GOOD_MAP)
    assert list((tmp_path / "survey").iterdir()) == []


def test_duplicates_between_files_are_named_with_both(tmp_path):
    (tmp_path / "map.yaml").write_text("columns: {object_id: id}")
    (tmp_path / "a.csv").write_text("id\n5\n6\n")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"id\n7\n6\n"))
    with pytest.raises(InputError, match=r"b\.csv\.gz: row 2 \(line 3\).* 6 also in .*a\.csv: row 2 \(line 3\)"):
        ingest([tmp_path / "a.csv", tmp_path / "b.csv.gz"], tmp_path / "map.yaml", tmp_path / "survey")


@pytest.mark.parametrize(
    ("dtype", "number", "welcome"),
    [
        ("f8", 2**53 - 1, True),
        ("f8", 2**53, False),
        ("f4", 2**24 - 1, True),
        ("f4", 2**24, False),
        ("f8", 1.5, False),
        ("f8", np.nan, False),
        ("u8", 2**63, False),
        ("u8", 2**63 - 1, True),
        ("i4", -5, True),
    ],
)
def test_typed_ids(tmp_path, door, dtype, number, welcome):
    """A float that may have lost digits is no number of an object."""
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["id"] = np.array([number], dtype)
    columns_map = {"columns": {"object_id": "id"}}
    if welcome:
        assert door(None, columns_map, "t.h5")["object_id"].tolist() == [number]
    else:
        with pytest.raises(InputError, match="row 1, column 'id'"):
            door(None, columns_map, "t.h5")


@pytest.mark.parametrize("path", sorted(COLUMN_MAPS.glob("*.yaml")), ids=lambda path: path.stem)
def test_own_maps_say_where_the_data_come_from(path):
    columns_map = read_map(path)
    assert columns_map.source
    assert columns_map.licence


# Table: its files, objects, redshifts, nulls in one column, median of one column. Counted with pandas, h5py
# and astropy straight from the files.
REAL = {
    "boss_dr10": ("boss_dr10/*.csv", 20000, 20000, ("dered_u", 0), ("dered_r", 21.153672)),
    "boss_dr10_fits": ("boss_dr10/*.fits.gz", 4999, 4999, ("dered_u", 0), ("dered_u", 23.273645)),
    "sdss_mgs": ("sdss_mgs/SDSS_MGS.t*", 10000, 10000, ("deredErr_u", 0), ("redshift", 0.0900655)),
    "galaxyzoo1_table": ("galaxyzoo1_table/*.csv", 5000, 4998, ("dered_u", 19), ("ra", 161.4391)),
    "star_galaxy_sdss": (
        "star_galaxy_sdss/*_sg*.txt",
        14800,
        14800,
        ("petroRad_r", 0),
        ("psfMag_r", 18.40212),
    ),
    "sdss_spectro_10k": ("sdss_spectro_10k/*.csv", 10000, 10000, ("dered_z", 0), ("dered_z", 16.38994)),
    "dc2_sim": ("dc2_sim/*.hdf5", 30674, 30674, ("deredErr_u", 2203), ("dered_y", 23.82208)),
}


@pytest.mark.real
@pytest.mark.parametrize("name", REAL)
def test_real_tables(real_data, tmp_path, name):
    pattern, objects, redshifts, (with_nulls, nulls), (column, median) = REAL[name]
    ingest(sorted(real_data.glob(pattern)), COLUMN_MAPS / f"{name}.yaml", tmp_path / "survey")
    table = read_catalogue(tmp_path / "survey")
    check_catalogue(table, name)
    assert (len(table), table["redshift"].notna().sum()) == (objects, redshifts)
    assert table[with_nulls].isna().sum() == nulls
    assert table[column].median() == pytest.approx(median, abs=1e-3)
    assert str(real_data) not in (tmp_path / "survey" / "provenance.json").read_text()


@pytest.mark.real
def test_real_classes_and_ids(real_data, tmp_path):
    files = sorted(real_data.glob("star_galaxy_sdss/*_sg*.txt"))
    ingest(files, COLUMN_MAPS / "star_galaxy_sdss.yaml", tmp_path / "sg")
    table = read_catalogue(tmp_path / "sg")
    assert table["class"].value_counts().to_dict() == {"STAR": 7800, "GALAXY": 7000, "QSO": 0}
    assert table["object_id"][0] == 1237657633260830851
    ingest(
        [real_data / "sdss_spectro_10k" / "sdss_spectro_10k.csv"],
        COLUMN_MAPS / "sdss_spectro_10k.yaml",
        tmp_path / "s",
    )
    counts = read_provenance(tmp_path / "s")["counts"]
    assert (counts["GALAXY"], counts["STAR"], counts["QSO"]) == (4998, 4152, 850)


@pytest.mark.real
def test_real_rounded_ids_are_refused(real_data, tmp_path):
    """The two tables whose ids lost digits say so, should somebody map them."""
    (tmp_path / "map.yaml").write_text("columns: {object_id: objid}")
    with pytest.raises(InputError, match=r"row 1 \(line 2\).*1\.23764870457714E\+018.*lost digits"):
        ingest([real_data / "sdss_spectro_10k/sdss_spectro_10k.csv"], tmp_path / "map.yaml", tmp_path / "survey")
    (tmp_path / "map.yaml").write_text("columns: {object_id: id}")
    with pytest.raises(InputError, match=r"also in .*lost digits"):
        ingest([real_data / "galaxyzoo1_table/galaxies.csv"], tmp_path / "map.yaml", tmp_path / "survey")
