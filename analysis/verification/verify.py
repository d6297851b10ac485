"""`python -m analysis verify`: check what is committed, run it again in a clean clone, compare, report."""

import argparse
import datetime
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis import paths, reproduce
from analysis.errors import InputError
from analysis.provenance import circumstances
from analysis.provenance.git import ABBREVIATED, clone, git
from analysis.provenance.pipeline import Pipeline, Stage, is_of, read_pipeline
from analysis.reproduce import LAPTOP
from analysis.scale_copies import LOCK
from analysis.verification import compare, integrity, report
from analysis.verification.compare import Comparison, Tolerances
from analysis.verification.lock import read_lock
from analysis.verification.pictures import same_drawing, same_picture
from analysis.verification.recompute import recompute
from analysis.verification.report import Report, StageReport
from analysis.verification.rerun import Run, chosen, clean_clone, committed_bytes, committed_lock, run_again
from analysis.verification.tables import compare_tables

_CLAIMS = "results/claims.json"
_NOT_BY_STAGES = {
    "results/real": "measured on real tables, which the compendium does not hold; `make real` does it again, but for "
    "boss_dr10/photoz_pdf, which `python -m analysis bench photoz --final` does",
    "results/robustness.json": "what `make robustness` has counted, which does it again",
    "results/gpu": "measured on a GPU; `make bench-gpu` does it again",
}


def committed_path(path: str, scale: str) -> str:
    """Return where a result of a scale is committed."""
    return path if scale == LAPTOP else path.replace("results/", f"results/{scale}/", 1)


def _compared(copy: Path, path: str, scale: str, same_inputs: bool) -> list[Comparison]:
    """Compare a file of metrics, a table or the claims with the committed one; nothing where there is none."""
    committed = committed_bytes(copy, committed_path(path, scale))
    if committed is None or not (copy / path).is_file():
        return []
    again, declared = (copy / path).read_bytes(), Tolerances.read()
    if path == _CLAIMS:
        return compare.compare_claims(json.loads(committed), json.loads(again))
    name = Path(path).relative_to("results")
    if name.suffix == ".csv":
        table = ".".join(name.with_suffix("").parts)
        return compare_tables(table, committed, again, declared, same_inputs)
    return compare.compare_metrics(".".join(name.parent.parts), json.loads(committed), json.loads(again), declared)


def _hashes(lock: dict[str, Any], stage: str, kind: str) -> dict[str, str]:
    return {entry["path"]: entry.get("md5", "") for entry in lock.get(stage, {}).get(kind, [])}


def _outcome(
    copy: Path, path: str, scale: str, made: dict[str, str], committed: dict[str, str], same_inputs: bool
) -> str:
    """Say how an output of the second run compares with the committed one."""
    if path not in committed:
        return report.NOT_COMMITTED
    if made.get(path) == committed[path]:
        return report.SAME_BYTES
    same = {".png": same_picture, ".svg": same_drawing}.get(Path(path).suffix)
    first = committed_bytes(copy, path) if same and scale == LAPTOP else None  # no other scale has its figures in git
    if same is None or first is None or not (copy / path).is_file():
        return report.OTHER_BYTES
    if same(first, (copy / path).read_bytes()):
        return report.SAME_PICTURE
    return report.NOT_DRAWN_SO if same_inputs else report.OTHER_BYTES


def stage_report(copy: Path, stage: Stage, run: Run, scale: str) -> StageReport:
    """Compare what a stage has made in the clone with what is committed."""
    if run.failure:
        return StageReport(run)
    lock = read_lock(copy / LOCK)
    committed = committed_lock(copy, LOCK if scale == LAPTOP else f"results/{scale}/{LOCK}")
    made, first = (_hashes(one, stage.name, "outs") for one in (lock, committed))
    same_inputs = _hashes(lock, stage.name, "deps") == _hashes(committed, stage.name, "deps")
    outs = {path: _outcome(copy, path, scale, made, first, same_inputs) for path in stage.outs}
    files = [path for path in stage.outs if path in stage.metrics or path == _CLAIMS or _is_table(path)]
    return StageReport(run, outs, [one for path in files for one in _compared(copy, path, scale, same_inputs)])


def _is_table(path: str) -> bool:
    return is_of(path, "results") and path.endswith(".csv")


def _not_run(root: Path, pipeline: Pipeline, stages: Sequence[Stage], scale: str) -> list[str]:
    """List what a verification says nothing of."""
    others = [f"{path}: {why}" for path, why in _NOT_BY_STAGES.items() if (root / path).exists()]
    if not stages:
        return ["whether the code makes these files: no stage was asked for", *others]
    left = [name for name in pipeline if name not in {stage.name for stage in stages}]
    found = [f"stages {', '.join(left)}: not asked for"] if left else []
    if scale == reproduce.SMOKE:
        found.append("the committed numbers: they are those of the laptop scale (`--scale laptop` compares them)")
    return [*found, *others]


def verify(root: Path, copies: Path, scale: str, only: Sequence[str] = (), run: bool = True) -> Report:
    """Verify the committed revision of a checkout.

    Parameters
    ----------
    root : pathlib.Path
        The checkout.
    copies : pathlib.Path
        Folder in which the clone is kept while it runs, so that a killed verification goes on.
    scale : str
    only : sequence of str
        Stages, or files that they make, to run with all that they need; all stages when empty.
    run : bool
        False: only check what can be checked without running anything.

    Raises
    ------
    InputError
        If there is no such scale or stage, or no git checkout.
    """
    if scale not in reproduce.scales():
        raise InputError(f"no scale {scale!r}; expected one of {', '.join(reproduce.scales())}")
    commit = git(root, "rev-parse", f"--short={ABBREVIATED}", "HEAD")
    if commit is None:
        raise InputError(f"{root}: not a git checkout; expected one, of which a clean clone is verified")
    pipeline = read_pipeline(root)
    stages = chosen(pipeline, only) if run else []
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    findings = [*integrity.check(root), *_stale(root)]
    reports, redone = [], []
    if stages and not findings:
        copy = clean_clone(root, copies, scale)
        runs = run_again(copy, stages)
        reports = [stage_report(copy, stage, run, scale) for stage, run in zip(stages, runs, strict=True)]
        redone = recompute(root, copy / "data", pipeline, stages) if scale == LAPTOP else []
    changed = [line.split(maxsplit=1)[1] for line in (git(root, "status", "--porcelain") or "").splitlines()]
    about = (scale, commit, date, circumstances.machine(), circumstances.versions())
    return Report(*about, changed, findings, reports, _not_run(root, pipeline, stages, scale), redone)


def _stale(root: Path) -> list[integrity.Finding]:
    """List the stages that are not up to date in a clean clone."""
    with tempfile.TemporaryDirectory(prefix="compendium-clone-") as folder:
        copy = Path(folder) / "clone"
        clone(root, copy)
        return integrity.would_run(copy)


def run(options: argparse.Namespace) -> int:
    """Verify this checkout, print the report, and return 1 where something differs."""
    done = verify(paths.ROOT, paths.SCALE_COPIES, options.scale, options.only, run=not options.no_run)
    written = report.write(done, options.out)
    print(done.to_markdown())
    print(f"The report: {written[0]} and {written[1].name} beside it")
    if not done.differences:
        shutil.rmtree(paths.SCALE_COPIES / f"verify-{options.scale}", ignore_errors=True)
    return int(bool(done.differences))
