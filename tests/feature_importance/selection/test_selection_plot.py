"""The figures show what the tables say."""

import numpy as np
import pandas as pd

from analysis.feature_importance.selection import names, plot


def test_curve_shows_every_method():
    lines = [
        {"method": method, "n_features": n, "sigma": 0.1 / n, "sigma_err": 0.001, "sigma_draws": 0.01}
        for method in (names.MINT, names.MINT_PAIRS, names.TREES, names.RANDOM)
        for n in (1, 2, 5)
    ]
    axes = plot.plot_curve(pd.DataFrame(lines)).axes[0]
    curves = [line for line in axes.lines if len(line.get_xdata()) == 3 and line.get_linestyle() != "None"]
    assert len(curves) == 4
    for line in curves:
        np.testing.assert_allclose(line.get_ydata(), [0.1, 0.05, 0.02])
    band = axes.collections[-1].get_paths()[0].vertices
    np.testing.assert_allclose([band[:, 1].min(), band[:, 1].max()], [0.01, 0.11])


def test_importances_have_a_panel_for_each_division():
    samples = ["all", "type: early", "type: late", "redshift: low"]
    lines = [
        {"sample": sample, "feature": feature, "importance": value, "importance_err": 0.01}
        for sample in samples
        for feature, value in {"a": 0.2, "b": 0.7, "c": 0.1}.items()
    ]
    panels = plot.plot_samples(pd.DataFrame(lines), 2).axes
    assert [axes.get_legend().get_title().get_text() for axes in panels] == ["by type", "by redshift"]
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["b", "a"]
    np.testing.assert_allclose(panels[0].containers[0].lines[0].get_xdata(), [70, 20])


def test_learners_have_the_error_of_their_difference_from_the_benchmark():
    table = {"learner": ["adaboost", "network"], "cpu_seconds": [1.0, 5.0], "sigma": [0.05, 0.04]}
    axes = plot.plot_learners(pd.DataFrame(table | {"gain_percent_err": [np.nan, 10.0]})).axes[0]
    bars = [container.lines[2][0].get_segments()[0][:, 1] for container in axes.containers]
    np.testing.assert_allclose(bars, [[0.05, 0.05], [0.035, 0.045]])
    assert axes.get_xscale() == "log"
