"""dvc.lock: what it says of each file, and how DVC takes the checksum of a file or a folder."""

import hashlib
import json
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from analysis.errors import InputError
from analysis.provenance.pipeline import files_of


class Statement(NamedTuple):
    """What dvc.lock says: the stage `by` has read or made a file of this md5."""

    by: str
    md5: str


def read_lock(path: Path) -> dict[str, Any]:
    """Read the stages of a dvc.lock.

    Raises
    ------
    InputError
        If it is not there, or not readable.
    """
    try:
        return yaml.safe_load(path.read_text())["stages"]
    except (OSError, yaml.YAMLError, TypeError, KeyError) as error:
        raise InputError(f"{path}: not readable as a lock of DVC ({error!r})") from None


def statements(lock: dict[str, Any]) -> dict[str, list[Statement]]:
    """Collect what the stages of a lock say of each file or folder."""
    found = defaultdict(list)
    for name, stage in lock.items():
        for entry in [*stage.get("deps", []), *stage.get("outs", [])]:
            found[entry["path"]].append(Statement(name, str(entry.get("md5"))))
    return dict(found)


def md5(root: Path, path: str) -> str | None:
    """Return the md5 that DVC writes into its lock for a file or a folder; None if it is not there.

    That of a folder, which ends in ``.dir``, is the md5 of the list of its files with theirs.
    """
    whole = root / path
    if whole.is_file():
        return _md5(whole)
    if not whole.is_dir():
        return None
    listed = [
        {"md5": _md5(root / file), "relpath": (root / file).relative_to(whole).as_posix()}
        for file in files_of(root, path)
    ]
    listed.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"


def _md5(file: Path) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "md5").hexdigest()
