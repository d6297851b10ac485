"""The science sample's n(z) and sky in cases that can be worked out, the figures, and the judgement of the bench."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from analysis import paths
from analysis.apply import bench, names, plot, science
from analysis.apply.science import on_the_sky, stacked_cdf, weighted_mean
from analysis.results import write_result


def gaussian_answers(centres, width) -> pd.DataFrame:
    return pd.DataFrame({names.quantile_name(q): norm.ppf(q, centres, width) for q in names.LEVELS})


def test_stacked_quantiles_are_the_stacked_pdfs() -> None:
    centres, z = np.array([0.3, 0.5]), np.linspace(0, 1, 51)
    found = stacked_cdf(gaussian_answers(centres, 0.05), np.array([3.0, 1.0]), z)
    truth = 0.75 * norm.cdf(z, 0.3, 0.05) + 0.25 * norm.cdf(z, 0.5, 0.05)
    assert found[[0, -1]].tolist() == [0, 1]
    np.testing.assert_allclose(found, truth, atol=0.03)


def test_weights_count_galaxies() -> None:
    mean, error = weighted_mean(np.array([0.2, 0.4, 0.9]), np.array([1.0, 1.0, 0.0]))
    assert mean == pytest.approx(0.3) and error == pytest.approx(0.1 / np.sqrt(2))


def test_the_map_counts_every_object() -> None:
    generator = np.random.default_rng(1)
    places = pd.DataFrame({"ra": generator.uniform(0, 360, 500), "dec": generator.uniform(-90, 90, 500)})
    table = on_the_sky({"labelled": places, "science": places[:20]}, 4)
    assert table["labelled"].sum() == 500 and table["science"].sum() == 20 and table["pixel"].max() < 192


def test_labelled_and_science_sample_are_counted_alike(monkeypatch) -> None:
    """Half of either sample lies beyond the axis; training galaxies do not say how many others are outside."""
    number, z = np.arange(8), np.tile([0.2, 0.9], 4)
    galaxies = pd.DataFrame({"object_id": number[:4], "redshift": z[:4], "split": ["train", "train", "test", "test"]})
    monkeypatch.setattr(science, "read_sample", lambda: galaxies)
    monkeypatch.setattr(science, "science_objects", lambda: pd.Series(number >= 4, number))
    flags = [False, False, True, False, True, True, True, False]
    answers = gaussian_answers(z, 0.01).assign(
        object_id=number, ra=10.0, dec=0.0, z_mean=z, p_galaxy=1.0, anomaly_score=0.5, outside_redshift_training=flags
    )
    result, tables = science.compare(answers, {"n_z": {"width": 0.1, "max": 0.5}, "nside": 4})
    for sample, percent in (("labelled", 50), ("science", 75)):
        assert tables[names.N_Z][sample].sum() * 0.1 == pytest.approx(0.5)
        assert result[sample]["outside_redshift_percent"] == percent


def test_the_sky_shows_objects_per_area(tmp_path) -> None:
    sky = pd.DataFrame({"pixel": [3, 90], "nside": 4, "labelled": [5, 0], "science": [2, 9]})
    n_z = pd.DataFrame({"z": [0.1, 0.2, 0.3], "labelled": [5.0, 3.0, 2.0], "science": [1.0, 4.0, 5.0]})
    means = {"labelled": {"mean_z": 0.17}, "science": {"mean_z": 0.24}}
    write_result(tmp_path / paths.METRICS, means, {names.SKY: sky, names.N_Z: n_z})
    drawn = plot.figures(tmp_path, means)
    left, right, _ = drawn[plot.SKY].axes
    counts = [np.nanmax(axes.collections[0].get_array()) for axes in (left, right)]
    assert counts[1] / counts[0] == pytest.approx(9 / 5)
    plt.close("all")


def test_the_bench_judges_speed_scaling_and_memory() -> None:
    gib = 2**30
    alone, both = (bench.Run(10**6, n, 60 / n, 60, gib, 10**8, 10**8) for n in (1, 2))
    large = bench.Run(10**7, 2, 300, 600, int(1.1 * gib), 10**9, 9 * 10**8)
    figures = bench.summary(alone, both, large)
    assert figures["efficiency_percent"] == pytest.approx(100) and bench.missed(figures) == []
    assert figures["billion"]["core_hours"] == pytest.approx(1e9 / 1e7 * 600 / 3600)
    assert figures["billion"]["output_gb"] == pytest.approx(90)
    slow = bench.summary(alone, both._replace(seconds=40), large._replace(seconds=900, peak_bytes=2 * gib))
    assert len(bench.missed(slow)) == 3
