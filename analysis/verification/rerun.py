"""The pipeline run again, stage by stage and without a cache, in a clean clone of the committed revision.

The clone is kept in .scales/ until the verification is over: killed, the same command goes on where it stood.
"""

import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from analysis import scale_copies
from analysis.errors import InputError
from analysis.files import write_json
from analysis.provenance.git import clone, git
from analysis.provenance.pipeline import Pipeline, Stage, chain, in_order, makers
from analysis.reproduce import LAPTOP, bring_survey, check_survey, environment_of
from analysis.survey.catalogue import new_folder

_LEDGER = ".dvc/tmp/verification.json"  # in the clone, where neither git nor DVC looks


@dataclass(frozen=True)
class Run:
    """What became of a stage: its times in seconds, and why it failed where it did."""

    stage: str
    wall_seconds: float
    cpu_seconds: float
    failure: str = ""


def clean_clone(root: Path, copies: Path, scale: str) -> Path:
    """Return a clone of the committed revision at a scale, with the survey that it records, ready to run everything.

    What a killed verification of the same revision has made is kept.

    Raises
    ------
    InputError
        If the checkout is none of git, or has another survey than it records.
    """
    if git(root, "rev-parse", "HEAD") is None:
        raise InputError(f"{root}: not a git checkout; expected one, of which a clean clone is verified")
    copy = copies / f"verify-{scale}"
    if git(copy, "rev-parse", "HEAD") != git(root, "rev-parse", "HEAD") or not (copy / _LEDGER).is_file():
        shutil.rmtree(copy, ignore_errors=True)
        with new_folder(copy) as partial:
            clone(root, partial)
            (partial / scale_copies.LOCK).unlink(missing_ok=True)  # nothing has run, as far as DVC knows
            _write(partial, [])
    if scale != LAPTOP:
        scale_copies.lay_scale_over(copy, scale)
    _survey(root, copy, scale)
    return copy


def _survey(root: Path, copy: Path, scale: str) -> None:
    """Bring the survey of a scale into a clone: drawn, or out of the clone itself, or else that of the checkout."""
    drawn = None if scale == LAPTOP else scale_copies.survey_to_draw(root, scale)
    if drawn:
        bring_survey(root, copy, drawn)
    elif not (copy / "data").exists() and (copy / scale_copies.RECORD).is_file():
        command = [sys.executable, "-m", "dvc", "pull", "--quiet", scale_copies.RECORD]
        if subprocess.run(command, cwd=copy, capture_output=True).returncode:  # a survey of the user's own
            if not (root / "data").exists():
                raise InputError(f"{root / 'data'}: not there, nor can it be pulled; expected the survey of data.dvc")
            check_survey(root)
            bring_survey(root, copy, None)


def chosen(pipeline: Pipeline, only: Sequence[str]) -> list[Stage]:
    """List the stages to run, in order: all, or some with all that they need.

    Raises
    ------
    InputError
        If there is no such stage, and no stage makes such a file.
    """
    if not only:
        return in_order(pipeline)
    wanted: dict[str, Stage] = {}
    for name in only:
        found = [pipeline[name]] if name in pipeline else makers(pipeline, name.rstrip("/"))
        if not found:
            raise InputError(f"{name}: no stage, and nothing that a stage makes; expected one of {', '.join(pipeline)}")
        wanted |= {one.name: one for stage in found for one in chain(pipeline, stage)}
    return [stage for stage in in_order(pipeline) if stage.name in wanted]


def run_again(copy: Path, stages: Sequence[Stage]) -> list[Run]:
    """Run stages of a clone, those that have run already excepted, and measure them.

    After a stage that fails, those that need it are not run.
    """
    runs = {run.stage: run for run in _read(copy) if not run.failure}
    pipeline = {stage.name: stage for stage in stages}
    for number, stage in enumerate(stages, start=1):
        if stage.name in runs:
            continue
        needed = {one.name for dep in stage.deps for one in makers(pipeline, dep)}
        failed = sorted(name for name in needed if name in runs and runs[name].failure)
        print(f"[{number}/{len(stages)}] {stage.name}", flush=True)
        runs[stage.name] = Run(stage.name, 0.0, 0.0, f"needs {failed[0]}") if failed else _run(copy, stage)
        _write(copy, list(runs.values()))
    return [runs[stage.name] for stage in stages]


def _run(copy: Path, stage: Stage) -> Run:
    """Run one stage by DVC, and not out of a cache that the machine may share."""
    command = [sys.executable, "-m", "dvc", "repro", "--single-item", "--no-run-cache", stage.name]
    wall, cpu = time.monotonic(), _cpu_of_children()
    status = subprocess.run(command, cwd=copy, env=environment_of(copy)).returncode
    failure = f"exit code {status}" if status else ""
    return Run(stage.name, time.monotonic() - wall, _cpu_of_children() - cpu, failure)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _read(copy: Path) -> list[Run]:
    return [Run(**run) for run in json.loads((copy / _LEDGER).read_text())]


def _write(copy: Path, runs: list[Run]) -> None:
    write_json(copy / _LEDGER, [asdict(run) for run in runs])


def committed_lock(copy: Path, path: str) -> dict:
    """Return the stages of a lock file as it is committed; none where it is not."""
    text = git(copy, "show", f"HEAD:{path}")
    return yaml.safe_load(text)["stages"] if text else {}


def committed_bytes(copy: Path, path: str) -> bytes | None:
    """Return a file as it is committed; None where it is not."""
    done = subprocess.run(["git", "-C", str(copy), "show", f"HEAD:{path}"], capture_output=True)
    return done.stdout if done.returncode == 0 else None
