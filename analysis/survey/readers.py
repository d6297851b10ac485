"""Reading foreign tables as they are: every column with its own type, text left as text, units where the file
has them.

Each reader takes the content of a file (unpacked already) and how it is written, and returns a `RawTable`.
Text is never turned into numbers here, so that no digit of an identifier is lost on the way.
"""

import bz2
import csv
import gzip
import io
import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from astropy.io import fits
from astropy.io.votable import parse_single_table
from astropy.table import Table
from astropy.utils.exceptions import AstropyWarning

from analysis.errors import InputError, nearest
from analysis.hdf5 import link_fault
from analysis.survey.columns_map import FileFormat

DELIMITERS = (",", "\t", ";", "|")


@dataclass
class RawTable:
    """A table as its file holds it.

    Attributes
    ----------
    source : str
        The file.
    columns : dict of str to pyarrow.Array
        Equally long; text where the file holds text.
    units : dict of str to str
        Of the columns for which the file gives one.
    lines : numpy.ndarray or None
        The line of each row in a text file, counted from 1.
    """

    source: str
    columns: dict[str, pa.Array]
    units: dict[str, str] = field(default_factory=dict)
    lines: np.ndarray | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def place(self, row: int) -> str:
        """Say where a row is (given from 0, said from 1), for an error message."""
        line = "" if self.lines is None else f" (line {self.lines[row]})"
        return f"{self.source}: row {row + 1}{line}"


def read_table(path: Path, file_format: FileFormat) -> RawTable:
    """Read a foreign table: text, FITS, VOTable, Parquet or HDF5, plain or packed with gzip or bzip2.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    file_format : FileFormat
        How it is written; what is not said is guessed from the content.

    Raises
    ------
    InputError
        If the file is not there, empty, cut short, or not what it is said to be.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file", "no-such-file")
    try:
        content = unpack(Path(path).read_bytes())
    except Exception as error:  # whatever the libraries raise
        raise InputError(f"{path}: cannot be read; is it cut short? ({error})", "damaged-file") from None
    if not content.strip():
        raise InputError(f"{path}: empty; expected a table", "empty-file")
    kind = file_format.type or guess_type(content)
    try:
        table = READERS[kind](content, file_format)
    except InputError as error:
        raise InputError(f"{path}: {error}", error.kind) from None
    except Exception as error:  # whatever the libraries make of a file that is cut, damaged, or of another type
        raise InputError(
            f"{path}: cannot be read as {kind}; is it cut short or of another type? ({error})", "damaged-file"
        ) from None
    table.source = str(path)
    if not len(table):
        raise InputError(f"{path}: no rows; expected at least one object", "no-rows")
    return table


def unpack(content: bytes) -> bytes:
    """Unpack gzip or bzip2, told by the first bytes and not by the file's name."""
    if content.startswith(b"\x1f\x8b"):
        return gzip.decompress(content)
    if content.startswith(b"BZh"):
        return bz2.decompress(content)
    return content


def guess_type(content: bytes) -> str:
    """Tell the type of a table by its first bytes; text is 'csv', whose delimiter is a further guess."""
    if content.startswith(b"SIMPLE  ="):
        return "fits"
    if content.startswith(b"\x89HDF\r\n\x1a\n"):
        return "hdf5"
    if content.startswith(b"PAR1"):
        return "parquet"
    if b"<VOTABLE" in content[:4096]:
        return "votable"
    return "csv"


def read_text(content: bytes, file_format: FileFormat) -> RawTable:
    """Read a text table; every cell stays text.

    The header may be a comment line, and its delimiter another than that of the rows.
    """
    lines = _text_lines(content)
    head, rows = _head_and_rows(lines, file_format)
    if not rows:
        return RawTable("", {})
    first_row = lines[rows[0]].decode()
    delimiter = _delimiter(first_row, file_format)
    numbers = np.asarray(rows) + 1
    try:
        names = _column_names(head, _cells(first_row, delimiter), file_format)
    except InputError as error:
        raise InputError(f"row 1 (line {numbers[0]}): {error}", error.kind) from None
    return RawTable("", _parse_rows([lines[n] for n in rows], numbers, names, delimiter), lines=numbers)


def _head_and_rows(lines: list[bytes], file_format: FileFormat) -> tuple[list[str], list[int]]:
    """Return the lines that may name the columns, and where the rows are."""
    mark = (file_format.comment or "#").encode()
    filled = [n for n, line in enumerate(lines) if line.strip()]
    rows = [n for n in filled if not lines[n].lstrip().startswith(mark)]
    header = file_format.header
    if isinstance(header, int):
        candidates = rows if file_format.comment else filled
        if header >= len(candidates):
            raise InputError(f"format: header is line {header}; the table has {len(candidates)} lines", "setting-value")
        return [lines[candidates[header]].decode()], [n for n in rows if n > candidates[header]]
    if header is None or not rows:
        return [], rows
    first_row = lines[rows[0]].decode()
    if not any(_is_number(cell) for cell in _cells(first_row, _delimiter(first_row, file_format))):
        return [first_row], rows[1:]
    return [lines[n].decode() for n in filled if n < rows[0]], rows


