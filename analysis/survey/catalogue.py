"""Reading and writing a survey folder: catalogue.parquet, provenance.json and, if any, stamps.h5."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import analysis
from analysis.errors import InputError
from analysis.files import partial_of, write_json
from analysis.survey.schema import CLASSES, column_of

CATALOGUE = "catalogue.parquet"
PROVENANCE = "provenance.json"
STAMPS = "stamps.h5"
KINDS = ("mock", "ingested", "sdss")  # what a provenance may say that a survey is
TRUTH = "truth.parquet"  # beside a mock catalogue; the pipeline never reads it

_ARROW_TYPES = {
    "float32": pa.float32(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "int32": pa.int32(),
    "class": pa.dictionary(pa.int8(), pa.string()),
}


def refuse_existing(directory: Path) -> None:
    """Raise InputError if something is there already: nobody's data are overwritten."""
    if Path(directory).exists():
        raise InputError(f"{directory}: exists already; choose a new folder, or move this one away", "output-exists")


@contextmanager
def new_folder(directory: Path) -> Iterator[Path]:
    """Make a folder all at once: yield a temporary one beside it, rename it when the block ends without
    error.

    Raises
    ------
    InputError
        If the folder exists: nobody's data are overwritten.
    """
    directory = Path(directory)
    refuse_existing(directory)
    partial = partial_of(directory)
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"{directory}: cannot be made ({error})", "cannot-write") from None
    try:
        yield partial
        partial.rename(directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def arrow_schema(names: Iterable[str]) -> pa.Schema:
    """Return the Parquet schema of contract columns, unit and meaning in each column's metadata."""
    fields = []
    for name in names:
        column = column_of(name)
        assert column is not None, name
        metadata = {"unit": column.unit, "description": column.description}
        fields.append(pa.field(name, _ARROW_TYPES[column.dtype], metadata=metadata))
    return pa.schema(fields)


def to_arrow(table: pd.DataFrame) -> pa.Table:
    """Convert a catalogue to Arrow with the contract's types; NaN becomes null."""
    schema = arrow_schema(table.columns)
    arrays = []
    for field in schema:
        values = table[field.name]
        column = column_of(field.name)
        assert column is not None
        if column.dtype == "class":
            codes = pd.Categorical(values, categories=CLASSES).codes.astype(np.int8)
            indices = pa.array(codes, mask=codes < 0)
            arrays.append(pa.DictionaryArray.from_arrays(indices, pa.array(CLASSES)))
        else:
            arrays.append(pa.Array.from_pandas(values).cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a Parquet file for writing chunk by chunk, small: dictionary-encoded, zstd."""
    return pq.ParquetWriter(path, schema, compression="zstd", compression_level=12, use_dictionary=True)


def write_survey(table: pd.DataFrame, directory: Path, provenance: dict[str, Any]) -> None:
    """Write a survey folder, all of it or nothing.

    Parameters
    ----------
    table : pandas.DataFrame
        A catalogue that `check_catalogue` accepts.
    directory : pathlib.Path
        Must not exist.
    provenance : dict
        Where the data come from; counts, code version and checksums are added.

    Raises
    ------
    InputError
        If the folder exists.
    """
    with new_folder(directory) as folder:
        arrow = to_arrow(table)
        with parquet_writer(folder / CATALOGUE, arrow.schema) as writer:
            writer.write_table(arrow)
        write_provenance(folder, provenance, counts(table.get("class"), table.get("redshift"), len(table)))


def counts(classes: pd.Series | None, redshift: pd.Series | None, objects: int) -> dict[str, int]:
    """Count the objects of a catalogue: all, by class, with redshift."""
    result = {"objects": objects}
    if classes is not None:
        result |= {name: int((classes == name).sum()) for name in CLASSES}
    if redshift is not None:
        result["with_redshift"] = int(redshift.notna().sum())
    return result


def write_provenance(folder: Path, provenance: dict[str, Any], counted: dict[str, int]) -> None:
    """Write provenance.json: what was given, the counts, the code version, the checksum of every file."""
    files = {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.is_file() and path.name != PROVENANCE}
    full = {**provenance, "counts": counted, "code_version": analysis.__version__, "sha256": files}
    write_json(folder / PROVENANCE, full)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def catalogue_path(directory: Path) -> Path:
    """Return the catalogue of a survey folder, or raise InputError."""
    path = Path(directory) / CATALOGUE
    if not path.is_file():
        raise InputError(
            f"{directory}: no {CATALOGUE} here; expected a survey folder (see `survey --help`)", "no-such-file"
        )
    return path


def column_names(directory: Path) -> list[str]:
    """List the columns of a survey's catalogue.

    Raises
    ------
    InputError
        If there is no survey, or its catalogue is damaged.
    """
    path = catalogue_path(directory)
    try:
        return pq.read_schema(path).names
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file ({error})", "damaged-file") from None


def read_catalogue(directory: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a survey's catalogue.

    Parameters
    ----------
    directory : pathlib.Path
        A survey folder.
    columns : sequence of str, optional
        The columns wanted; those that the survey lacks are left out.

    Returns
    -------
    pandas.DataFrame
        One row per object; missing values are NaN.

    Raises
    ------
    InputError
        If there is no readable catalogue.
    """
    present = column_names(directory)
    wanted = present if columns is None else [name for name in columns if name in present]
    try:
        return pq.read_table(catalogue_path(directory), columns=wanted).to_pandas()
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{catalogue_path(directory)}: cannot be read ({error})", "damaged-file") from None


def read_provenance(directory: Path) -> dict[str, Any]:
    """Read where a survey comes from; empty if the folder does not say, InputError if it cannot be read."""
    path = Path(directory) / PROVENANCE
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable JSON file ({error})", "damaged-file") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no mapping; expected where the survey comes from", "setting-type")
    return content
