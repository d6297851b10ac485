"""Photometry of stamps, on sources whose fluxes and sizes are known in closed form."""

import galsim
import numpy as np
import pytest
import sep
from scipy.optimize import brentq

from analysis.survey import stamp_photometry
from analysis.survey.mock.profiles import psf
from analysis.survey.stamps_file import PIXEL_SCALE, SIDE, Stamps, quantize, restore

GAIN = np.array([165.0, 1080, 960, 740, 127])
SKY_NOISE = np.array([0.045, 0.0165, 0.0235, 0.0375, 0.175])
MIDDLE = (SIDE - 1) / 2


def _point(fwhm: float, blur: float = 0.0) -> galsim.GSObject:
    """The PSF, or a round Gaussian galaxy (sigma in arcsec) behind it."""
    parts = zip(psf().flux, psf().variance, strict=True)
    return galsim.Sum([galsim.Gaussian(flux=f, sigma=np.sqrt(v * fwhm**2 + blur**2)) for f, v in parts])


def _image(source: galsim.GSObject, flux: float, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    """Image with a source at x, y pixels from the middle."""
    placed = source.withFlux(flux).shift(x * PIXEL_SCALE, y * PIXEL_SCALE)
    return placed.drawImage(nx=SIDE, ny=SIDE, scale=PIXEL_SCALE, method="no_pixel", dtype=float).array


def _stamps(images: list[np.ndarray], fwhm: float = 1.3, noise: np.ndarray = SKY_NOISE) -> Stamps:
    """The same image in all bands."""
    number = len(images)
    pixels = np.repeat(np.array(images)[:, None], 5, axis=1)
    return Stamps(pixels, np.arange(number), np.full((number, 5), fwhm), np.tile(noise, (number, 1)))


def _within(radius: float, fwhm: float, blur: float = 0.0) -> float:
    """Share of the flux within a circle."""
    return float(np.sum(psf().flux * -np.expm1(-(radius**2) / 2 / (psf().variance * fwhm**2 + blur**2))))


@pytest.mark.parametrize("fwhm", [1.0, 1.3, 1.6, 1.9])
@pytest.mark.parametrize("centre", [(0.0, 0.0), (0.45, -0.3)])
def test_a_star_has_its_flux_and_its_place(fwhm: float, centre: tuple[float, float]) -> None:
    measured = stamp_photometry.measure(_stamps([_image(_point(fwhm), 100.0, *centre)], fwhm))
    assert measured.detected.all()
    assert (measured.x[0] - MIDDLE, measured.y[0] - MIDDLE) == pytest.approx(centre, abs=2e-3)
    assert measured.psf_flux[0] == pytest.approx(100.0, rel=5e-4)
    assert measured.fiber_flux[0] == pytest.approx(100 * _within(1.5, 2.0), rel=2e-3)


@pytest.mark.parametrize("fwhm", [1.0, 1.3, 1.9])
def test_the_fibre_flux_of_a_galaxy_does_not_depend_on_the_seeing(fwhm: float) -> None:
    measured = stamp_photometry.measure(_stamps([_image(_point(fwhm, blur=1.2), 50.0, 0.2, 0.1)], fwhm))
    assert measured.fiber_flux[0] == pytest.approx(50 * _within(1.5, 2.0, 1.2), rel=2e-3)


def test_the_psf_flux_of_a_galaxy_is_the_overlap_with_the_psf() -> None:
    fwhm, blur = 1.3, 1.2
    width = psf().variance * fwhm**2
    pairs = np.multiply.outer(psf().flux, psf().flux)
    galaxy, point = (np.sum(pairs / (width[:, None] + width + extra)) for extra in (blur**2, 0.0))
    measured = stamp_photometry.measure(_stamps([_image(_point(fwhm, blur), 50.0)], fwhm))
    assert measured.psf_flux[0] == pytest.approx(50 * galaxy / point, rel=1e-3)


@pytest.mark.parametrize("radius", [1.0, 3.0, 6.5])
def test_an_aperture_without_high_frequencies_holds_what_fine_pixels_hold(radius: float) -> None:
    source = galsim.Convolve(galsim.Exponential(half_light_radius=1.5), _point(1.3))
    fine = source.drawImage(nx=601, ny=601, scale=0.05, method="no_pixel", dtype=float).array
    expected = sep.sum_circle(fine, [300], [300], radius / 0.05)[0][0]
    distance = stamp_photometry._distances(np.array([MIDDLE]), np.array([MIDDLE]), (SIDE, SIDE))
    weights = stamp_photometry.aperture_weights(np.array([[radius]]))
    summed = stamp_photometry._interpolate(weights, distance[:, None])[0, 0] @ _image(source, 1.0).ravel()
    assert summed == pytest.approx(expected, rel=3e-3)


@pytest.mark.parametrize("sigma", [0.8, 1.5, 2.2])
def test_the_petrosian_radius_of_a_gaussian(sigma: float) -> None:
    def ratio(r: float) -> float:
        e = [-np.expm1(-((f * r / sigma) ** 2) / 2) for f in (0.8, 1.0, 1.25)]
        return (e[2] - e[0]) / (1.25**2 - 0.8**2) / e[1] - 0.2

    measured = stamp_photometry.measure(_stamps([_image(galsim.Gaussian(sigma=sigma), 100.0, 0.3, 0.2)]))
    assert measured.petro_rad[0] == pytest.approx(brentq(ratio, sigma, 4 * sigma), rel=0.01)


def test_an_object_larger_than_its_stamp_has_no_petrosian_radius() -> None:
    large = galsim.Exponential(half_light_radius=8.0)
    assert np.isnan(stamp_photometry.measure(_stamps([_image(large, 1000.0)])).petro_rad).all()


def test_errors_are_the_scatter_of_repeated_exposures() -> None:
    rng, number, star = np.random.default_rng(1), 400, _image(_point(1.3), 20.0)
    stamps = _stamps([star] * number)
    noisy = rng.poisson(stamps.pixels * GAIN[:, None, None]) / GAIN[:, None, None]
    noisy = noisy + rng.normal(size=noisy.shape) * SKY_NOISE[:, None, None]
    stored = restore(quantize(noisy, stamps.object_id, stamps.sky_noise), stamps.object_id, stamps.sky_noise)
    measured = stamp_photometry.measure(
        Stamps(stored, stamps.object_id, stamps.psf_fwhm, stamps.sky_noise.astype(np.float32)), GAIN
    )
    for name, truth in (("psf_flux", 20.0), ("fiber_flux", 20 * _within(1.5, 2.0))):
        pull = (getattr(measured, name) - truth) / getattr(measured, f"{name}_err")
        assert np.abs(pull.mean(axis=0)).max() < 0.25
        assert pull.std(axis=0) == pytest.approx(np.ones(5), abs=0.12)


@pytest.mark.parametrize("place", [(10, 3), (-7, 6)])
def test_a_neighbour_is_taken_off(place: tuple[int, int]) -> None:
    rng, galaxy = np.random.default_rng(2), _image(_point(1.3, blur=0.8), 30.0)
    noise = 0.02 * rng.normal(size=galaxy.shape)
    neighbour = _image(_point(1.3), 60.0, *place)
    alone, both = (stamp_photometry.measure(_stamps([galaxy + more + noise])) for more in (0.0, neighbour))
    assert both.psf_flux == pytest.approx(alone.psf_flux, rel=0.02)
    assert both.fiber_flux == pytest.approx(alone.fiber_flux, rel=0.02)
    assert both.petro_rad == pytest.approx(alone.petro_rad, rel=0.05)
    assert (both.x[0], both.y[0]) == pytest.approx((alone.x[0], alone.y[0]), abs=0.05)


def test_empty_sky_has_no_object_and_faint_magnitudes() -> None:
    noise = np.random.default_rng(3).normal(size=(20, SIDE, SIDE)) * 0.02
    measured = stamp_photometry.measure(_stamps(list(noise), noise=np.full(5, 0.02)))
    empty = ~measured.detected
    assert empty.sum() > 10
    assert (measured.x[empty] == MIDDLE).all() and (measured.y[empty] == MIDDLE).all()
    assert np.abs(measured.psf_flux[empty] / measured.psf_flux_err[empty]).max() < 5
    assert np.isfinite(measured.columns().drop(columns=[f"petroRad_{b}" for b in "ugriz"]).to_numpy()).all()


def test_magnitudes_are_asinh_ones_and_their_errors_are_those_of_small_changes() -> None:
    zero = stamp_photometry.magnitudes(np.zeros((1, 5)))
    assert zero[0] == pytest.approx([24.63, 25.11, 24.80, 24.36, 22.83], abs=0.01)  # SDSS's own table
    flux, change = np.array([[0.05, 0.2, 1.0, 10, 500.0]]), 1e-5
    slope = (stamp_photometry.magnitudes(flux - change) - stamp_photometry.magnitudes(flux + change)) / (2 * change)
    assert stamp_photometry.magnitude_errors(flux, np.ones_like(flux)) == pytest.approx(slope, rel=1e-4)


def test_the_psf_of_pixels_sums_to_one_and_halves_at_half_its_width() -> None:
    distance = stamp_photometry._distances(np.array([MIDDLE]), np.array([MIDDLE]), (SIDE, SIDE))[0]
    for fwhm in (1.0, 1.5):
        assert stamp_photometry.psf_image(distance, fwhm).sum() == pytest.approx(1.0, abs=1e-4)
        centre, half = stamp_photometry.psf_image(np.array([0.0, fwhm / 2]), fwhm)
        assert half / centre == pytest.approx(0.5, abs=1e-3)


def test_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    stamps = _stamps([_image(_point(1.3), 20.0) + 0.02 * rng.normal(size=(SIDE, SIDE)) for _ in range(7)])
    together = stamp_photometry.measure(stamps).columns()
    monkeypatch.setattr(stamp_photometry, "_BATCH", 3)
    assert np.allclose(stamp_photometry.measure(stamps).columns(), together, equal_nan=True)
