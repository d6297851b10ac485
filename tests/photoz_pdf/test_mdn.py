"""Mixture density networks: the mathematics of mixtures, what they learn, interrupted training."""

import numpy as np
import pytest
import torch
from scipy import stats
from toy_photometry import draw, posterior

from analysis import pdf_metrics, training
from analysis.photoz_pdf.mdn import MixtureDensityNetworks, mixture_cdf, mixture_density, mixture_quantiles
from analysis.photoz_pdf.mixture_network import MixtureLoss, MixtureNetworks, log_density, squared_norm

GRID = np.linspace(0, 1, 301)
SMALL = {"members": 2, "steps": 60, "hidden": [16], "waves": 4}


@pytest.fixture
def mixture():
    """Return weights, means and widths of 6 mixtures of 4 Gaussians."""
    generator = np.random.default_rng(0)
    values = (
        generator.dirichlet(np.ones(4), 6),
        generator.normal(0.5, 0.2, (6, 4)),
        generator.uniform(0.02, 0.2, (6, 4)),
    )
    return tuple(torch.from_numpy(value) for value in values)


def scipy_sum(function, mixture, z):
    weights, means, sigmas = (value.numpy()[:, :, None] for value in mixture)
    return np.sum(weights * function(z, means, sigmas), axis=1)


def test_density_and_cdf_are_those_of_scipy(mixture):
    z = np.linspace(-1, 2, 50)
    at = torch.from_numpy(z).expand(6, -1)
    np.testing.assert_allclose(mixture_density(at, *mixture), scipy_sum(stats.norm.pdf, mixture, z), rtol=1e-12)
    np.testing.assert_allclose(mixture_cdf(at, *mixture), scipy_sum(stats.norm.cdf, mixture, z), rtol=1e-9, atol=1e-15)


def test_log_density_and_squared_norm(mixture):
    weights, means, sigmas = mixture
    z = np.linspace(-2, 3, 20_001)
    density = scipy_sum(stats.norm.pdf, mixture, z)
    found = squared_norm(weights.log(), means, sigmas)
    np.testing.assert_allclose(found, np.trapezoid(density**2, z, axis=1), rtol=1e-6)
    at = log_density(torch.full((6,), 0.4, dtype=torch.float64), weights.log(), means, sigmas)
    np.testing.assert_allclose(at, np.log(scipy_sum(stats.norm.pdf, mixture, np.array([0.4]))[:, 0]), rtol=1e-9)


def test_quantiles_of_mixtures_cut_at_the_ends(mixture):
    levels = torch.tensor([0.001, 0.16, 0.5, 0.84, 0.999], dtype=torch.float64)
    found = mixture_quantiles(levels, (0.0, 1.0), *mixture)
    ends = scipy_sum(stats.norm.cdf, mixture, np.array([0.0, 1.0]))
    wanted = ends[:, :1] + levels.numpy() * (ends[:, 1:] - ends[:, :1])
    np.testing.assert_allclose(mixture_cdf(found, *mixture), wanted, atol=2e-6)
    assert torch.all(torch.diff(found, dim=1) > 0)


def test_quantiles_of_a_narrow_peak_beside_a_far_one():
    one = (torch.tensor([[0.9, 0.1]]), torch.tensor([[0.2, 2.5]]), torch.tensor([[0.001, 0.3]]))
    found = mixture_quantiles(torch.tensor([0.45, 0.95]), (0.0, 3.0), *one)
    assert found[0, 0] == pytest.approx(0.2, abs=1e-4)
    assert found[0, 1] == pytest.approx(2.5 + 0.3 * stats.norm.ppf(0.5 * stats.norm.cdf(0.5 / 0.3)), abs=0.02)


