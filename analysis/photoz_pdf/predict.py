"""A model and any catalogue -> PDFs, or quantiles."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import Progress

from analysis.errors import InputError
from analysis.photoz_pdf.inputs import Photometry, catalogue_file, in_chunks
from analysis.photoz_pdf.pdf_files import LEVELS, SUFFIX, quantile_name, write_ensemble, write_quantiles
from analysis.photoz_pdf.store import load_model

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
        raise InputError(f"{out}: expected a file name that ends in {wanted}")
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


def _identity(chunk: Photometry) -> dict[str, np.ndarray]:
    """Return the number of each object and in how many bands it was measured."""
    measured = np.isfinite(chunk.magnitudes).sum(axis=1).astype(np.int16)
    return {"object_id": chunk.object_id, "bands_measured": measured}


def _named(quantiles: np.ndarray) -> dict[str, np.ndarray]:
    return {quantile_name(level): quantiles[:, k].astype(np.float32) for k, level in enumerate(LEVELS)}
