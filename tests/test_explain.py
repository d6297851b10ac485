"""From a figure, a table or a result back to the raw survey."""

import io

import pytest
from rich.console import Console

from analysis import paths
from analysis.__main__ import main
from analysis.explain import explain, find
from analysis.provenance.pipeline import read_pipeline
from analysis.provenance.record import sha256


def explained(name: str, all_code: bool = False) -> str:
    console = Console(file=io.StringIO(), width=200)
    explain(paths.ROOT, name, console, all_code)
    return console.file.getvalue()


def test_a_figure_is_followed_back_to_the_survey() -> None:
    text = explained("fig-cnn-curve")
    stages = ["plot_cnn_redshift", "evaluate_cnn_redshift", "train_cnn_redshift", "compute_features"]
    starts = [text.index(f"\n{stage}  ") for stage in stages]
    assert starts == sorted(starts)
    assert text.startswith("paper/figures/fig-cnn-learning-curve.png")
    checksum = sha256(paths.RESULTS / "cnn_redshift" / "metrics.json")[:12]
    assert f"results/cnn_redshift/metrics.json  sha256 {checksum}  from evaluate_cnn_redshift" in text
    assert '"tolerance_percent"' in text  # settings with their values
    assert "python -m analysis cnn-redshift evaluate" in text
    assert "the raw survey  data/, of which data.dvc records md5" in text
    assert "star_galaxy" not in text
    assert "analysis/cnn_redshift/plot.py" not in text
    assert "analysis/cnn_redshift/plot.py  sha256" in explained("fig-cnn-curve", all_code=True)


def test_a_table_is_followed_by_its_own_files() -> None:
    text = explained("tbl-gan-statistics")
    assert text.startswith("paper/tables/gan-statistics.md")
    assert "results/nbody_gan/metrics.json" in text
    assert "\nsimulate_boxes  " in text
    assert "pit_calibration/metrics.json" not in text
    assert "the raw survey" not in text  # boxes are simulated


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("fig-importance", "paper/figures/fig-importance.png"),
        ("fig-importance.png", "paper/figures/fig-importance.png"),
        ("fig-importance.svg", "paper/vector/fig-importance.svg"),
        ("paper/figures/fig-importance.png", "paper/figures/fig-importance.png"),
        ("results/nbody/metrics.json", "results/nbody/metrics.json"),
        ("./results/nbody/metrics.json", "results/nbody/metrics.json"),
    ],
)
def test_things_go_by_several_names(name: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(paths.ROOT)
    assert find(paths.ROOT, read_pipeline(paths.ROOT), name) == path


def test_an_unknown_name_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "fig-importanse"]) == 2
    message = capsys.readouterr().err
    assert "fig-importanse: no figure, table or file that a stage of dvc.yaml makes; the nearest are" in message
    assert "fig-importance" in message
