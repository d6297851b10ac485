"""Putting a survey in place as the pipeline's data/, which DVC tracks, without ever losing the one that was
there.

A switch prepares the new survey in `.data.incoming`, moves data/ to `.data.outgoing` and the new one to
data/, lets `dvc add` record it, and deletes `.data.outgoing`. Before anything moves, data/ must be what
`data.dvc` records and lie in the DVC cache, so that it can be had back. Killed at any point, a switch leaves
one of four states, which `_repair` (run first by the next switch) tells apart by what is there:

    .data.incoming                     not begun yet: data/ is the old survey
    .data.incoming + .data.outgoing    between the two moves, no data/: the old survey is moved back
    data/ + .data.outgoing             moved, perhaps not recorded: it is recorded
    neither                            done, or not begun
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from analysis.errors import InputError
from analysis.files import replacing
from analysis.params import read_yaml
from analysis.survey.catalogue import KINDS, PROVENANCE, TRUTH
from analysis.survey.validate import summarise

DATA = "data"
RECORD = "data.dvc"
INCOMING = ".data.incoming"
OUTGOING = ".data.outgoing"
DEFAULT_RECORD = Path("analysis/survey/default_survey.yml")  # data.dvc of the survey that comes with the compendium


def use_survey(directory: Path, root: Path) -> None:
    """Make a copy of a survey folder the pipeline's data/, and record it in data.dvc.

    Parameters
    ----------
    directory : pathlib.Path
        A survey folder outside data/; all of it is copied but the truth table, which the pipeline never
        reads.
    root : pathlib.Path
        The repository.

    Raises
    ------
    InputError
        If the survey breaks the contract, or data/ holds something that DVC could not bring back. Nothing has
        changed then.
    """
    root, directory = Path(root).resolve(), Path(directory)
    if directory.resolve().is_relative_to(root / DATA):
        raise InputError(
            f"{directory}: is the pipeline's own {DATA}/ or inside it; expected a folder elsewhere", "output-exists"
        )
    _check_kind(directory, summarise(directory))
    with _alone(root):
        _use_copy(directory, root)


def _use_copy(directory: Path, root: Path) -> None:
    _make_ready(root)
    try:
        shutil.copytree(directory, root / INCOMING, ignore=shutil.ignore_patterns(TRUTH))
        _replace_data(root)
    finally:
        shutil.rmtree(root / INCOMING, ignore_errors=True)


def use_default(root: Path) -> None:
    """Bring back the survey that comes with the compendium, from the DVC cache or remote.

    Parameters
    ----------
    root : pathlib.Path
        The repository.

    Raises
    ------
    InputError
        If data/ holds something that DVC could not bring back, or the survey is in neither cache nor remote.
        Nothing has changed then.
    """
    root = Path(root).resolve()
    record = read_yaml(root / DEFAULT_RECORD)
    with _alone(root):
        _use_record(record, root)


def _use_record(record: dict[str, Any], root: Path) -> None:
    _make_ready(root)
    incoming_record = root / f"{INCOMING}.dvc"
    record["outs"][0]["path"] = INCOMING
    try:
        incoming_record.write_text(yaml.safe_dump(record), encoding="utf-8")
        _dvc(root, "pull", incoming_record.name)
        incoming_record.unlink()
        _replace_data(root)
    finally:
        incoming_record.unlink(missing_ok=True)
        shutil.rmtree(root / INCOMING, ignore_errors=True)
    with replacing(root / RECORD) as partial:  # the same content, but as git has it
        shutil.copyfile(root / DEFAULT_RECORD, partial)


def _check_kind(directory: Path, summary: dict[str, Any]) -> None:
    """Raise InputError unless the survey says what it is, which the words of every verdict depend on."""
    kind = (summary["provenance"] or {}).get("kind")
    if kind not in KINDS:
        found = f"kind is {kind!r}" if summary["provenance"] else "not there"
        advice = 'a survey made by hand says {"kind": "ingested", "source": "where it comes from"}'
        raise InputError(
            f"{directory / PROVENANCE}: {found}; expected one of {', '.join(KINDS)} ({advice})", "setting-value"
        )


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Let one switch at a time run; the lock ends with the process, however that ends."""
    lock = root / ".dvc" / "tmp" / "switch.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{root}: another `survey use` is running; wait for it") from None
        yield


def _make_ready(root: Path) -> None:
    """Mend what an interrupted switch left, and make sure that data/ can be had back."""
    _repair(root)
    data = root / DATA
    if not data.exists():
        return
    advice = f"move it away, or `dvc add {DATA}` to keep it in the DVC cache"
    if not (root / RECORD).is_file():
        raise InputError(f"{data}: is there, but DVC does not know it; {advice}")
    if status := json.loads(_dvc(root, "status", RECORD, "--json")):
        raise InputError(f"{data}: differs from what {RECORD} records, or is in no cache ({status}); {advice}")


def _repair(root: Path) -> None:
    """Bring an interrupted switch to one end or the other; see the states at the top."""
    data, outgoing = root / DATA, root / OUTGOING
    (root / f"{INCOMING}.dvc").unlink(missing_ok=True)
    shutil.rmtree(root / INCOMING, ignore_errors=True)
    if outgoing.exists() and data.exists():
        _dvc(root, "add", DATA)
        shutil.rmtree(outgoing)
    elif outgoing.exists():
        outgoing.rename(data)


def _replace_data(root: Path) -> None:
    """Exchange data/ for `.data.incoming`, and record it; the old survey comes back if DVC fails."""
    data, incoming, outgoing = root / DATA, root / INCOMING, root / OUTGOING
    had_data = data.exists()
    if had_data:
        data.rename(outgoing)
    incoming.rename(data)
    try:
        _dvc(root, "add", DATA)
    except InputError:
        data.rename(incoming)
        if had_data:
            outgoing.rename(data)
        raise
    shutil.rmtree(outgoing, ignore_errors=True)


def _dvc(root: Path, *arguments: str) -> str:
    """Run DVC of this Python in the repository; return what it prints."""
    environment = os.environ | {"DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"{root}: `dvc {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done.stdout
