"""Input that cannot be used: tables and their maps, each with the kind of error that it must end in.

A case writes its files into a folder and returns the arguments of `python -m analysis`, run in that folder.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from astropy.io import fits
from astropy.table import Table


class Case(NamedTuple):
    """What is wrong, in a file of what format, the kind of error, words of its message, and who makes it."""

    name: str
    form: str
    kind: str
    says: str
    make: Callable[[Path], list[str]]


CASES: list[Case] = []

MAP = {"columns": {"object_id": "id", "ra": "ra", "redshift": "z", "class": "label", "dered_g": "g"}}
COLUMNS: dict[str, Any] = {
    "id": np.arange(1, 4),
    "ra": np.array([10.0, 11.0, 12.0]),
    "z": np.array([0.1, 0.2, 0.3]),
    "label": np.array(["GALAXY", "STAR", "QSO"]),
    "g": np.array([20.0, 21.0, 22.0]),
}
WRITTEN = ("csv", "tsv", "parquet", "hdf5", "fits", "votable")
INGEST = ["survey", "ingest", "table", "--columns", "map.yaml", "--out", "out"]


def write(path: Path, form: str, columns: dict[str, Any], units: dict[str, str] | None = None) -> None:
    """Write a table in one of the formats of the door."""
    units = units or {}
    if form in ("csv", "tsv"):
        mark = {"csv": ",", "tsv": "\t"}[form]
        rows = zip(*columns.values(), strict=True)
        path.write_text("\n".join(mark.join(map(str, row)) for row in [columns, *rows]) + "\n")
    elif form == "parquet":
        arrays = {name: pa.array(values) for name, values in columns.items()}
        fields = [pa.field(name, array.type, metadata={"unit": units.get(name, "")}) for name, array in arrays.items()]
        pq.write_table(pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields)), path)
    elif form == "hdf5":
        with h5py.File(path, "w") as file:
            for name, values in columns.items():
                values = np.asarray(values)
                file[name] = values.astype("S") if values.dtype.kind == "U" else values
                file[name].attrs["unit"] = units.get(name, "")
    else:
        table = Table(columns)
        for name, unit in units.items():
            table[name].unit = unit
        table.write(path, format=form, overwrite=True)


def table_case(
    name: str, forms: str, kind: str, says: str, units: dict[str, str] | None = None, **changes: Any
) -> None:
    """Add a table with some columns of other content, or (None) without them, in several formats."""

    def make(folder: Path, form: str) -> list[str]:
        columns = {key: value for key, value in {**COLUMNS, **changes}.items() if value is not None}
        write(folder / "table", form, columns, units)
        (folder / "map.yaml").write_text(yaml.safe_dump(MAP))
        return INGEST

    for form in forms.split():
        CASES.append(Case(name, form, kind, says, lambda folder, form=form: make(folder, form)))  # type: ignore[misc]


def file_case(name: str, form: str, kind: str, says: str, content: bytes | str, columns_map: Any = None) -> None:
    """Add a table of given bytes, with a map of its own where one is given (a text is the page itself)."""

    def make(folder: Path) -> list[str]:
        (folder / "table").write_bytes(content if isinstance(content, bytes) else content.encode())
        page = MAP if columns_map is None else columns_map
        (folder / "map.yaml").write_text(page if isinstance(page, str) else yaml.safe_dump(page))
        return INGEST

    CASES.append(Case(name, form, kind, says, make))


def map_case(name: str, kind: str, says: str, page: Any) -> None:
    """Add a good table with a map that cannot be used."""
    file_case(name, "map", kind, says, GOOD_CSV, page)


def changed_case(name: str, forms: str, kind: str, says: str, change: Callable[[bytes], bytes]) -> None:
    """Add a good table whose bytes are changed."""

    def make(folder: Path, form: str) -> list[str]:
        write(folder / "table", form if form in WRITTEN else "csv", COLUMNS)
        (folder / "table").write_bytes(change((folder / "table").read_bytes()))
        (folder / "map.yaml").write_text(yaml.safe_dump(MAP))
        return INGEST

    for form in forms.split():
        CASES.append(Case(name, form, kind, says, lambda folder, form=form: make(folder, form)))  # type: ignore[misc]


GOOD_CSV = "id,ra,z,label,g\n1,10,0.1,GALAXY,20\n2,11,0.2,STAR,21\n3,12,0.3,QSO,22\n"
TEXT = np.array(["a", "b", "c"])

table_case("lacks a column", "csv fits hdf5 parquet votable", "no-such-column", "no column 'z'", z=None)
table_case("text for a number", "csv fits hdf5 votable", "not-a-number", "expected a number", g=TEXT)
table_case(
    "a date for a number", "parquet", "not-a-number", "expected numbers", g=np.array(["2020-01-01"] * 3, "M8[D]")
)
table_case(
    "beyond the range",
    "csv fits hdf5",
    "out-of-range",
    "value 400.0; expected between 0 and 360",
    ra=[10.0, 11.0, 400.0],
)
table_case("infinite", "fits parquet", "out-of-range", "inf; expected", ra=np.array([10.0, 11.0, np.inf]))
table_case("one number twice", "csv parquet", "object-twice", "1 also in", id=np.array([1, 2, 1]))
table_case("digits lost", "csv fits", "bad-object-id", "lose digits|lost digits", id=np.array([1.0, 2.0, 1.2376e18]))
table_case("a number too long", "csv", "bad-object-id", "below 2^63", id=["1", "2", "99999999999999999999"])
table_case("no number of an object", "parquet", "bad-object-id", "empty", id=[1, None, 3])
table_case("no redshift", "csv fits", "no-value", "empty or NaN", z=np.array([0.1, np.nan, 0.3]))
table_case("no class", "parquet csv", "no-value", "empty or NaN", label=["GALAXY", "", "QSO"])
table_case(
    "another class",
    "csv fits hdf5",
    "unknown-class",
    "'GALAXIE'; expected a class; did you mean 'GALAXY'",
    label=["GALAXIE"] * 3,
)
table_case("lists in cells", "parquet", "not-scalar", "expected one value per row", g=[[1.0], [2.0], [3.0]])
table_case("a unit of another quantity", "votable hdf5 parquet", "bad-unit", "expected deg", {"ra": "km"})
table_case("a unit that nobody knows", "parquet hdf5", "bad-unit", "astropy does not know", {"ra": "furlong9"})
table_case("datasets of different lengths", "hdf5", "lengths-differ", "different lengths", g=np.ones(4))

changed_case("cut in half", "fits parquet hdf5 votable", "damaged-file", "cut short", lambda raw: raw[: len(raw) // 2])
changed_case("cut in a row", "csv", "row-length", "cut short", lambda raw: raw[:-8])
changed_case("nothing in it", "csv fits", "empty-file", "empty; expected a table", lambda raw: b"")
changed_case("gzip cut short", "gzip", "damaged-file", "cut short", lambda raw: b"\x1f\x8b\x08\x00" + raw[:20])
changed_case("bzip2 that is none", "bzip2", "damaged-file", "cut short", lambda raw: b"BZh9" + raw[:20])
changed_case("binary", "unknown", "damaged-file", "binary, not text", lambda raw: b"\x80\x02\x00\x01" * 50)

file_case("header alone", "csv", "no-rows", "no rows", "id,ra,z,label,g\n")
file_case(
    "more cells than the header", "csv", "row-length", "6 cells|header names 5", GOOD_CSV.replace("20\n", "20,1\n")
)
file_case(
    "fewer cells in a later row",
    "whitespace",
    "row-length",
    "4 cells; expected 5",
    GOOD_CSV.replace(",", " ").replace(" 22", ""),
)
file_case("two columns of one name", "csv", "column-twice", "'ra'", GOOD_CSV.replace("id,ra,z", "id,ra,ra"))
file_case("a pickle", "csv", "damaged-file", "binary, not text", b"\x80\x04\x95\x00\x00cposix\nsystem\n")

map_case("not YAML", "damaged-file", "cannot be read as YAML", "columns: {a: [}")
map_case("an empty page", "empty-file", "empty", "")
map_case("a list", "setting-type", "expected `key: value` lines", "[1, 2]")
map_case(
    "a tag that runs code", "code-in-data", "python/object", "columns: !!python/object/apply:os.system ['touch ran']"
)
map_case("a tag of a Python name", "code-in-data", "python/name", "columns: !!python/name:os.system ''")
map_case("a misspelt key", "unknown-setting", "did you mean 'columns'", {"colums": MAP["columns"]})
map_case("no columns", "missing-setting", "no columns", {"constants": {"class": "GALAXY"}})
map_case("a name not in the contract", "not-in-contract", "did you mean 'redshift'", {"columns": {"redshft": "z"}})
map_case("a number for a column", "setting-type", "expected text", {"columns": {"redshift": 3}})
map_case("an impossible constant", "out-of-range", "between -90 and 90", MAP | {"constants": {"dec": 100.0}})
map_case(
    "a class for a constant",
    "unknown-class",
    "is no class",
    {"columns": {"redshift": "z"}, "constants": {"class": "GAL"}},
)
map_case("once as column, once as constant", "column-twice", "expected it once", MAP | {"constants": {"ra": 1.0}})
map_case("a delimiter of two characters", "setting-value", "one character", MAP | {"format": {"delimiter": "||"}})
map_case("a key twice", "damaged-file", "a key comes twice", "columns: {ra: a, ra: b}")
map_case("an endless reference", "setting-type", "expected", "columns: &a {ra: *a}")
map_case("a unit for a map", "bad-unit", "astropy does not know", MAP | {"units": {"ra": "hundreds"}})


def extra(name: str, form: str, kind: str, says: str) -> Callable[[Callable[[Path], list[str]]], Any]:
    """Add a case that a function makes."""

    def add(make: Callable[[Path], list[str]]) -> Callable[[Path], list[str]]:
        CASES.append(Case(name, form, kind, says, make))
        return make

    return add


@extra("not there", "csv", "no-such-file", "no such file")
def _(folder: Path) -> list[str]:
    (folder / "map.yaml").write_text(yaml.safe_dump(MAP))
    return INGEST


@extra("no map", "map", "no-such-file", "no such file")
def _(folder: Path) -> list[str]:
    write(folder / "table", "csv", COLUMNS)
    return INGEST


@extra("no rows", "fits", "no-rows", "no rows")
def _(folder: Path) -> list[str]:
    write(folder / "table", "fits", {name: np.asarray(values)[:0] for name, values in COLUMNS.items()})
    (folder / "map.yaml").write_text(yaml.safe_dump(MAP))
    return INGEST


@extra("two columns of one name", "parquet", "column-twice", "'ra'")
def _(folder: Path) -> list[str]:
    arrays = [pa.array([1.0]), pa.array([2.0])]
    pq.write_table(pa.Table.from_arrays(arrays, names=["ra", "ra"]), folder / "table")
    (folder / "map.yaml").write_text(yaml.safe_dump(MAP))
    return INGEST


@extra("an image", "fits", "no-such-part", "no such table extension")
def _(folder: Path) -> list[str]:
    fits.PrimaryHDU(np.ones((4, 4))).writeto(folder / "table")
    (folder / "map.yaml").write_text(yaml.safe_dump(MAP))
    return INGEST


@extra("a group that is not there", "hdf5", "no-such-part", "no table in group 'objects'")
def _(folder: Path) -> list[str]:
    write(folder / "table", "hdf5", COLUMNS)
    (folder / "map.yaml").write_text(yaml.safe_dump(MAP | {"format": {"group": "objects"}}))
    return INGEST


@extra("two tables", "hdf5", "which-table", "holds 2 tables")
def _(folder: Path) -> list[str]:
    with h5py.File(folder / "table", "w") as file:
        file["one/z"], file["two/z"] = [0.1], [0.2]
    (folder / "map.yaml").write_text(yaml.safe_dump(MAP))
    return INGEST


@extra("an error of a flux without the flux", "fits", "flux-alone", "expected dered_g as a flux")
def _(folder: Path) -> list[str]:
    write(folder / "table", "fits", {"z": [0.1], "e": [0.2]}, {"e": "Jy"})
    (folder / "map.yaml").write_text(yaml.safe_dump({"columns": {"redshift": "z", "deredErr_g": "e"}}))
    return INGEST


@extra("an error of a flux without the flux", "votable", "flux-alone", "expected dered_g as a flux")
def _(folder: Path) -> list[str]:
    write(folder / "table", "votable", {"z": [0.1], "e": [0.2]}, {"e": "uJy"})
    (folder / "map.yaml").write_text(yaml.safe_dump({"columns": {"redshift": "z", "deredErr_g": "e"}}))
    return INGEST


def whole_case(form: str) -> None:
    """Add a table whose bit mask has a fraction."""

    def make(folder: Path) -> list[str]:
        write(folder / "table", form, {"z": [0.1], "w": [0.5]})
        (folder / "map.yaml").write_text(yaml.safe_dump({"columns": {"redshift": "z", "redshift_warning": "w"}}))
        return INGEST

    CASES.append(Case("a fraction in a bit mask", form, "not-whole", "a whole number below 2^31", make))


whole_case("csv")
whole_case("parquet")


@extra("a link to another file", "hdf5", "leads-outside", "is a link to '../secret.h5'")
def _(folder: Path) -> list[str]:
    write(folder / "table", "hdf5", {name: values for name, values in COLUMNS.items() if name != "g"})
    with h5py.File(folder / "table", "a") as file:
        file["g"] = h5py.ExternalLink("../secret.h5", "/g")
    (folder / "map.yaml").write_text(yaml.safe_dump(MAP))
    return INGEST


@extra("values in another file", "hdf5", "leads-outside", "keeps its values in other files")
def _(folder: Path) -> list[str]:
    write(folder / "table", "hdf5", {name: values for name, values in COLUMNS.items() if name != "g"})
    (folder / "secret").write_bytes(np.ones(3).tobytes())
    with h5py.File(folder / "table", "a") as file:
        file.create_dataset("g", (3,), "f8", external=[(str(folder / "secret"), 0, 24)])
    (folder / "map.yaml").write_text(yaml.safe_dump(MAP))
    return INGEST


@extra("the folder is there already", "csv", "output-exists", "exists already")
def _(folder: Path) -> list[str]:
    (folder / "out").mkdir()
    (folder / "out/precious").write_text("kept")
    write(folder / "table", "csv", COLUMNS)
    (folder / "map.yaml").write_text(yaml.safe_dump(MAP))
    return INGEST
