"""`python -m analysis reproduce`: the whole pipeline at a scale, and the claims table at its end.

The laptop scale is the checkout itself: params.yaml, dvc.lock and results as committed. Any other scale runs in a copy
with scales/<scale>.yaml laid over params.yaml, so that it never touches the committed lock or results. The copy of the
smoke scale is temporary. Any other is kept in .scales/<scale>: killed after 39 hours, the same command goes on where it
stood; its results are then in results/<scale>, with their own params.yaml and dvc.lock.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from dvc.lock import make_lock
from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from voluptuous import Invalid

from analysis import paths, scale_copies
from analysis.errors import InputError
from analysis.scale_copies import LAPTOP
from analysis.survey.catalogue import TRUTH, new_folder
from analysis.validate_params import check_settings

SMOKE = "smoke"


LAST_BUT_ONE, LAST = "render_paper", "print_claims"  # stages of dvc.yaml


def scales() -> list[str]:
    """List the scales: the laptop one, and one for each file of scales/."""
    return [LAPTOP, *sorted(path.stem for path in paths.SCALES.glob("*.yaml"))]


def environment_of(root: Path) -> dict[str, str]:
    """Return the environment in which the stages of a checkout run."""
    # stages call `python`: it must be the one that runs this, whether or not its environment is activated
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    # in a copy, the copy's own package is the one that runs, whichever is installed
    return {**os.environ, "PATH": path, "PYTHONPATH": str(root)}


def _run(arguments: list[str], root: Path) -> None:
    """Run a command of this environment in a checkout; what it prints is its own explanation if it fails."""
    status = subprocess.run([sys.executable, "-m", *arguments], cwd=root, env=environment_of(root)).returncode
    if status:
        raise InputError(f"`python -m {' '.join(arguments)}` ended with exit code {status}; what it printed says why")


def mend_locks(root: Path) -> list[Path]:
    """Mend what DVC writes in place, and refuses where a kill has cut it short; return which files those were."""
    mended = []
    for mend in (mend_lock, mend_rwlock):
        if file := mend(root):
            print(f"{file} was cut short by a kill: mended", file=sys.stderr)
            mended.append(file)
    return mended


def mend_lock(root: Path) -> Path | None:
    """Bring back the committed dvc.lock where a kill has cut this one short; return its path if that was so.

    DVC writes it after each stage. What the stages have made since the commit is in DVC's run cache, so that nothing
    long runs again.
    """
    lock = root / scale_copies.LOCK
    try:
        COMPILED_LOCKFILE_SCHEMA(yaml.safe_load(lock.read_text()))
    except FileNotFoundError:
        return None
    except (yaml.YAMLError, Invalid):
        subprocess.run(["git", "checkout", "--quiet", "HEAD", "--", lock.name], cwd=root, check=True)
        return lock
    return None


def mend_rwlock(root: Path) -> Path | None:
    """Remove DVC's list of who reads and writes what where a kill has cut it short; return its path if that was so.

    Nothing is lost: of processes that were killed, DVC itself strikes the entries.
    """
    folder = root / ".dvc" / "tmp"
    listed = folder / RWLOCK_FILE
    if not listed.exists():
        return None
    with make_lock(str(folder / RWLOCK_LOCK), tmp_dir=str(folder)):  # so that no other process is writing it now
        try:
            json.loads(listed.read_text())
        except json.JSONDecodeError:
            listed.unlink()
            return listed
    return None


def check_cache(root: Path) -> None:
    """Raise InputError if an object of DVC's cache, or of the store in the checkout, is not what its name says.

    Its name is its MD5, which DVC does not compare: a flipped bit would come back as data or as a model.
    """
    for kept in ("cache", "store"):
        for file in sorted((root / ".dvc" / kept / "files" / "md5").glob("??/*")):
            with open(file, "rb") as opened:
                found = hashlib.file_digest(opened, "md5").hexdigest()
            if found != file.parent.name + file.name.removesuffix(".dir"):
                advice = "delete it, and `dvc repro` makes or `dvc pull` brings it again"
                raise InputError(f"{file}: damaged: its MD5 is {found}; expected its name ({advice})", "checksum")


def pull_survey(root: Path) -> None:
    """Bring the raw survey that a checkout records, if it has none."""
    if not (root / "data").exists():
        _run(["dvc", "pull", "--quiet", "data.dvc"], root)


def run_pipeline(root: Path) -> None:
    """Bring the raw survey, run what has changed, print the claims table."""
    mend_locks(root)
    check_cache(root)
    pull_survey(root)
    # the table last, and once, also where no stage had anything to do
    _run(["dvc", "repro", LAST_BUT_ONE], root)
    _run(["dvc", "repro", "--force", "--single-item", LAST], root)


def check_survey(root: Path) -> None:
    """Raise InputError if data/ is not the survey that data.dvc records: `dvc repro` would change the record to fit."""
    command = [sys.executable, "-m", "dvc", "status", "--json", "data.dvc"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"`dvc status data.dvc` failed: {done.stderr.strip()}")
    if json.loads(done.stdout):
        advice = "`dvc checkout data.dvc` brings the recorded one, `dvc add data` records this one"
        raise InputError(f"{root / 'data'}: not the survey that data.dvc records; {advice}", "checksum")


def bring_survey(root: Path, copy: Path, drawn: dict[str, int] | None) -> None:
    """Let a copy have the survey of its checkout, or one drawn as told: a draw that was killed goes on."""
    data, records = copy / "data", [folder / scale_copies.RECORD for folder in (root, copy)]
    if drawn:
        if not scale_copies.was_drawn_so(data, drawn):
            shutil.rmtree(data, ignore_errors=True)
            numbers = [f"--{name}={value}" for name, value in drawn.items()]
            _run(["analysis", "survey", "mock", *numbers, "--out", "data"], copy)
        (data / TRUTH).unlink(missing_ok=True)  # the pipeline never reads it
        _run(["dvc", "add", "--quiet", "data"], copy)
    elif (root / "data").exists() and (not data.exists() or records[0].read_bytes() != records[1].read_bytes()):
        shutil.rmtree(data, ignore_errors=True)
        with new_folder(data) as partial:
            shutil.copytree(root / "data", partial, dirs_exist_ok=True)
        shutil.copy(*records)


def run_in_kept_copy(root: Path, copies: Path, scale: str) -> None:
    """Run the pipeline of a checkout at a scale in a copy that is kept, and publish the results in the checkout."""
    copy = copies / scale
    if not copy.exists():
        with new_folder(copy) as partial:
            scale_copies.copy_checkout(root, partial, with_data=False)
    scale_copies.update_copy(root, copy)
    scale_copies.lay_scale_over(copy, scale)
    bring_survey(root, copy, scale_copies.survey_to_draw(root, scale))
    run_pipeline(copy)
    published = scale_copies.publish_results(copy, root / "results", scale)
    print(f"This was the {scale} scale, in {copy}: its results are in {published}, with their settings and lock")


def run(options: argparse.Namespace) -> None:
    """Run the pipeline at the scale that the command line names."""
    reproduce(options.scale, options.keep)


def reproduce(scale: str, keep: Path | None = None) -> None:
    """Run the pipeline at a scale.

    Parameters
    ----------
    scale : str
        One of `scales()`.
    keep : pathlib.Path, optional
        Folder to make, in which the copy of the smoke scale stays.

    Raises
    ------
    InputError
        If there is no such scale, or a step fails.
    """
    if scale not in scales():
        raise InputError(f"no scale {scale!r}; expected one of {', '.join(scales())}", "setting-value")
    check_settings()
    if scale == LAPTOP:
        if paths.DATA.exists():
            check_survey(paths.ROOT)
        run_pipeline(paths.ROOT)
        print(f"The paper: {(paths.PAPER_BUILD / 'index.html').relative_to(paths.ROOT)} and index.pdf beside it")
        return
    if scale != SMOKE:
        run_in_kept_copy(paths.ROOT, paths.SCALE_COPIES, scale)
        return
    with tempfile.TemporaryDirectory(prefix=f"compendium-{scale}-") as folder:
        copy = keep or Path(folder) / "compendium"
        scale_copies.copy_checkout(paths.ROOT, copy)
        scale_copies.lay_scale_over(copy, scale)
        run_pipeline(copy)
    print(f"This was the {scale} scale, in {keep or 'a temporary copy'}: the committed results are as they were")
