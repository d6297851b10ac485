"""Lists of positions for stamps: SDSS's calibObj lists of point sources, or any table with ra and dec."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import InputError, nearest
from analysis.survey.columns_map import ColumnsMap, FileFormat
from analysis.survey.convert import to_catalogue
from analysis.survey.frames import FieldId
from analysis.survey.readers import RawTable, read_table
from analysis.survey.schema import BANDS, COLUMNS, column_of

SKY_VERSION = 2  # of all runs since Data Release 8
_FIELD_COLUMNS = {"run": "RUN", "camcol": "CAMCOL", "field": "FIELD", "rerun": "RERUN"}
_NUMBER, _R_FLUX = "ID", "PSFFLUX[2]"  # in a calibObj list; fluxes have a component per band


@dataclass(frozen=True)
class Positions:
    """Objects of one list.

    Attributes
    ----------
    path : pathlib.Path
    table : pandas.DataFrame
        object_id, ra, dec, and what else of the catalogue's columns the list has.
    fields : ndarray of int (n, 4) or None
        The `FieldId` in which each object was measured, where the list says so: then it is a list of all point
        sources, and what is not in it is none.
    """

    path: Path
    table: pd.DataFrame
    fields: np.ndarray | None = None

    def of_field(self, field: FieldId) -> np.ndarray:
        """Tell of each object whether it was measured in a field; of all, where the list does not say."""
        if self.fields is None:
            return np.ones(len(self.table), bool)
        return (self.fields == np.array(field)).all(axis=1)


def sdss_object_id(field: FieldId, number: np.ndarray) -> np.ndarray:
    """Pack an object's number in its field into SDSS's objID: sky version, rerun, run, camcol, field, number."""
    first = SKY_VERSION << 59 | field.rerun << 48 | field.run << 32 | field.camcol << 29 | field.field << 16
    return np.int64(first) + np.asarray(number, np.int64)


def read_positions(path: Path) -> Positions:
    """Read a list of positions.

    Parameters
    ----------
    path : pathlib.Path
        A calibObj list (FITS, a row per point source), or a table of any type that `survey ingest` reads whose columns
        are called as the catalogue's (capitals do not matter): at least ra and dec, in degrees.

    Raises
    ------
    InputError
        If it is neither, or holds a value that breaks the catalogue's contract.
    """
    raw = read_table(path, FileFormat())
    if _R_FLUX in raw.columns:
        return _calib_obj(path, raw)
    contract = {name.lower(): name for name in COLUMNS}
    columns = {contract.get(name.lower(), name): name for name in raw.columns}
    columns = {ours: theirs for ours, theirs in columns.items() if column_of(ours)}
    for wanted in ("ra", "dec"):
        if wanted not in columns:
            raise InputError(f"{path}: no column {wanted!r}{nearest(wanted, raw.columns)} (or a calibObj list)")
    optional = frozenset({"redshift", "class"})
    table, _ = to_catalogue(raw, ColumnsMap(path, columns, missing_values={"*": [-9999]}, optional=optional))
    if "object_id" not in table:
        table.insert(0, "object_id", np.arange(len(table)))
    return Positions(path, table)


def _calib_obj(path: Path, raw: RawTable) -> Positions:
    """Take the point sources from a calibObj list: SDSS's number, position, r-band PSF magnitude, extinction."""
    for name in (*_FIELD_COLUMNS.values(), _NUMBER):
        if name not in raw.columns:
            raise InputError(f"{path}: no column {name!r}{nearest(name, raw.columns)}; expected a calibObj list")
    try:
        fields = np.stack([raw.columns[n].cast("int64").to_numpy() for n in _FIELD_COLUMNS.values()], axis=1)
        numbers = raw.columns[_NUMBER].cast("int64").to_numpy()
    except ValueError as error:  # Arrow's own is one
        raise InputError(f"{path}: RUN, CAMCOL, FIELD, RERUN, ID: {error}; expected whole numbers") from None
    columns = {"ra": "RA", "dec": "DEC", "psfMag_r": _R_FLUX}
    columns |= {f"extinction_{band}": f"EXTINCTION[{k}]" for k, band in enumerate(BANDS)}
    unit = {"psfMag_r": "nmgy"}
    table, _ = to_catalogue(raw, ColumnsMap(path, columns, constants={"class": "STAR"}, units=unit))
    ids = [sdss_object_id(FieldId(*field), number) for field, number in zip(fields.tolist(), numbers, strict=True)]
    table.insert(0, "object_id", np.array(ids, np.int64))
    return Positions(path, table, fields)
