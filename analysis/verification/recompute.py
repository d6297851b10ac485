"""What follows from the committed results alone, made again from them: figures, claims, tables and numbers of the text.

The second run of a stage that measures has other seconds, and on another machine other last digits, so that what is
drawn from it is another file. Drawn from the committed results it must be the committed one: a figure or a table that
shows something else than the results beside it is found so.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from analysis.provenance.git import clone, git
from analysis.provenance.pipeline import Pipeline, Stage, files_of, is_of
from analysis.reproduce import environment_of
from analysis.verification.integrity import is_held
from analysis.verification.pictures import REDRAWN, same_drawing, same_picture
from analysis.verification.records import Finding

_RECORD = b"<!-- provenance "  # the line that a generated table begins with
_CIRCUMSTANCES = "run"  # in paper/_variables.yml: commit, versions and machine of the run


def follows(stage: Stage, pipeline: Pipeline) -> bool:
    """Tell whether what a stage makes is committed, and follows from committed files and the survey alone.

    Stages with metrics are left out: they measure, times among others.
    """
    made = bool(stage.outs) and set(stage.outs) == set(stage.committed) and not stage.metrics
    return made and all(is_of(dep, "data") or is_held(dep, pipeline) for dep in stage.deps)


def recompute(root: Path, data: Path, pipeline: Pipeline, stages: Sequence[Stage]) -> list[Finding]:
    """Make again what follows from the committed results, and list what is another than committed.

    Parameters
    ----------
    root : pathlib.Path
        The checkout, of which a clone is taken.
    data : pathlib.Path
        The survey.
    pipeline : dict of str to Stage
    stages : sequence of Stage
        Of these, those that `follows` tells.
    """
    wanted = [stage for stage in stages if follows(stage, pipeline)]
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="compendium-clone-") as folder:
        copy = Path(folder) / "clone"
        clone(root, copy)
        if data.exists():
            (copy / "data").symlink_to(data.resolve())
        for number, stage in enumerate(wanted, start=1):
            print(f"[{number}/{len(wanted)}] {stage.name}, from the committed results", flush=True)
            findings += _made_again(copy, stage)
    return findings


def _made_again(copy: Path, stage: Stage) -> Iterator[Finding]:
    """Run a stage on committed inputs, compare, and put the committed files back for the next."""
    committed = {file: (copy / file).read_bytes() for out in stage.outs for file in files_of(copy, out)}
    for out in stage.outs:
        if (copy / out).is_dir():
            shutil.rmtree(copy / out)
        (copy / out).unlink(missing_ok=True)
    done = subprocess.run(stage.command, shell=True, cwd=copy, env=environment_of(copy), capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        yield Finding(stage.outs[0], f"cannot be made from the committed results: {said[-1] if said else 'no words'}")
    else:
        made = {file for out in stage.outs for file in files_of(copy, out)}
        for file in sorted(made | committed.keys()):
            if file not in made:
                yield Finding(file, f"is committed, and stage {stage.name} does not make it")
            elif file not in committed:
                yield Finding(file, f"stage {stage.name} makes it, and it is not committed")
            elif not _same(file, committed[file], (copy / file).read_bytes()):
                yield Finding(file, "is not what the committed results give: made again from them, it is another")
    git(copy, "clean", "-fdq", "--", *stage.outs)
    git(copy, "checkout", "HEAD", "--", *committed)


def _same(file: str, committed: bytes, again: bytes) -> bool:
    """Tell whether a file says the same, apart from the record in it and the circumstances of the run."""
    if committed == again:
        return True
    try:
        match Path(file).suffix:
            case ".png":
                return same_picture(committed, again, REDRAWN)
            case ".svg":
                return same_drawing(committed, again)
            case ".json":
                return json.loads(committed) == json.loads(again)
            case ".yml":
                first, second = (yaml.safe_load(content) for content in (committed, again))
                return first | {_CIRCUMSTANCES: None} == second | {_CIRCUMSTANCES: None}
            case ".md":
                return _without_record(committed) == _without_record(again)
    except (ValueError, TypeError, yaml.YAMLError):
        pass  # what is edited may be none of these any more
    return False


def _without_record(table: bytes) -> bytes:
    return table.partition(b"\n")[2] if table.startswith(_RECORD) else table
