"""Chunks: the pieces of Parquet files that are computed at once, cut by what the footers of the files say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.apply import names
from analysis.apply.patience import patiently
from analysis.errors import InputError
from analysis.survey.columns_map import ColumnsMap
from analysis.survey.convert import identifiers, to_catalogue
from analysis.survey.readers import RawTable

_Piece = tuple[tuple[int, ...], int, int]  # row groups, rows of the first that are skipped, rows
RowGroups = list[int] | None  # rows of each row group of a file; None where its footer could not be read
_BATCH = 65_536  # rows that are read at a time


@dataclass(frozen=True)
class Chunk:
    """So many rows of a file that are computed at once.

    Attributes
    ----------
    name : str
        Of its file, by number, and of its place there: the same whatever the other files say.
    url : str
    row_groups : tuple of int
        Empty where the file could not be read when the chunks were made.
    skip : int
        Rows of the first row group that belong to chunks before it.
    first_row, rows : int
        In the whole source.
    """

    name: str
    url: str
    row_groups: tuple[int, ...]
    skip: int
    first_row: int
    rows: int

    def __str__(self) -> str:
        groups = f"row groups {self.row_groups[0]} to {self.row_groups[-1]}" if self.row_groups else "all of it"
        rows = f", rows {self.skip + 1} to {self.skip + self.rows}" if self.skip else ""
        return f"{self.url} ({groups}{rows})"


def row_groups_of(fs: Any, name: str) -> RowGroups:
    """Return the rows of each row group of a Parquet file; None where that cannot be read, after some patience."""

    def read() -> list[int]:
        with fs.open(name) as opened, pq.ParquetFile(opened) as file:
            return [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]

    try:
        return patiently(read)
    except (pa.ArrowException, OSError):
        return None  # the chunk that stands for the file will fail, and say why


def cut(urls: Sequence[str], row_groups: Sequence[RowGroups], chunk_rows: int) -> list[Chunk]:
    """Cut files into chunks.

    Parameters
    ----------
    urls : sequence of str
    row_groups : sequence of (list of int or None)
        Of each file. One without rows has no chunk, one that cannot be read a chunk that fails.
    chunk_rows : int
        Rows of a chunk at most: a row group that has more is cut, so that memory does not depend on who wrote the file.
    """
    chunks: list[Chunk] = []
    first_row = 0
    for number, (url, groups) in enumerate(zip(urls, row_groups, strict=True)):
        pieces: list[_Piece] = [((), 0, 0)] if groups is None else _pieces(groups, chunk_rows)
        for k, (taken, skip, rows) in enumerate(pieces):
            chunks.append(Chunk(f"{number:06d}-{k:04d}", url, taken, skip, first_row, rows))
            first_row += rows
    return chunks


def _pieces(groups: Sequence[int], chunk_rows: int) -> list[_Piece]:
    """Cut a file into runs of row groups that have rows, and into parts of those that have too many."""
    pieces: list[_Piece] = []
    for group, rows in enumerate(groups):
        if rows and pieces and pieces[-1][2] + rows <= chunk_rows and not pieces[-1][1]:
            taken, skip, so_far = pieces.pop()
            pieces.append(((*taken, group), skip, so_far + rows))
        else:
            pieces += [((group,), skip, min(chunk_rows, rows - skip)) for skip in range(0, rows, chunk_rows)]
    return pieces


def read_chunk(chunk: Chunk, wanted: Sequence[str], columns_map: ColumnsMap | None) -> pd.DataFrame:
    """Read some columns of a chunk, those that it has, as columns of the catalogue contract.

    Raises
    ------
    InputError
        If the file cannot be read, is not what it was when the run began, or a value cannot be used.
    """
    source_of = None if columns_map is None else {k: v for k, v in columns_map.columns.items() if k in wanted}
    table = _read(chunk, wanted if source_of is None else list(source_of.values()))
    if columns_map is None or source_of is None:
        return _as_catalogue(table, str(chunk))
    raw = RawTable(str(chunk), {name: table[name].combine_chunks() for name in table.column_names})
    frame, _ = to_catalogue(raw, replace(columns_map, columns=source_of))
    if names.OBJECT not in frame:
        frame.insert(0, names.OBJECT, np.arange(chunk.first_row, chunk.first_row + len(frame)))
    return frame


def _read(chunk: Chunk, wanted: Sequence[str]) -> pa.Table:
    fs, path = fsspec.core.url_to_fs(chunk.url)
    try:
        with fs.open(path) as opened, pq.ParquetFile(opened, pre_buffer=True) as file:
            if not chunk.row_groups:
                raise InputError(
                    f"{chunk}: could not be read when the run began, and now can; give the same command again"
                )
            columns = [name for name in wanted if name in file.schema_arrow.names]
            table = _rows(file, chunk, columns)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{chunk}: cannot be read as Parquet ({error})", "damaged-file") from None
    if len(table) != chunk.rows:
        raise InputError(f"{chunk}: {len(table)} rows; expected the {chunk.rows} of when the run began", "damaged-file")
    return table


def _rows(file: pq.ParquetFile, chunk: Chunk, columns: list[str]) -> pa.Table:
    """Return the rows of a chunk; those before it in its row group are read, and let go a batch at a time."""
    batches, at = [], 0
    for batch in file.iter_batches(_BATCH, list(chunk.row_groups), columns, use_threads=False):
        start, stop = max(chunk.skip - at, 0), chunk.skip + chunk.rows - at
        if stop <= 0:
            break
        if start < len(batch):
            batches.append(batch.slice(start, stop - start))
        at += len(batch)
    if not batches:
        raise pa.ArrowInvalid("no rows are left of it")
    return pa.Table.from_batches(batches)


def _as_catalogue(table: pa.Table, source: str) -> pd.DataFrame:
    """Return a table of the catalogue's columns as pandas has it, which would make floats of numbers with a null."""
    if names.OBJECT not in table.column_names:
        raise InputError(f"{source}: no column {names.OBJECT!r}", "no-such-column")
    numbers = identifiers(RawTable(source, {names.OBJECT: table[names.OBJECT].combine_chunks()}), names.OBJECT)
    # an index is a column too: metadata that pandas wrote are not asked
    frame = table.drop_columns([names.OBJECT]).to_pandas(use_threads=False, ignore_metadata=True)
    frame.insert(0, names.OBJECT, numbers)
    return frame
