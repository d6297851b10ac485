"""Where objects come from: a HATS catalogue, a folder of Parquet files, or a table that the ingest door knows.

A source is cut into chunks, runs of row groups of one file, before anything is computed: the same source gives the same
chunks, whoever computes them.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

import fsspec
import hats
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hats.io.paths import pixel_catalog_file
from upath import UPath

from analysis.apply import names
from analysis.errors import InputError
from analysis.survey.catalogue import CATALOGUE
from analysis.survey.columns_map import ColumnsMap, read_map
from analysis.survey.convert import identifiers, to_catalogue
from analysis.survey.ingest import ingest
from analysis.survey.readers import RawTable

Pixels = list[tuple[int, int]]  # order and number of HEALPix pixels, nested

_SUFFIXES = (".parquet", ".parq", ".pq")
_PROPERTIES = ("hats.properties", "properties", "collection.properties")


@dataclass(frozen=True)
class Chunk:
    """So many rows of a file that are computed at once.

    Attributes
    ----------
    number : int
    url : str
    row_groups : tuple of int
        Empty where the file could not be read when the chunks were made.
    first_row, rows : int
        In the whole source.
    """

    number: int
    url: str
    row_groups: tuple[int, ...]
    first_row: int
    rows: int

    def __str__(self) -> str:
        groups = f"row groups {self.row_groups[0]} to {self.row_groups[-1]}" if self.row_groups else "all of it"
        return f"{self.url} ({groups})"


@dataclass(frozen=True)
class Source:
    """A source that has been looked at, not read.

    Attributes
    ----------
    url : str
        With its protocol, and an absolute path.
    files : list of (str, int, str)
        URL, bytes and version (time or tag) of each file.
    chunks : list of Chunk
        None of a foreign table, before it has come through the ingest door.
    columns : list of str
        What the files hold, from the first that can be read.
    pixels : list of (int, int) or None
        The partitions of a HATS catalogue.
    columns_map : ColumnsMap or None
        What the columns are, where they are not the catalogue's.
    """

    url: str
    files: list[tuple[str, int, str]]
    chunks: list[Chunk]
    columns: list[str]
    pixels: Pixels | None = None
    columns_map: ColumnsMap | None = None

    @classmethod
    def of(cls, url: str, columns_map: Path | None, chunk_rows: int) -> Self:
        """Look at a source.

        Parameters
        ----------
        url : str
            A path, or a URL that fsspec knows.
        columns_map : pathlib.Path or None
        chunk_rows : int
            Rows of a chunk, unless a single row group has more.

        Raises
        ------
        InputError
            If there is nothing to read.
        """
        mapping = None if columns_map is None else read_map(columns_map)
        fs, path = _file_system(url)
        pixels, found = _files(fs, path, url)
        if not found:
            raise InputError(
                f"{url}: no Parquet file; expected a HATS catalogue, a folder of Parquet, or a table", "no-such-file"
            )
        infos = [(fs.unstrip_protocol(name), fs.info(name)) for name in found]
        files = [(name, int(info["size"] or 0), _version(info)) for name, info in infos]
        chunks: list[Chunk] = []
        columns: list[str] = []
        if found[0].endswith(_SUFFIXES):
            chunks, columns = _chunks(fs, found, chunk_rows)
        elif mapping is None:
            raise InputError(
                f"{url}: not Parquet; expected it, or --columns MAP for a table of another kind", "damaged-file"
            )
        return cls(fs.unstrip_protocol(path), files, chunks, columns, pixels, mapping)

    @property
    def is_foreign(self) -> bool:
        """Whether it is a table that must come through the ingest door: what it holds is not known yet."""
        return not self.chunks

    def through_the_door(self, chunk_rows: int, work: Path) -> "Source":
        """Return a foreign table as a survey, in a folder of its own that is made if it is not there."""
        assert self.columns_map is not None
        identity = hashlib.sha256(json.dumps(self.fingerprint()).encode()).hexdigest()
        ingested = work / f"ingested-{identity}"
        if not ingested.exists():
            fs, name = fsspec.core.url_to_fs(self.files[0][0])
            local = Path(name)
            if "file" not in fs.protocol:
                local = work / f"fetched-{Path(without_secrets(name)).name}"
                fs.get(name, str(local))
            ingest([local], self.columns_map.path, ingested)
        return Source.of(str(ingested / CATALOGUE), None, chunk_rows)

    @property
    def rows(self) -> int:
        """How many objects there are, as far as files can be read."""
        return sum(chunk.rows for chunk in self.chunks)

    def present(self) -> list[str]:
        """List the columns of the catalogue contract that the source has."""
        if self.columns_map is None:
            return self.columns
        return [names.OBJECT, *self.columns_map.columns, *self.columns_map.constants]

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells this source from another, as JSON can hold it."""
        mapping = None if self.columns_map is None else self.columns_map.content
        chunks = [[c.url, len(c.row_groups), c.rows] for c in self.chunks]
        return {"files": [list(file) for file in self.files], "chunks": chunks, "columns_map": repr(mapping)}


