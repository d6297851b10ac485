"""A clean clone is run again, compared and reported on; a killed verification goes on."""

import argparse
import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from small_checkout import CLAIMS, DRAWING, FIGURE, METRICS, PRINTED, TABLE, commit, edit_metric, forge_lock
from small_checkout import run as draw_again

from analysis import paths
from analysis.errors import InputError
from analysis.provenance.pipeline import read_pipeline
from analysis.verification import rerun
from analysis.verification.recompute import recompute
from analysis.verification.report import OTHER_BYTES, SAME_BYTES, SAME_PICTURE
from analysis.verification.verify import run, verify


def test_a_sound_revision_is_verified(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(paths, "ROOT", sound)
    monkeypatch.setattr(paths, "SCALE_COPIES", tmp_path / "copies")
    (sound / ".gitignore").write_text((sound / ".gitignore").read_text() + "/other\n")  # changed, and not committed
    options = argparse.Namespace(scale="laptop", only=[], no_run=False, out=tmp_path / "out")
    assert run(options) == 0
    text = capsys.readouterr().out
    # four metrics, two columns, three fields of a claim
    assert "**VERIFIED: 4 stage(s) were run again; 9 values agree; 3 output(s) differ in bytes.**" in text
    assert "- .gitignore\n" in text
    report = json.loads((tmp_path / "out" / "verification-laptop.json").read_text())
    assert (tmp_path / "out" / "verification-laptop.md").read_text() in text
    assert report["machine"]["processor"]
    assert report["versions"]["dvc"]
    train, measure, plot, _ = report["stages"]
    assert train["run"]["cpu_seconds"] > 0
    assert train["outs"] == {"models/fit": SAME_BYTES}
    # the CPU time among the metrics is another one, so the figure says that it was drawn from another file
    assert measure["outs"] == {METRICS: OTHER_BYTES, "results/one/table.csv": SAME_BYTES}
    assert plot["outs"] == {FIGURE: SAME_PICTURE, DRAWING: SAME_PICTURE}
    assert not list((tmp_path / "copies").iterdir())
    values = {one["metric"]: one["again"] for one in measure["metrics"]}
    assert json.loads((sound / METRICS).read_text())["n"] == values["one.n"]


def test_a_scale_without_committed_numbers_is_tried(sound: Path, tmp_path: Path) -> None:
    report = verify(sound, tmp_path / "copies", "smoke", only=[METRICS])
    assert report.differences == []
    assert report.verdict == "VERIFIED in part: 2 stage(s) run at this scale, whose numbers are not committed."
    text = report.to_markdown()
    assert "the committed numbers: they are those of the laptop scale" in text
    assert "| made |" in text
    assert "depth: 1000" in (tmp_path / "copies/verify-smoke/params.yaml").read_text()


def test_a_metric_with_a_forged_lock_is_found_by_running(sound: Path, tmp_path: Path) -> None:
    edit_metric(sound, "sigma", 0.5)
    # a thorough forger draws the figure again, and makes the lock fit
    draw_again(sound, "python", "plot.py")
    draw_again(sound, "python", "score.py")
    forge_lock(sound)
    commit(sound)
    report = verify(sound, tmp_path / "copies", "laptop", only=["results/one"])
    assert not report.findings
    assert [stage.run.stage for stage in report.stages] == ["train", "measure"]
    [difference] = report.differences
    assert difference.startswith("one.sigma: committed 0.5, in the second run 0.0")
    assert "(bootstrap error)" in difference
    assert report.verdict.startswith("NOT VERIFIED")
    assert "stages plot, score: not asked for" in report.to_markdown()


def _forge(sound: Path, path: str) -> None:
    """Let a figure, a table or the claims say something else, with all that vouches for it."""
    file = sound / path
    if path == FIGURE:
        with Image.open(file) as picture:
            picture.load()
        said = PngInfo()
        said.add_text("Provenance", picture.info["Provenance"])
        picture.putpixel((3, 3), (0, 255, 0))
        picture.save(file, pnginfo=said)
    else:
        old, new = {DRAWING: (" 1.5", " 7.5"), CLAIMS: ('"ours": "0.0', '"ours": "0.9'), PRINTED: ("0.0", "0.9")}[path]
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
    forge_lock(sound)
    commit(sound)


@pytest.mark.parametrize("path", [FIGURE, DRAWING, CLAIMS, PRINTED])
def test_what_the_committed_results_do_not_give_is_named(sound: Path, tmp_path: Path, path: str) -> None:
    _forge(sound, path)
    report = verify(sound, tmp_path / "copies", "laptop")
    assert report.findings == []
    assert [(found.file, found.what.partition(":")[0]) for found in report.redone] == [
        (path, "is not what the committed results give")
    ]
    assert report.verdict == "NOT VERIFIED: 1 difference(s)."
    assert path in report.differences[0]


def test_a_table_with_a_forged_lock_is_found_by_running(sound: Path, tmp_path: Path) -> None:
    (sound / TABLE).write_text("a,b\n1,3\n")
    draw_again(sound, "python", "plot.py")
    forge_lock(sound)
    commit(sound)
    report = verify(sound, tmp_path / "copies", "laptop", only=["measure"])
    assert [one.partition(":")[0] for one in report.differences] == ["one.table.b"]


def test_files_that_a_stage_no_longer_makes_are_named(sound: Path, tmp_path: Path) -> None:
    (sound / "paper/tables/old.md").write_text("| an old table |\n")
    (sound / CLAIMS).write_text("none")
    forge_lock(sound)
    commit(sound)
    pipeline = read_pipeline(sound)
    found = recompute(sound, sound / "data", pipeline, list(pipeline.values()))
    assert [one.file for one in found] == ["paper/tables/old.md", CLAIMS]
    (sound / "score.py").write_text("raise SystemExit('no sigma')\n")
    commit(sound)
    [failed] = recompute(sound, sound / "data", pipeline, list(pipeline.values()))
    assert failed == (CLAIMS, "cannot be made from the committed results: no sigma")


def test_what_other_means_have_made_is_said(sound: Path, tmp_path: Path) -> None:
    for path in ("results/real", "results/gpu"):
        (sound / path).mkdir()
    (sound / "results/robustness.json").write_text("{}")
    words = "\n".join(verify(sound, tmp_path, "laptop", run=False).not_run)
    for name in ("`make real`", "bench photoz --final", "`make robustness`", "`make bench-gpu`"):
        assert name in words


def test_nothing_is_run_where_files_do_not_fit(sound: Path, tmp_path: Path) -> None:
    edit_metric(sound, "sigma", 0.5)
    report = verify(sound, tmp_path / "copies", "laptop")
    assert report.stages == []
    assert any(METRICS in one for one in report.differences)
    assert not (tmp_path / "copies").exists()


def test_a_killed_verification_goes_on_and_a_failure_is_told(sound: Path, tmp_path: Path) -> None:
    stages = rerun.chosen(read_pipeline(sound), [])
    copy = rerun.clean_clone(sound, tmp_path, "laptop")
    [first] = rerun.run_again(copy, stages[:1])
    again = rerun.clean_clone(sound, tmp_path, "laptop")
    (again / "measure.py").write_text("raise SystemExit(3)\n")
    runs = rerun.run_again(again, stages)
    assert runs[0] == first  # its time included
    assert (runs[1].failure, runs[2].failure) == ("exit code 255", "needs measure")
    (sound / "notes").write_text("another revision")
    commit(sound)
    assert not (rerun.clean_clone(sound, tmp_path, "laptop") / "models").exists()


def test_what_cannot_be_verified_is_said(sound: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no scale 'galactic'"):
        verify(sound, tmp_path, "galactic")
    with pytest.raises(InputError, match="evaluate: no stage, and nothing that a stage makes"):
        verify(sound, tmp_path, "laptop", only=["evaluate"])
    with pytest.raises(InputError, match="not a git checkout"):
        verify(tmp_path / "nowhere", tmp_path, "laptop")
