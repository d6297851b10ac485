"""What someone edited in the committed files is found and named, without running anything."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from small_checkout import (
    CLAIMS,
    DRAWING,
    FIGURE,
    METRICS,
    commit,
    edit_metric,
    forge_lock,
    lock_of,
    run,
    write_lock,
)

from analysis.errors import InputError
from analysis.verification.integrity import check, would_run
from analysis.verification.lock import md5


def entry(lock: dict[str, Any], stage: str, kind: str, path: str) -> dict[str, Any]:
    return next(one for one in lock["stages"][stage][kind] if one["path"] == path)


def found(root: Path) -> dict[str, str]:
    """Return what does not fit, by file; one finding a file."""
    findings = check(root)
    assert len({one.file for one in findings}) == len(findings), findings
    return {one.file: one.what for one in findings}


def test_what_a_pipeline_has_made_fits_together(sound: Path) -> None:
    assert check(sound) == []
    lock = lock_of(sound)["stages"]
    assert md5(sound, "results/one") == lock["plot"]["deps"][1]["md5"]  # a folder, as DVC itself takes it
    assert md5(sound, "nothing") is None


def test_an_edited_metric_is_named(sound: Path) -> None:
    edit_metric(sound, "sigma", 0.001)
    assert "is not what dvc.lock records" in found(sound).pop(METRICS)
    assert set(found(sound)) == {METRICS, FIGURE, DRAWING}  # the figure was drawn from another one
    assert "drawn from another results/one/metrics.json" in found(sound)[FIGURE]


def test_an_edited_figure_is_named(sound: Path) -> None:
    Image.new("RGB", (40, 30), "blue").save(sound / FIGURE)
    findings = check(sound)
    assert {one.file for one in findings} == {FIGURE}
    assert any("is not what dvc.lock records" in one.what for one in findings)
    forge_lock(sound)  # even so, it does not say where it comes from
    assert "carries no provenance" in found(sound)[FIGURE]
    (sound / FIGURE).write_text("no picture")
    forge_lock(sound)
    assert "carries no provenance" in found(sound)[FIGURE]


def test_a_lost_figure_is_named(sound: Path) -> None:
    (sound / FIGURE).unlink()
    assert "is not there" in found(sound)[FIGURE]


def test_edited_code_is_named(sound: Path) -> None:
    (sound / "measure.py").write_text("print('another')\n")
    assert set(found(sound)) == {"measure.py"}


def test_edited_settings_are_named(sound: Path) -> None:
    (sound / "params.yaml").write_text("train: {depth: 30}\n")
    assert "stage train ran with other settings train" in found(sound)["dvc.lock"]


def _other_md5(stage: str, kind: str, path: str):
    def edit(lock: dict[str, Any]) -> None:
        entry(lock, stage, kind, path)["md5"] = "0" * 32

    return edit


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (_other_md5("measure", "outs", METRICS), f"on {METRICS} it says 00000000 by measure, against score"),
        (
            _other_md5("plot", "deps", "results/one"),
            "on results/one it says 00000000 by plot, against every file in it",
        ),
        (_other_md5("measure", "deps", "models/fit"), "contradicts itself on models/fit"),
        (_other_md5("train", "deps", "data"), "contradicts itself on data"),
        (lambda lock: lock["stages"].pop("plot"), "stage plot is not in dvc.lock"),
        (lambda lock: lock["stages"].update(more=lock["stages"]["plot"]), "stage more is not in dvc.yaml"),
        (lambda lock: lock["stages"]["plot"].update(cmd="true"), "stage plot ran `true`"),
        (lambda lock: lock["stages"]["plot"]["deps"].pop(0), "stage plot had other deps than dvc.yaml has: plot.py"),
        (lambda lock: lock["stages"]["train"]["params"].clear(), "ran with other settings train"),
    ],
)
def test_an_edited_lock_is_named(sound: Path, edit, named: str) -> None:
    lock = lock_of(sound)
    edit(lock)
    write_lock(sound, lock)
    assert named in found(sound)["dvc.lock"]


def _another_scale(sound: Path) -> Path:
    full = sound / "results" / "full"
    for path in (METRICS, "results/one/table.csv", CLAIMS, "dvc.lock", "params.yaml"):
        here = full / Path(path).relative_to("results") if path.startswith("results") else full / path
        here.parent.mkdir(parents=True, exist_ok=True)
        here.write_bytes((sound / path).read_bytes())
    (sound / "scales/full.yaml").write_text("{}\n")
    commit(sound)
    assert check(sound) == []
    return full


def test_an_edited_result_of_another_scale_is_named(sound: Path) -> None:
    full = _another_scale(sound)
    (full / "one" / "metrics.json").write_text(json.dumps({"sigma": 0.0}))
    (full / "one" / "table.csv").unlink()
    (full / "params.yaml").write_text("train: {depth: 4}\n")
    said = found(sound)
    assert set(said) == {"results/full/dvc.lock", "results/full/one/metrics.json", "results/full/one/table.csv"}
    assert "is not there" in said["results/full/one/table.csv"]


def test_results_of_another_scale_by_other_code_are_stale(sound: Path) -> None:
    full = _another_scale(sound)
    lock = lock_of(full)
    entry(lock, "measure", "deps", "measure.py")["md5"] = "0" * 32
    write_lock(full, lock)
    assert "is stale: these results were made with another measure.py" in found(sound)["results/full/dvc.lock"]


def test_lost_settings_are_bad_input(sound: Path) -> None:
    full = _another_scale(sound)
    (full / "params.yaml").unlink()
    with pytest.raises(InputError, match=r"results/full/params\.yaml: not readable as settings"):
        check(sound)
    (full / "dvc.lock").unlink()
    commit(sound)
    assert "no stage of dvc.yaml makes it" in found(sound)["results/full/one/metrics.json"]


def test_what_no_stage_makes_is_named(sound: Path) -> None:
    orphans = ["results/old.csv", "results/two/metrics.json", "paper/figures/fig-old.png", "paper/vector/fig-old.svg"]
    for path in [*orphans, "results/real/a/metrics.json", "results/robustness.json", "results/gpu/metrics.json"]:
        (sound / path).parent.mkdir(parents=True, exist_ok=True)
        (sound / path).write_text("1")
    assert check(sound) == []  # in no commit: nobody else has it
    commit(sound)
    assert set(found(sound)) == set(orphans)


@pytest.mark.parametrize(
    ("words", "named"),
    [("0123456789ab", "no commit before this one"), ("{} + uncommitted changes", "it is in no commit")],
)
def test_a_drawing_by_code_that_nobody_has_is_named(sound: Path, words: str, named: str) -> None:
    drawing = (sound / DRAWING).read_text()
    commit_of = json.loads(drawing.partition("<dc:description>")[2].partition("</dc:description>")[0])["commit"]
    (sound / DRAWING).write_text(drawing.replace(commit_of, words.format(commit_of)))
    forge_lock(sound)
    assert named in found(sound)[DRAWING]
    (sound / DRAWING).write_text(drawing.partition("<metadata>")[0] + "</svg>")
    forge_lock(sound)
    assert "carries no provenance" in found(sound)[DRAWING]


def test_a_shallow_clone_is_sound(sound: Path, tmp_path: Path) -> None:
    run(tmp_path, "git", "clone", "-q", "--depth=1", f"file://{sound}", "shallow")
    assert check(tmp_path / "shallow") == []


def test_a_stale_lock_is_named(sound: Path, tmp_path: Path) -> None:
    def clone(name: str) -> Path:
        subprocess.run(["git", "clone", "-q", str(sound), str(tmp_path / name)], check=True)
        return tmp_path / name

    assert would_run(clone("first")) == []
    (sound / "plot.py").write_text((sound / "plot.py").read_text() + "# another\n")
    commit(sound)
    assert [one.what.split()[-2] for one in would_run(clone("second"))] == ["plot"]
