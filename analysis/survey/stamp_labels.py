"""What foreign stamps are: their object numbers and labels, from arrays or tables, by way of the columns map."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import InputError
from analysis.survey.arrays import read_arrays
from analysis.survey.columns_map import ColumnsMap, FileFormat, read_map
from analysis.survey.convert import to_catalogue
from analysis.survey.readers import RawTable, read_table, to_arrow
from analysis.survey.schema import CLASSES, column_of

LABEL = "label"  # what the one column of a bare array of labels is called, for a columns map


def parse_classes(text: str) -> dict[str, str]:
    """Read '0=STAR,1=GALAXY'."""
    meaning = {}
    for part in text.split(","):
        label, equals, name = (piece.strip() for piece in part.partition("="))
        if not equals or not label or name not in CLASSES:
            raise InputError(
                f"--classes: {part!r}; expected label=CLASS with one of {', '.join(CLASSES)}", "setting-value"
            )
        meaning[label] = name
    return meaning


def read_ids_file(path: Path) -> np.ndarray:
    """Read object numbers: an .npy array of integers, or text with one number a line.

    Raises
    ------
    InputError
        If it cannot be read, or a number has lost digits.
    """
    raw = _raw_table(path, "object_id", FileFormat(type="csv", header=None, names=("object_id",)))
    return check_ids(raw)


def check_ids(raw: RawTable, name: str = "object_id") -> np.ndarray:
    """Return a column of object numbers as int64; InputError where one is none, or a float that has lost digits."""
    table, _ = to_catalogue(raw, ColumnsMap(Path(raw.source), {"object_id": name}))
    return table["object_id"].to_numpy()


def ids_of(columns: Mapping[str, np.ndarray], source: str) -> np.ndarray | None:
    """Return the object numbers that lie beside a cube, None if there are none."""
    for name, values in columns.items():
        if name.lower() in ("object_id", "objid", "id", "ids") and values.ndim == 1:
            return check_ids(RawTable(source, {name: to_arrow(values)}), name)
    return None


def read_labels(
    path: Path, map_path: Path | None, classes: Mapping[str, str], label_is: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read labels of stamps into catalogue columns.

    Parameters
    ----------
    path : pathlib.Path
        An array (.npy, or .npz with named arrays), or any table that `survey ingest` takes.
    map_path : pathlib.Path or None
        A columns map; the column of a bare array is called 'label'. Without one, columns called as in the catalogue
        contract are taken, and a bare array is what `label_is` says.
    classes : mapping of str to str
        What class labels mean, beside or in place of the map's `values`.
    label_is : str
        'class' or 'redshift', for a bare array without a map.

    Returns
    -------
    table : pandas.DataFrame
        Without object_id unless the labels say it.
    about : dict
        For the provenance.

    Raises
    ------
    InputError
        Naming file, row and column of what cannot be used.
    """
    columns_map = read_map(map_path) if map_path else None
    raw = _raw_table(path, LABEL, columns_map.format if columns_map else FileFormat())
    return _labels(raw, columns_map, classes, label_is)


def labels_beside(
    columns: Mapping[str, np.ndarray], source: str, map_path: Path | None, classes: Mapping[str, str], label_is: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Take labels from the arrays that lie beside a cube in its file; otherwise as `read_labels`."""
    plain = {name: to_arrow(values) for name, values in columns.items() if values.ndim == 1}
    if not plain:
        raise InputError(
            f"{source}: stamps without labels; expected --labels FILE, or --catalogue DIR", "missing-setting"
        )
    return _labels(RawTable(source, plain), read_map(map_path) if map_path else None, classes, label_is)


def _labels(
    raw: RawTable, columns_map: ColumnsMap | None, classes: Mapping[str, str], label_is: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    if columns_map is None:
        names = {name: name for name in raw.columns if column_of(name) is not None}
        if LABEL in raw.columns:
            names[label_is] = LABEL
        if not set(names) - {"object_id"}:
            found = ", ".join(raw.columns)
            raise InputError(
                f"{raw.source}: columns {found}; expected class or redshift, or a map (--columns)", "no-such-column"
            )
        columns_map = ColumnsMap(Path(raw.source), names)
    if classes:
        columns_map = replace(columns_map, values={"class": columns_map.values.get("class", {}) | dict(classes)})
    table, nulls = to_catalogue(raw, columns_map)
    return table, {
        "simulated": columns_map.simulated,
        "source": columns_map.source,
        "licence": columns_map.licence,
        "notes": columns_map.notes,
        "columns": columns_map.columns,
        "values": columns_map.values,
        "nulls": nulls,
    }


def _raw_table(path: Path, name: str, file_format: FileFormat) -> RawTable:
    """Read arrays of NumPy's own formats, or a table of any other kind."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file", "no-such-file")
    with open(path, "rb") as file:
        start = file.read(6)
    if start != b"\x93NUMPY" and not start.startswith(b"PK"):
        return read_table(path, file_format)
    arrays = {key or name: values for key, values in read_arrays(path).items()}
    if not arrays:
        raise InputError(f"{path}: holds no array; expected one value per stamp", "which-table")
    array = next(iter(arrays.values()))
    if array.dtype.names:
        arrays = {field: array[field] for field in array.dtype.names}
    for key, values in arrays.items():
        if values.ndim != 1:
            raise InputError(f"{path}: {key} has the shape {values.shape}; expected one value per stamp", "not-scalar")
    if len({len(values) for values in arrays.values()}) > 1:
        raise InputError(f"{path}: arrays of different lengths; expected one value per stamp in each", "lengths-differ")
    return RawTable(str(path), {key: to_arrow(values) for key, values in arrays.items()})
