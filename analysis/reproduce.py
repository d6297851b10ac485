"""`python -m analysis reproduce`: the whole pipeline at a scale, and the claims table at its end.

The laptop scale is the checkout itself: params.yaml, dvc.lock and results as committed. Any other scale runs in a
temporary copy with scales/<scale>.yaml laid over params.yaml, so that it never touches the committed lock or results.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from analysis import params, paths
from analysis.errors import InputError

LAPTOP = "laptop"


def scales() -> list[str]:
    """List the scales: the laptop one, and one for each file of scales/."""
    return [LAPTOP, *sorted(path.stem for path in paths.SCALES.glob("*.yaml"))]


def _run(arguments: list[str], root: Path) -> None:
    """Run a command of this environment in a checkout; what it prints is its own explanation if it fails."""
    # stages call `python`: it must be the one that runs this, whether or not its environment is activated
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    # in a copy, the copy's own package is the one that runs, whichever is installed
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root)}
    status = subprocess.run([sys.executable, "-m", *arguments], cwd=root, env=environment).returncode
    if status:
        raise InputError(f"`python -m {' '.join(arguments)}` ended with exit code {status}; what it printed says why")


def run_pipeline(root: Path) -> None:
    """Bring the raw survey, run what has changed, print the claims table."""
    if not (root / "data").exists():
        _run(["dvc", "pull", "--quiet", "data.dvc"], root)
    _run(["dvc", "repro"], root)
    _run(["analysis", "scorecard", "--print"], root)


def _check_survey(root: Path) -> None:
    """Raise InputError if data/ is not the survey that data.dvc records: `dvc repro` would change the record to fit."""
    command = [sys.executable, "-m", "dvc", "status", "--json", "data.dvc"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"`dvc status data.dvc` failed: {done.stderr.strip()}")
    if json.loads(done.stdout):
        advice = "`dvc checkout data.dvc` brings the recorded one, `dvc add data` records this one"
        raise InputError(f"{root / 'data'}: not the survey that data.dvc records; {advice}")


def copy_checkout(root: Path, copy: Path) -> None:
    """Clone a checkout, with the changes of its working tree and the survey that it uses.

    Raises
    ------
    InputError
        If it is no git checkout.
    """
    if not (root / ".git").exists():
        raise InputError(f"{root}: not a git checkout; expected one, of which a scale other than laptop takes a copy")
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(root), str(copy)], check=True)
    listing = ["git", "ls-files", "-z", "--modified", "--others", "--exclude-standard"]
    changed = subprocess.run(listing, cwd=root, check=True, capture_output=True, text=True).stdout
    for name in filter(None, changed.split("\0")):
        target = copy / name
        target.unlink(missing_ok=True)
        if (root / name).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target)
    if (root / "data").exists():
        shutil.copytree(root / "data", copy / "data")


def lay_scale_over(copy: Path, scale: str) -> None:
    """Replace the settings of a copy by those of a scale."""
    settings = yaml.safe_load((copy / "params.yaml").read_text())
    file = copy / "scales" / f"{scale}.yaml"
    scaled = params.merge(settings, yaml.safe_load(file.read_text()), file.name)
    (copy / "params.yaml").write_text(yaml.safe_dump(scaled, sort_keys=False))


def reproduce(scale: str) -> None:
    """Run the pipeline at a scale.

    Raises
    ------
    InputError
        If there is no such scale, or a step fails.
    """
    if scale not in scales():
        raise InputError(f"no scale {scale!r}; expected one of {', '.join(scales())}")
    if scale == LAPTOP:
        if paths.DATA.exists():
            _check_survey(paths.ROOT)
        run_pipeline(paths.ROOT)
        print(f"The paper: {(paths.PAPER_BUILD / 'index.html').relative_to(paths.ROOT)} and index.pdf beside it")
        return
    with tempfile.TemporaryDirectory(prefix=f"compendium-{scale}-") as folder:
        copy = Path(folder) / "compendium"
        copy_checkout(paths.ROOT, copy)
        lay_scale_over(copy, scale)
        run_pipeline(copy)
    print(f"This was the {scale} scale, in a temporary copy: the committed results are as they were")
