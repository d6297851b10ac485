"""Files of PDFs: HDF5 that the qp library opens as an ensemble, written chunk by chunk; quantiles as Parquet."""

import json
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import InputError
from analysis.files import replacing
from analysis.hdf5 import Disk, link_fault
from analysis.pdf_metrics import check_pdfs
from analysis.photoz_pdf.kernels import cell_edges

Array = np.ndarray

SUFFIX = ".hdf5"  # by which qp knows a file of arrays; .h5 it takes for one of pandas
LEVELS = (0.005, 0.025, 0.16, 0.25, 0.5, 0.75, 0.84, 0.975, 0.995)

_ABOUT = "about"  # attribute of the HDF5 file, metadata of the Parquet file: JSON
_CHUNK = 10_000


def write_ensemble(
    path: Path, chunks: Iterable[tuple[str, dict[str, Array], dict[str, Array]]], n: int, about: dict[str, Any]
) -> None:
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

    Raises
    ------
    InputError
        If there are no objects; no file is written.
    """
    import qp

    with replacing(path) as partial, Disk(partial) as disk, ExitStack() as opened:
        file, start = None, 0
        for kind, data, ancillary in chunks:
            ensemble = qp.Ensemble(getattr(qp, kind), data=data, ancil=ancillary)
            if file is None:
                groups, file = ensemble.initializeHdf5Write(disk, n)
                opened.enter_context(file)  # closed before the disk, whatever happens
            ensemble.writeHdf5Chunk(groups, start, start + len(ancillary["object_id"]))
            disk.check()
            start += len(ancillary["object_id"])
        if file is None:
            raise InputError(f"{path}: no objects to write PDFs of", "no-rows")
        file.attrs[_ABOUT] = json.dumps(about)
        ensemble.finalizeHdf5Write(file)
        disk.check()


def write_quantiles(path: Path, chunks: Iterable[dict[str, Array]], about: dict[str, Any]) -> None:
    """Write columns, chunk by chunk, as Parquet that is replaced as a whole at the end.

    Raises
    ------
    InputError
        If there are no objects; no file is written.
    """
    with replacing(path) as partial:
        writer = None
        for columns in chunks:
            table = pa.table(columns)
            if writer is None:
                schema = table.schema.with_metadata({_ABOUT: json.dumps(about)})
                writer = pq.ParquetWriter(partial, schema, compression="zstd")
            writer.write_table(table.cast(schema))
        if writer is None:
            raise InputError(f"{path}: no objects to write quantiles of", "no-rows")
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
        self.path = path
        if not path.is_file() or path.suffix != SUFFIX:
            raise InputError(f"{path}: expected an existing file of PDFs, {SUFFIX}", "no-such-file")
        try:
            with h5py.File(path) as file:
                if fault := link_fault(file):
                    raise InputError(f"{path}: {fault}", "leads-outside")
                self.about: dict[str, Any] = dict(json.loads(file.attrs.get(_ABOUT, "{}")))
                self.object_id: Any = file["ancil/object_id"][:] if "ancil/object_id" in file else None
                self._nodes: Any = None
                self._tabulated: Any = None
                if file["meta/pdf_name"][0] == b"interp":  # as they are: qp refuses or mends what is no PDF
                    self._nodes, self._tabulated = np.ravel(file["meta/xvals"][:]), file["data/yvals"][:]
            self._grid = np.linspace(*self.about["grid"]) if "grid" in self.about else self._nodes
            if self._tabulated is None:
                import qp

                self._ensemble: Any = qp.read(str(path))
        except InputError:
            raise
        except Exception as error:  # whatever h5py or qp make of another file
            raise InputError(
                f"{path}: not a readable qp ensemble ({type(error).__name__}: {error})", "damaged-file"
            ) from None
        if self.object_id is None:
            raise InputError(
                f"{path}: no ancillary column 'object_id'; expected the number of each object", "no-such-column"
            )
        n = self._ensemble.npdf if self._tabulated is None else len(self._tabulated)
        if len(self.object_id) != n:
            raise InputError(
                f"{path}: {len(self.object_id)} object numbers for {n} PDFs; expected one for each", "lengths-differ"
            )
        numbers, times = np.unique(self.object_id, return_counts=True)
        if (times > 1).any():
            first = int(np.argmax(times > 1))
            raise InputError(
                f"{path}: object {numbers[first]} has {times[first]} PDFs; expected one for each object", "object-twice"
            )

    def grid(self, default: Array) -> Array:
        """Return the redshifts on which the PDFs are tabulated, `default` where the file does not say."""
        return default if self._grid is None else self._grid

    def densities(self, rows: Array, grid: Array) -> Array:
        """Return PDFs on a grid, shape (rows, n_grid), of any norm.

        Raises
        ------
        InputError
            If they are no PDFs: a density negative or not a number, or a norm of zero.
        """
        parts = [self._densities(rows[i : i + _CHUNK], grid) for i in range(0, len(rows), _CHUNK)]
        densities = np.concatenate(parts)
        check_pdfs(grid, densities, source=f"{self.path}, PDFs asked for")
        return densities

    def _densities(self, rows: Array, grid: Array) -> Array:
        if self._tabulated is not None:
            tabulated = self._tabulated[rows]
            if np.array_equal(self._nodes, grid):
                return tabulated
            return np.array([np.interp(grid, self._nodes, pdf, left=0, right=0) for pdf in tabulated])
        edges = cell_edges(grid)  # means over cells, for a peak may be narrower than one
        return np.diff(self._ensemble[rows].cdf(edges), axis=1) / np.diff(edges)
