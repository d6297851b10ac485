"""HDF5 on a disk that may be full, and from people who may mean no good."""

import io
from pathlib import Path
from typing import Any

import h5py


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


def link_fault(file: h5py.File) -> str:
    """Say what of a file lies in another one; empty if nothing does.

    HDF5 would open that other file, whatever it is, and pass off its content as that of the file given.
    """
    faults: list[str] = []

    def look(name: str, link: object) -> None:
        if isinstance(link, h5py.ExternalLink):
            faults.append(f"{name!r} is a link to {link.filename!r}")
        elif isinstance(link, h5py.HardLink):
            node = file[name]
            if isinstance(node, h5py.Dataset) and (node.external or node.is_virtual):
                faults.append(f"{name!r} keeps its values in other files")

    file.visititems_links(look)
    return f"{faults[0]}; expected all in this file" if faults else ""