def _file_system(url: str) -> tuple[Any, str]:
    try:
        fs, path = fsspec.core.url_to_fs(url)
        there = fs.exists(path)
    except (ImportError, ValueError, OSError) as error:
        raise InputError(f"{url}: cannot be reached ({type(error).__name__}: {error})", "no-such-file") from None
    if not there:
        raise InputError(
            f"{url}: no such file or folder; expected a HATS catalogue, a folder of Parquet, or a table", "no-such-file"
        )
    return fs, path


def _files(fs: Any, path: str, url: str) -> tuple[Pixels | None, list[str]]:
    """Return the pixels of a HATS catalogue, if it is one, and the files of a source in their order."""
    if fs.isfile(path):
        return None, [path]
    path = path.rstrip("/")
    if any(fs.exists(f"{path}/{name}") for name in _PROPERTIES):
        return _hats_files(fs, url)
    if fs.exists(f"{path}/{CATALOGUE}"):
        return None, [f"{path}/{CATALOGUE}"]  # a survey folder: what else lies there is no catalogue
    return None, sorted(_parquet_below(fs, path))


def _parquet_below(fs: Any, path: str) -> Iterator[str]:
    for name in fs.find(path):
        parts = name.removeprefix(path).strip("/").split("/")
        if name.endswith(_SUFFIXES) and not any(part.startswith(("_", ".")) for part in parts):
            yield name


def _hats_files(fs: Any, url: str) -> tuple[Pixels, list[str]]:
    try:
        catalogue: Any = hats.read_hats(UPath(url))
        catalogue = getattr(catalogue, "main_catalog", catalogue)  # of a collection
        pixels = sorted((int(p.order), int(p.pixel)) for p in catalogue.get_healpix_pixels())
        suffix = catalogue.catalog_info.npix_suffix
    except Exception as error:  # whatever hats makes of a damaged folder
        raise InputError(
            f"{url}: not a readable HATS catalogue ({type(error).__name__}: {error})", "damaged-file"
        ) from None
    if not catalogue.catalog_base_dir.resolve().is_relative_to(UPath(url).resolve()):
        what = f"{url}: its catalogue, {catalogue.catalog_base_dir}, lies outside of it; expected one in the folder"
        raise InputError(what, "leads-outside")
    files = []
    for order, number in pixels:
        file = pixel_catalog_file(
            catalogue.catalog_base_dir, hats.pixel_math.HealpixPixel(order, number), npix_suffix=suffix
        )
        below = [file.path] if suffix != "/" else sorted(_parquet_below(fs, file.path.rstrip("/")))
        for name in below:
            if not fs.exists(name):
                raise InputError(f"{name}: no such file; expected the partition that {url} tells of", "no-such-file")
        files += below
    return pixels, files


def without_secrets(text: str) -> str:
    """Return a text whose URLs have lost what may be secret: user, password and query."""
    return re.sub(r"(\w://)(?:[^/\s?]*@)?([^\s?'\"]*)(?:\?[^\s'\")]*)?", r"\1\2", text)


