"""Foreign files are read as they are, and files that are cut short are found out."""

import bz2
import gzip

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from analysis.errors import InputError
from analysis.survey.columns_map import FileFormat
from analysis.survey.readers import read_table

IDS = [1237648704040403114, 1237648704040403115, 9223372036854775807]
MAGNITUDES = [17.25, 18.5, -9999.0]
LABELS = ["STAR", "GALAXY", "QSO"]


def write_csv(path):
    pd.DataFrame({"id": IDS, "mag": MAGNITUDES, "label": LABELS}).to_csv(path, index=False)


def write_tsv(path):
    pd.DataFrame({"id": IDS, "mag": MAGNITUDES, "label": LABELS}).to_csv(path, index=False, sep="\t")


def write_whitespace(path):
    rows = "".join(f"  {i}   {m} {label} \n" for i, m, label in zip(IDS, MAGNITUDES, LABELS, strict=True))
    path.write_text(f"# id  mag label\n{rows}")


def astropy_table():
    return Table({"id": IDS, "mag": MaskedColumn(MAGNITUDES, unit="mag"), "label": LABELS})


def write_fits(path):
    astropy_table().write(path, format="fits")


def write_votable(path):
    astropy_table().write(path, format="votable")


def write_parquet(path):
    mag = pa.field("mag", pa.float64(), metadata={"unit": "mag"})
    schema = pa.schema([("id", pa.int64()), mag, ("label", pa.dictionary(pa.int8(), pa.string()))])
    arrays = [pa.array(IDS), pa.array(MAGNITUDES), pa.array(LABELS).dictionary_encode().cast(schema[2].type)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)


def write_hdf5(path):
    with h5py.File(path, "w") as file:
        group = file.create_group("photometry")
        group["id"], group["mag"] = IDS, MAGNITUDES
        group["label"] = np.array(LABELS, "S")
        group["mag"].attrs["unit"] = "mag"


def write_hdf5_compound(path):
    with h5py.File(path, "w") as file:
        rows = list(zip(IDS, MAGNITUDES, [label.encode() for label in LABELS], strict=True))
        file["table"] = np.array(rows, [("id", "i8"), ("mag", "f8"), ("label", "S8")])


TYPED = [write_fits, write_votable, write_parquet, write_hdf5, write_hdf5_compound]
WRITERS = [write_csv, write_tsv, write_whitespace, *TYPED]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize("write", WRITERS)
def test_every_format_is_recognised_and_exact(tmp_path, write, pack):
    """The type is guessed from the content; 19 digits, text and numbers survive, packed or not."""
    write(tmp_path / "plain")
    (tmp_path / "table").write_bytes(pack((tmp_path / "plain").read_bytes()))
    raw = read_table(tmp_path / "table", FileFormat())
    assert [int(v) for v in raw.columns["id"].to_pylist()] == IDS
    assert [float(v) for v in raw.columns["mag"].to_pylist()] == MAGNITUDES
    assert raw.columns["label"].to_pylist() == LABELS
    if write in TYPED:
        assert pa.types.is_integer(raw.columns["id"].type)


@pytest.mark.parametrize("write", [write_fits, write_votable, write_parquet, write_hdf5])
def test_units_are_read(tmp_path, write):
    write(tmp_path / "table")
    assert read_table(tmp_path / "table", FileFormat()).units == {"mag": "mag"}


# A plain text file that ends early may be whole; only a broken row gives it away (see the next test).
CUTS = [(write, pack) for write in TYPED for pack in (bytes, gzip.compress)] + [(write_csv, gzip.compress)]


@pytest.mark.parametrize(("write", "pack"), CUTS)
def test_truncated_files(tmp_path, write, pack):
    """Wherever a binary file is cut, it is an error: never a shorter table."""
    write(tmp_path / "plain")
    content = pack((tmp_path / "plain").read_bytes())
    for cut in np.linspace(1, len(content) - 12, 40).astype(int):
        (tmp_path / "cut").write_bytes(content[:cut])
        with pytest.raises(InputError, match=str(tmp_path / "cut")):
            read_table(tmp_path / "cut", FileFormat(type=write.__name__[6:].split("_")[0]))


def test_text_row_with_too_few_cells_names_the_line(tmp_path):
    """The line is that of the file: header, comments and blank lines count."""
    (tmp_path / "t.csv").write_text("# a table\n\na,b,c\n1,2,3\n# between\n4,5\n")
    with pytest.raises(InputError, match=r"t\.csv: row 2 \(line 6\): 2 cells; expected 3"):
        read_table(tmp_path / "t.csv", FileFormat())


@pytest.mark.parametrize("content", [b"", b"\n \n", gzip.compress(b"", mtime=0), b"a,b\n", b"# a b\n"])
def test_empty_files(tmp_path, content):
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(InputError, match=r"empty|no rows"):
        read_table(tmp_path / "t", FileFormat())


