"""What a survey folder holds and lacks, and whether it keeps the contract."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import track
from rich.table import Table

from analysis.errors import InputError
from analysis.files import write_json
from analysis.survey.catalogue import (
    PROVENANCE,
    TRUTH,
    catalogue_path,
    column_names,
    read_catalogue,
    read_provenance,
    sha256,
)
from analysis.survey.schema import BANDS, CLASSES, COLUMNS, check_catalogue, check_columns, column_of
from analysis.survey.stamps_summary import described, summarise_stamps


def summarise(directory: Path) -> dict[str, Any]:
    """Check a survey and say what it holds; one column at a time, so that memory stays small.

    Parameters
    ----------
    directory : pathlib.Path
        A survey folder.

    Returns
    -------
    dict
        For JSON: objects, with_redshift, classes (counts), columns (name to unit, min, median, max and nulls,
        a fraction), missing_columns, stamps (see `summarise_stamps`; None if there are none), and provenance
        (kind, source, and whether checksums are recorded; None if the folder does not say where it comes
        from).

    Raises
    ------
    InputError
        If the survey breaks the contract, or a file is not the one that the provenance tells of.
    """
    directory = Path(directory)
    names = column_names(directory)
    path = catalogue_path(directory)
    objects = pq.read_metadata(path).num_rows
    check_catalogue(read_catalogue(directory, ["object_id"]), str(path))
    summary: dict[str, Any] = {"objects": objects, "with_redshift": 0, "classes": {}, "columns": {}}
    console = Console(stderr=True)
    for name in track(
        names,
        description="checking columns",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ):
        table = read_catalogue(directory, [name])
        check_columns(table, str(path))
        summary["columns"][name] = _column_summary(table[name])
        if name == "class":
            summary["classes"] = {label: int((table[name] == label).sum()) for label in CLASSES}
        if name == "redshift":
            summary["with_redshift"] = int(table[name].notna().sum())
    return summary | {
        "missing_columns": [name for name in COLUMNS if name not in names],
        "stamps": summarise_stamps(directory),
        "provenance": _check_provenance(directory),
    }


def write_summary(summary: dict[str, Any], path: Path) -> None:
    """Write a summary as JSON, all of it or nothing."""
    write_json(path, summary)


def _column_summary(values: pd.Series) -> dict[str, Any]:
    """Return unit, range and fraction of nulls of one column; labels and numbers of objects have no range."""
    column = column_of(str(values.name))
    assert column is not None
    summary: dict[str, Any] = {"unit": column.unit, "nulls": float(values.isna().mean())}
    present = values.dropna()
    if column.dtype in ("class", "int64") or present.empty:
        return summary | {"min": None, "median": None, "max": None}
    return summary | {
        statistic: float(f"{getattr(present, statistic)():.7g}") for statistic in ("min", "median", "max")
    }


def _check_provenance(directory: Path) -> dict[str, Any] | None:
    """Compare the files with the checksums of the provenance; return what it says of itself."""
    provenance = read_provenance(directory)
    if not provenance:
        return None
    recorded = provenance.get("sha256") or {}
    for name, checksum in recorded.items():
        if Path(name).name != name:
            raise InputError(f"{directory / PROVENANCE}: {name!r} is no file of this folder", "leads-outside")
        path = directory / name
        if name == TRUTH and not path.exists():
            continue  # the pipeline never reads it, and `survey use` leaves it behind
        if not path.is_file():
            raise InputError(f"{path}: missing; {PROVENANCE} tells of it", "no-such-file")
        if (found := sha256(path)) != checksum:
            raise InputError(f"{path}: sha256 {found}; expected {checksum}, as {PROVENANCE} says", "checksum")
    return {
        "kind": provenance.get("kind"),
        "source": provenance.get("source"),
        "checksums": catalogue_path(directory).name in recorded,
    }


def _by_band(names: list[str]) -> str:
    """Shorten a list of columns: 'psfMag_u, psfMag_g' becomes 'psfMag (ug)'."""
    bands: dict[str, str] = {}
    for name in names:
        prefix, _, band = name.rpartition("_")
        key, band = (prefix, band) if band in BANDS else (name, "")
        bands[key] = bands.get(key, "") + band
    return ", ".join(f"{key} ({found})" if found else key for key, found in bands.items())


def print_summary(summary: dict[str, Any], directory: Path) -> None:
    """Print what `summarise` found, for people."""
    console = Console()
    table = Table(
        "column",
        "unit",
        "min",
        "median",
        "max",
        "nulls",
        title=f"{directory}: {summary['objects']:,} objects",
    )
    for name, column in summary["columns"].items():
        numbers = ["" if column[key] is None else f"{column[key]:.5g}" for key in ("min", "median", "max")]
        table.add_row(name, column["unit"], *numbers, f"{column['nulls']:.1%}")
    console.print(table)
    counts = ", ".join(f"{count:,} {label}" for label, count in summary["classes"].items()) or "no column"
    provenance = summary["provenance"]
    checksums = "match" if provenance and provenance["checksums"] else "none recorded"
    origin = f"{provenance['kind']}; checksums: {checksums}" if provenance else f"no {PROVENANCE}"
    lines = {
        "class": counts,
        "redshifts": f"{summary['with_redshift']:,}",
        **described(summary["stamps"]),
        "provenance": origin,
        "not in this survey": _by_band(summary["missing_columns"]) or "nothing",
    }
    for name, value in lines.items():
        console.print(f"{name}: {value}", highlight=False, soft_wrap=True)
