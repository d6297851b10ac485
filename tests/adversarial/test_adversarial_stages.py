"""The stages one after the other, at a scale smaller than smoke, on a toy survey and on one without stamps."""

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_compendium import SMOKE, lay_out
from toy_images import write_toy_survey

from analysis import paths
from analysis.adversarial import evaluate, names, plot, train
from analysis.adversarial.models import classifier
from analysis.cnn_redshift import names as redshift_names
from analysis.errors import InputError
from analysis.metrics import write_metrics
from analysis.star_galaxy import names as star_galaxy_names
from analysis.star_galaxy.network import WEIGHTS, load_network
from analysis.star_galaxy.train import train_star_galaxy
from analysis.star_galaxy.train_convnet import train_star_galaxy_convnet

STAGES = (train.train_adversarial, evaluate.evaluate_adversarial, plot.plot_adversarial)
TINY = {
    "star_galaxy": {"min_objects": 20, "min_in_split": 3},
    "train_star_galaxy_convnet": {"side": 40, "network": {"epochs": 3, "precision": "float32"}},
    "train_adversarial": {"network": {"epochs": 2}},
}


def without_redshifts(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Point a compendium without a redshift network at a folder."""
    lay_out(root, patch, SMOKE, TINY)
    write_metrics(paths.MODELS / redshift_names.NAME / redshift_names.CHOICES, {"not_run": "too few galaxies"})


@pytest.fixture(scope="module")
def metrics(tmp_path_factory):
    """All stages on a toy survey; the paths stay until the last test that asks for it."""
    with pytest.MonkeyPatch.context() as patch:
        without_redshifts(tmp_path_factory.mktemp("compendium"), patch)
        write_toy_survey(paths.DATA, 160)
        train_star_galaxy(Namespace())
        train_star_galaxy_convnet(Namespace())
        for stage in STAGES:
            stage(Namespace())
        yield json.loads((paths.RESULTS / names.NAME / paths.METRICS).read_text())


def test_tables_have_their_columns_and_figures_are_drawn(metrics) -> None:
    for table, columns in evaluate.TABLES.items():
        found = pd.read_csv(paths.RESULTS / names.NAME / table)
        assert list(found) == list(columns)
        assert len(found) > 0 or table in (names.REDSHIFTS, names.PITS, names.TREE_SHIFTS)
    for name in plot.FIGURES:
        assert (paths.FIGURES / name).stat().st_size > 3000


def test_what_cannot_run_says_so_and_the_rest_goes_on(metrics) -> None:
    assert metrics["redshift"] == {"not_run": "too few galaxies"}
    assert metrics["trees"]["tpc_morph"]["worst"]["at_10"] >= metrics["trees"]["tpc_morph"]["random"]["at_10"]


def test_no_attack_is_a_clean_image_and_pgd_is_never_weaker_than_noise(metrics) -> None:
    table = pd.read_csv(paths.RESULTS / names.NAME / names.CURVES)
    clean = table[table["epsilon"] == 0].groupby(["network", "objects"])["accuracy"]
    assert (clean.nunique() == 1).all()
    accuracy = table.pivot_table(index=["network", "objects", "epsilon"], columns="attack", values="accuracy")
    assert (accuracy[names.PGD] <= accuracy[names.NOISE]).all()


def test_both_networks_of_the_defence_are_written_and_cost_what_they_cost(metrics) -> None:
    assert metrics["training"]["cost_ratio"] > 1
    weights = [paths.MODELS / names.NAME / f"{name}.safetensors" for name in (names.SECOND, names.ROBUST)]
    weights.append(paths.MODELS / star_galaxy_names.CONVNET_NAME / WEIGHTS)
    kernels = [next(load_network(file)[0].parameters()).detach().numpy() for file in weights]
    assert not any(np.array_equal(kernels[0], other) for other in kernels[1:])
    assert callable(classifier(*load_network(weights[0])))


def test_examples_are_pairs_that_differ_by_no_more_than_the_headline(metrics) -> None:
    with np.load(paths.RESULTS / names.NAME / names.EXAMPLES) as arrays:
        before, after = np.moveaxis(arrays["images"], 1, 0)
        assert arrays["words"].shape == (2, 2)
    assert np.abs(after - before).max() <= metrics["headline"] + 1e-3


def test_a_survey_without_stamps_is_not_run_and_says_why(tmp_path, monkeypatch) -> None:
    without_redshifts(tmp_path, monkeypatch)
    write_toy_survey(paths.DATA, 160, stamps=False)
    for stage in STAGES:
        stage(Namespace())
    found = json.loads((paths.RESULTS / names.NAME / paths.METRICS).read_text())
    assert found == {"not_run": "the survey has no stamps"}
    assert all((paths.FIGURES / name).is_file() for name in plot.FIGURES)


def test_evaluation_without_training_says_what_to_do(tmp_path, monkeypatch) -> None:
    without_redshifts(tmp_path, monkeypatch)
    with pytest.raises(InputError, match="adversarial train"):
        evaluate.evaluate_adversarial(Namespace())
