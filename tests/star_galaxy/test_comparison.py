"""Thresholds, curves, folds, gains and densities on the sky, where the answer is known."""

import numpy as np
import pandas as pd
import pytest
from toy_sky import toy_catalogue

from analysis import params
from analysis.classification_metrics import galaxy_purity, star_purity
from analysis.star_galaxy import comparison, deep, folds, names, sky

BOOTSTRAP = {"n": 100, "seed": 1}


def scores(n: int, signal: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    is_galaxy = generator.random(n) < 0.7
    return is_galaxy, 1 / (1 + np.exp(-generator.normal(np.where(is_galaxy, signal, -signal), 1)))


def test_thresholds_chosen_on_some_objects_hold_on_others():
    chosen_on, p = scores(20_000, 1.5, seed=1)
    others, q = scores(20_000, 1.5, seed=2)
    thresholds = comparison.chosen_thresholds(chosen_on, p)
    found = comparison.shares(others, q, thresholds)
    assert found["galaxy_completeness"] == pytest.approx(0.96, abs=3 * found["galaxy_completeness_err"])
    assert found["star_purity"] == pytest.approx(0.97, abs=3 * found["star_purity_err"])


def test_shares_counted_by_hand():
    galaxy, p = np.array([True, True, True, False, False]), np.array([0.9, 0.8, 0.1, 0.7, 0.05])
    found = comparison.shares(galaxy, p, {"galaxy": 0.65, "star": 0.2})
    assert [found[name] for name in names.SHARES] == pytest.approx([2 / 3, 2 / 3, 1 / 2, 1 / 2])
    assert found["star_purity_err"] == pytest.approx(np.sqrt(0.5 * 0.5 / 4))
    nobody = comparison.shares(galaxy, p, {"galaxy": 2.0, "star": -np.inf})
    assert np.isnan(nobody["galaxy_purity"]) and np.isnan(nobody["star_purity"])
    assert np.isnan(comparison.shares(galaxy, p, {"galaxy": 0.65, "star": 0.2}, least=3)["star_completeness"])


def test_the_ordering_is_decided_on_the_same_objects():
    truth, good = scores(3000, 2.0, seed=3)
    worse = np.where(np.arange(3000) % 4 == 0, 0.5, good)
    predictions = {names.TPC_MORPH: good, names.CONVNET: worse, names.TPC_PHOT: worse}
    found = comparison.auc_differences(truth, predictions, {"n_bootstrap_auc": 100, "seed": 1})
    assert found["tpc_morph_minus_convnet_low"] > 0
    assert (found["convnet_minus_tpc_phot"], found["convnet_minus_tpc_phot_err"]) == (0, 0)
    assert "tpc_morph_minus_convnet" not in comparison.auc_differences(truth, {names.TPC_MORPH: good}, {})


def test_objects_on_the_wrong_side_are_counted_once_for_a_pair():
    truth = np.arange(40) >= 20
    perfect = truth * 0.8 + 0.1
    p, q = perfect.copy(), perfect.copy()
    p[[0, 1, 30]] = [0.95, 0.9, 0.05]  # two stars above all galaxies, a galaxy below all stars
    q[[0, 2]] = 0.99
    found = comparison.auc_differences(
        truth,
        {names.TPC_MORPH: perfect, names.CONVNET: p, names.TPC_PHOT: q},
        {"n_bootstrap_auc": 200, "seed": 1},
    )
    assert found["tpc_morph_minus_convnet_low"] >= 0  # never below zero: one of them makes no mistake
    assert found["tpc_morph_minus_convnet_wrong"] == 3
    assert found["tpc_morph_minus_tpc_phot_wrong"] == 2
    assert found["convnet_minus_tpc_phot_wrong"] == 4  # star 0 is wrong for both
    tied = np.full(40, 0.5)
    assert comparison.merit.on_wrong_side(truth, tied).sum() == 20
    assert not comparison.merit.on_wrong_side(truth, perfect).any()


def test_calibrated_probabilities_lie_on_the_diagonal():
    p = np.random.default_rng(4).random(30_000)
    truth = np.random.default_rng(5).random(30_000) < p
    table = comparison.reliability(truth, {"x": p}, {"n_reliability": 10, "min_in_bin": 10})
    pull = (table["share_of_galaxies"] - table["p_galaxy"]) / table["share_of_galaxies_err"]
    assert len(table) == 10
    assert np.abs(pull).max() < 4


def test_curves_cover_all_objects():
    objects = toy_catalogue(800, seed=6)
    p = np.random.default_rng(7).random(800)
    settings = {"n_bins": 4, "n_reliability": 5, "min_in_bin": 5}
    tables = comparison.curves(objects, {"x": p}, {"x": {"galaxy": 0.0, "star": 1.0}}, settings)
    bins = tables[names.BINS]
    assert (bins[["galaxy_completeness", "star_completeness"]] == 1).all(axis=None)
    assert bins["by"].value_counts().to_dict() == {names.MAGNITUDE: 4, names.COLOUR: 4}
    assert bins.loc[bins["by"] == names.MAGNITUDE, "galaxy_purity"].mean() == pytest.approx(objects["is_galaxy"].mean())
    roc = tables[names.ROC]
    assert roc[["stars_called_galaxies", "galaxies_called_galaxies"]].agg(["min", "max"]).to_numpy().tolist() == [
        [0, 0],
        [1, 1],
    ]


def test_a_patch_of_sky_is_in_one_fold():
    objects = toy_catalogue(2000, seed=8)
    fold = folds.sky_folds(objects, nside=8, n_folds=5, seed=1)
    pixels = folds.sky_pixels(objects, 8)
    assert pd.Series(fold).groupby(pixels).nunique().max() == 1
    assert np.bincount(fold).min() > 200
    nowhere = folds.sky_folds(objects.drop(columns=["ra", "dec"]), nside=8, n_folds=5, seed=1)
    assert np.bincount(nowhere).tolist() == [400] * 5


def test_an_object_is_judged_by_a_classifier_that_did_not_see_it():
    objects = toy_catalogue(400, seed=9)
    objects["is_galaxy"] = np.random.default_rng(10).random(400) < 0.5  # nothing to learn but by heart
    settings = {"n_folds": 4, "nside": 8, "seed": 1}
    training = {"seed": 1, "forest": {"n_estimators": 30}}
    p = folds.cross_validated(names.TPC_MORPH, objects, settings, training)
    assert abs(np.corrcoef(p, objects["is_galaxy"])[0, 1]) < 0.2


def test_gain_in_purity_at_equal_completeness():
    truth, weak = scores(3000, 0.8, seed=11)
    strong = np.where(truth, 0.9, 0.1) + 0.01 * weak
    settings = {"completeness": 0.9, "min_in_bin": 15}
    found = deep.purity_gain(truth, weak, strong, settings, BOOTSTRAP)
    expected = {"galaxies": 1 - galaxy_purity(truth, weak, 0.9), "stars": 1 - star_purity(truth, weak, 0.9)}
    for sample, gain in expected.items():
        assert found[sample]["gain_percent"] == pytest.approx(100 * gain)
        assert found[sample]["gain_percent_low"] > 0
    none = deep.purity_gain(truth, weak, weak**3, settings, BOOTSTRAP)
    assert none["stars"]["gain_percent"] == none["galaxies"]["gain_percent"] == 0
    assert deep.purity_gain(truth[truth], weak[truth], strong[truth], settings, BOOTSTRAP) == {}


def test_slope_with_latitude_is_that_of_the_density_that_was_drawn():
    generator = np.random.default_rng(12)
    sin_b, area = generator.uniform(0.3, 1, 300), generator.uniform(1, 3, 300)
    number = generator.poisson(area * 40 * np.exp(-sin_b / 0.6))
    assert sky.latitude_slope(number, area, sin_b) == pytest.approx(-1 / 0.6, abs=0.1)
    table = sky.by_latitude(number, area, sin_b, 5)
    assert np.all(np.diff(table["per_deg2"]) < 0)
    assert table["per_deg2"].to_numpy() == pytest.approx(40 * np.exp(-table["sin_b"].to_numpy() / 0.6), rel=0.1)


def test_galaxies_follow_stars_by_the_share_of_stars_among_them():
    generator = np.random.default_rng(13)
    area = generator.uniform(50, 100, 400)
    density = np.exp(generator.normal(0, 0.4, 400))
    density /= np.average(density, weights=area)
    stars = generator.poisson(200 * area * density)
    for share in (0.0, 0.3):
        galaxies = generator.poisson(100 * area * (1 - share + share * density))
        slope, correlation = sky.follows_stars(galaxies, area, stars)
        assert slope == pytest.approx(share, abs=0.02)
        assert correlation > 0.9 if share else abs(correlation) < 0.2


def test_a_sky_without_stars_says_nothing():
    number, area, nobody = np.array([3, 5, 4]), np.ones(3), np.zeros(3)
    assert (
        sky.follows_stars(number, area, nobody).tolist() == sky.follows_stars(nobody, area, number).tolist() == [0, 0]
    )
    assert sky.follows_stars(number, area, np.ones(3)).tolist() == [0, 0]
    assert sky.latitude_slope(nobody, area, np.array([0.4, 0.5, 0.9])) == 0


def scattered_fields(seed: int, n: int = 400) -> tuple[pd.DataFrame, pd.Series]:
    """Draw stars, more of them northwards, and galaxies in fields of 0.22 by 0.15 degrees; areas of patches."""
    generator = np.random.default_rng(seed)
    fields = {"ra": generator.uniform(120, 240, n), "dec": np.degrees(np.arcsin(generator.uniform(0, 0.85, n)))}
    stars, galaxies = generator.poisson(20 * np.exp(fields["dec"] / 60)), generator.poisson(70, n)
    field = np.concatenate([np.repeat(np.arange(n), number) for number in (stars, galaxies)])
    place = generator.uniform(-0.5, 0.5, (2, len(field)))
    dec = fields["dec"][field] + 0.15 * place[1]
    ra = fields["ra"][field] + 0.22 * place[0] / np.cos(np.radians(dec))
    objects = pd.DataFrame({"ra": ra, "dec": dec, "star": np.arange(len(field)) < stars.sum()})
    return objects, 0.22 * 0.15 * pd.Series(folds.sky_pixels(pd.DataFrame(fields), 4)).value_counts()


def test_area_of_small_scattered_fields_says_nothing_of_their_objects():
    own = params.load("evaluate_star_galaxy")["sky"] | {"nside": 4}
    shifts = []
    for seed in range(8):
        objects, true = scattered_fields(seed)
        patches = sky.sky_patches(objects, own)
        patches = patches[patches.index.isin(true.index)]  # but for corners of fields in the next patch
        area, true_area = patches["area"].to_numpy(), true.reindex(patches.index).to_numpy()
        assert area.sum() / true_area.sum() == pytest.approx(1.2, abs=0.05)  # pixels at edges count whole
        stars, galaxies = (sky.counts(objects[objects["star"] == star], patches, 4) for star in (True, False))
        slope, of_true_area = (sky.follows_stars(galaxies, a, stars)[0] for a in (area, true_area))
        shifts.append(slope - of_true_area)
    assert np.mean(shifts) == pytest.approx(0, abs=0.04)


def test_pixels_that_are_empty_by_chance_are_counted():
    generator = np.random.default_rng(15)
    for mean in (1.5, 3.0):
        found = sky.covered_pixels(pd.Series(generator.integers(0, 2000, int(mean * 2000))))
        assert found == pytest.approx(2000, rel=0.03)
    assert sky.covered_pixels(pd.Series([1, 1, 1, 2, 2, 2])) == 2


def test_area_is_that_of_the_pixels_that_hold_objects():
    generator = np.random.default_rng(14)
    ra = generator.uniform(150, 160, 100_000)
    dec = np.degrees(np.arcsin(generator.uniform(np.sin(np.radians(20)), np.sin(np.radians(30)), 100_000)))
    patches = sky.sky_patches(pd.DataFrame({"ra": ra, "dec": dec}), {"nside": 4, "area_nside": 128})
    true = 10 * np.degrees(np.sin(np.radians(30)) - np.sin(np.radians(20)))
    assert patches["area"].sum() == pytest.approx(true, rel=0.2)  # pixels at the edge count whole
    assert patches["sin_b"].between(0, 1).all()
