"""How a result is written, its metrics as JSON and its tables beside them; and how it reads what training chose."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.errors import InputError
from analysis.files import replacing
from analysis.metrics import write_metrics


def read_choices(path: Path, made_by: str) -> dict[str, Any]:
    """Read what a training stage has chosen, or why it did not run.

    Parameters
    ----------
    path : Path
        The `choices.json` beside its models.
    made_by : str
        Command that writes it, such as 'cnn-redshift train'.

    Raises
    ------
    InputError
        If there is no such file, or it is cut.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{path}: not there; run `python -m analysis {made_by}` first", "no-such-file") from None
    except ValueError as error:
        message = f"{path}: {error}; run `python -m analysis {made_by}` again"
        raise InputError(message, "damaged-file") from None


def write_result(path: Path, metrics: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> None:
    """Write nested metrics as JSON, and tables beside them as CSV by the name of the file."""
    write_tables(path.parent, tables)
    write_metrics(path, metrics)


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame], digits: int = 6) -> None:
    """Write tables as CSV by the name of the file, floats to so many significant digits."""
    for name, table in tables.items():
        with replacing(folder / name) as partial:
            table.to_csv(partial, index=False, float_format=f"%.{digits}g")


def write_not_run(path: Path, why: str, columns: Mapping[str, Sequence[str]]) -> None:
    """Write, for a result that could not run, the reason and its tables without lines; `columns` by table."""
    write_result(path, {"not_run": why}, {name: pd.DataFrame(columns=list(of)) for name, of in columns.items()})
