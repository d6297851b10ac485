"""What is read of a source: numbers of objects to the last digit, every row once, or an error that names what is."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.apply import chunks as of_chunks
from analysis.apply import names, patience
from analysis.apply.chunks import Chunk, read_chunk
from analysis.apply.sources import Source
from analysis.errors import InputError

LONG = 2**62 + 1  # a float has no such number


def table_of(numbers: pa.Array) -> pa.Table:
    places = pa.array(range(len(numbers)), pa.float64())
    return pa.table({names.OBJECT: numbers, names.RA: places, names.DEC: places})


def read(folder: Path, chunk_rows: int = 100) -> pd.DataFrame:
    """Return all that is read of a source, chunk by chunk."""
    wanted = [names.OBJECT, names.RA, names.DEC]
    return pd.concat([read_chunk(chunk, wanted, None) for chunk in chunks_of(folder, chunk_rows)], ignore_index=True)


def chunks_of(folder: Path, chunk_rows: int = 100) -> list[Chunk]:
    source = Source.of(str(folder), None)
    return source.cut(source.footers(None), chunk_rows).chunks


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.string()])
def test_numbers_of_objects_keep_every_digit(tmp_path, kind) -> None:
    pq.write_table(table_of(pa.array([LONG, 7, LONG + 1]).cast(kind)), tmp_path / "a.parquet")
    numbers = read(tmp_path)[names.OBJECT]
    assert numbers.dtype == "int64" and numbers.tolist() == [LONG, 7, LONG + 1]


@pytest.mark.parametrize(
    "numbers",
    [
        pa.array([LONG, None, 7]),  # pandas would make floats of all three
        pa.array([3.0, float(LONG), 7.0]),
        pa.array([3.0, float("nan"), 7.0]),
        pa.array([3, 2**63, 7], pa.uint64()),
        pa.array(["3", "SDSS J1234", "7"]),
    ],
)
def test_what_is_no_number_of_an_object_is_named(tmp_path, numbers) -> None:
    pq.write_table(table_of(numbers), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet .*: row 2, column 'object_id'") as caught:
        read(tmp_path)
    assert caught.value.kind == "bad-object-id"


def write(path: Path, *groups: list[int]) -> None:
    """Write a file of row groups of these numbers of objects."""
    with pq.ParquetWriter(path, table_of(pa.array([], pa.int64())).schema) as writer:
        for numbers in groups:
            writer.write_table(table_of(pa.array(numbers, pa.int64())))


def test_files_and_row_groups_without_rows_are_passed_over(tmp_path) -> None:
    write(tmp_path / "a.parquet")
    write(tmp_path / "b.parquet", [1, 2], [], [3])
    write(tmp_path / "c.parquet", [])
    assert [(chunk.row_groups, chunk.first_row) for chunk in chunks_of(tmp_path, 2)] == [((0,), 0), ((2,), 2)]
    assert read(tmp_path)[names.OBJECT].tolist() == [1, 2, 3]
    (tmp_path / "b.parquet").unlink()
    with pytest.raises(InputError, match="no objects in its 2 files") as caught:
        chunks_of(tmp_path)
    assert caught.value.kind == "no-rows"


class Failing:
    """A Parquet file that cannot be read at first."""

    def __init__(self, times: int):
        self.times, self.parquet_file = times, pq.ParquetFile

    def __call__(self, *arguments, **settings) -> pq.ParquetFile:
        self.times -= 1
        if self.times >= 0:
            raise OSError("503 Slow Down")
        return self.parquet_file(*arguments, **settings)


def test_an_error_that_passes_is_waited_for(tmp_path, monkeypatch) -> None:
    write(tmp_path / "a.parquet", [1, 2])
    monkeypatch.setattr(patience, "PAUSE", 0.001)
    source = Source.of(str(tmp_path), None)
    monkeypatch.setattr(of_chunks.pq, "ParquetFile", Failing(2))
    assert source.footers(None) == [[2]]
    monkeypatch.setattr(of_chunks.pq, "ParquetFile", Failing(3))
    assert source.footers(None) == [None] and source.footers([[2]]) == [[2]]  # known: not read again


def test_a_file_that_changed_after_it_was_cut_is_not_taken_for_the_same(tmp_path) -> None:
    write(tmp_path / "a.parquet", [1, 2])
    [chunk] = chunks_of(tmp_path)
    with pytest.raises(InputError, match=r"2 rows; expected the 5 of when the run began"):
        read_chunk(replace(chunk, rows=5), [names.OBJECT], None)
    with pytest.raises(InputError, match="could not be read when the run began"):
        read_chunk(replace(chunk, row_groups=(), rows=0), [names.OBJECT], None)


def test_objects_numbered_by_rows_need_every_file(tmp_path) -> None:
    write(tmp_path / "a.parquet", [1, 2])
    (tmp_path / "b.parquet").write_bytes(b"PAR1 no more")
    (tmp_path / "map.yaml").write_text("columns:\n  ra: ra\n  dec: dec\n")
    source = Source.of(str(tmp_path), tmp_path / "map.yaml")
    with pytest.raises(InputError, match=r"b\.parquet: cannot be read as Parquet; .* numbered by their rows"):
        source.cut(source.footers(None), 100)


@pytest.mark.parametrize(
    ("column", "values", "kind", "message"),
    [
        (names.OBJECT, pa.array([[1], [2]]), "bad-object-id", "'object_id' holds list<.*>; expected whole numbers"),
        (names.RA, pa.array(["12:30:00", "12:31:00"]), "not-a-number", "'ra' holds string; expected numbers"),
    ],
)
def test_types_are_checked_before_anything_is_read(tmp_path, column, values, kind, message) -> None:
    table = table_of(pa.array([1, 2]))
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, column, values), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet: column " + message) as caught:
        Source.of(str(tmp_path), None).check_types([names.OBJECT, names.RA, names.DEC])
    assert caught.value.kind == kind
    write(tmp_path / "a.parquet", [1, 2])
    Source.of(str(tmp_path), None).check_types([names.OBJECT, names.RA, names.DEC])


def test_columns_that_a_map_tells_of_are_looked_for_before_anything_is_read(tmp_path) -> None:
    write(tmp_path / "a.parquet", [1, 2])
    (tmp_path / "map.yaml").write_text("columns:\n  ra: RAJ2000\n  dec: dec\n")
    with pytest.raises(InputError, match=r"no column 'RAJ2000' \(for ra\)"):
        Source.of(str(tmp_path), tmp_path / "map.yaml").check_types([names.OBJECT, names.RA, names.DEC])


def test_a_row_group_of_too_many_rows_is_cut(tmp_path, monkeypatch) -> None:
    write(tmp_path / "a.parquet", [0, 1], list(range(2, 27)), [27])
    chunks = chunks_of(tmp_path, 10)
    assert [(c.row_groups, c.skip, c.first_row, c.rows) for c in chunks] == [
        ((0,), 0, 0, 2),
        ((1,), 0, 2, 10),
        ((1,), 10, 12, 10),
        ((1,), 20, 22, 5),
        ((2,), 0, 27, 1),
    ]
    assert len({chunk.name for chunk in chunks}) == len({str(chunk) for chunk in chunks}) == 5
    for batch in (3, 10, 65_536):
        monkeypatch.setattr(of_chunks, "_BATCH", batch)
        assert read(tmp_path, 10)[names.OBJECT].tolist() == list(range(28))
