"""The figures show what the tables say."""

import numpy as np
import pandas as pd
import pytest

from analysis.feature_importance import plot


def test_importances_show_the_first_features_from_top_to_bottom():
    table = pd.DataFrame(
        {"feature": list("abcd"), "rank_all": [1, 2, 3, 4], "importance_all": [0.4, 0.3, 0.2, 0.1],
         "importance_late_faint": [0.1, 0.2, 0.3, 0.4]}
    )  # fmt: skip
    axes = plot.plot_importances(table, 3).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], [40, 30, 20])
    np.testing.assert_allclose(axes.lines[0].get_xdata(), [10, 20, 30])
    assert axes.yaxis_inverted()


def test_published_values_stand_at_their_own_rows():
    names = ["psf_magnitudes_and_colours", "top_1_2", "adaboost"]
    measured = {name: {"sigma": 0.05 + 0.01 * number, "sigma_err": 0.001} for number, name in enumerate(names)}
    axes = plot.plot_ann_table(measured, {"top_1_2": {"sigma": 0.068}}).axes[0]
    published = next(line for line in axes.lines if line.get_label() == "Hoyle et al. (2015)")
    assert list(published.get_xdata()) == [0.068]
    assert list(published.get_ydata()) == [1]


def test_redshift_histogram_keeps_counts_and_gaps():
    counts = pd.DataFrame(
        {"z_spec": [0.01, 0.03, 0.09], "z_predicted": [0.03, 0.03, 0.05], "bin_width": 0.02, "galaxies": [7, 2, 1]}
    )
    axes = plot.plot_redshifts(counts).axes[0]
    drawn = axes.collections[0].get_array()
    assert drawn.sum() == 10
    assert drawn.count() == 3  # the rest is masked


@pytest.mark.parametrize(
    ("z_spec", "z_predicted"),
    [([0.01, 0.03], [0.03, 0.75]), ([0.31], [0.31]), ([0.09, 0.05], [-0.03, 0.05]), ([0.01, 0.41], [0.01, 0.41])],
    ids=["predicted above all true ones", "one bin", "below zero", "far apart"],
)
def test_no_galaxy_is_lost_from_the_redshift_histogram(z_spec, z_predicted):
    counts = pd.DataFrame({"z_spec": z_spec, "z_predicted": z_predicted, "bin_width": 0.02, "galaxies": 3})
    mesh = plot.plot_redshifts(counts).axes[0].collections[0]
    assert mesh.get_array().sum() == 3 * len(counts)
    np.testing.assert_allclose(np.diff(mesh.get_coordinates()[0, :, 0]), 0.02)
