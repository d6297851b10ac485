"""The records that figures carry, held against the files and the history that are there."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from PIL import Image

from analysis.provenance.git import CHANGED, UNKNOWN, git
from analysis.provenance.pipeline import Pipeline
from analysis.provenance.record import KEY, Record, checksums, parse

_DESCRIPTION = "{http://purl.org/dc/elements/1.1/}description"


class Finding(NamedTuple):
    """Something that does not fit: which file, and why."""

    file: str
    what: str


def check_pictures(root: Path, pipeline: Pipeline) -> Iterator[Finding]:
    """Hold the provenance that a figure carries, as pixels or as vectors, against files and history."""
    for path in (out for stage in pipeline.values() for out in stage.outs if out.endswith((".png", ".svg"))):
        if not (root / path).is_file():
            continue
        record = _record_in(root / path)
        if record is None:
            yield Finding(path, "carries no provenance: its stage did not write it")
            continue
        now = checksums(root, record["inputs"])
        if changed := [file for file, sha256 in record["inputs"].items() if now[file] and now[file] != sha256]:
            yield Finding(path, f"was drawn from another {changed[0]}")
        elif why := _unfit(root, record["commit"]):
            yield Finding(path, f"says that the code which drew it was that of {record['commit']}: {why}")


def _record_in(picture: Path) -> Record | None:
    """Return the record that a picture carries; None where it carries none."""
    try:
        record = parse(_text_in(picture))
        return record if isinstance(record["inputs"], dict) and isinstance(record["commit"], str) else None
    except (OSError, KeyError, TypeError, ValueError, ElementTree.ParseError):
        return None


def _text_in(picture: Path) -> str:
    if picture.suffix == ".png":
        with Image.open(picture) as opened:
            return opened.info[KEY]
    for _, element in ElementTree.iterparse(picture):
        if element.tag == _DESCRIPTION:
            return element.text or ""
    raise KeyError(_DESCRIPTION)


def _unfit(root: Path, commit: str) -> str | None:
    """Say why nobody can look up the code of a record; None where one can, or where there is no history to look in."""
    if git(root, "rev-parse", "HEAD") is None:
        return None
    if CHANGED in commit or commit in (UNKNOWN, "not committed"):
        return "it is in no commit"
    if git(root, "rev-parse", "--is-shallow-repository") == "true":
        return None
    command = ["git", "-C", str(root), "merge-base", "--is-ancestor", commit, "HEAD"]
    return "no commit before this one" if subprocess.run(command, capture_output=True).returncode else None
