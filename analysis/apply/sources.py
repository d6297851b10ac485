"""Where objects come from: a HATS catalogue, a folder of Parquet files, or a table that the ingest door knows.

A source is cut into chunks before anything is computed: the same source gives the same chunks, whoever computes them.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import fsspec
import hats
import pyarrow as pa
import pyarrow.parquet as pq
from hats.io.paths import pixel_catalog_file
from upath import UPath

from analysis.apply import names
from analysis.apply.chunks import Chunk, RowGroups, cut, row_groups_of
from analysis.apply.patience import of_each, patiently
from analysis.errors import InputError, nearest
from analysis.survey.catalogue import CATALOGUE
from analysis.survey.columns_map import ColumnsMap, read_map
from analysis.survey.ingest import ingest

Pixels = list[tuple[int, int]]  # order and number of HEALPix pixels, nested
Files = dict[str, dict[str, Any]]  # what the file system says of each, by its path

_SUFFIXES = (".parquet", ".parq", ".pq")
_LOOKED_AT = 20  # files at most, for the columns of all
_PROPERTIES = ("hats.properties", "properties", "collection.properties")


@dataclass(frozen=True)
class Source:
    """A source that has been looked at, not read.

    Attributes
    ----------
    url : str
        With its protocol, and an absolute path.
    files : list of (str, int, str)
        URL, bytes and version (time or tag) of each file.
    schema : pyarrow.Schema or None
        Of the first file that can be read; None of a foreign table, before it has come through the ingest door.
    pixels : list of (int, int) or None
        The partitions of a HATS catalogue.
    columns_map : ColumnsMap or None
        What the columns are, where they are not the catalogue's.
    chunks : list of Chunk
        None before it is `cut`.
    """

    url: str
    files: list[tuple[str, int, str]]
    schema: pa.Schema | None
    pixels: Pixels | None = None
    columns_map: ColumnsMap | None = None
    chunks: list[Chunk] = field(default_factory=list)

    @classmethod
    def of(cls, url: str, columns_map: Path | None) -> Self:
        """Look at a source.

        Parameters
        ----------
        url : str
            A path, or a URL that fsspec knows.
        columns_map : pathlib.Path or None

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
        files = [(fs.unstrip_protocol(name), int(info["size"] or 0), _version(info)) for name, info in found.items()]
        schema = None
        if files[0][0].endswith(_SUFFIXES):
            schema = _schema(fs, list(found))
        elif mapping is None:
            raise InputError(
                f"{url}: not Parquet; expected it, or --columns MAP for a table of another kind", "damaged-file"
            )
        return cls(fs.unstrip_protocol(path), files, schema, pixels, mapping)

    def footers(self, known: Sequence[RowGroups] | None) -> list[RowGroups]:
        """Return the rows of each row group of each file, as far as they are not known already."""
        row_groups = list(known or [None] * len(self.files))
        unknown = [k for k, groups in enumerate(row_groups) if groups is None]
        fs, _ = fsspec.core.url_to_fs(self.files[0][0])
        found = of_each(lambda k: row_groups_of(fs, fs._strip_protocol(self.files[k][0])), unknown, "footers")
        for k, groups in zip(unknown, found, strict=True):
            row_groups[k] = groups
        return row_groups

    def cut(self, row_groups: Sequence[RowGroups], chunk_rows: int) -> "Source":
        """Return the source with its chunks.

        Parameters
        ----------
        row_groups : sequence of (list of int or None)
            As `footers` returns them.
        chunk_rows : int
            Rows of a chunk at most.

        Raises
        ------
        InputError
            If there are no objects, or if they are numbered by their rows and a file does not say how many it has.
        """
        numbered = self.columns_map is not None and names.OBJECT not in self.columns_map.columns
        if numbered and None in row_groups:
            url = self.files[row_groups.index(None)][0]
            what = f"{url}: cannot be read as Parquet; the map has no {names.OBJECT}, so that objects are numbered by "
            raise InputError(f"{what}their rows in all files, and each must be readable", "damaged-file")
        chunks = cut([url for url, _, _ in self.files], row_groups, chunk_rows)
        if not chunks:
            raise InputError(f"{self.url}: no objects in its {len(self.files)} files", "no-rows")
        return replace(self, chunks=chunks)

    @property
    def is_foreign(self) -> bool:
        """Whether it is a table that must come through the ingest door: what it holds is not known yet."""
        return self.schema is None

    def through_the_door(self, work: Path) -> "Source":
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
        return Source.of(str(ingested / CATALOGUE), None)

    @property
    def rows(self) -> int:
        """How many objects there are, as far as files can be read."""
        return sum(chunk.rows for chunk in self.chunks)

    def present(self) -> list[str]:
        """List the columns of the catalogue contract that the source has."""
        if self.columns_map is None:
            return [] if self.schema is None else self.schema.names
        return [names.OBJECT, *self.columns_map.columns, *self.columns_map.constants]

    def check_types(self, wanted: Sequence[str]) -> None:
        """Raise InputError naming the first column among those wanted whose type cannot be used, before any is read."""
        assert self.schema is not None
        file = self.files[0][0]
        if self.columns_map is not None:
            for name, column in self.columns_map.columns.items():
                if name in wanted and column not in self.schema.names:
                    raise InputError(
                        f"{file}: no column {column!r} (for {name}){nearest(column, self.schema.names)}",
                        "no-such-column",
                    )
            return  # what the map says of values is seen as they are read
        for name in (name for name in wanted if name in self.schema.names):
            kind = self.schema.field(name).type
            is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
            is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)
            if name == names.OBJECT and not (is_text or is_number):
                raise InputError(f"{file}: column {name!r} holds {kind}; expected whole numbers", "bad-object-id")
            if name != names.OBJECT and not is_number:
                raise InputError(
                    f"{file}: column {name!r} holds {kind}; expected numbers (--columns MAP takes them as text)",
                    "not-a-number",
                )

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells this source from another, as JSON can hold it."""
        mapping = None if self.columns_map is None else self.columns_map.content
        return {"files": [list(file) for file in self.files], "columns_map": repr(mapping)}


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


def _files(fs: Any, path: str, url: str) -> tuple[Pixels | None, Files]:
    """Return the pixels of a HATS catalogue, if it is one, and the files of a source in their order."""
    if fs.isfile(path):
        return None, {path: fs.info(path)}
    path = path.rstrip("/")
    if any(fs.exists(f"{path}/{name}") for name in _PROPERTIES):
        return _hats_files(fs, url)
    if fs.exists(catalogue := f"{path}/{CATALOGUE}"):
        return None, {catalogue: fs.info(catalogue)}  # a survey folder: what else lies there is no catalogue
    return None, _with_sizes(fs, _parquet_below(fs, path))


def _parquet_below(fs: Any, path: str) -> Files:
    found = {}
    for name, info in sorted(fs.find(path, detail=True).items()):
        parts = name.removeprefix(path).strip("/").split("/")
        if name.endswith(_SUFFIXES) and not any(part.startswith(("_", ".")) for part in parts):
            found[name] = info
    return found


def _with_sizes(fs: Any, found: Files) -> Files:
    """Return what is said of files, and ask for what is not: a web server lists names alone."""
    unsaid = [name for name, info in found.items() if info.get("size") is None]
    if unsaid:
        said = of_each(lambda name: patiently(partial(fs.info, name)), unsaid, "files")
        found = found | dict(zip(unsaid, said, strict=True))
    return found


def _hats_files(fs: Any, url: str) -> tuple[Pixels, Files]:
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

    def of_pixel(pixel: tuple[int, int]) -> Files:
        healpix = hats.pixel_math.HealpixPixel(*pixel)
        name = pixel_catalog_file(catalogue.catalog_base_dir, healpix, npix_suffix=suffix).path
        try:
            if (
                found := _parquet_below(fs, name.rstrip("/"))
                if suffix == "/"
                else {name: patiently(partial(fs.info, name))}
            ):
                return found
        except FileNotFoundError:
            pass
        raise InputError(f"{name}: no such file; expected the partition that {url} tells of", "no-such-file")

    files: Files = {}
    for of_one in of_each(of_pixel, pixels, "files"):
        files |= of_one
    return pixels, _with_sizes(fs, files)


def without_secrets(text: str) -> str:
    """Return a text whose URLs have lost what may be secret: user, password and query."""
    return re.sub(r"(\w://)(?:[^/\s?]*@)?([^\s?'\"]*)(?:\?[^\s'\")]*)?", r"\1\2", text)


def _version(info: dict[str, Any]) -> str:
    return str(info.get("ETag") or info.get("mtime") or info.get("LastModified") or info.get("created") or "")


def _schema(fs: Any, found: Sequence[str]) -> pa.Schema:
    """Return the schema of the first of some files that can be read as Parquet."""
    for name in found[:_LOOKED_AT]:
        try:
            return patiently(partial(_read_schema, fs, name))
        except (pa.ArrowException, OSError) as error:
            reason = error
    looked_at = f"nor can the {min(len(found), _LOOKED_AT) - 1} files after it"
    raise InputError(
        f"{fs.unstrip_protocol(found[0])}: cannot be read as Parquet, {looked_at} ({reason})", "damaged-file"
    )


def _read_schema(fs: Any, name: str) -> pa.Schema:
    with fs.open(name) as opened, pq.ParquetFile(opened) as file:
        return file.schema_arrow
