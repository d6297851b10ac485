"""What every estimator of redshift PDFs must do."""

import numpy as np
import pytest
from toy_photometry import draw, posterior

from analysis import pdf_metrics
from analysis.errors import InputError
from analysis.photoz_pdf.interface import grid_for
from analysis.photoz_pdf.store import estimator_class, load_model, save_model

GRID = np.linspace(0, 1, 201)
QUICK = {
    "trainz": {},
    "knn": {"way": "kernel"},
    "rdf": {"n_estimators": 5, "folds": 3},
    "mdn": {"members": 2, "steps": 60, "hidden": [16], "waves": 4},
}
EVERY = pytest.mark.parametrize("name", QUICK)


def fitted(name, n=400, **changes):
    return estimator_class(name)(GRID, **{**QUICK[name], **changes}).fit(*draw(n))


@EVERY
def test_pdfs_are_densities_of_integral_one(name):
    pdfs = fitted(name).pdf(*draw(50, seed=1)[:2])
    assert pdfs.shape == (50, len(GRID))
    assert np.all(pdfs >= 0)
    np.testing.assert_allclose(np.trapezoid(pdfs, GRID, axis=1), 1, atol=1e-9)


@EVERY
def test_a_saved_model_predicts_the_same_bit_for_bit(name, tmp_path):
    model, (magnitudes, errors, _) = fitted(name), draw(50, seed=1)
    save_model(tmp_path / "model", model, {"bands": ["a", "b", "c"]})
    loaded, about = load_model(tmp_path / "model")
    assert about["estimator"] == name
    np.testing.assert_array_equal(loaded.pdf(magnitudes, errors), model.pdf(magnitudes, errors))
    assert not [path for path in (tmp_path / "model").iterdir() if path.suffix in (".pkl", ".pt", ".npy")]


@EVERY
def test_the_same_seed_gives_the_same_model(name):
    objects = draw(20, seed=1)[:2]
    np.testing.assert_array_equal(fitted(name).pdf(*objects), fitted(name).pdf(*objects))


@pytest.mark.parametrize("name", ["knn", "rdf", "mdn"])
def test_magnitudes_tell_of_redshift(name):
    """Narrower than the prior, in the right place: a third of the way from the control to the exact posterior."""
    magnitudes, errors, z = draw(500, seed=1)
    scores = {n: pdf_metrics.crps(GRID, fitted(n).pdf(magnitudes, errors), z).mean() for n in (name, "trainz")}
    mean, sigma = posterior(magnitudes)
    exact = np.exp(-0.5 * ((GRID - mean[:, None]) / sigma) ** 2) / sigma / np.sqrt(2 * np.pi)
    best = pdf_metrics.crps(GRID, exact, z).mean()
    assert scores[name] < scores["trainz"] - 0.33 * (scores["trainz"] - best)


