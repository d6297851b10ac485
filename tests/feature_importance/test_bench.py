"""The bench: its exit code follows its figures, its baseline is fair, its last line is JSON."""

import json

import numpy as np
import pytest

from analysis.__main__ import main
from analysis.feature_importance import bench


def result(seconds=30.0, ratio=5.0, sigma_rise=0.0, depth=10):
    slow = {"ratio": 0.5, "sigma_rise": 0.5}
    by_depth = {str(other): slow for other in bench.DEPTHS} | {str(depth): {"ratio": ratio, "sigma_rise": sigma_rise}}
    return {"depth": depth, "seconds": seconds, "by_depth": by_depth}


@pytest.mark.parametrize(
    ("figures", "expected"),
    [({}, True), ({"seconds": 61.0}, False), ({"ratio": 2.9}, False), ({"sigma_rise": 0.021}, False),
     ({"sigma_rise": -0.3}, True), ({"depth": 16}, True)],
)  # fmt: skip
def test_figures_at_the_chosen_depth_decide(figures, expected):
    assert bench.reached(result(**figures)) is expected


def test_both_learners_get_the_same_trees():
    X = np.random.default_rng(0).normal(size=(3000, 4))
    z = X[:, 0] + np.sin(2 * X[:, 1])
    sample = bench.Sample(X[:2000], z[:2000], X[2000:], z[2000:])
    ours, theirs = (bench.measure(fit, sample, 6, 20, seed=0) for fit in (bench.fit_ours, bench.fit_scikit_learn))
    assert ours["sigma"] == pytest.approx(theirs["sigma"], rel=0.1)
    model = bench.fit_scikit_learn(X, z, 6, 3, 0)
    assert len(model.estimators_) == 3
    assert model.estimators_[0].get_depth() == 6


@pytest.mark.slow
def test_the_command_prints_json_last(capsys):
    pytest.importorskip("kcorrect")
    code = main(["bench", "feature-importance", "--objects", "600", "--trees", "4", "--compared-trees", "2"])
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert code == (0 if printed["reached"] else 1)
    assert printed["galaxies"] == 600
    assert printed["features"] == 85
    assert set(printed["by_depth"]) == {"6", "10", "16"}
