"""From SkyServer's CSV to the catalogue, and to the field of each object."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analysis.errors import InputError
from analysis.survey.columns_map import ColumnsMap, FileFormat
from analysis.survey.convert import to_catalogue
from analysis.survey.readers import RawTable, read_text
from analysis.survey.schema import BANDS, CLASSES, column_of
from analysis.survey.sdss.query import COLUMNS, FIELD_COLUMNS

NOT_MEASURED = (-9999, -1000)  # what SDSS writes for a value, and for an error, that it could not measure
_FORMAT = FileFormat(type="csv", delimiter=",", header=0, comment="#")  # SkyServer's first line is #Table1
_MAP = ColumnsMap(
    path=Path("SkyServer"),
    columns=COLUMNS,
    missing_values={"*": list(NOT_MEASURED)},
    optional=frozenset({"redshift"}),
)


def read_page(content: bytes) -> RawTable:
    """Read one page of SkyServer's CSV, every cell as text.

    Raises
    ------
    ValueError
        If it is another thing (an error message, a page of HTML), lacks a column, or is cut short.
    """
    lines = [line for line in content.decode("utf-8", "replace").splitlines() if not line.startswith("#")]
    header = lines[0].split(",") if lines else []
    missing = [name for name in (*COLUMNS.values(), *FIELD_COLUMNS) if name not in header]
    if missing:
        raise ValueError(f"no table of objects but {content[:200]!r}; no column {missing[0]!r}")
    if len(lines) == 1:
        return RawTable("SkyServer", {name: pa.array([], pa.string()) for name in header})
    raw = read_text(content, _FORMAT)
    raw.source = "SkyServer"
    last_class = raw.columns["class"][-1].as_py()
    if last_class not in CLASSES:
        raise ValueError(f"the last row ends in {last_class!r}; expected a class: the answer is cut short")
    return raw


def check_page(content: bytes) -> None:
    """Raise ValueError unless a page can be read and used, so that it is asked for again before it is kept."""
    page = read_page(content)
    if len(page):
        to_objects(page)


def object_ids(raw: RawTable) -> np.ndarray:
    """Return the objIDs of a page."""
    return raw.columns["objID"].cast(pa.int64()).to_numpy()


def to_objects(raw: RawTable) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """Turn a page into catalogue columns, with run, camcol, field and rerun beside them.

    Returns
    -------
    table : pandas.DataFrame
        One row per object; null where SDSS measured nothing, or nothing possible: the ranges of the catalogue's
        contract hold for all that SDSS can have measured, and one odd value must not cost the sample.
    nulls : dict
        Column to {what stood for 'missing', or 'impossible': number of rows}.
    """
    impossible = {name: count for name in COLUMNS if (count := _clear_impossible(raw, name))}
    table, nulls = to_catalogue(raw, _MAP)
    for name, count in impossible.items():
        nulls.setdefault(name, {})["impossible"] = count
        if (remaining := nulls[name].get("empty", 0) - count) > 0:
            nulls[name]["empty"] = remaining
        else:
            nulls[name].pop("empty", None)
    for band in BANDS:
        table[f"dered_{band}"] -= table[f"extinction_{band}"]
    for name in FIELD_COLUMNS:
        table[name] = raw.columns[name].cast(pa.int64()).to_numpy()
    return table, nulls


def _clear_impossible(raw: RawTable, name: str) -> int:
    """Empty the cells of a column whose value the contract does not allow; return how many."""
    column = column_of(name)
    assert column is not None
    if name in ("object_id", "class") or not (np.isfinite(column.low) or np.isfinite(column.high)):
        return 0
    cells = raw.columns[COLUMNS[name]]
    numbers = pd.to_numeric(pd.Series(cells.to_pylist()), errors="coerce").to_numpy(float)
    outside = ((numbers < column.low) | (numbers > column.high)) & ~np.isin(numbers, NOT_MEASURED)
    raw.columns[COLUMNS[name]] = pc.if_else(pa.array(outside), "", cells)
    return int(outside.sum())


def join_pages(raws: list[RawTable]) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """Turn all pages into one table, each object once (the first of its spectra), and add up what was missing.

    Raises
    ------
    InputError
        If there is no object.
    """
    raws = [raw for raw in raws if len(raw)]
    if not raws:
        raise InputError("SkyServer: no object meets the query; expected at least one")
    tables = []
    all_nulls: dict[str, dict[str, int]] = {}
    for raw in raws:
        table, nulls = to_objects(raw)
        tables.append(table)
        for name, of_one in nulls.items():
            total = all_nulls.setdefault(name, {})
            for why, count in of_one.items():
                total[why] = total.get(why, 0) + count
    joined = pd.concat(tables, ignore_index=True).drop_duplicates("object_id", ignore_index=True)
    return joined.sort_values("object_id", ignore_index=True), all_nulls
