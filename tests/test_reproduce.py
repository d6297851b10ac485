"""Scales run in a copy that has everything of the checkout, and leave the checkout as it was."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from analysis import paths, reproduce, scale_copies
from analysis.__main__ import build_parser
from analysis.errors import InputError


def _git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one file each that is committed, changed, deleted, new and ignored, and a survey."""
    root = tmp_path / "checkout"
    (root / "scales").mkdir(parents=True)
    (root / "params.yaml").write_text("train: {depth: 10, network: {epochs: 60}}\n")
    (root / "scales" / "tiny.yaml").write_text("train: {network: {epochs: 2}}\n")
    for name in ("kept", "changed", "deleted"):
        (root / name).write_text("committed")
    (root / ".gitignore").write_text("/data\n/ignored\n")
    _git(root, "init", "-q")
    _git(root, "add", ".")
    _git(root, "commit", "-qm", "first")
    (root / "changed").write_text("by hand")
    (root / "deleted").unlink()
    (root / "new").write_text("untracked")
    (root / "ignored").write_text("not source")
    (root / "data").mkdir()
    (root / "data" / "catalogue.parquet").write_text("a survey")
    return root


def test_a_copy_is_the_working_tree_with_its_survey(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    scale_copies.copy_checkout(checkout, copy)
    contents = {name: (copy / name).read_text() for name in ("kept", "changed", "new")}
    assert contents == {"kept": "committed", "changed": "by hand", "new": "untracked"}
    assert not (copy / "deleted").exists()
    assert not (copy / "ignored").exists()
    assert (copy / "data" / "catalogue.parquet").read_text() == "a survey"


def test_a_scale_replaces_only_what_it_names(checkout: Path) -> None:
    scale_copies.lay_scale_over(checkout, "tiny")
    assert yaml.safe_load((checkout / "params.yaml").read_text()) == {"train": {"depth": 10, "network": {"epochs": 2}}}


@pytest.mark.parametrize("scale", sorted(set(reproduce.scales()) - {"laptop"}))
def test_every_scale_names_settings_that_exist(scale: str, tmp_path: Path) -> None:
    (tmp_path / "scales").mkdir()
    for name in ("params.yaml", f"scales/{scale}.yaml"):
        shutil.copy(paths.ROOT / name, tmp_path / name)
    before = yaml.safe_load(paths.PARAMS.read_text())
    scale_copies.lay_scale_over(tmp_path, scale)
    after = yaml.safe_load((tmp_path / "params.yaml").read_text())
    assert after != before
    assert after.keys() == before.keys()
    assert scale_copies.scale_of(tmp_path) == scale
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(before))
    assert scale_copies.scale_of(tmp_path) == "laptop"


def test_a_scale_needs_a_checkout(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a git checkout"):
        scale_copies.copy_checkout(tmp_path, tmp_path / "copy")


def test_a_survey_that_is_not_the_recorded_one_is_left_alone(checkout: Path) -> None:
    def dvc(*arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=checkout, check=True, capture_output=True)

    dvc("init", "-q")
    dvc("add", "-q", "data")
    reproduce.check_survey(checkout)
    record = (checkout / "data.dvc").read_text()
    (checkout / "data" / "catalogue.parquet").write_text("another survey")
    with pytest.raises(InputError, match=r"not the survey that data\.dvc records"):
        reproduce.check_survey(checkout)
    assert (checkout / "data.dvc").read_text() == record


def test_the_scale_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALE", "full")
    assert build_parser().parse_args(["reproduce"]).scale == "full"
    assert build_parser().parse_args(["reproduce", "--scale", "smoke"]).scale == "smoke"
    monkeypatch.delenv("SCALE")
    assert build_parser().parse_args(["reproduce"]).scale == "laptop"


def test_an_unknown_scale_is_refused() -> None:
    with pytest.raises(InputError, match="no scale 'galactic'; expected one of laptop"):
        reproduce.reproduce("galactic")


def test_a_step_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"python -m analysis\.nothing` ended with exit code"):
        reproduce._run(["analysis.nothing"], tmp_path)
