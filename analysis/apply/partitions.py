"""Partitions on the sky: which pixels, and the files that hold the answers for each.

The answers to a chunk are a shard: an Arrow file in which each record batch belongs to one partition. Of all its
batches a partition is made. Of a catalogue in no order each shard holds each partition: to take one batch out of an
Arrow file takes a third of a millisecond, where a row group of Parquet takes thirty.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hats.io.paths import pixel_catalog_file
from hats.pixel_math import HealpixPixel
from hats.pixel_math.spatial_index import compute_spatial_index

from analysis.apply import names
from analysis.apply.schema import answer_schema
from analysis.apply.sources import Pixels
from analysis.errors import InputError

Array = np.ndarray

ORDER = 29  # of the spatial index
COUNT_ORDER = 10  # of the pixels in which objects are counted: none of the partitions is smaller (3.4 arcmin)
ROW_GROUP = 131_072  # rows of a row group of a partition

_WRITING: Mapping[str, Any] = {"compression": "zstd", "compression_level": 3, "use_dictionary": False}


def positions(ra: Array, dec: Array, numbers: Array, source: str) -> Array:
    """Return the spatial index of positions in degrees, shape (n,), or raise InputError naming an impossible one."""
    wrong = ~(np.isfinite(ra) & (np.abs(dec) <= 90))
    if wrong.any():
        row = int(np.argmax(wrong))
        where = f"{source}: object {numbers[row]}, row {row + 1} ({np.count_nonzero(wrong) - 1} others too)"
        raise InputError(
            f"{where}: ra {ra[row]}, dec {dec[row]}; expected a place on the sky, in degrees", "out-of-range"
        )
    return np.asarray(compute_spatial_index(ra % 360, dec), np.int64)


def count(index: Array) -> tuple[Array, Array]:
    """Count objects by pixel of order `COUNT_ORDER`; return the pixels that have any, and how many."""
    return np.unique(index >> 2 * (ORDER - COUNT_ORDER), return_counts=True)


def no_counts() -> Array:
    """Return 0 for each pixel of order `COUNT_ORDER`: 100 MB at most, whatever is counted then."""
    return np.zeros(12 * 4**COUNT_ORDER, np.int64)


def choose(counted: Array, most: int) -> Pixels:
    """Return the largest pixels that hold at most so many objects and together all, in the order of the sky.

    Parameters
    ----------
    counted : ndarray of int, shape (n_pixels,)
        Objects by pixel of order `COUNT_ORDER`; one with more than `most` is a partition nonetheless.
    most : int
    """
    pixels = np.flatnonzero(counted)
    counts = counted[pixels]
    chosen: Pixels = []
    for order in range(COUNT_ORDER + 1):
        parents, member = np.unique(pixels >> 2 * (COUNT_ORDER - order), return_inverse=True)
        fits = np.bincount(member, counts, len(parents)) <= most
        if order == COUNT_ORDER:
            fits[:] = True
        chosen += [(order, pixel) for pixel in parents[fits].tolist()]
        pixels, counts = pixels[~fits[member]], counts[~fits[member]]
    return in_order(chosen)


def in_order(pixels: Pixels) -> Pixels:
    """Return pixels in the order of the sky: by their first spatial index."""
    return sorted(pixels, key=lambda pixel: pixel[1] << 2 * (ORDER - pixel[0]))


def partition_of(index: Array, pixels: Pixels, source: str) -> Array:
    """Return the number of the partition, among pixels in the order of the sky, of spatial indices (n,)."""
    first = np.array([number << 2 * (ORDER - order) for order, number in pixels], np.int64)
    after = np.array([(number + 1) << 2 * (ORDER - order) for order, number in pixels], np.int64)
    found = np.searchsorted(first, index, side="right") - 1
    outside = (found < 0) | (index >= after[found])
    if outside.any():
        row = int(np.argmax(outside))
        raise InputError(
            f"{source}: row {row + 1} lies in none of the {len(pixels)} partitions that the source tells of"
        )
    return found


def write_shard(path: Path, table: pa.Table, partitions: Array) -> list[int]:
    """Write answers, sorted by place, one record batch for each partition; return the partitions in that order.

    Parameters
    ----------
    path : pathlib.Path
    table : pyarrow.Table
        In the order of the spatial index.
    partitions : ndarray, shape (n,)
        Of the rows, ascending.
    """
    numbers, starts = np.unique(partitions, return_index=True)
    ends = [*starts[1:], len(partitions)][: len(starts)]  # none of no objects
    with pa.ipc.new_file(path, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        for start, end in zip(starts, ends, strict=True):
            [batch] = table.slice(start, end - start).combine_chunks().to_batches()
            writer.write_batch(batch)
    return numbers.tolist()


def write_partition(path: Path, pixel: tuple[int, int], parts: Sequence[tuple[Path, int]]) -> int:
    """Put record batches of shards together, sort them by place, write them as one partition; return its rows."""
    table = pa.Table.from_batches(_batches(parts))
    index = table[names.HEALPIX].to_numpy()
    order, number = pixel
    assert (index >> 2 * (ORDER - order) == number).all(), f"{path}: holds objects outside of its pixel"
    rows = np.argsort(index, kind="stable")
    with pq.ParquetWriter(path, answer_schema(), **_WRITING) as writer:
        for start in range(0, len(rows), ROW_GROUP):  # one by one: a sorted copy of all would take as much again
            writer.write_table(table.take(pa.array(rows[start : start + ROW_GROUP])).combine_chunks())
    return len(table)


def _batches(parts: Sequence[tuple[Path, int]]) -> Iterator[pa.RecordBatch]:
    for shard, number in parts:
        with pa.OSFile(str(shard)) as file, pa.ipc.open_file(file) as reader:
            yield reader.get_batch(number)


def partition_file(catalogue: Path, pixel: tuple[int, int]) -> Path:
    """Return the file of a partition in a HATS catalogue."""
    return Path(pixel_catalog_file(catalogue, HealpixPixel(*pixel)).path)
