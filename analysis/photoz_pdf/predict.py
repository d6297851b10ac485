"""A model and any catalogue -> PDFs, or quantiles."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import Progress

from analysis.errors import InputError
from analysis.photoz_pdf.inputs import Photometry, in_chunks
from analysis.photoz_pdf.pdf_files import LEVELS, SUFFIX, quantile_name, write_ensemble, write_quantiles
from analysis.photoz_pdf.store import load_model
from analysis.survey.catalogue import CATALOGUE, catalogue_path
from analysis.survey.ingest import ingest
from analysis.survey.schema import column_of

_CHUNK = 50_000  # objects at a time


def predict_catalogue(
    model_folder: Path, data: Path, out: Path, columns_map: Path | None = None, quantiles: bool = False
) -> None:
    """Write the redshift PDFs of every object of a catalogue.

    Parameters
    ----------
    model_folder : pathlib.Path
        What `photoz train` made.
    data : pathlib.Path
        Survey folder, Parquet catalogue, or foreign table.
    out : pathlib.Path
        HDF5 file (Parquet for quantiles) to write.
    columns_map : pathlib.Path, optional
        Of a foreign table.
    quantiles : bool
        Write the quantiles `LEVELS`, instead of the PDFs.

    Raises
    ------
    InputError
        If there is no model, the catalogue lacks one of its bands, or the file's suffix is another.
    """
    wanted = ".parquet" if quantiles else SUFFIX
    if out.suffix != wanted:
        raise InputError(f"{out}: expected a file name that ends in {wanted}", "setting-value")
    model, about = load_model(model_folder)
    grid = model.grid
    about |= {"grid": [float(grid[0]), float(grid[-1]), len(grid)]}
    with catalogue_file(data, columns_map) as path, Progress(console=Console(stderr=True), transient=True) as progress:
        n = pq.read_metadata(path).num_rows
        task = progress.add_task("redshift PDFs", total=n)

        def chunks() -> Iterator[Photometry]:
            for chunk in in_chunks(path, about["bands"], _CHUNK):
                yield chunk
                progress.advance(task, len(chunk.object_id))

        if quantiles:
            levels = np.array(LEVELS)
            tables = (_identity(c) | _named(model.quantiles(*c[1:], levels)) for c in chunks())
            write_quantiles(out, tables, about)
        else:
            write_ensemble(out, ((*model.qp_parameters(*c[1:]), _identity(c)) for c in chunks()), n, about)
    print(f"{out}: {n} objects")


@contextmanager
def catalogue_file(data: Path, columns_map: Path | None) -> Iterator[Path]:
    """Yield the Parquet catalogue that `data` is: a survey folder, a catalogue file, or a foreign table and its map.

    Raises
    ------
    InputError
        If it is none of these, or a foreign table without a map.
    """
    if columns_map is not None:
        with tempfile.TemporaryDirectory() as folder:
            ingest([data], columns_map, Path(folder) / "survey")
            yield Path(folder) / "survey" / CATALOGUE
        return
    path = catalogue_path(data) if data.is_dir() else data
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a survey folder or a table", "no-such-file")
    try:
        names = pq.read_schema(path).names
    except (pa.ArrowInvalid, OSError):
        wanted = "a Parquet catalogue, or --columns MAP, which says what a foreign table's columns are"
        raise InputError(f"{path}: not a readable Parquet file; expected {wanted}", "damaged-file") from None
    if "object_id" not in names or not any(column_of(name) for name in names if name != "object_id"):
        raise InputError(
            f"{path}: columns are not a catalogue's; expected those, or --columns MAP to say what they are",
            "not-in-contract",
        )
    yield path


def _identity(chunk: Photometry) -> dict[str, np.ndarray]:
    """Return the number of each object and in how many bands it was measured."""
    measured = np.isfinite(chunk.magnitudes).sum(axis=1).astype(np.int16)
    return {"object_id": chunk.object_id, "bands_measured": measured}


def _named(quantiles: np.ndarray) -> dict[str, np.ndarray]:
    return {quantile_name(level): quantiles[:, k].astype(np.float32) for k, level in enumerate(LEVELS)}
