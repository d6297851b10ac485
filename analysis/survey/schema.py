"""The catalogue contract: which columns a survey may have, what they mean, their units and ranges.

Names, units and definitions are those of the SDSS PhotoObj and SpecObj tables (Stoughton et al. 2002, AJ 123,
485; Data Release 17 schema browser). A survey may lack columns, and may have rows without a value (null,
never a sentinel), but what is there means this.
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pa

from analysis.errors import InputError

BANDS = ("u", "g", "r", "i", "z")
CLASSES = ("GALAXY", "STAR", "QSO")

# Magnitude systems: name of the magnitude and of its error, what it measures.
MAGNITUDES = {
    "dered": ("deredErr", "model magnitude (r-band profile in every band), extinction-corrected"),
    "psfMag": ("psfMagErr", "PSF magnitude"),
    "fiberMag": ("fiberMagErr", "magnitude in a 3 arcsec aperture at 2 arcsec seeing"),
    "cModelMag": ("cModelMagErr", "composite (exponential + de Vaucouleurs) model magnitude"),
    "petroMag": ("petroMagErr", "Petrosian magnitude, aperture of twice the r-band Petrosian radius"),
}
# An unmeasurable asinh magnitude is about 25 (Lupton et al. 1999); ingested logarithmic ones of faint objects
# go to 33.
MAGNITUDE_RANGE = (-5.0, 50.0)


@dataclass(frozen=True)
class Column:
    """One column of the catalogue.

    Attributes
    ----------
    name, unit, description : str
        The unit as astropy writes it, empty where there is none.
    low, high : float
        Values outside this closed interval are impossible, hence errors.
    dtype : str
        'float32', 'float64', 'int64', 'int32' or 'class'.
    decimals : int or None
        Digits kept when a mock catalogue is stored: below the noise, so that the file stays small.
    """

    name: str
    unit: str
    description: str
    low: float = -np.inf
    high: float = np.inf
    dtype: str = "float32"
    decimals: int | None = None


def _band_columns(band: str) -> list[Column]:
    columns = []
    for magnitude, (error, meaning) in MAGNITUDES.items():
        columns += [
            Column(f"{magnitude}_{band}", "mag", f"{band}: {meaning}", *MAGNITUDE_RANGE, decimals=3),
            Column(f"{error}_{band}", "mag", f"{band}: error of {magnitude}", 0, np.inf, decimals=3),
        ]
    radii = {"petroRad": "Petrosian radius", "expRad": "exponential fit, effective radius"}
    radii["deVRad"] = "de Vaucouleurs fit, effective radius"
    columns += [Column(f"{n}_{band}", "arcsec", f"{band}: {d}", 0, 1000, decimals=2) for n, d in radii.items()]
    columns.append(Column(f"fracDeV_{band}", "", f"{band}: weight of deV in composite model", 0, 1, decimals=2))
    for name, fit in {"expAB": "exponential", "deVAB": "de Vaucouleurs"}.items():
        columns.append(Column(f"{name}_{band}", "", f"{band}: {fit} fit, axis ratio b/a", 0, 1, decimals=2))
    for stokes in "qu":
        columns.append(Column(f"{stokes}_{band}", "", f"{band}: Stokes {stokes.upper()}", -1, 1, decimals=2))
    return columns


COLUMNS: dict[str, Column] = {
    column.name: column
    for column in [
        Column("object_id", "", "unique number of the object (SDSS: objID)", dtype="int64"),
        Column("ra", "deg", "right ascension, J2000", 0, 360, dtype="float64", decimals=5),
        Column("dec", "deg", "declination, J2000", -90, 90, dtype="float64", decimals=5),
        Column("class", "", "spectroscopic class: GALAXY, STAR, QSO or null", dtype="class"),
        Column("redshift", "", "spectroscopic redshift (SDSS: z)", -0.02, 12, dtype="float64", decimals=5),
        Column("redshift_err", "", "its error (SDSS: zErr); negative means the fit failed", decimals=6),
        Column("redshift_warning", "", "bit mask, 0 is good (SDSS: zWarning)", 0, dtype="int32"),
        *[Column(f"extinction_{b}", "mag", f"{b}: Galactic extinction", -1, 100, decimals=3) for b in BANDS],
        *[column for band in BANDS for column in _band_columns(band)],
        Column("photoz_sdss", "", "SDSS's own photometric redshift (Photoz.z)", -1, 12),
        Column("photoz_sdss_err", "", "its error (Photoz.zErr)"),
    ]
}
# Any further band: dered_<band> and deredErr_<band> (B, V, y, J, K, ...).
EXTRA_BAND = re.compile(r"^dered(Err)?_([A-Za-z][A-Za-z0-9]*)$")


def column_of(name: str) -> Column | None:
    """Return the contract of a column, further bands included; None if the contract has no such column."""
    if name in COLUMNS:
        return COLUMNS[name]
    match = EXTRA_BAND.match(name)
    if not match:
        return None
    if match[1]:
        return Column(name, "mag", f"{match[2]}: error of dered", 0, np.inf, decimals=3)
    return Column(name, "mag", f"{match[2]}: {MAGNITUDES['dered'][1]}", *MAGNITUDE_RANGE, decimals=3)


def is_magnitude(name: str) -> bool:
    """Tell whether a column is a magnitude (not its error)."""
    column = column_of(name)
    return column is not None and (column.low, column.high) == MAGNITUDE_RANGE


def magnitude_of(error: str) -> str | None:
    """Return the magnitude that a column is the error of, None if it is no such error."""
    prefix, _, band = error.partition("_")
    return next((f"{name}_{band}" for name, (error_name, _) in MAGNITUDES.items() if error_name == prefix), None)


def _pandera_column(column: Column) -> pa.Column:
    if column.dtype == "class":
        return pa.Column(checks=pa.Check.isin(CLASSES), nullable=True, required=False)
    checks = [pa.Check(lambda s: ~s.isin([np.inf, -np.inf]), name="a finite number")]
    if column.low > -np.inf or column.high < np.inf:
        low, high = column.low, column.high
        checks.append(pa.Check(lambda s: s.between(low, high), name=f"between {low:g} and {high:g}"))
    unique = column.name == "object_id"
    return pa.Column(checks=checks, nullable=not unique, unique=unique, required=unique)


@dataclass(frozen=True)
class Violation:
    """The first value of a catalogue that breaks the contract.

    Attributes
    ----------
    column : str
    row : int
        Counted from 0.
    value : object
    expected : str
    """

    column: str
    row: int
    value: object
    expected: str


def find_violation(table: pd.DataFrame) -> Violation | None:
    """Return the first value that breaks the contract, None if there is none.

    Parameters
    ----------
    table : pandas.DataFrame
        Any columns of the contract; 'class' or numbers.
    """
    columns = {name: column for name in table.columns if (column := column_of(name)) is not None}
    schema = pa.DataFrameSchema({name: _pandera_column(column) for name, column in columns.items()})
    try:
        schema.validate(table.reset_index(drop=True), lazy=True)
    except pa.errors.SchemaErrors as errors:
        # pandera lists failures by check; the first row of the first column is what a person wants to see
        first = errors.failure_cases.dropna(subset=["index"]).iloc[0]
        expected = {"field_uniqueness": "unique values", "not_nullable": "a value"}.get(first["check"], first["check"])
        return Violation(first["column"], int(first["index"]), first["failure_case"], expected)
    return None


def check_columns(table: pd.DataFrame, source: str) -> None:
    """Check names, types and values of some columns of a catalogue, as `check_catalogue` does.

    Raises
    ------
    InputError
        Naming the source, the column, for a value its row too, and what was expected.
    """
    for name in table.columns:
        column = column_of(name)
        if column is None:
            raise InputError(f"{source}: column {name!r} is not in the catalogue contract", "not-in-contract")
        integer = name == "object_id"  # floats cannot hold the 19 digits of an SDSS objID
        fits = pd.api.types.is_integer_dtype if integer else pd.api.types.is_numeric_dtype
        if column.dtype != "class" and not fits(table[name]):
            wanted = "whole numbers" if integer else "numbers"
            raise InputError(f"{source}: column {name!r} holds {table[name].dtype}, expected {wanted}", "not-a-number")
    if found := find_violation(table):
        where = f"{source}: column {found.column!r}, row {found.row + 1}"
        raise InputError(f"{where}: value {found.value}; expected {found.expected}", "out-of-range")


def check_catalogue(table: pd.DataFrame, source: str) -> None:
    """Check a catalogue against the contract.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per object, columns named as in the contract.
    source : str
        What to call the table in an error: its file.

    Raises
    ------
    InputError
        Naming the file, the column, the first offending row (counted from 1) and its value, and what was
        expected.
    """
    if "object_id" not in table:
        raise InputError(
            f"{source}: column 'object_id' is missing; expected a unique number for each object", "no-such-column"
        )
    if table.empty:
        raise InputError(f"{source}: no rows; expected at least one object", "no-rows")
    check_columns(table, source)
