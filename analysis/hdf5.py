"""HDF5 on a disk that may be full."""

import io
from pathlib import Path
from typing import Any


class Disk(io.FileIO):
    """A file whose errors HDF5 never hears of: when it cannot write, it may crash the process (h5py issue 914)."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self._path = path
        self._error: OSError | None = None

    def __fspath__(self) -> str:
        return str(self._path)

    def write(self, data: Any) -> int:
        """Write all of some bytes, or keep the error."""
        view = memoryview(data).cast("B")
        size = len(view)
        try:
            while len(view) and not self._error:
                view = view[super().write(view) :]
        except OSError as error:
            self._error = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Make the file longer or shorter, or keep the error."""
        try:
            return super().truncate(size)
        except OSError as error:
            self._error = self._error or error
            return size or 0

    def check(self) -> None:
        """Raise what was kept."""
        if self._error:
            raise self._error
