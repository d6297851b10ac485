"""The fast answers against the slow ones they stand for, and what happens where there is nothing to answer."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from toy_survey import BANDS, SETTINGS, draw

from analysis import pdf_metrics
from analysis.apply import names
from analysis.apply.bundle import FORMAT, Bundle, bundle_files
from analysis.apply.forests import classifier_trees, isolation_trees, variance_share
from analysis.apply.outside import PhotometricTraining, TrainingDistribution
from analysis.apply.redshifts import CalibratedRedshifts
from analysis.apply.schema import answer_schema, as_table
from analysis.apply.train import has_inputs, write_bundle
from analysis.apply.trees import mean_path
from analysis.errors import InputError
from analysis.photoz_pdf.remap import remapped
from analysis.photoz_pdf.sample import magnitudes_and_errors
from analysis.star_galaxy.names import TPC_MORPH, TPC_PHOT


def noisy_classes(n, seed):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n, 4)).astype(np.float32)
    return X, generator.random(n) < 1 / (1 + np.exp(-2 * X[:, 0]))


def test_flat_trees_are_scikit_learns_with_missing_values_too() -> None:
    X, y = noisy_classes(500, 1)
    holes = np.where(np.random.default_rng(2).random(X.shape) < 0.1, np.nan, X)
    for learnt_from in (X, holes):
        forest = RandomForestClassifier(40, random_state=1).fit(learnt_from, y)
        mean, variance = classifier_trees(forest).mean_and_variance(learnt_from)
        single = np.array([tree.predict_proba(learnt_from)[:, 1] for tree in forest.estimators_])
        np.testing.assert_allclose(mean, forest.predict_proba(learnt_from)[:, 1], atol=1e-12)
        np.testing.assert_allclose(variance, single.var(axis=0), atol=1e-12)


def test_values_at_a_threshold_go_the_way_of_scikit_learn() -> None:
    X = np.float32([[0.1], [0.2], [0.3], [0.4]])
    forest = RandomForestClassifier(5, bootstrap=False).fit(X, [False, True, False, True])
    edges = np.array(sorted({t for tree in forest.estimators_ for t in tree.tree_.threshold}))
    near = np.concatenate([np.nextafter(edges.astype(np.float32), np.float32(side)) for side in (-9, 9)])
    near = np.concatenate([near, edges.astype(np.float32)])[:, None]
    np.testing.assert_allclose(
        classifier_trees(forest).mean_and_variance(near)[0], forest.predict_proba(near)[:, 1], atol=1e-12
    )


def test_isolation_scores_are_scikit_learns() -> None:
    X = np.random.default_rng(3).normal(size=(400, 5)).astype(np.float32)
    forest = IsolationForest(n_estimators=30, max_samples=100, random_state=1).fit(X)
    far = np.concatenate([X, 6 + X[:10]])
    depth, _ = isolation_trees(forest).mean_and_variance(far)
    scores = 2 ** (-depth / mean_path(100))
    np.testing.assert_allclose(scores, -forest.score_samples(far), rtol=1e-6)
    assert scores[-10:].min() > np.median(scores[:-10])


def test_variance_share_is_that_of_the_covariance_of_each_training_object() -> None:
    """Wager, Hastie & Efron (2014), eq. 5 and 7, as they are written."""
    (X, y), (held, _) = noisy_classes(200, 1), noisy_classes(50, 2)
    forest = RandomForestClassifier(60, min_samples_leaf=3, random_state=1).fit(X, y)
    drawn = np.array([np.bincount(rows, minlength=200) for rows in forest.estimators_samples_])
    answers = np.array([tree.predict_proba(held)[:, 1] for tree in forest.estimators_])
    covariance = np.einsum("bi,bj->ij", drawn - drawn.mean(axis=0), answers - answers.mean(axis=0)) / 60
    between = answers.var(axis=0).sum()
    jackknife = np.sum(covariance**2) - 200 / 60 * between
    assert jackknife / between > 1 / 60
    assert variance_share(forest, held) == pytest.approx(jackknife / between, rel=1e-4)


@pytest.mark.slow
def test_error_of_p_is_the_scatter_over_training_samples() -> None:
    """The truth by brute force: forests grown on samples of their own."""
    X, _ = noisy_classes(300, 99)
    forests = []
    for seed in range(30):
        forests.append(
            RandomForestClassifier(200, min_samples_leaf=3, random_state=seed).fit(*noisy_classes(400, seed))
        )
    answers = [classifier_trees(forest).mean_and_variance(X) for forest in forests]
    truth = np.sqrt(np.mean(np.var([mean for mean, _ in answers], axis=0, ddof=1)))
    claimed = [np.sqrt(variance_share(f, X) * v.mean()) for f, (_, v) in list(zip(forests, answers, strict=True))[:5]]
    assert np.mean(claimed) == pytest.approx(truth, rel=0.2)


def test_quantiles_and_mean_are_those_of_the_remapped_pdfs(made) -> None:
    parts = made[1]
    of = CalibratedRedshifts(parts.model, np.array(parts.remapping))
    answers = of(*magnitudes_and_errors(parts.galaxies))
    grid = parts.model.grid
    pdfs = remapped(grid, parts.model.pdf(*magnitudes_and_errors(parts.galaxies)), np.array(parts.remapping))
    step = grid[1] - grid[0]
    slow = pdf_metrics.quantiles(grid, pdfs, np.array(names.LEVELS))
    for column, level in enumerate(names.LEVELS):
        difference = np.abs(answers[names.quantile_name(level)] - slow[:, column])
        assert np.percentile(difference, 95) < step / 2, level
    assert np.percentile(np.abs(answers[names.Z_MEAN] - pdf_metrics.mean(grid, pdfs)), 95) < step / 2
    highest = pdf_metrics.density_at(grid, pdfs, answers[names.Z_MODE].clip(*grid[[0, -1]]))
    assert np.percentile(highest / pdfs.max(axis=1), 5) > 0.9


def test_the_calibration_is_used(made) -> None:
    parts = made[1]
    raw = CalibratedRedshifts(parts.model, np.linspace(0, 1, 2))  # identity
    remapping = CalibratedRedshifts(parts.model, np.array(parts.remapping))
    sample = magnitudes_and_errors(parts.galaxies[:50])
    assert np.all(remapping(*sample)[names.Z_MEDIAN] > raw(*sample)[names.Z_MEDIAN])  # of a PIT that leans to 1


def test_far_objects_are_outside_and_training_objects_are_not(models) -> None:
    held = draw(200, seed=5)
    loaded = Bundle.load(models)
    inside = loaded.answers(held, "toy")
    far = loaded.answers(held.assign(**{f"dered_{band}": held[f"dered_{band}"] + 8 for band in BANDS}), "toy")
    galaxies = held["is_galaxy"].to_numpy()
    assert inside[names.OUTSIDE_REDSHIFT][galaxies].mean() < 0.1
    assert far[names.OUTSIDE_REDSHIFT].all() and far[names.OUTSIDE_CLASS].all()
    assert far[names.ANOMALY].mean() > inside[names.ANOMALY].mean()
    assert inside[names.P_GALAXY][galaxies].mean() > 0.9 > 0.1 > inside[names.P_GALAXY][~galaxies].mean()


def test_share_outside_is_what_was_asked_for() -> None:
    generator = np.random.default_rng(1)
    distribution = TrainingDistribution.fit(
        generator.normal(size=(3000, 2)), np.zeros((3000, 1), bool), 5, 0.05, 3000, 1
    )
    outside = distribution.outside(generator.normal(size=(4000, 2)), np.zeros((4000, 1), bool))
    assert outside.mean() == pytest.approx(0.05, abs=0.015)


def test_what_no_training_object_lacks_is_outside(models) -> None:
    """A missing value is filled in with a usual one: without the pattern, less known would look more usual."""
    held = draw(200, seed=5)
    loaded = Bundle.load(models)
    usual = loaded.answers(held, "toy")
    lacking = {
        "a magnitude": {"dered_g": np.nan},
        "errors": {"deredErr_i": np.nan},
        "an error that is one": {"deredErr_i": -9999.0},
        "a usual error": {"deredErr_i": 5.0},
        "a concentration": {"psfMag_r": np.nan},
    }
    for what, changed in lacking.items():
        found = loaded.answers(held.assign(**changed), "toy")
        of_class = what in ("a magnitude", "a concentration")
        assert (found[names.OUTSIDE_CLASS] >= usual[names.OUTSIDE_CLASS]).all()
        assert found[names.OUTSIDE_CLASS].all() == of_class, what
        assert found[names.OUTSIDE_REDSHIFT].all() == (what != "a concentration"), what


def test_patterns_of_many_bands_are_told_apart() -> None:
    generator = np.random.default_rng(1)
    missing = np.asfortranarray(np.eye(20, dtype=bool)[generator.integers(19, size=400)])
    training = TrainingDistribution.fit(generator.normal(size=(400, 2)), missing, 5, 0.01, 400, 1)
    outside = training.outside(training.points[:20] + 1e-3, np.asfortranarray(np.eye(20, dtype=bool)))
    assert not outside[:19].any() and outside[19]


def test_what_enough_training_objects_lack_is_inside() -> None:
    generator = np.random.default_rng(1)
    magnitudes, errors = generator.normal(size=(500, 3)), np.tile([0.1, 0.1, np.nan], (500, 1))
    magnitudes[:40, 0] = errors[:40, 0] = np.nan
    magnitudes[:2, 1] = errors[:2, 1] = np.nan  # of two: fewer than the neighbours that are asked for
    training = PhotometricTraining.fit(
        generator.normal(size=(500, 2)), magnitudes, errors, neighbours=5, share_outside=0.01, most=100, seed=1
    )
    training = PhotometricTraining.from_arrays(training.to_arrays("x."), "x.")

    def outside(lost: list[int], errors: list[float]) -> bool:
        sample = np.where(np.isin(np.arange(3), lost), np.nan, 0.0)
        return bool(training.outside(np.zeros((1, 2)), sample[None], np.array([errors]))[0])

    assert not outside([], [0.1, 0.1, np.nan]) and not outside([0], [np.nan, 0.1, np.nan])
    assert not outside([0], [9.0, 0.1, 7.0])  # no error is one beside no magnitude, or where training has none
    assert outside([1], [0.1, np.nan, np.nan]) and outside([0, 1], [0.1, 0.1, np.nan])
    assert outside([], [np.nan, 0.1, np.nan]) and outside([], [0.2, 0.1, np.nan])


def test_objects_without_magnitudes_get_nulls_and_flags(models) -> None:
    table = draw(3, seed=6)
    table.loc[1, [f"dered_{band}" for band in BANDS]] = np.nan
    loaded = Bundle.load(models)
    for rows in (table, table.iloc[[1]]):
        answers = loaded.answers(rows, "toy")
        answers |= {name: rows[name].to_numpy() for name in ("ra", "dec")} | {names.HEALPIX: np.arange(len(rows))}
        [lost] = [row for row in as_table(answers).to_pylist() if row["bands_measured"] == 0]
        assert lost[names.Z_MEDIAN] is lost[names.P_GALAXY] is lost[names.ANOMALY] is None
        assert lost[names.OUTSIDE_REDSHIFT] is lost[names.OUTSIDE_CLASS] is True
    assert as_table(answers).schema.equals(answer_schema(), check_metadata=True)


def test_answers_do_not_depend_on_neighbours_in_the_table(models) -> None:
    table, loaded = draw(50, seed=7), Bundle.load(models)
    together = loaded.answers(table, "toy")
    alone = pd.concat([pd.DataFrame(loaded.answers(table.iloc[[row]], "toy")) for row in range(5)])
    for name in loaded.answered:
        np.testing.assert_allclose(together[name][:5].astype(float), alone[name].astype(float), atol=2e-5)


def test_bytes_make_the_same_models(models) -> None:
    files, digest = bundle_files(models)
    table = draw(40, seed=8)
    first, second = (b.answers(table, "toy") for b in (Bundle.load(models), Bundle.from_files(files)))
    assert all(np.array_equal(first[name], second[name], equal_nan=True) for name in first)
    assert len(digest) == 64


@pytest.mark.parametrize("damage", ["missing", "cut", "no_json", "other", "older", "not_run"])
def test_damaged_models_are_named(models, tmp_path, damage) -> None:
    folder = tmp_path / "models"
    shutil.copytree(models, folder)
    about = folder / names.ABOUT
    if damage == "missing":
        about.unlink()
    elif damage == "cut":
        (folder / names.ARRAYS).write_bytes((folder / names.ARRAYS).read_bytes()[:1000])
    elif damage == "no_json":
        about.write_text("{")
    elif damage == "other":
        about.write_text(json.dumps({"format": FORMAT, "bands": ["g"]}))
    elif damage == "older":
        about.write_text(json.dumps({k: v for k, v in json.loads(about.read_text()).items() if k != "format"}))
    else:
        about.write_text(json.dumps({"not_run": "no galaxies"}))
    with pytest.raises(InputError, match=r"models: (no |holds no models: no galaxies)"):
        Bundle.load(folder)


@pytest.mark.parametrize("forest", ["class.", "isolation."])
@pytest.mark.parametrize(
    ("array", "change"),
    [
        ("feature", lambda values: np.where(values >= 0, 1000, values)),
        ("left", np.zeros_like),  # round and round
        ("right", lambda values: values + 10**6),
        ("root", lambda values: values - 1),
        ("root", lambda values: values[:0]),
        ("value", lambda values: values[:-1]),
        ("left", lambda values: values.astype(np.float32)),
    ],
)
def test_damaged_trees_are_not_walked(models, tmp_path, forest, array, change) -> None:
    folder = tmp_path / "models"
    shutil.copytree(models, folder)
    arrays = load_file(folder / names.ARRAYS)
    save_file(arrays | {forest + array: np.ascontiguousarray(change(arrays[forest + array]))}, folder / names.ARRAYS)
    with pytest.raises(InputError, match="of damaged trees: ") as caught:
        Bundle.load(folder)
    assert caught.value.kind == "damaged-file"


def test_a_bundle_may_lack_a_part(made, tmp_path) -> None:
    write_bundle(tmp_path, replace(made[1], forest=None), SETTINGS)
    loaded = Bundle.load(tmp_path)
    loaded.check_columns(["object_id", "ra", "dec", *(f"dered_{band}" for band in BANDS)], "toy")
    assert names.P_GALAXY not in loaded.answers(draw(5, 1), "toy")
    with pytest.raises(InputError, match="toy: no column 'cModelMag_g'"):
        Bundle.load(made[0]).check_columns(["object_id", "ra", "dec", *(f"dered_{band}" for band in BANDS)], "toy")
    assert set(json.loads((made[0] / names.ABOUT).read_text())["agreement"]) >= {"p_galaxy", "redshift"}


def test_a_concentration_is_what_it_was_in_training(made, tmp_path) -> None:
    """Without cModelMag it would be made of the model magnitude: another quantity, which tells nothing from nothing."""
    table, loaded = draw(60, seed=3), Bundle.load(made[0])
    expected = loaded.answers(table, "toy")[names.P_GALAXY]
    extinct = table.assign(**{f"extinction_{band}": 0.3 for band in BANDS})
    np.testing.assert_array_equal(loaded.answers(extinct, "toy")[names.P_GALAXY], expected)
    with pytest.raises(InputError, match="part-7: no column 'cModelMag_r', by which stars are told from galaxies"):
        loaded.answers(extinct.drop(columns="cModelMag_r"), "part-7")
    with pytest.raises(InputError, match="toy: no column 'cModelMag_i'"):
        loaded.check_columns(list(extinct.drop(columns="cModelMag_i")), "toy")


def test_a_concentration_of_model_magnitudes_stays_one(made, tmp_path) -> None:
    """A survey with extinction and without cModelMag: what has both is answered for by the first."""
    parts, extinction = made[1], {f"extinction_{band}": 0.2 for band in BANDS}
    without = parts.objects.drop(columns=[f"cModelMag_{band}" for band in BANDS])
    assert not has_inputs(TPC_MORPH, without) and has_inputs(TPC_PHOT, without)
    write_bundle(tmp_path, replace(parts, objects=without.assign(**extinction)), SETTINGS)
    loaded, table = Bundle.load(tmp_path), draw(60, seed=3).assign(**extinction)
    expected = loaded.answers(table.drop(columns=[f"cModelMag_{band}" for band in BANDS]), "toy")
    np.testing.assert_array_equal(loaded.answers(table, "toy")[names.P_GALAXY], expected[names.P_GALAXY])
    with pytest.raises(InputError, match="no column 'extinction_g'"):
        loaded.check_columns(list(draw(1, seed=3)), "toy")
