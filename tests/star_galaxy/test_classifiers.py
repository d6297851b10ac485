"""The inputs and classifiers of the catalogue: what they are made of, that they learn, that their files keep them."""

import numpy as np
import pandas as pd
import pytest
from toy_sky import toy_catalogue

from analysis import params
from analysis.classification_metrics import auc
from analysis.errors import InputError
from analysis.star_galaxy import classifiers, inputs, names
from analysis.star_galaxy.importance import by_kind, importances
from analysis.star_galaxy.pca_network import PcaNetwork

LEARNERS = [name for name in classifiers.KINDS if name not in names.CUTS]


@pytest.fixture(scope="module")
def settings():
    loaded = params.load("train_star_galaxy")
    loaded["forest"] = {"n_estimators": 30}
    loaded["importance"] = {"n_estimators": 30, "n_permutations": 2}
    loaded["pca_network"]["epochs"] = 15
    return loaded


@pytest.fixture(scope="module")
def samples():
    return [toy_catalogue(n, seed) for seed, n in enumerate((900, 300, 900))]


@pytest.fixture(scope="module")
def fitted(samples, settings):
    return {name: classifiers.fit(name, *samples[:2], settings) for name in classifiers.KINDS}


def test_the_paper_s_inputs_are_5_magnitudes_4_colours_and_5_concentrations(samples):
    catalogue = samples[0]
    phot, morph = inputs.magnitudes_and_colours(catalogue), inputs.with_concentrations(catalogue)
    assert (phot.shape[1], morph.shape[1]) == (9, 14)
    assert np.allclose(phot["dered_g-r"], catalogue["dered_g"] - catalogue["dered_r"])
    assert np.allclose(morph["concentration_z"], catalogue["psfMag_z"] - catalogue["cModelMag_z"])


def test_without_composite_magnitudes_the_model_s_extinction_correction_is_undone():
    catalogue = pd.DataFrame({"psfMag_r": [18.0], "dered_r": [17.0], "extinction_r": [0.3]})
    assert inputs.concentration(catalogue, "r").to_list() == pytest.approx([0.7])
    assert inputs.concentration(catalogue.drop(columns="extinction_r"), "r").to_list() == [1.0]
    assert inputs.concentration(catalogue.drop(columns="psfMag_r"), "r") is None


def test_sdss_s_type_sums_fluxes_over_the_bands_that_have_both():
    row = {"psfMag_g": 20.0, "cModelMag_g": 19.0, "psfMag_r": 18.0, "cModelMag_r": 18.0}
    flux = {name: 10 ** (-0.4 * value) for name, value in row.items()}
    both = 2.5 * np.log10((flux["cModelMag_g"] + flux["cModelMag_r"]) / (flux["psfMag_g"] + flux["psfMag_r"]))
    found = inputs.summed_concentration(pd.DataFrame([row, row | {"psfMag_g": np.nan}]))
    assert found["concentration"].to_list() == pytest.approx([both, 0.0])


@pytest.mark.parametrize("name", LEARNERS)
def test_it_learns_and_its_file_predicts_the_same(name, fitted, samples, tmp_path):
    p = classifiers.p_galaxy(name, fitted[name], samples[2])
    assert np.all((p >= 0) & (p <= 1))
    truth = samples[2]["is_galaxy"].to_numpy()
    assert auc(truth, p) > (0.65 if name == names.TPC_PHOT else 0.97)
    fitted[name].save(tmp_path / name)
    assert np.array_equal(classifiers.p_galaxy(name, classifiers.load(name, tmp_path), samples[2]), p)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_file_cut_in_half_is_an_error_that_names_it(name, fitted, tmp_path):
    fitted[name].save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=f"{name}: no readable classifier"):
        classifiers.load(name, tmp_path)


@pytest.mark.parametrize("name", LEARNERS)
def test_missing_values_get_a_probability(name, fitted, samples):
    holes = samples[2].copy()
    holes.loc[:50, ["psfMag_r", "dered_u", "expRad_g"]] = np.nan
    assert np.isfinite(classifiers.p_galaxy(name, fitted[name], holes)).all()


def test_cuts_are_the_limit_of_sdss_and_the_logistic_curve_keeps_the_order_of_the_concentration(fitted, samples):
    concentration = inputs.concentration(samples[2], "r").to_numpy()
    cut, curve = (classifiers.p_galaxy(name, fitted[name], samples[2]) for name in (names.CUT, names.SINGLE))
    assert np.array_equal(cut == 1, concentration > 0.145)
    assert np.all(np.diff(curve[np.argsort(concentration)]) >= 0)


def test_one_class_cannot_be_learnt(samples, settings):
    galaxies = samples[0][samples[0]["is_galaxy"]]
    with pytest.raises(InputError, match="all objects to train on are of one class"):
        classifiers.fit(names.TPC_PHOT, galaxies, samples[1], settings)


def test_a_catalogue_says_which_classifiers_it_has_no_inputs_for(samples):
    only_models = samples[0][["object_id", "dered_g", "dered_r"]]
    chosen, without = classifiers.possible(only_models)
    assert chosen == [names.TPC_PHOT, names.PCA_NETWORK, names.BOOSTING]
    assert without[names.TPC_MORPH] == "no PSF and model magnitudes in r"
    assert classifiers.possible(samples[0]) == (list(classifiers.KINDS), {})
    assert classifiers.possible(samples[0][["object_id"]])[0] == []


def test_principal_components_are_white_and_hold_no_rounding():
    generator = np.random.default_rng(1)
    X = generator.normal(size=(2000, 3)) * [1, 5, 0.1]
    X = np.column_stack([X, X[:, 0] - X[:, 1]])  # no information of its own
    network = PcaNetwork.for_sample(X, n_components=4, hidden=[4], seed=1)
    assert network.projection.shape == (4, 3)
    standardised = (X - network.median.numpy()) / network.width.numpy()
    components = standardised.clip(-5, 5) @ network.projection.numpy()
    assert np.allclose(np.cov(components.T), np.eye(3), atol=1e-3)


def test_the_ranking_finds_what_tells_stars_from_galaxies(samples, settings):
    features, kinds = importances(*samples[:2], settings)
    assert features["importance"].sum() == pytest.approx(1)
    assert set(features["feature"][:8]) & {f"{name}_{band}" for name in ("concentration", "expRad") for band in "ugriz"}
    rises = kinds.set_index("kind")["mse_rise"]
    assert set(rises.index[:2]) == {"concentration", "expRad"}
    assert rises["concentration"] > 10 * abs(rises["dered"])


def test_kinds_of_parameters():
    columns = ["dered_u", "dered_g", "dered_u-g", "q_r", "concentration_r"]
    assert by_kind(columns) == {"dered": [0, 1], "dered colours": [2], "q": [3], "concentration": [4]}