@pytest.mark.parametrize(
    ("text", "file_format"),
    [
        ("a,b\n1,x\n2,y\n", FileFormat()),
        ("\ufeffa,b\r\n1,x\r\n2,y\r\n", FileFormat()),  # a spreadsheet's
        ("#a;b\n1,x\n2,y\n", FileFormat()),  # ANNZ: header by ';', rows by ','
        ("#a,b\n# I ,10A\n1,x\n2,y\n", FileFormat()),  # a line of types
        ("#Table1\na,b\n1,x\n2,y\n", FileFormat()),  # SkyServer
        ("#Table1\na,b\n1,x\n2,y\n", FileFormat(header=1)),
        ("#Table1\na,b\n1,x\n2,y\n", FileFormat(header=0, comment="#")),
        ("% made by me\na|b\n1|x\n2|y\n", FileFormat(comment="%")),
        ("a;b\n1;x\n2;y", FileFormat(type="csv", delimiter=";")),
        ("a b\n1    x\n\n2\ty\n", FileFormat(type="whitespace")),
        ("1,x\n2,y\n", FileFormat(header=None, names=("a", "b"))),
        ("1,x\n2,y\n", FileFormat(names=("a", "b"))),
        ("wrong\n1,x\n2,y\n", FileFormat(header=0, names=("a", "b"))),
        ('"a","b"\n"1","x"\n2, y\n', FileFormat()),
    ],
)
def test_text_dialects(tmp_path, text, file_format):
    (tmp_path / "t").write_text(text, newline="")
    raw = read_table(tmp_path / "t", file_format)
    columns = {name: [cell.strip() for cell in values.to_pylist()] for name, values in raw.columns.items()}
    assert columns == {"a": ["1", "2"], "b": ["x", "y"]}
    first = next(k for k, line in enumerate(text.splitlines(), 1) if line.strip('" ')[:1] == "1")
    assert raw.lines[0] == first


def test_header_that_does_not_fit(tmp_path):
    """MLZ's SDSS_MGS.train names 18 columns for 19: names in the map override."""
    (tmp_path / "t").write_text("#a b\n1 2 3\n")
    with pytest.raises(InputError, match=r"names 2 columns, the first row has 3 cells.*format: \{names"):
        read_table(tmp_path / "t", FileFormat())
    assert list(read_table(tmp_path / "t", FileFormat(names=("a", "b", "c"))).columns) == ["a", "b", "c"]
    with pytest.raises(InputError, match="4 names for rows of 3 cells"):
        read_table(tmp_path / "t", FileFormat(names=("a", "b", "c", "d")))


def test_columns_of_one_name(tmp_path):
    (tmp_path / "t").write_text("z,z\n1,2\n")
    with pytest.raises(InputError, match="two columns are called 'z'"):
        read_table(tmp_path / "t", FileFormat())


def test_not_what_it_is_said_to_be(tmp_path):
    write_fits(tmp_path / "t")
    for kind in ("csv", "parquet", "hdf5", "votable"):
        with pytest.raises(InputError, match=str(tmp_path / "t")):
            read_table(tmp_path / "t", FileFormat(type=kind))
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "none", FileFormat())


def test_fits_vectors_nulls_and_extensions(tmp_path):
    """SDSS writes its five bands as vectors; TNULL is null and does not make a float of the column."""
    flux = np.arange(10.0, dtype=">f4").reshape(2, 5)
    columns = [
        fits.Column("FLUX", "5E", array=flux, unit="nanomaggies"),
        fits.Column("ID", "K", array=np.array([IDS[0], -1]), null=-1),
    ]
    other = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=[1.0])], name="OTHER")
    hdus = [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns, name="SOURCES"), other]
    fits.HDUList(hdus).writeto(tmp_path / "t.fits")
    raw = read_table(tmp_path / "t.fits", FileFormat())
    assert raw.columns["FLUX[3]"].to_pylist() == [3.0, 8.0]
    assert raw.units["FLUX[0]"] == "nanomaggies"
    assert raw.columns["ID"].to_pylist() == [IDS[0], None]
    for group in ("OTHER", "2"):
        assert list(read_table(tmp_path / "t.fits", FileFormat(group=group)).columns) == ["x"]
    with pytest.raises(InputError, match="no such table"):
        read_table(tmp_path / "t.fits", FileFormat(group="ELSE"))


def test_hdf5_groups(tmp_path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["train/z"], file["test/z"] = [0.1], [0.2]
        file["odd/a"], file["odd/b"] = [1, 2], [1]
    with pytest.raises(InputError, match=r"holds 3 tables \(odd, test, train\)"):
        read_table(tmp_path / "t.h5", FileFormat())
    assert read_table(tmp_path / "t.h5", FileFormat(group="/test")).columns["z"].to_pylist() == [0.2]
    with pytest.raises(InputError, match="did you mean 'train'"):
        read_table(tmp_path / "t.h5", FileFormat(group="trian"))
    with pytest.raises(InputError, match="different lengths"):
        read_table(tmp_path / "t.h5", FileFormat(group="odd"))