def _text_lines(content: bytes) -> list[bytes]:
    content = content.removeprefix(b"\xef\xbb\xbf")  # the byte-order mark that spreadsheets write
    if b"\0" in content:
        raise InputError("binary, not text; say what it is with `format: {type: …}`", "damaged-file")
    try:
        content.decode()
    except UnicodeDecodeError:  # numbers are ASCII; a name with an accent in another encoding shall not stop us
        content = content.decode("latin-1").encode()
    return content.splitlines()


def _delimiter(row: str, file_format: FileFormat) -> str | None:
    """Return what separates the cells of a row; None is white space."""
    if file_format.delimiter:
        return file_format.delimiter
    if file_format.type in ("tsv", "whitespace"):
        return "\t" if file_format.type == "tsv" else None
    counted = {delimiter: len(_cells(row, delimiter)) for delimiter in DELIMITERS}
    best = max(counted, key=lambda delimiter: counted[delimiter])
    return best if counted[best] > 1 or file_format.type == "csv" else None


def _cells(row: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return row.split()
    return [cell.strip() for cell in next(csv.reader([row], delimiter=delimiter))]


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))  # a column may well be called nan
    except ValueError:
        return False


def _column_names(head: list[str], first_row: list[str], file_format: FileFormat) -> list[str]:
    """Return a name for each cell of the first row: from the map, or from the first head line that fits."""
    if file_format.names:
        if len(file_format.names) != len(first_row):
            raise InputError(
                f"format: names: {len(file_format.names)} names for rows of {len(first_row)} cells", "row-length"
            )
        return list(file_format.names)
    if not head:
        return [f"col{k}" for k in range(1, len(first_row) + 1)]
    for line in head:
        line = line.lstrip().removeprefix(file_format.comment or "#").strip()
        for delimiter in dict.fromkeys([_delimiter(line, file_format), *DELIMITERS, None]):
            names = _cells(line, delimiter)
            if len(names) == len(first_row):
                return names
    found = len(_cells(line, _delimiter(line, file_format)))
    raise InputError(
        f"the header names {found} columns, the first row has {len(first_row)} cells; "
        "expected as many (the file may be cut short; if the header is wrong, give `format: {names: […]}`)",
        "row-length",
    )


