"""Whatever anybody puts before the door: a survey or one message, never a traceback, nothing written elsewhere.

Every example runs whole commands of `python -m analysis`, so that an exception in any library would be found.
"""

import re
import tempfile
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from malformed import COLUMNS, MAP, write
from malformed_others import stamps, write_cube

from analysis.__main__ import main
from analysis.survey.catalogue import read_catalogue
from analysis.survey.columns_map import FILE_TYPES
from analysis.survey.schema import COLUMNS as CONTRACT
from analysis.survey.schema import check_catalogue

QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
NAMES = st.sampled_from([*CONTRACT, "dered_J"]) | st.text(max_size=8)
VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["a", "b", "STAR"])
)
# YAML writes lone surrogates, which no file can hold, as escapes
NESTED = st.recursive(VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
KEYS = st.sampled_from(["columns", "constants", "missing_values", "format", "units", "values", "required", "optional"])
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6) | st.sampled_from(
    ["1", "-9999", "nan", "1e400", "9" * 20, "GALAXY", "0.5", "../x", "=cmd()", '"', "'", "#", "\r"]
)


def through_the_door(files: dict[str, bytes], arguments: list[str], capfd: pytest.CaptureFixture[str]) -> int:
    """Run a command in a folder with some files; check its exit code, what it says and what it leaves."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "here"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        capfd.readouterr()
        with chdir(folder):
            code = main([*arguments, "--out", "out"])
            said = capfd.readouterr().err
            assert code in (0, 2)
            assert code == 0 or re.search(r"^error \[[a-z-]+\]: ", said, re.MULTILINE), said
            assert "Traceback" not in said
            left = {path for path in Path(root).rglob("*") if not path.is_relative_to(folder / "out")}
            assert left == {folder, *(folder / name for name in files)}
            assert (folder / "out").exists() == (code == 0)
            if code == 0:
                check_catalogue(read_catalogue(folder / "out"), "out")  # whatever comes in keeps the contract
    return code


def ingest(table: bytes, page: bytes, capfd: pytest.CaptureFixture[str]) -> int:
    return through_the_door(
        {"table": table, "map.yaml": page}, ["survey", "ingest", "table", "--columns", "map.yaml"], capfd
    )


def as_yaml(content: object) -> bytes:
    return yaml.safe_dump(content, allow_unicode=False).encode("utf-8", "replace")


GOOD_TABLE = b"id,ra,z,label,g\n1,10,0.1,GALAXY,20\n2,11,0.2,STAR,21\n"


@QUICK
@given(page=st.dictionaries(KEYS | st.text(max_size=5), NESTED, max_size=4))
@example(page={"columns": {"redshift": "z"}, "format": {"header": 10**30}})
@example(page={"columns": {"redshift": "z"}, "constants": {"dec": 10**400}})
@example(page={"columns": {"ra": "ra"}, "missing_values": ["nan", "inf", ""]})
def test_any_map(page, capfd):
    ingest(GOOD_TABLE, as_yaml(page), capfd)


SURVEY_NAMES = st.sampled_from(list(CONTRACT))
FORMATS = {
    "type": st.sampled_from(FILE_TYPES),
    "header": st.none() | st.integers(0, 3),
    "delimiter": st.sampled_from([",", ";", "\t", " "]),
    "comment": st.sampled_from(["#", "%"]),
}
UNITS = st.sampled_from(["deg", "mag", "Jy", "nmgy", "km", "", "1e3"])
VALID_MAPS = st.fixed_dictionaries(
    {"columns": st.dictionaries(SURVEY_NAMES, st.sampled_from("abc"), min_size=1)},
    optional={
        "units": st.dictionaries(SURVEY_NAMES, UNITS),
        "missing_values": st.lists(st.sampled_from([0, -9999, 1.5, "x"])),
        "format": st.fixed_dictionaries({}, optional=FORMATS),
        "optional": st.lists(st.sampled_from([name for name in CONTRACT if name != "object_id"]), max_size=2),
    },
)


@QUICK
@given(page=VALID_MAPS, rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=4))
def test_any_valid_map_on_any_cells(page, rows, capfd):
    table = "\n".join(",".join(row) for row in [["a", "b", "c"], *rows])
    ingest(table.encode(), as_yaml(page), capfd)


@QUICK
@given(raw=st.binary(max_size=300) | st.binary(max_size=200).map(lambda raw: GOOD_TABLE + raw))
@example(raw=b"\x1f\x8b" + bytes(40))
@example(raw=b"SIMPLE  =                    T" + b" " * 3000)
@example(raw=b"\x89HDF\r\n\x1a\n" + bytes(100))
@example(raw=b"PAR1" + bytes(50) + b"PAR1")
@example(raw=b"<VOTABLE><RESOURCE><TABLE><FIELD name='a' datatype='int'/></TABLE>")
@example(raw=b'id,ra,z,label,g\n"1,10,0.1,GALAXY,20\n')
def test_any_bytes(raw, capfd):
    ingest(raw, as_yaml(MAP), capfd)


@pytest.fixture(scope="module", params=["csv", "fits", "votable", "parquet"])
def good(request, tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "table"
    write(path, request.param, COLUMNS)
    return path.read_bytes()


@QUICK
@given(data=st.data())
def test_any_flipped_bytes(good, data, capfd):
    raw = bytearray(good)
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=4)):
        raw[place] ^= data.draw(st.integers(1, 255))
    ingest(bytes(raw), as_yaml(MAP), capfd)


@pytest.fixture(scope="module", params=["npy", "npz", "fits"])
def good_cube(request, tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "cube"
    write_cube(path, request.param, stamps())
    return path.read_bytes()


@settings(QUICK, max_examples=25)
@given(data=st.data())
def test_any_flipped_bytes_of_stamps(good_cube, data, capfd):
    raw = bytearray(good_cube)
    for place in data.draw(st.lists(st.integers(0, min(len(raw), 400) - 1), min_size=1, max_size=4)):
        raw[place] ^= data.draw(st.integers(1, 255))
    labels = b"".join(b"%d\n" % (k % 2) for k in range(len(stamps())))
    command = ["survey", "ingest-stamps", "cube", "--labels", "labels", "--classes", "0=STAR,1=GALAXY"]
    through_the_door({"cube": bytes(raw), "labels": b"label\n" + labels}, command, capfd)


TYPES = ["i8", "u8", "f4", "f8", "?", "c8", "S5", "U5", "M8[D]", "m8[s]"]


@settings(QUICK, max_examples=30)
@given(
    n=st.integers(0, 4),
    dtypes=st.lists(st.sampled_from(TYPES), min_size=5, max_size=5),
    form=st.sampled_from(["hdf5", "npz"]),
)
def test_any_types_of_columns(n, dtypes, form, capfd):
    columns = {name: np.zeros(n, dtype) for name, dtype in zip(COLUMNS, dtypes, strict=True)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table"
        try:
            write(path, "hdf5", columns) if form == "hdf5" else np.savez(path.with_suffix(".npz"), **columns)
        except TypeError:  # HDF5 has no dates
            return
        raw = next(Path(folder).iterdir()).read_bytes()
    ingest(raw, as_yaml(MAP), capfd)
