"""Reading NumPy's own files, .npy and .npz. Nothing is unpickled."""

from pathlib import Path

import numpy as np

from analysis.errors import InputError


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name; that of an .npy file has the name '' and is read when asked for.

    Raises
    ------
    InputError
        If the file is cut short, holds objects, or something else than arrays.
    """
    try:
        content = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(content, np.ndarray):
            return {"": content}
        with content:
            arrays = {name: content[name] for name in content}
    except Exception as error:  # whatever NumPy makes of a damaged file
        if "allow_pickle" in str(error) or "Python objects" in str(error):
            what = "holds objects, which could run code when they are read; expected numbers or text"
            raise InputError(f"{path}: {what}", "code-in-data") from None
        raise InputError(f"{path}: cannot be read; is it cut short? ({error})", "damaged-file") from None
    if odd := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise InputError(f"{path}: {odd[0]!r} is no array; expected an archive of NumPy", "damaged-file")
    return arrays
