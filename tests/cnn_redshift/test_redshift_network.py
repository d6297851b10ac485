"""The network: apertures against the analytic flux, what turns and brightness do to them."""

import numpy as np
import pytest
import torch

from analysis.cnn_redshift.model import Apertures, RedshiftNetwork
from analysis.survey.luptitudes import SDSS_SOFTENING, asinh_scaled
from analysis.survey.stamps import symmetric_views

SIGMA, SIDE = 2.0, 41


def source(flux: float) -> torch.Tensor:
    y, x = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    profile = np.exp(-(x**2 + y**2) / (2 * SIGMA**2)) / (2 * np.pi * SIGMA**2)
    images = flux * np.array([1.0, 2.0, 3.0, 4.0, 5.0])[:, None, None] * profile
    return torch.tensor(asinh_scaled(images[None]), dtype=torch.float32)


def test_apertures_measure_the_flux_of_a_gaussian_source():
    apertures = Apertures(SDSS_SOFTENING, 3)
    measured = apertures(source(20.0))[0, :15].reshape(5, 3).detach().numpy()
    width = np.exp(apertures.log_width.detach().numpy())
    inside = width**2 / (width**2 + SIGMA**2)  # two Gaussians multiplied and integrated
    flux = 20 * np.array([1.0, 2, 3, 4, 5])[:, None] * inside
    np.testing.assert_allclose(measured, np.arcsinh(flux / (2 * np.array(SDSS_SOFTENING)[:, None])), atol=2e-3)


def test_apertures_start_between_one_and_eight_pixels():
    width = Apertures(SDSS_SOFTENING, 4).log_width.exp()[0].tolist()
    assert width == pytest.approx([1, 2, 4, 8])


def test_a_brighter_source_has_the_same_colours():
    apertures = Apertures(SDSS_SOFTENING, 3)
    faint, bright = (apertures(source(flux))[0] for flux in (2e3, 2e4))
    torch.testing.assert_close((bright - faint)[:15], torch.full((15,), float(np.log(10))), atol=1e-3, rtol=0)
    torch.testing.assert_close(faint[15:], bright[15:], atol=1e-3, rtol=0)


def test_apertures_keep_their_precision_where_the_rest_is_computed_in_half():
    apertures = Apertures(SDSS_SOFTENING, 3)
    single = apertures(source(20.0))
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(apertures(source(20.0)), single)


def test_apertures_do_not_see_how_a_galaxy_is_turned():
    images = torch.randn(3, 5, 12, 12, generator=torch.manual_seed(1))
    apertures = Apertures(SDSS_SOFTENING, 4)
    for view in symmetric_views(images):
        torch.testing.assert_close(apertures(view), apertures(images), atol=1e-4, rtol=1e-4)


def test_extinction_is_an_input():
    network = RedshiftNetwork(4, SDSS_SOFTENING, [4, 4], 2, [8], 0.0).eval()
    images = torch.randn(2, 5, 12, 12)
    assert not torch.allclose(network(images, torch.zeros(2)), network(images, torch.ones(2)))