@EVERY
def test_objects_are_independent_of_those_beside_them(name):
    model, (magnitudes, errors, _) = fitted(name), draw(30, seed=1)
    alone = np.concatenate([model.pdf(magnitudes[i : i + 1], errors[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(alone, model.pdf(magnitudes, errors)[:3], rtol=1e-4, atol=1e-6)


@EVERY
@pytest.mark.parametrize("case", ["no errors", "some errors", "missing bands", "nothing measured", "empty band"])
def test_what_is_not_measured_is_no_obstacle(name, case):
    magnitudes, errors, z = draw(400)
    if case == "no errors":
        errors = None
    elif case == "some errors":
        errors[::3] = np.nan
    elif case == "missing bands":
        magnitudes[::4, 0], magnitudes[1::4, 1:] = np.nan, np.nan
    elif case == "nothing measured":
        magnitudes[7] = np.nan
    else:
        magnitudes[:, 1] = errors[:, 1] = np.nan
    model = estimator_class(name)(GRID, **QUICK[name]).fit(magnitudes, errors, z)
    pdfs = model.pdf(magnitudes, errors)
    np.testing.assert_allclose(np.trapezoid(pdfs, GRID, axis=1), 1, atol=1e-9)


@pytest.mark.parametrize("name", ["knn", "mdn"])
def test_a_band_that_training_always_had_may_be_missing(name):
    magnitudes, errors, z = draw(300, seed=1)
    model = fitted(name)
    complete = pdf_metrics.crps(GRID, model.pdf(magnitudes, errors), z).mean()
    magnitudes[:, 1] = np.nan
    lacking = pdf_metrics.crps(GRID, model.pdf(magnitudes, errors), z).mean()
    control = pdf_metrics.crps(GRID, fitted("trainz").pdf(magnitudes, errors), z).mean()
    assert complete < lacking < 0.8 * control


@EVERY
def test_a_wild_magnitude_stays_finite(name):
    magnitudes, errors, z = draw(300)
    magnitudes[0], errors[0] = 33, 14_749.5
    magnitudes[1, 0], errors[1, 1], errors[2, 2] = np.inf, np.inf, 0
    model = estimator_class(name)(GRID, **QUICK[name]).fit(magnitudes, errors, z)
    assert np.all(np.isfinite(model.pdf(magnitudes, errors)))


@EVERY
@pytest.mark.parametrize("n", [2, 3, 12])
def test_a_handful_of_objects_trains(name, n):
    model = estimator_class(name)(GRID, **QUICK[name]).fit(*draw(n))
    assert model.pdf(*draw(5, seed=1)[:2]).shape == (5, len(GRID))


@EVERY
@pytest.mark.parametrize(
    ("z", "message"),
    [
        ([], "0 training objects"),
        ([0.3], "1 training objects of 1 redshift"),
        ([0.3, 0.3, 0.3], "3 training objects of 1 redshift"),
        ([0.3, np.nan, 0.4], "row 2"),
        ([0.3, 0.4, 1.2], "does not cover 1 of 3"),
        ([0.3, -0.1, 0.4], "does not cover 1 of 3"),
    ],
)
def test_redshifts_that_cannot_be_learnt_from(name, z, message):
    with pytest.raises(InputError, match=message):
        estimator_class(name)(GRID, **QUICK[name]).fit(np.ones((len(z), 3)), None, np.array(z))


@EVERY
def test_other_features_than_in_training(name):
    model = fitted(name)
    with pytest.raises(InputError, match=r"shape \(5, 4\); expected \(5, 3\)"):
        model.pdf(np.ones((5, 4)), None)
    with pytest.raises(InputError, match="errors of shape"):
        model.pdf(np.ones((5, 3)), np.ones((5, 2)))


@pytest.mark.parametrize("grid", [[0, 1], [0, 0.5, 0.4], [0, 0.1, 1], [[0, 1, 2]]])
def test_a_grid_that_is_none(grid):
    with pytest.raises(InputError, match="grid"):
        estimator_class("trainz")(grid)


def test_the_grid_is_made_for_the_redshifts():
    for z in ([0.002, 0.298], [-0.01, 3.2]):
        grid = grid_for(np.array(z))
        assert grid[0] <= min(z) and grid[-1] > max(z)
        assert len(grid) >= 301 and np.diff(grid).max() <= 0.005 + 1e-12


def test_unknown_names():
    with pytest.raises(InputError, match="expected one of rdf, knn, mdn, trainz"):
        estimator_class("nearest")
    with pytest.raises(InputError, match="unknown setting 'k'"):
        estimator_class("knn")(k=3)


def test_a_damaged_model_is_said_to_be_one(tmp_path):
    save_model(tmp_path / "model", fitted("trainz"), {})
    file = tmp_path / "model" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(InputError, match="no readable model"):
        load_model(tmp_path / "model")
    with pytest.raises(InputError, match="expected a model folder"):
        load_model(tmp_path)
