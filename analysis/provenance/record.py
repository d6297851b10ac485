"""The record that a figure or a table carries in itself: stage, command, settings, commit, sha256 of its inputs.

It is a function of what DVC tracks and of the history of the code alone, so that a run of the same revision elsewhere
writes the same bytes. The commit is therefore the last one that changed the code which the stage reads, and not the
one that the checkout is at: that would change every figure whenever any file changes.
"""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from analysis.errors import InputError
from analysis.provenance.git import last_commit
from analysis.provenance.pipeline import Pipeline, Stage, files_of, maker, makers, read_pipeline

KEY = "Provenance"  # of the text in a PNG; in an SVG it is the Description, in Markdown a comment
_NOT_CODE = ("data", "results")  # inputs that are in git, but are measured and not written
_MARKDOWN = "<!-- provenance {} -->\n\n"

Record = dict[str, Any]


def record_of(root: Path, path: str) -> Record:
    """Return the record of a file that a stage makes.

    Parameters
    ----------
    root : pathlib.Path
        The checkout.
    path : str
        The file's path in it.

    Returns
    -------
    dict
        `stage`, `command`, `params` (their values), `commit` (the last that changed the code of the stage),
        `inputs` (sha256 by file, null where a file is not there).

    Raises
    ------
    InputError
        If no stage of dvc.yaml makes the file.
    """
    pipeline = read_pipeline(root)
    stage = maker(pipeline, path)
    if stage is None:
        raise InputError(f"{path}: no stage of dvc.yaml makes it; expected it among the outs of one")
    return record(root, pipeline, stage, checksums(root, stage.deps))


def record(root: Path, pipeline: Pipeline, stage: Stage, inputs: dict[str, str | None]) -> Record:
    """Return the record of what a stage makes from inputs of which the sha256 is known."""
    return {
        "stage": stage.name,
        "command": stage.command,
        "params": settings(root, stage),
        "commit": last_commit(root, code_of(pipeline, stage)),
        "inputs": inputs,
    }


def settings(root: Path, stage: Stage) -> dict[str, Any]:
    """Return the blocks of params.yaml that a stage reads."""
    blocks = yaml.safe_load((root / "params.yaml").read_text()) if stage.params else {}
    return {block: blocks.get(block) for block in stage.params}


def code_of(pipeline: Pipeline, stage: Stage) -> list[str]:
    """List the deps of a stage that someone has written: the code, and text and numbers beside it."""
    return [dep for dep in stage.deps if not makers(pipeline, dep) and Path(dep).parts[0] not in _NOT_CODE]


def checksums(root: Path, inputs: Iterable[str]) -> dict[str, str | None]:
    """Return the sha256 of every file of some inputs; None for those that are not there."""
    files = {file for path in inputs for file in (files_of(root, path) or [path])}
    return {file: sha256(root / file) if (root / file).is_file() else None for file in sorted(files)}


def sha256(file: Path) -> str:
    """Return the sha256 of a file."""
    changed = file.stat()
    return _sha256(file, changed.st_mtime_ns, changed.st_size)


@cache  # one run writes dozens of tables and figures from the same few inputs
def _sha256(file: Path, _mtime: int, _size: int) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def as_text(record: Record) -> str:
    """Write a record as one line of JSON, in ASCII: what the metadata of a picture hold."""
    return json.dumps(record, separators=(",", ":"))


def parse(text: str) -> Record:
    """Read what `as_text` has written."""
    return json.loads(text)


def as_comment(record: Record) -> str:
    """Write a record as the comment that a generated table begins with: HTML shows none, Typst leaves it out."""
    # two hyphens would end the comment; in a JSON string, an escaped one says the same
    return _MARKDOWN.format(as_text(record).replace("--", "-\\u002d"))
