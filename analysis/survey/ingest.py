"""The one door for foreign tables: files and a columns map in, a survey folder out, all of it or nothing."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import Progress

from analysis.errors import InputError
from analysis.survey.catalogue import refuse_existing, sha256, write_survey
from analysis.survey.columns_map import read_map
from analysis.survey.convert import to_catalogue
from analysis.survey.readers import RawTable, read_table


def ingest(files: Sequence[Path], map_path: Path, out: Path) -> None:
    """Turn foreign tables into a survey folder.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Tables of one kind, one below the other in the result.
    map_path : pathlib.Path
        The columns map (YAML), the same for all files.
    out : pathlib.Path
        Survey folder to make; must not exist.

    Raises
    ------
    InputError
        Naming file, row and column of what cannot be used. Nothing has been written then.
    """
    refuse_existing(out)
    columns_map = read_map(map_path)
    raws, tables, sources = [], [], []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=2 * len(files))
        for path in files:
            raw = read_table(path, columns_map.format)
            progress.advance(task)
            table, nulls = to_catalogue(raw, columns_map)
            progress.advance(task)
            sources.append({"name": Path(path).name, "sha256": sha256(path), "rows": len(table), "nulls": nulls})
            tables.append(table)
            raw.columns = {}  # only the places of the rows are needed from here on
            raws.append(raw)
    catalogue = pd.concat(tables, ignore_index=True)
    if "object_id" in catalogue:
        _check_unique(catalogue["object_id"], raws, [len(table) for table in tables], columns_map.columns["object_id"])
    else:
        catalogue.insert(0, "object_id", np.arange(len(catalogue)))
    provenance = {
        "kind": "ingested",
        "simulated": columns_map.simulated,
        "source": columns_map.source,
        "licence": columns_map.licence,
        "notes": columns_map.notes,
        "files": sources,
        # NaN, which a map may declare to be missing, is no JSON
        "columns_map": json.loads(json.dumps(columns_map.content), parse_constant=str),
    }
    write_survey(catalogue, out, provenance)


def _check_unique(ids: pd.Series, raws: list[RawTable], lengths: list[int], source: str) -> None:
    """Raise InputError naming both places of the first number that comes twice."""
    repeated = np.flatnonzero(ids.duplicated())
    if not len(repeated):
        return
    second = int(repeated[0])
    first = int(np.argmax(ids == ids[second]))
    starts = np.concatenate([[0], np.cumsum(lengths)])

    def place(row: int) -> str:
        part = int(np.searchsorted(starts, row, side="right")) - 1
        return raws[part].place(row - int(starts[part]))

    raise InputError(
        f"{place(second)}, column {source!r} (object_id): {ids[second]} also in {place(first)}; expected "
        "each object once (if numbers have lost digits, leave object_id out of the map to number the rows)",
        "object-twice",
    )
