"""Atomic writing: a file is there whole, or as it was before. Standard library only."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_SUFFIX = ".incomplete"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file beside `path`; rename it to `path` if the block ends without error.

    With an error all is as it was: folders that were made for the file are gone, too.
    """
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_of(path)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
        with suppress(OSError):  # they are not empty
            for folder in made:
                folder.rmdir()


def write_json(path: Path, content: Any, **options: Any) -> None:
    """Write JSON, all of it or nothing, indented unless the options of `json.dumps` say otherwise."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, **{"indent": 1, **options}) + "\n")


def partial_of(path: Path) -> Path:
    """Return the name beside `path` under which this process makes it, a file or a folder.

    What processes of this machine that were killed left of the same `path` is deleted first.
    """
    prefix = f".{path.name}.{os.uname().nodename}."
    for debris in path.parent.glob(f".*{_SUFFIX}"):
        process = debris.name.removeprefix(prefix).removesuffix(_SUFFIX)
        if debris.name.startswith(prefix) and process.isdigit() and not _is_running(int(process)):
            _remove(debris)
    return path.with_name(f"{prefix}{os.getpid()}{_SUFFIX}")


def _remove(path: Path) -> None:
    """Delete a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