def test_loss_mixes_log_score_and_cde_loss():
    torch.manual_seed(0)
    model = MixtureNetworks(3, 2, [8], 4, 3)
    batch = (torch.randn(7, 2, 3), torch.randn(7, 2))
    log_score, cde, both = (MixtureLoss(weight)(model, batch).item() for weight in (0, 1, 0.25))
    assert both == pytest.approx(0.75 * log_score + 0.25 * cde, rel=1e-5)
    z = torch.linspace(-30, 30, 60_001, dtype=torch.float64)
    mixture = [value.detach().double() for value in model(batch[0].transpose(0, 1))]
    densities = log_density(z, *(value[..., None, :] for value in mixture)).exp()
    at_truth = log_density(batch[1].T, *mixture).exp()
    assert cde == pytest.approx(float(torch.mean(torch.trapezoid(densities**2, z) - 2 * at_truth)), rel=1e-4)


def test_members_do_not_see_each_other():
    torch.manual_seed(0)
    model, x = MixtureNetworks(3, 3, [8, 8], 4, 2), torch.randn(5, 3)
    before = model(x.expand(3, -1, -1))[1][0].clone()
    with torch.no_grad():
        model.weights[0][1:] += 1
    torch.testing.assert_close(model(x.expand(3, -1, -1))[1][0], before)


def test_every_network_leaves_out_other_objects():
    rest, held_out = MixtureDensityNetworks(GRID, members=8, held_out=0.1)._parts(200)
    assert rest.shape == (180, 8) and held_out.shape == (20, 8)
    for member in range(8):
        assert sorted(torch.cat([rest[:, member], held_out[:, member]]).tolist()) == list(range(200))
    assert len(set(held_out.flatten().tolist())) == 160


@pytest.fixture(scope="module")
def model():
    return MixtureDensityNetworks(GRID, members=4, steps=900).fit(*draw(3000))


def test_a_known_posterior_is_recovered(model):
    """Within 4% of what the exact posterior reaches in CDE loss and CRPS, and calibrated."""
    magnitudes, errors, z = draw(4000, seed=1)
    mean, sigma = posterior(magnitudes)
    exact = stats.norm.pdf(GRID, mean[:, None], sigma)
    pdfs = model.pdf(magnitudes, errors)
    for score in (pdf_metrics.cde_loss, pdf_metrics.crps):
        assert score(GRID, pdfs, z).mean() == pytest.approx(score(GRID, exact, z).mean(), rel=0.04)
    assert pdf_metrics.cde_loss(GRID, exact, z).mean() == pytest.approx(-1 / (2 * sigma * np.sqrt(np.pi)), rel=0.05)
    assert pdf_metrics.ks_distance(pdf_metrics.pit(GRID, pdfs, z)) < 0.05


def test_quantiles_are_those_of_the_tabulated_pdfs(model):
    objects, levels = draw(200, seed=1)[:2], np.array([0.025, 0.5, 0.975])
    tabulated = pdf_metrics.quantiles(GRID, model.pdf(*objects), levels)
    np.testing.assert_allclose(model.quantiles(*objects, levels), tabulated, atol=1e-3)


def test_interrupted_training_ends_with_the_same_model(tmp_path, monkeypatch):
    sample, objects = draw(200), draw(20, seed=1)[:2]
    whole = MixtureDensityNetworks(GRID, **SMALL).fit(*sample).pdf(*objects)
    saves = []

    def save_and_die(*arguments):
        saved(*arguments)
        saves.append(1)
        if len(saves) == 3:
            raise KeyboardInterrupt

    saved = training.save
    monkeypatch.setattr(training, "save", save_and_die)
    model = MixtureDensityNetworks(GRID, **SMALL)
    model.checkpoints = tmp_path / "waiting"
    with pytest.raises(KeyboardInterrupt):
        model.fit(*sample)
    assert list(model.checkpoints.iterdir())
    torch.rand(5)
    np.testing.assert_array_equal(model.fit(*sample).pdf(*objects), whole)
    model.forget_checkpoints()
    assert not model.checkpoints.exists()
