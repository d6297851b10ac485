"""The columns of the answer: types, units, meaning."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from analysis.apply import names

Array = np.ndarray

_COLUMNS: Mapping[str, tuple[pa.DataType, str, str]] = {
    names.HEALPIX: (pa.int64(), "", "HEALPix pixel of order 29, nested, ICRS"),
    names.OBJECT: (pa.int64(), "", "number of the object in the source"),
    names.RA: (pa.float64(), "deg", "right ascension, as in the source"),
    names.DEC: (pa.float64(), "deg", "declination, as in the source"),
    names.BANDS_MEASURED: (pa.int8(), "", "bands with a magnitude; 0: nothing can be said of the object"),
    **{
        names.quantile_name(level): (pa.float32(), "", f"redshift below which lies {level:g} of the calibrated PDF")
        for level in names.LEVELS
    },
    names.Z_MEAN: (pa.float32(), "", "redshift, mean of the calibrated PDF"),
    names.Z_MODE: (pa.float32(), "", "redshift of the highest peak of the calibrated PDF"),
    names.P_GALAXY: (pa.float32(), "", "probability of being a galaxy"),
    names.P_GALAXY_ERR: (pa.float32(), "", "its standard error: how it would scatter with other training objects"),
    names.ANOMALY: (
        pa.float32(),
        "",
        "isolation among training objects: up to 0.5 is usual, towards 1 anomalous",
    ),
    names.OUTSIDE_REDSHIFT: (pa.bool_(), "", "outside what the redshifts were trained on: do not trust z"),
    names.OUTSIDE_CLASS: (pa.bool_(), "", "outside what the classifier was trained on: do not trust p_galaxy"),
}


def answer_schema() -> pa.Schema:
    """Return the Parquet schema of the answer, unit and meaning in the metadata of each column."""
    fields = []
    for name, (kind, unit, description) in _COLUMNS.items():
        fields.append(pa.field(name, kind, metadata={"unit": unit, "description": description}))
    return pa.schema(fields)


def as_table(columns: Mapping[str, Array]) -> pa.Table:
    """Return columns of equal lengths as a table of the schema: NaN is null, what is not answered is null throughout.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (n,)
        Any of the schema's, `object_id` among them.
    """
    schema, n = answer_schema(), len(columns[names.OBJECT])
    arrays = [
        pa.array(columns[field.name], type=field.type, from_pandas=True)
        if field.name in columns
        else pa.nulls(n, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
