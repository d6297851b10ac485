"""Files of PDFs: HDF5 that the qp library opens as an ensemble, written chunk by chunk; quantiles as Parquet."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import InputError
from analysis.files import replacing
from analysis.pdf_metrics import check_pdfs
from analysis.photoz_pdf.kernels import cell_edges

Array = np.ndarray

SUFFIXES = (".hdf5", ".h5", ".hf5", ".hd5")  # by which qp knows HDF5
LEVELS = (0.005, 0.025, 0.16, 0.25, 0.5, 0.75, 0.84, 0.975, 0.995)

_ABOUT = "about"  # attribute of the HDF5 file, metadata of the Parquet file: JSON
_CHUNK = 10_000


def write_ensemble(path: Path, chunks: Iterable[tuple[str, dict[str, Array], dict[str, Array]]], n: int, about: Any):
    """Write PDFs as one qp ensemble.

    Parameters
    ----------
    path : pathlib.Path
        Replaced as a whole at the end.
    chunks : iterable of (parameterisation, data, ancillary)
        The name of a qp parameterisation, its data, and a table with one row per object.
    n : int
        Objects in all.
    about : dict
        Kept in the file.
    """
    import qp

    with replacing(path) as partial:
        file, start = None, 0
        for kind, data, ancillary in chunks:
            ensemble = qp.Ensemble(getattr(qp, kind), data=data, ancil=ancillary)
            if file is None:
                groups, file = ensemble.initializeHdf5Write(str(partial), n)
            ensemble.writeHdf5Chunk(groups, start, start + len(ancillary["object_id"]))
            start += len(ancillary["object_id"])
        if file is None:
            raise InputError(f"{path}: no objects to write PDFs of")
        file.attrs[_ABOUT] = json.dumps(about)
        ensemble.finalizeHdf5Write(file)


def write_quantiles(path: Path, chunks: Iterable[dict[str, Array]], about: Any) -> None:
    """Write columns, chunk by chunk, as Parquet that is replaced as a whole at the end."""
    with replacing(path) as partial:
        writer = None
        for columns in chunks:
            table = pa.table(columns)
            if writer is None:
                schema = table.schema.with_metadata({_ABOUT: json.dumps(about)})
                writer = pq.ParquetWriter(partial, schema, compression="zstd")
            writer.write_table(table.cast(schema))
        if writer is None:
            raise InputError(f"{path}: no objects to write quantiles of")
        writer.close()


def quantile_name(level: float) -> str:
    """Return the name of the column of a quantile, such as z_q0.160."""
    return f"z_q{level:.3f}"


class PdfFile:
    """PDFs of a file that qp reads.

    Attributes
    ----------
    path : pathlib.Path
    about : dict
        What `write_ensemble` was given; empty for a file of another program.
    object_id : ndarray, shape (n,)
    """

    def __init__(self, path: Path):
        import qp

        self.path = path
        if not path.is_file() or path.suffix not in SUFFIXES:
            raise InputError(f"{path}: expected an existing file of PDFs ({', '.join(SUFFIXES)})")
        try:
            with h5py.File(path) as file:
                self.about: dict[str, Any] = json.loads(file.attrs.get(_ABOUT, "{}"))
            self._ensemble = qp.read(str(path))
        except Exception as error:  # whatever h5py or qp make of another file
            raise InputError(f"{path}: not a readable qp ensemble ({type(error).__name__}: {error})") from None
        ancillary = self._ensemble.ancil or {}
        if "object_id" not in ancillary:
            raise InputError(f"{path}: no ancillary column 'object_id'; expected the number of each object")
        self.object_id = np.asarray(ancillary["object_id"])

    def grid(self, default: Array) -> Array:
        """Return the redshifts on which the PDFs are tabulated, `default` where the file does not say."""
        if "grid" in self.about:
            return np.linspace(*self.about["grid"])
        if self._is_interpolated:
            return np.ravel(self._ensemble.metadata["xvals"])
        return default

    @property
    def _is_interpolated(self) -> bool:
        return self._ensemble.gen_class.name == "interp"

    def _is_tabulated_on(self, grid: Array) -> bool:
        return np.array_equal(np.ravel(self._ensemble.metadata["xvals"]), grid)

    def densities(self, rows: Array, grid: Array) -> Array:
        """Return PDFs on a grid, shape (rows, n_grid), of any norm.

        Raises
        ------
        InputError
            If they are no PDFs: a density negative or not a number, or a norm of zero.
        """
        parts = [self._densities(rows[i : i + _CHUNK], grid) for i in range(0, len(rows), _CHUNK)]
        densities = np.concatenate(parts)
        check_pdfs(grid, densities, source=str(self.path))
        return densities

    def _densities(self, rows: Array, grid: Array) -> Array:
        part = self._ensemble[rows]
        if self._is_interpolated:
            return part.objdata["yvals"] if self._is_tabulated_on(grid) else np.maximum(part.pdf(grid), 0)
        edges = cell_edges(grid)  # means over cells, for a peak may be narrower than one
        return np.diff(part.cdf(edges), axis=1) / np.diff(edges)