def _parse_rows(rows: list[bytes], lines: np.ndarray, names: list[str], delimiter: str | None) -> dict[str, pa.Array]:
    if delimiter is None:
        rows, delimiter = [b"\t".join(row.split()) for row in rows], "\t"
    wrong: list[pa.csv.InvalidRow] = []

    def remember(row: pa.csv.InvalidRow) -> str:
        wrong.append(row)
        return "error"

    keys = [str(k) for k in range(len(names))]  # names may come twice; only one that is asked for matters
    try:
        table = pa.csv.read_csv(
            pa.py_buffer(b"\n".join(rows)),
            pa.csv.ReadOptions(column_names=keys, use_threads=False),
            pa.csv.ParseOptions(delimiter=delimiter, invalid_row_handler=remember, ignore_empty_lines=False),
            pa.csv.ConvertOptions(column_types=dict.fromkeys(keys, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        if not wrong:
            raise
        row = wrong[0].number
        raise InputError(
            f"row {row} (line {lines[row - 1]}): {wrong[0].actual_columns} cells; expected {len(names)} "
            "(is the file cut short?)",
            "row-length",
        ) from None
    return _named(zip(names, (column.combine_chunks() for column in table.columns), strict=True))


def _named(columns: Iterable[tuple[str, pa.Array]]) -> dict[str, pa.Array]:
    """Make a dictionary of columns; a name that comes twice could mean either."""
    result: dict[str, pa.Array] = {}
    for name, values in columns:
        if name in result:
            raise InputError(
                f"two columns are called {name!r}; name them apart with `format: {{names: […]}}`", "column-twice"
            )
        result[name] = values
    return result


def read_fits(content: bytes, file_format: FileFormat) -> RawTable:
    """Read the first binary or ASCII table of a FITS file, or the extension that `group` names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)  # small sins against the standard are common
        warnings.filterwarnings("error", message="(?s).*(truncated|corrupted)", category=AstropyWarning)
        with fits.open(io.BytesIO(content), memmap=False, lazy_load_hdus=False) as hdus:
            tables = [h for h in hdus if isinstance(h, (fits.BinTableHDU, fits.TableHDU))]
            if file_format.group is not None:
                tables = [h for h in tables if file_format.group in (h.name, str(hdus.index(h)))]
            if not tables:
                raise InputError("holds no such table extension; is it cut short, or an image?", "no-such-part")
            return _from_astropy(Table.read(tables[0]))


def read_votable(content: bytes, file_format: FileFormat) -> RawTable:
    """Read the first table of a VOTable."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        return _from_astropy(parse_single_table(io.BytesIO(content)).to_table(use_names_over_ids=True))


def _from_astropy(table: Table) -> RawTable:
    columns: dict[str, pa.Array] = {}
    units = {}
    for name in table.colnames:
        values = table[name]
        unit = "" if values.unit is None else str(values.unit)
        for label, part in _components(name, np.ma.asarray(values)):
            columns[label], units[label] = to_arrow(part), unit
    return RawTable("", columns, {name: unit for name, unit in units.items() if unit})


def _components(name: str, values: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Take a column of vectors apart, name[0], name[1], …, as SDSS writes five bands; drop more axes."""
    if values.ndim == 1:
        return [(name, values)]
    return [(f"{name}[{k}]", values[:, k]) for k in range(values.shape[1])] if values.ndim == 2 else []


def to_arrow(values: np.ndarray) -> pa.Array:
    """Convert an array, masked or not, of any byte order; bytes become text."""
    mask = np.ma.getmaskarray(values)
    data = np.ma.getdata(values)
    if data.dtype.kind == "S":
        data = np.char.decode(data, "utf-8", "replace")
    if data.dtype.kind in "UO":
        return pa.array([v.decode() if isinstance(v, bytes) else str(v) for v in data], pa.string(), mask=mask)
    return pa.array(np.ascontiguousarray(data, data.dtype.newbyteorder("=")), mask=mask)


def read_parquet(content: bytes, file_format: FileFormat) -> RawTable:
    """Read a Parquet file; the unit is what the column's metadata call so."""
    table = pq.ParquetFile(pa.BufferReader(content)).read()
    table.validate(full=True)  # text that is not UTF-8, say
    fields = {f.name: f.metadata or {} for f in table.schema}
    columns = _named((f.name, _plain(table.column(k))) for k, f in enumerate(table.schema))
    return RawTable("", columns, {name: m[b"unit"].decode() for name, m in fields.items() if m.get(b"unit")})


def _plain(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def read_hdf5(content: bytes, file_format: FileFormat) -> RawTable:
    """Read one-dimensional datasets of a group, or one compound dataset; `group` says which."""
    with h5py.File(io.BytesIO(content), "r") as file:
        if fault := link_fault(file):
            raise InputError(fault, "leads-outside")
        node = _hdf5_node(file, file_format.group)
        if isinstance(node, h5py.Dataset):
            data = node[:]
            parts = [part for name in data.dtype.names for part in _components(name, data[name])]
            return RawTable("", {name: to_arrow(values) for name, values in parts})
        datasets = {name: item for name, item in node.items() if isinstance(item, h5py.Dataset) and item.ndim in (1, 2)}
        columns = {n: to_arrow(v) for name, item in datasets.items() for n, v in _components(name, item[:])}
        units = {name: str(unit) for name, item in datasets.items() if (unit := item.attrs.get("unit"))}
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise InputError(
            f"datasets of different lengths ({sorted(lengths)}); expected one row per object", "lengths-differ"
        )
    return RawTable("", columns, units)


def _hdf5_node(file: h5py.File, group: str | None) -> h5py.Group | h5py.Dataset:
    """Find the table in a file: the node asked for, or the only one that can be meant."""
    nodes: list[str] = ["/"]
    file.visit(nodes.append)
    tables = [name for name in nodes if _is_hdf5_table(file[name])]
    if group is not None:
        wanted = "/" + group.strip("/") if group == "/" else group.strip("/")
        if wanted not in tables:
            raise InputError(f"no table in group {group!r}{nearest(wanted, tables)}", "no-such-part")
        return file[wanted]
    if len(tables) != 1:
        raise InputError(
            f"holds {len(tables)} tables ({', '.join(tables)}); say which with `format: {{group: …}}`", "which-table"
        )
    return file[tables[0]]


def _is_hdf5_table(node: h5py.Group | h5py.Dataset) -> bool:
    if isinstance(node, h5py.Dataset):
        return node.dtype.names is not None and node.ndim == 1
    return any(isinstance(item, h5py.Dataset) and item.dtype.names is None and item.ndim for item in node.values())


READERS: dict[str, Callable[[bytes, FileFormat], RawTable]] = {
    "csv": read_text,
    "tsv": read_text,
    "whitespace": read_text,
    "fits": read_fits,
    "votable": read_votable,
    "parquet": read_parquet,
    "hdf5": read_hdf5,
}
