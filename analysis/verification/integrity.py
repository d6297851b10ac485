"""Do the committed files fit together? Lock, pipeline, settings, results and figures, without running anything."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from analysis.errors import InputError
from analysis.provenance.git import git
from analysis.provenance.pipeline import PIPELINE, Pipeline, Stage, files_of, is_of, makers, read_pipeline
from analysis.provenance.record import code_of
from analysis.scale_copies import LOCK, PARAMS, RECORD
from analysis.verification.lock import Statement, md5, read_lock, statements
from analysis.verification.records import Finding, check_pictures

_SHOWN = 8  # digits of a checksum
_GENERATED = ("results", "paper/figures", "paper/vector")
_BY_OTHERS = ("results/real", "results/robustness.json", "results/gpu", "results/bench")  # by make, and not by a stage
_WOULD_RUN = re.compile(r"^Running stage '([^']+)'", re.MULTILINE)


def check(root: Path) -> list[Finding]:
    """List what does not fit together in a checkout.

    Parameters
    ----------
    root : pathlib.Path
        The checkout; what git does not hold (the survey, features, models) is not looked at.

    Returns
    -------
    list of Finding
        None where dvc.yaml, params.yaml, dvc.lock and every committed file agree.

    Raises
    ------
    InputError
        If dvc.yaml or dvc.lock cannot be read.
    """
    pipeline, lock = read_pipeline(root), read_lock(root / LOCK)
    findings = [*_stages(pipeline, lock, root / PARAMS), *_files(root, pipeline, lock), *_orphans(root, pipeline)]
    findings += check_pictures(root, pipeline)
    for published in sorted(root.glob(f"results/*/{LOCK}")):
        findings += _published(root, pipeline, published.parent)
    return findings


def _stages(pipeline: Pipeline, lock: dict[str, Any], params: Path) -> Iterator[Finding]:
    """Hold the stages of the lock against those that are declared, and their settings against params.yaml."""
    for name in sorted(lock.keys() ^ pipeline.keys()):
        where = PIPELINE if name in lock else LOCK
        yield Finding(LOCK, f"stage {name} is not in {where}")
    blocks = _read_settings(params)
    for name, stage in pipeline.items():
        if name not in lock:
            continue
        locked = lock[name]
        if " ".join(locked["cmd"].split()) != stage.command:
            yield Finding(LOCK, f"stage {name} ran `{locked['cmd']}`; {PIPELINE} has `{stage.command}`")
        for kind, declared in (("deps", stage.deps), ("outs", stage.outs)):
            recorded = {entry["path"] for entry in locked.get(kind, [])}
            if differ := sorted(recorded ^ set(declared)):
                yield Finding(LOCK, f"stage {name} had other {kind} than {PIPELINE} has: {', '.join(differ)}")
        yield from _settings(name, stage, locked, blocks)


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        return yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not readable as settings ({error!r}); expected those of the results") from None


def _settings(name: str, stage: Stage, locked: dict[str, Any], blocks: dict[str, Any]) -> Iterator[Finding]:
    ran_with = locked.get("params", {}).get(PARAMS, {})
    for block in stage.params:
        if ran_with.get(block) != blocks.get(block):
            yield Finding(LOCK, f"stage {name} ran with other settings {block} than {PARAMS} has")


def _files(root: Path, pipeline: Pipeline, lock: dict[str, Any]) -> Iterator[Finding]:
    """Hold every committed file against what the stages say that made or read it."""
    said = statements(lock)
    record = root / RECORD
    for out in yaml.safe_load(record.read_text())["outs"] if record.is_file() else []:
        said.setdefault(out["path"], []).append(Statement(RECORD, out["md5"]))
    held = {path: md5(root, path) for path in said if is_held(path, pipeline)}
    wrong = {path for path, value in held.items() if any(one.md5 != value for one in said[path])}
    for path in sorted(said):
        if path not in held:
            if len({one.md5 for one in said[path]}) > 1:
                yield Finding(LOCK, f"contradicts itself on {path}: {_listed(said[path])}")
        elif path in wrong and not any(is_of(other, path) and other != path for other in wrong):
            yield _explained(root, path, held, said)


def is_held(path: str, pipeline: Pipeline) -> bool:
    """Tell whether git holds a file or folder: it is written by hand, or every output in it is committed."""
    if is_of(path, "data"):
        return False
    return all(
        out in stage.committed
        for stage in makers(pipeline, path)
        for out in stage.outs
        if is_of(path, out) or is_of(out, path)
    )


def _explained(root: Path, path: str, actual: dict[str, str | None], said: dict[str, list[Statement]]) -> Finding:
    """Say who is wrong: the lock, where anything else in it speaks for the file; else the file."""
    here = actual[path]
    false = [one for one in said[path] if one.md5 != here]
    if here is None:
        return Finding(path, f"is not there; {LOCK} records it ({_listed(false)})")
    around = [folder for folder in actual if folder != path and is_of(path, folder)]
    witnesses = [one.by for one in said[path] if one.md5 == here]
    witnesses += [one.by for folder in around for one in said[folder] if one.md5 == actual[folder]]
    inside = files_of(root, path) if (root / path).is_dir() else []
    if inside and all(file in said and all(one.md5 == actual.get(file) for one in said[file]) for file in inside):
        witnesses += ["every file in it"]
    if witnesses:
        against = f"{witnesses[0]} and the file itself"
        return Finding(LOCK, f"was edited, or is stale: on {path} it says {_listed(false)}, against {against}")
    return Finding(path, f"is not what {LOCK} records: it has md5 {here[:_SHOWN]}, recorded is {_listed(false)}")


def _listed(said: list[Statement]) -> str:
    """Write who says what of a file: the first two, and how many more."""
    words = [f"{one.md5[:_SHOWN]} by {one.by}" for one in said[:2]]
    return ", ".join([*words, f"{len(said) - 2} more"] if len(said) > 2 else words)


def _orphans(root: Path, pipeline: Pipeline) -> Iterator[Finding]:
    """List what is committed among results and figures, and no stage makes."""
    scales = [path.stem for path in (root / "scales").glob("*.yaml")]
    elsewhere = [*_BY_OTHERS, *(f"results/{scale}" for scale in scales if (root / f"results/{scale}/{LOCK}").is_file())]
    made = [*elsewhere, *(out for stage in pipeline.values() for out in stage.outs)]
    for path in (git(root, "ls-files", "--", *_GENERATED) or "").splitlines():
        if not any(is_of(path, one) for one in made):
            yield Finding(path, f"no stage of {PIPELINE} makes it")


def _published(root: Path, pipeline: Pipeline, folder: Path) -> Iterator[Finding]:
    """Hold the results of another scale against their own lock and settings, and that lock against the code."""
    lock, settings = read_lock(folder / LOCK), _read_settings(folder / PARAMS)
    name = folder.relative_to(root).as_posix()
    for stage in pipeline.values():
        if stage.name not in lock:
            yield Finding(f"{name}/{LOCK}", f"stage {stage.name} is not in it")
            continue
        for found in _settings(stage.name, stage, lock[stage.name], settings):
            yield Finding(f"{name}/{found.file}", found.what)
    said = statements(lock)
    code = {dep for stage in pipeline.values() for dep in code_of(pipeline, stage)} - {PARAMS, RECORD}
    changed = [path for path in sorted(code & said.keys()) if any(one.md5 != md5(root, path) for one in said[path])]
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        yield Finding(f"{name}/{LOCK}", f"is stale: these results were made with another {changed[0]}{more}")
    for path in (
        out for stage in pipeline.values() for out in stage.committed if is_of(out, "results") and out in said
    ):
        here = f"{name}/{path.removeprefix('results/')}"
        if (now := md5(root, here)) is None:
            yield Finding(here, f"is not there; {name}/{LOCK} records it ({_listed(said[path])})")
        elif any(one.md5 != now for one in said[path]):
            yield Finding(here, f"is not what {name}/{LOCK} records ({_listed(said[path])})")


def would_run(clone: Path) -> list[Finding]:
    """List the stages that `dvc repro` would run in a clean clone, without survey, models and cache."""
    command = [sys.executable, "-m", "dvc", "repro", "--allow-missing", "--dry"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True)
    if done.returncode:
        return [Finding(PIPELINE, f"`dvc repro --allow-missing --dry` fails in a clean clone: {done.stderr.strip()}")]
    found = _WOULD_RUN.findall(done.stdout)
    return [Finding(LOCK, f"is stale: in a clean clone, `dvc repro` would run {name} again") for name in found]
