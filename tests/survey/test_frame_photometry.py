"""Magnitudes measured on stamps of known objects."""

import numpy as np
import pytest
from sdss_frames import COLOURS, make_field

from analysis.survey.frame_photometry import fiber_fluxes, magnitude_columns, psf_fluxes
from analysis.survey.frame_psf import Psf, measure_psf
from analysis.survey.frames import Cutouts, cut, read_field
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import PIXEL_SCALE, SIDE


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    fake = make_field(seed=3)
    field = read_field(fake.write(tmp_path_factory.mktemp("sas")))
    cutouts = cut(field, fake.objects["ra"].to_numpy(), fake.objects["dec"].to_numpy())
    true = fake.objects["flux"].to_numpy()[:, None] * [COLOURS[band] for band in BANDS]
    return fake, cutouts, measure_psf(field), true


def test_psf_magnitudes_of_stars_are_unbiased(measured):
    fake, cutouts, psf, true = measured
    flux, _ = psf_fluxes(cutouts, psf)
    difference = -2.5 * np.log10(flux / true)[fake.objects["class"] == "STAR"]
    assert np.abs(np.median(difference, axis=0)).max() < 0.03


def test_galaxies_are_fainter_in_psf_than_in_fibre_magnitudes_stars_are_not(measured):
    fake, cutouts, psf, _ = measured
    concentration = -2.5 * np.log10(psf_fluxes(cutouts, psf)[0] / fiber_fluxes(cutouts, psf)[0])[:, 2]
    star = (fake.objects["class"] == "STAR").to_numpy()
    assert concentration[~star].min() > concentration[star].max() + 0.1


def gaussian_cutouts(fwhm: float, flux: float, copies: int, noise: float) -> tuple[Cutouts, Psf]:
    """Draw stars with a Gaussian PSF (fwhm in arcsec), and noise."""
    offset = (np.arange(SIDE) - (SIDE - 1) / 2) * PIXEL_SCALE
    sigma = fwhm / np.sqrt(8 * np.log(2))
    image = np.exp(-(offset[:, None] ** 2 + offset**2) / (2 * sigma**2))
    image = np.broadcast_to(image / image.sum(), (len(BANDS), SIDE, SIDE))
    pixels = flux * image + np.random.default_rng(5).normal(0, noise, (copies, len(BANDS), SIDE, SIDE))
    level = np.full((copies, len(BANDS)), noise, np.float32)
    return Cutouts(pixels.astype(np.float32), level, level, np.arange(copies), {}), Psf(
        image, np.full(len(BANDS), fwhm), np.full(len(BANDS), 9)
    )


def test_errors_are_the_scatter():
    cutouts, psf = gaussian_cutouts(1.3, flux=10.0, copies=400, noise=0.02)
    for measure in (psf_fluxes, fiber_fluxes):
        flux, error = measure(cutouts, psf)
        assert flux.std(axis=0) == pytest.approx(error.mean(axis=0), rel=0.12)
    assert psf_fluxes(cutouts, psf)[0].mean(axis=0) == pytest.approx(np.full(len(BANDS), 10.0), rel=2e-3)


def test_fibre_flux_of_a_gaussian_star_is_that_at_two_arcsec_seeing():
    cutouts, psf = gaussian_cutouts(1.3, flux=10.0, copies=1, noise=1e-6)
    within = 1 - np.exp(-4 * np.log(2) * (1.5 / 2.0) ** 2)  # of a Gaussian of FWHM 2 in a radius of 1.5
    assert psf.effective_fwhm == pytest.approx(np.full(len(BANDS), 1.3), rel=0.01)
    assert fiber_fluxes(cutouts, psf)[0][0] == pytest.approx(np.full(len(BANDS), 10 * within), rel=0.02)


def test_magnitudes_of_fluxes_that_are_not_positive_are_missing():
    flux = np.array([[1.0, 100.0, -1.0, 0.0, 1e9]])
    columns = magnitude_columns("psfMag", flux, 0.1 * np.abs(flux))
    found = [float(columns[f"psfMag_{band}"][0]) for band in BANDS]
    assert found == pytest.approx([22.5, 17.5, np.nan, np.nan, 0.0], nan_ok=True)
    assert columns["psfMagErr_u"][0] == pytest.approx(0.1086, rel=1e-3)
