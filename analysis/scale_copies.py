"""Copies of the checkout in which scales other than the laptop's run: made, brought up to date, their results taken."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from analysis import params
from analysis.errors import InputError
from analysis.provenance.git import clone
from analysis.provenance.pipeline import PIPELINE, read_pipeline

LAPTOP = "laptop"  # the scale of params.yaml as it is committed
LOCK, PARAMS, RECORD, PROVENANCE = "dvc.lock", "params.yaml", "data.dvc", "data/provenance.json"
SURVEY = "survey"  # in the file of a scale: the mock survey that is drawn for it, objects, stamps and seed
_DEFAULT_RECORD = "analysis/survey/default_survey.yml"  # data.dvc of the survey that comes with the compendium
_NOT_OF_PIPELINE = "real"  # results of `make real`


def copy_checkout(root: Path, copy: Path, with_data: bool = True) -> None:
    """Clone a checkout, with the changes of its working tree and, if wanted, the survey that it uses.

    Raises
    ------
    InputError
        If it is no git checkout.
    """
    if not (root / ".git").exists():
        raise InputError(f"{root}: not a git checkout; expected one, of which a scale other than laptop takes a copy")
    clone(root, copy)
    for name in _listed(root, "--modified", "--others", "--exclude-standard"):
        _take_over(root / name, copy / name)
    if with_data and (root / "data").exists():
        shutil.copytree(root / "data", copy / "data")


def update_copy(root: Path, copy: Path) -> None:
    """Bring the source of a copy up to date with its checkout; what the pipeline made in the copy stays.

    So a run goes on where it stood, but for the stages whose code or settings are other ones now.
    """
    own = [LOCK, RECORD, *_outputs(copy)]
    for name in {*_listed(copy, "--cached"), *_listed(root, "--cached", "--others", "--exclude-standard")}:
        if not any(Path(name).is_relative_to(made) for made in own):
            _take_over(root / name, copy / name)


def lay_scale_over(copy: Path, scale: str) -> None:
    """Replace the settings of a copy by those of a scale."""
    (copy / PARAMS).write_text(yaml.safe_dump(scaled_settings(copy, scale), sort_keys=False))


def scaled_settings(root: Path, scale: str) -> dict[str, Any]:
    """Return the settings of a checkout at a scale."""
    overrides = read_scale(root, scale)
    overrides.pop(SURVEY, None)
    return params.merge(params.read_yaml(root / PARAMS), overrides, f"scales/{scale}.yaml")


def scale_of(root: Path) -> str:
    """Return the scale whose settings params.yaml holds: that of the laptop where it is none of scales/."""
    settings = yaml.safe_load((root / PARAMS).read_text())
    for path in sorted((root / "scales").glob("*.yaml")):
        if scaled_settings(root, path.stem) == settings:
            return path.stem
    return LAPTOP


def survey_to_draw(root: Path, scale: str) -> dict[str, int] | None:
    """Return objects, stamps and seed of the survey of a scale: it takes the place of the one of the compendium.

    None where the scale has none, or where the user has put another survey in place: that is the one to use.
    """
    is_default = yaml.safe_load((root / RECORD).read_text()) == yaml.safe_load((root / _DEFAULT_RECORD).read_text())
    return read_scale(root, scale).get(SURVEY) if is_default else None


def was_drawn_so(data: Path, drawn: dict[str, int]) -> bool:
    """Return whether a survey folder holds the mock survey of these objects, stamps and seed."""
    file = data / Path(PROVENANCE).name
    generator = json.loads(file.read_text()).get("generator", {}) if file.is_file() else {}
    return {name: generator.get(name) for name in drawn} == drawn


def read_scale(root: Path, scale: str) -> dict[str, Any]:
    """Return what a scale changes, and the survey that is drawn for it."""
    return params.read_yaml(root / "scales" / f"{scale}.yaml")


def publish_results(copy: Path, results: Path, scale: str) -> Path:
    """Copy the results of a scale, with its settings, its lock and its survey's provenance, into the checkout.

    Returns
    -------
    pathlib.Path
        `results/<scale>`. What was there is replaced, all at once.
    """
    destination, partial = results / scale, results / f".{scale}.incomplete"
    shutil.rmtree(partial, ignore_errors=True)
    scales = {path.stem for path in (copy / "scales").glob("*.yaml")}
    shutil.copytree(
        copy / "results",
        partial,
        ignore=lambda folder, _: scales | {_NOT_OF_PIPELINE} if Path(folder) == copy / "results" else set(),
    )
    for name in (PARAMS, LOCK, PROVENANCE):
        shutil.copy(copy / name, partial / Path(name).name)
    shutil.rmtree(destination, ignore_errors=True)
    partial.rename(destination)
    return destination


def _listed(root: Path, *which: str) -> list[str]:
    listing = ["git", "ls-files", "-z", *which]
    done = subprocess.run(listing, cwd=root, check=True, capture_output=True, text=True)
    return [name for name in done.stdout.split("\0") if name]


def _take_over(source: Path, target: Path) -> None:
    """Let a file be as it is elsewhere: its content, or its absence."""
    if source.is_file() and target.is_file() and source.read_bytes() == target.read_bytes():
        return
    target.unlink(missing_ok=True)
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _outputs(copy: Path) -> list[str]:
    """List what the stages of a pipeline write."""
    pipeline = read_pipeline(copy) if (copy / PIPELINE).is_file() else {}
    return [out for stage in pipeline.values() for out in stage.outs]
