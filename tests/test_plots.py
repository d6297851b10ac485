"""`dvc plots`, the picture of the pipeline, and experiments: what DVC's users expect of a dvc.yaml."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from analysis import paths
from analysis.paper import dag
from analysis.provenance.pipeline import read_pipeline

PIPELINE = yaml.safe_load((paths.ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]
PLOTS = [(title, plot) for entry in PIPELINE["plots"] if isinstance(entry, dict) for title, plot in entry.items()]


@pytest.mark.parametrize(("title", "plot"), PLOTS, ids=[title for title, _ in PLOTS])
def test_a_plot_draws_columns_that_a_stage_writes(title, plot):
    assert (paths.ROOT / ".dvc" / "plots" / f"{plot['template']}.json").is_file()
    for name, columns in plot["y"].items():
        assert any(name in out for stage in STAGES.values() for out in stage.get("outs", []))
        if not (paths.ROOT / name).is_file():
            pytest.skip(f"{name} is not there: its stage has not been run in this checkout")
        with open(paths.ROOT / name, newline="") as file:
            header = next(csv.reader(file))
        assert {plot["x"], *([columns] if isinstance(columns, str) else columns)} <= set(header)


def test_every_result_has_a_plot():
    drawn = {Path(name).parts[1] for _, plot in PLOTS for name in plot["y"]}
    evaluated = {name.partition("_")[2] for name in STAGES if name.startswith("evaluate_")}
    lacking = {"apply"}  # speeds and skies, in figures alone
    assert {result for result in evaluated if not result.startswith(tuple(drawn))} <= lacking


def test_templates_take_what_dvc_gives_them():
    for path in (paths.ROOT / ".dvc" / "plots").glob("*.json"):
        text = path.read_text()
        for anchor in ("DATA", "X", "Y", "COLOR"):
            assert f'"<DVC_METRIC_{anchor}>"' in text
        assert json.loads(text)["$schema"].endswith("vega-lite/v5.json")


# --- the picture


def test_the_picture_groups_stages_that_read_each_other(tmp_path):
    declared = {
        "prepare": {"deps": ["data"], "outs": ["features"]},
        "train_a": {"deps": ["features"], "outs": [{"models/a": {"push": False}}]},
        "evaluate_a": {"deps": ["models/a/weights"], "metrics": [{"results/a/metrics.json": {}}]},
        "train_b": {"deps": ["features"], "outs": ["models/b"]},
        "score": {"deps": ["results"], "outs": []},
    }
    content = {"stages": {name: {"cmd": "true", **stage} for name, stage in declared.items()}}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(content))
    pairs = dag.edges(read_pipeline(tmp_path))
    assert ("train_a", "evaluate_a") in pairs  # a file below an output
    assert ("evaluate_a", "score") in pairs  # an output below a folder
    assert len(pairs) == 4
    assert dag.groups(["train_a", "evaluate_a", "train_b"], pairs) == [["train_a", "evaluate_a"], ["train_b"]]
    assert dag._depths(["train_a", "evaluate_a", "train_b"], pairs) == {"train_a": 0, "evaluate_a": 1, "train_b": 0}


def test_no_two_stages_stand_in_the_same_place():
    places = dag.layout(read_pipeline(paths.ROOT))
    assert set(places) == set(STAGES)
    assert len(set(places.values())) == len(STAGES)
    assert places["compute_features"][0] < places["train_star_galaxy"][0] < places["evaluate_star_galaxy"][0]
    assert places["print_claims"][0] == max(column for column, _ in places.values())


def test_the_committed_picture_shows_every_stage():
    picture = dag.PICTURE.read_text()
    for name in STAGES:
        for words in name.split("_", 1):
            assert words.replace("_", " ") in picture, f"{name}: run `python -m analysis paper dag`"


# --- experiments


@pytest.mark.slow
def test_an_experiment_runs_one_stage_with_another_setting(tmp_path):
    """`dvc exp run -S` in a clone: the claims are scored anew, or here, a figure is drawn with fewer features."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(paths.ROOT), str(clone)], check=True)
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(paths.ROOT / name, clone / name)
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, "commit", "-qam", "as it is", "--allow-empty"], cwd=clone, check=True)

    def dvc(*arguments: str) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
        environment |= {"PYTHONPATH": str(clone), "OMP_NUM_THREADS": "1"}
        environment |= {
            f"GIT_{who}_{what}": "test@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    before = (clone / "paper" / "figures" / "fig-importance.png").read_bytes()
    said = dvc("exp", "run", "-S", "plot_feature_importance.n_features=5", "--single-item", "plot_feature_importance")
    assert "Running stage 'plot_feature_importance'" in said
    assert (clone / "paper" / "figures" / "fig-importance.png").read_bytes() != before
    assert "plot_feature_importance.n_features" in dvc("params", "diff")
