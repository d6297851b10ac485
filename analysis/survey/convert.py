"""From the columns of a foreign table to those of the catalogue: numbers, units, labels, missing values.

Every function names the file, row and column of the first value that cannot be used, and what was expected.
"""

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from astropy import units

from analysis.errors import InputError, nearest
from analysis.survey.columns_map import ColumnsMap
from analysis.survey.readers import RawTable
from analysis.survey.schema import (
    CLASSES,
    COLUMNS,
    Column,
    column_of,
    find_violation,
    is_magnitude,
    magnitude_of,
)

EMPTY = ("", "nan", "null", "none", "na", "n/a", "--")  # what a text table writes where it has no value
FLOAT_NOTATION = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# Names of units in the wild that astropy does not know; the empty unit is the contract's own.
UNIT_ALIASES = {
    "degrees": units.deg,
    "arcsecs": units.arcsec,
    "arcseconds": units.arcsec,
    "mags": units.mag,
    "magnitude": units.mag,
    "magnitudes": units.mag,
    "maggies": units.mgy,
    "nanomaggies": units.nmgy,
}
NO_UNIT = ("", "-", "--", "---", "none", "unitless", "dimensionless")
AB_ZERO_POINT = units.zero_point_flux(1 * units.AB)  # of maggies


@dataclass
class _Values:
    """One column on its way: numbers (NaN where there is none), and why some are missing."""

    numbers: np.ndarray
    declared: np.ndarray  # missing because the map says so
    nulls: dict[str, int] = field(default_factory=dict)


def to_catalogue(raw: RawTable, columns_map: ColumnsMap) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """Turn one foreign table into catalogue columns.

    Parameters
    ----------
    raw : RawTable
        As read from its file.
    columns_map : ColumnsMap
        What its columns are.

    Returns
    -------
    table : pandas.DataFrame
        The mapped and the constant columns in the contract's units; missing is NaN. No `object_id` unless
        mapped.
    nulls : dict
        Column to {what stood for 'missing': number of rows}.

    Raises
    ------
    InputError
        Naming file, row (line) and column of the first value that cannot be used.
    """
    for name, source in columns_map.columns.items():
        if source not in raw.columns:
            raise InputError(
                f"{raw.source}: no column {source!r} (for {name}){nearest(source, raw.columns)}", "no-such-column"
            )
        if pa.types.is_nested(kind := raw.columns[source].type):
            raise InputError(
                f"{raw.source}: column {source!r} ({name}) holds {kind}; expected one value per row", "not-scalar"
            )
    table: dict[str, np.ndarray] = {}
    nulls = {}
    fluxes: dict[str, units.Quantity] = {}
    for name in _in_order([*columns_map.columns, *columns_map.constants]):
        if name in columns_map.constants:
            table[name] = np.full(len(raw), columns_map.constants[name])
        elif name == "object_id":
            table[name] = identifiers(raw, columns_map.columns[name])
        elif name == "class":
            table[name], nulls[name] = _labels(raw, columns_map)
        else:
            table[name], nulls[name] = _measurements(raw, name, columns_map, table, fluxes)
    frame = pd.DataFrame(table)
    # the numbers of objects are compared later, over all files
    if found := find_violation(frame.drop(columns="object_id", errors="ignore")):
        source = columns_map.columns.get(found.column, "a constant")
        raise InputError(
            _message(raw, found.row, source, found.column, f"value {found.value}", found.expected), "out-of-range"
        )
    counted = {name: {why: count for why, count in of_one.items() if count} for name, of_one in nulls.items()}
    return frame, {name: of_one for name, of_one in counted.items() if of_one}


def _in_order(names: list[str]) -> list[str]:
    """Sort columns as the contract has them, further bands last, and each magnitude before its error."""
    position = {name: k for k, name in enumerate(COLUMNS)}
    return sorted(names, key=lambda name: (position.get(name, len(position)), magnitude_of(name) is not None))


def _message(raw: RawTable, row: int, source: str, name: str, found: str, expected: str) -> str:
    return f"{raw.place(row)}, column {source!r} ({name}): {found}; expected {expected}"


def _is_text(values: pa.Array) -> bool:
    return pa.types.is_string(values.type) or pa.types.is_large_string(values.type)