def _version(info: dict[str, Any]) -> str:
    return str(info.get("ETag") or info.get("mtime") or info.get("LastModified") or info.get("created") or "")


def _row_groups(fs: Any, name: str) -> tuple[list[int], list[str]]:
    """Return the rows of each row group of a Parquet file, and its columns; none where it cannot be read."""
    try:
        with fs.open(name) as opened, pq.ParquetFile(opened) as file:
            about = file.metadata
            return [about.row_group(k).num_rows for k in range(about.num_row_groups)], file.schema_arrow.names
    except (pa.ArrowException, OSError):
        return [], []  # the chunk that stands for it will fail, and say so


def _chunks(fs: Any, found: list[str], chunk_rows: int) -> tuple[list[Chunk], list[str]]:
    """Return the chunks of Parquet files, and the columns of the first that can be read."""
    chunks: list[Chunk] = []
    columns: list[str] = []
    for name in found:
        groups, here = _row_groups(fs, name)
        chunks += _cut(fs.unstrip_protocol(name), groups, chunk_rows)
        columns = columns or here
    if not columns:
        raise InputError(
            f"{chunks[0].url}: cannot be read as Parquet, nor can the {len(found) - 1} other files", "damaged-file"
        )
    starts = accumulate((chunk.rows for chunk in chunks), initial=0)
    return [
        replace(c, number=k, first_row=start) for k, (c, start) in enumerate(zip(chunks, starts, strict=False))
    ], columns


def _cut(url: str, groups: Sequence[int], chunk_rows: int) -> list[Chunk]:
    """Cut the row groups of a file into chunks."""
    if not groups:
        return [Chunk(0, url, (), 0, 0)]
    chunks, start = [], 0
    while start < len(groups):
        stop, rows = start + 1, groups[start]
        while stop < len(groups) and rows + groups[stop] <= chunk_rows:
            rows, stop = rows + groups[stop], stop + 1
        chunks.append(Chunk(0, url, tuple(range(start, stop)), 0, rows))
        start = stop
    return chunks


def read_chunk(chunk: Chunk, wanted: Sequence[str], columns_map: ColumnsMap | None) -> pd.DataFrame:
    """Read some columns of a chunk, those that it has, as columns of the catalogue contract.

    Raises
    ------
    InputError
        If the file cannot be read, or a value cannot be used.
    """
    fs, path = fsspec.core.url_to_fs(chunk.url)
    source_of = None if columns_map is None else {k: v for k, v in columns_map.columns.items() if k in wanted}
    try:
        with fs.open(path) as opened, pq.ParquetFile(opened, pre_buffer=True) as file:
            there = file.schema_arrow.names
            columns = [name for name in (wanted if source_of is None else source_of.values()) if name in there]
            table = file.read_row_groups(list(chunk.row_groups), columns, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{chunk}: cannot be read as Parquet ({error})", "damaged-file") from None
    if columns_map is None or source_of is None:
        return _as_catalogue(table, str(chunk))
    raw = RawTable(str(chunk), {name: table[name].combine_chunks() for name in table.column_names})
    frame, _ = to_catalogue(raw, replace(columns_map, columns=source_of))
    if names.OBJECT not in frame:
        frame.insert(0, names.OBJECT, np.arange(chunk.first_row, chunk.first_row + len(frame)))
    return frame


def _as_catalogue(table: pa.Table, source: str) -> pd.DataFrame:
    """Return a table of the catalogue's columns as pandas has it, which would make floats of numbers with a null."""
    if names.OBJECT not in table.column_names:
        raise InputError(f"{source}: no column {names.OBJECT!r}", "no-such-column")
    numbers = identifiers(RawTable(source, {names.OBJECT: table[names.OBJECT].combine_chunks()}), names.OBJECT)
    frame = table.drop_columns([names.OBJECT]).to_pandas(
        use_threads=False, ignore_metadata=True
    )  # an index is a column
    frame.insert(0, names.OBJECT, numbers)
    return frame
