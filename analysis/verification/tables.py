"""Tables of a second run held against the committed ones, column by column."""

import io

import numpy as np
import pandas as pd

from analysis.verification.compare import Comparison, Tolerances, first_fit

_SAME_INPUTS = 0.01  # relative: the same models, evaluated elsewhere


def compare_tables(
    name: str, committed: bytes, again: bytes, declared: Tolerances, same_inputs: bool
) -> list[Comparison]:
    """Compare two CSV files.

    Parameters
    ----------
    name : str
        result.table
    committed, again : bytes
        Their contents.
    declared : Tolerances
        Their patterns are of result.table.column.
    same_inputs : bool
        Whether both were made from the same bytes: then numbers are allowed 1% at most, and not what training from
        another last digit may change.

    Returns
    -------
    list of Comparison
        One a column. That of numbers is the root mean square of the difference, relative to that of the column or,
        where it is larger, to the errors in the column beside it.
    """
    if found := declared.why_not(name):
        return [Comparison(name, None, None, None, f"not compared: {found}", True)]
    first, second = (pd.read_csv(io.BytesIO(data)) for data in (committed, again))
    one, other = (f"{len(table)} rows of {', '.join(map(str, table))}" for table in (first, second))
    if one != other:
        return [Comparison(name, one, other, 0.0, "must be the same", False)]
    return [_column(name, str(column), first, second, declared, same_inputs) for column in first]


def _column(
    name: str, column: str, first: pd.DataFrame, second: pd.DataFrame, declared: Tolerances, same_inputs: bool
) -> Comparison:
    """Compare a column of two tables of the same shape."""
    metric, one, other = f"{name}.{column}", first[column], second[column]
    if found := declared.why_not(metric):
        return Comparison(metric, None, None, None, f"not compared: {found}", True)
    if not len(one):
        return Comparison(metric, None, None, 0.0, "no rows", True)
    if not (_is_numeric(one) and _is_numeric(other)):
        differ = np.flatnonzero(one.astype(str) != other.astype(str))
        row = differ[0] if differ.size else 0
        words = f"row {row + 1}, must be the same"
        return Comparison(metric, str(one[row]), str(other[row]), 0.0, words, not differ.size)
    pattern, relative = first_fit(declared.relative, metric) or ("", 0.0)
    stated = f"declared for {pattern}"
    if same_inputs:
        relative, stated = min(relative, _SAME_INPUTS), "from the same inputs"
    allowed = relative * _rms(one)
    if not same_inputs and f"{column}_err" in first:
        allowed = max(allowed, _rms(first[f"{column}_err"]))
    differs, same_gaps = _rms(other - one), bool((one.isna() == other.isna()).all())
    words = f"root mean square of the differences; {relative:.0%}, {stated}, or the errors beside it"
    return Comparison(metric, 0.0, differs, allowed, words, same_gaps and differs <= allowed)


def _is_numeric(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and values.dtype != bool


def _rms(values: pd.Series) -> float:
    """Return the root mean square of what is there."""
    known = values.dropna().to_numpy(dtype=float)
    return float(np.sqrt(np.mean(known**2))) if known.size else 0.0