def _trimmed(values: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(values.cast(pa.string()))


def _first_unreadable(text: pa.Array, kind: pa.DataType) -> int:
    """Return the first row whose text is not of a kind, by bisection."""
    low, high = 0, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            text[low:middle].cast(kind)
            low = middle
        except pa.ArrowInvalid:
            high = middle
    return low


def identifiers(raw: RawTable, source: str) -> np.ndarray:
    """Read the numbers of objects, never by way of a float, which holds 16 digits where SDSS has 19.

    Parameters
    ----------
    raw : RawTable
    source : str
        The column that holds them: whole numbers, as integers, text, or floats that are small enough to be exact.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    InputError
        Naming the first that is empty, no whole number, or has lost digits.
    """
    values = raw.columns[source]
    if _is_text(values):
        values = _trimmed(values)
    elif pa.types.is_floating(values.type):
        limit = 2.0 ** (np.finfo(values.type.to_pandas_dtype()).nmant + 1)
        numbers = values.to_numpy(zero_copy_only=False)
        unsafe = ~(np.abs(numbers) < limit) | (numbers % 1 != 0)
        if unsafe.any():
            row = int(np.argmax(unsafe))
            expected = f"whole numbers below {limit:.0f}, where a float begins to lose digits (store integers)"
            raise InputError(
                _message(raw, row, source, "object_id", f"{float(numbers[row])!r}", expected), "bad-object-id"
            )
    if values.null_count:
        row = int(np.argmax(values.is_null().to_numpy(zero_copy_only=False)))
        raise InputError(_message(raw, row, source, "object_id", "empty", "a whole number"), "bad-object-id")
    try:
        return values.cast(pa.int64()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        row = _first_unreadable(values, pa.int64())
        text = str(values[row].as_py())
        expected = "a whole number below 2^63 (leave object_id out of the map to number the rows)"
        if re.search(r"[.eE]", text) and FLOAT_NOTATION.fullmatch(text):
            expected += ": this is a float, which has lost digits (leave object_id out of the map to number the rows)"
        raise InputError(_message(raw, row, source, "object_id", repr(text), expected), "bad-object-id") from None


def _labels(raw: RawTable, columns_map: ColumnsMap) -> tuple[np.ndarray, dict[str, int]]:
    """Translate class labels; upper and lower case are the same, and numbers are labels too."""
    source = columns_map.columns["class"]
    values = raw.columns[source]
    if pa.types.is_floating(values.type) and pc.all(pc.equal(values, pc.round(values))).as_py():
        values = values.cast(pa.int64())  # a label 1 kept as 1.0
    try:
        codes = _trimmed(values).dictionary_encode()
    except pa.ArrowException:
        message = f"{raw.source}: column {source!r} (class) holds {values.type}; expected text or whole numbers"
        raise InputError(message, "unknown-class") from None
    translation = columns_map.values.get("class", {})
    sentinels = {str(sentinel) for sentinel in columns_map.sentinels("class")}
    labels: list[str | None] = []
    nulls: dict[str, int] = {}
    indices = codes.indices.fill_null(-1).to_numpy()
    for code, text in [(k, v.as_py()) for k, v in enumerate(codes.dictionary)] + [(-1, "")]:
        label = translation.get(text, text.upper())
        first = np.flatnonzero(indices == code)[:1]
        if label in CLASSES:
            labels.append(label)
            continue
        labels.append(None)
        if not len(first):
            continue
        if text not in sentinels and text.lower() in EMPTY:
            _check_may_be_empty(raw, int(first[0]), "class", columns_map)
        elif text not in sentinels:
            known = [*CLASSES, *translation]
            message = _message(raw, int(first[0]), source, "class", repr(text), "a class")
            raise InputError(
                f"{message}{nearest(text, known)} (`values: {{class: {{label: GALAXY}}}}` translates)", "unknown-class"
            )
        nulls[text or "empty"] = int((indices == code).sum())
    return np.array(labels, object)[indices], nulls


def _check_may_be_empty(raw: RawTable, row: int, name: str, columns_map: ColumnsMap) -> None:
    if columns_map.needs_value(name):
        expected = f"a value (`optional: [{name}]` in the map makes objects without one welcome)"
        raise InputError(_message(raw, row, columns_map.columns[name], name, "empty or NaN", expected), "no-value")


def _measurements(
    raw: RawTable,
    name: str,
    columns_map: ColumnsMap,
    table: dict[str, np.ndarray],
    fluxes: dict[str, units.Quantity],
) -> tuple[np.ndarray, dict[str, int]]:
    """Read a column of numbers in the contract's unit; `table` and `fluxes` hold the columns before it."""
    column = column_of(name)
    assert column is not None
    source = columns_map.columns[name]
    values = _numbers(raw, name, columns_map)
    unit = _unit(raw, name, columns_map)
    missing = np.isnan(values.numbers)
    if (missing & ~values.declared).any():
        _check_may_be_empty(raw, int(np.argmax(missing & ~values.declared)), name, columns_map)
    magnitude = magnitude_of(name)
    if unit is None:
        numbers = values.numbers
    elif (magnitude or is_magnitude(name)) and _is_flux(unit):
        flux = values.numbers * unit
        if magnitude is None:
            fluxes[name] = flux
            numbers = _magnitudes(flux)
        else:
            numbers = _magnitude_errors(flux, fluxes.get(magnitude), raw, name)
        values.nulls["flux not positive"] = int((np.isnan(numbers) & ~missing).sum())
    else:
        numbers = _converted(values.numbers, unit, column, raw, source)
    if magnitude in table:
        # what stands beside a magnitude that was not measured is no error: a limit, or anything
        meaningless = np.isnan(table[magnitude]) & ~np.isnan(numbers)
        numbers = np.where(meaningless, np.nan, numbers)
        values.nulls["no magnitude"] = int(meaningless.sum())
    if column.dtype == "int32":
        _check_whole(numbers, raw, source, name)
        return numbers, values.nulls
    with np.errstate(over="ignore"):  # becomes infinite, which the contract then refuses
        return numbers.astype(column.dtype), values.nulls


def _numbers(raw: RawTable, name: str, columns_map: ColumnsMap) -> _Values:
    """Read numbers, take out what means 'missing', and count it."""
    source = columns_map.columns[name]
    values = raw.columns[source]
    sentinels = columns_map.sentinels(name)
    declared = np.zeros(len(raw), bool)
    nulls = {}
    if _is_text(values):
        values = _trimmed(values)
        for sentinel in (s for s in sentinels if not _is_number(s)):
            here = pc.equal(values, str(sentinel)).fill_null(False).to_numpy(zero_copy_only=False)
            declared |= here
            nulls[str(sentinel)] = int(here.sum())
        empty = pc.is_in(pc.utf8_lower(values), pa.array(EMPTY))
        values = pc.if_else(pc.or_(empty, pa.array(declared)), None, values)
        try:
            values = values.cast(pa.float64())
        except pa.ArrowInvalid:
            row = _first_unreadable(values, pa.float64())
            raise InputError(
                _message(raw, row, source, name, repr(values[row].as_py()), "a number"), "not-a-number"
            ) from None
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        raise InputError(
            f"{raw.source}: column {source!r} ({name}) holds {values.type}; expected numbers", "not-a-number"
        )
    numbers = values.to_numpy(zero_copy_only=False)
    for sentinel in filter(_is_number, sentinels):
        # compared in the file's own precision: -99.9 is not -99.9 in single precision
        here = _equal(numbers, float(sentinel)) & ~declared
        declared |= here
        nulls[str(sentinel)] = int(here.sum())
    numbers = np.where(declared, np.nan, numbers.astype("float64"))
    nulls["empty"] = int((np.isnan(numbers) & ~declared).sum())
    return _Values(numbers, declared, nulls)


def _is_number(sentinel: object) -> bool:
    try:
        float(str(sentinel))
    except ValueError:
        return False
    return True


def _equal(numbers: np.ndarray, sentinel: float) -> np.ndarray:
    if np.isnan(sentinel):
        return np.isnan(numbers)
    return numbers == (numbers.dtype.type(sentinel) if numbers.dtype.kind == "f" else sentinel)


def _check_whole(numbers: np.ndarray, raw: RawTable, source: str, name: str) -> None:
    broken = ~np.isnan(numbers) & ~((numbers % 1 == 0) & (np.abs(numbers) < 2**31))
    if broken.any():
        row = int(np.argmax(broken))
        raise InputError(
            _message(raw, row, source, name, f"{numbers[row]:g}", "a whole number below 2^31"), "not-whole"
        )


def _unit(raw: RawTable, name: str, columns_map: ColumnsMap) -> units.UnitBase | None:
    """Return the unit of a source column: the map's, else the file's; None is the contract's own."""
    source = columns_map.columns[name]
    text = columns_map.units.get(name, raw.units.get(source, "")).strip()
    if text.lower() in NO_UNIT:
        return None
    try:
        with units.set_enabled_aliases(UNIT_ALIASES):
            unit = units.Unit(text)
    except (ValueError, TypeError):
        message = f"{raw.source}: column {source!r} ({name}) has the unit {text!r}, which astropy does not know"
        raise InputError(
            f"{message}; expected one that it does (`units: {{{name}: …}}` in the map overrides)", "bad-unit"
        ) from None
    return units.mag if isinstance(unit, units.MagUnit) else unit


def _is_flux(unit: units.UnitBase) -> bool:
    return unit.is_equivalent(units.Jy, AB_ZERO_POINT)


def _converted(numbers: np.ndarray, unit: units.UnitBase, column: Column, raw: RawTable, source: str) -> np.ndarray:
    try:
        return unit.to(units.Unit(column.unit), numbers)
    except units.UnitConversionError:
        wanted = column.unit or "none"
        message = f"{raw.source}: column {source!r} ({column.name}) has the unit '{unit}'"
        raise InputError(
            f"{message}, which cannot be turned into the contract's; expected {wanted}", "bad-unit"
        ) from None


def _magnitudes(flux: units.Quantity) -> np.ndarray:
    """Return AB magnitudes of a flux; NaN where it is not positive, since a logarithm then says nothing."""
    positive = np.where(flux.value > 0, flux.value, np.nan) * flux.unit
    return positive.to_value(units.ABmag, AB_ZERO_POINT)


def _magnitude_errors(error: units.Quantity, flux: units.Quantity | None, raw: RawTable, name: str) -> np.ndarray:
    """Return the error of a logarithmic magnitude, to first order."""
    if flux is None:
        raise InputError(
            f"{raw.source}: {name} is a flux error; expected {magnitude_of(name)} as a flux beside it", "flux-alone"
        )
    ratio = (error / flux).to_value(units.dimensionless_unscaled, AB_ZERO_POINT)
    return np.where(flux.value > 0, 2.5 / np.log(10) * ratio, np.nan)
