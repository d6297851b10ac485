"""What is read of a source: numbers of objects to the last digit, each row once, or an error that names what is wrong."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.apply import names
from analysis.apply.sources import Source, read_chunk
from analysis.errors import InputError

LONG = 2**62 + 1  # a float has no such number


def table_of(numbers: pa.Array) -> pa.Table:
    places = pa.array(range(len(numbers)), pa.float64())
    return pa.table({names.OBJECT: numbers, names.RA: places, names.DEC: places})


def read(folder: Path, chunk_rows: int = 100) -> pd.DataFrame:
    """Return all that is read of a source, chunk by chunk."""
    source = Source.of(str(folder), None, chunk_rows)
    wanted = [names.OBJECT, names.RA, names.DEC]
    return pd.concat([read_chunk(chunk, wanted, None) for chunk in source.chunks], ignore_index=True)


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
