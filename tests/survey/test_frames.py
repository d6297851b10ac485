"""Reading frames, and cutting stamps from them."""

import bz2

import numpy as np
import pytest
from astropy.io import fits
from sdss_frames import COLOURS, FWHM, NOISE, FakeField, make_field

from analysis.errors import InputError
from analysis.survey.frame_psf import PIXEL_SCALE, aperture_flux, measure_psf, without_background
from analysis.survey.frames import Field, check_packed_frame, cut, noise_after_shift, read_field, read_frame
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import SIDE

CENTRE = (SIDE - 1) / 2


@pytest.fixture(scope="module")
def fake() -> FakeField:
    return make_field(edge=True)


@pytest.fixture(scope="module")
def field(fake, tmp_path_factory) -> Field:
    return read_field(fake.write(tmp_path_factory.mktemp("sas")))


@pytest.fixture(scope="module")
def cutouts(fake, field):
    return cut(field, fake.objects["ra"].to_numpy(), fake.objects["dec"].to_numpy())


def centroids(images: np.ndarray) -> np.ndarray:
    """Return x and y of the light within 5 pixels of the centre, weighted once more by a Gaussian."""
    y, x = np.indices(images.shape[1:]) - CENTRE
    found = np.zeros((len(images), 2))
    for _ in range(20):
        weight = np.exp(-((x - found[:, :1, None]) ** 2 + (y - found[:, 1:, None]) ** 2) / (2 * 1.5**2)) * images
        total = weight.sum(axis=(1, 2))
        shift = np.stack([(weight * x).sum(axis=(1, 2)), (weight * y).sum(axis=(1, 2))], axis=1) / total[:, None]
        found += 2 * (shift - found)  # the product of two Gaussians lies half-way
    return found


def test_objects_are_at_the_centre_in_all_bands(fake, cutouts):
    stars = np.flatnonzero((fake.objects["class"] == "STAR")[cutouts.kept])
    for band in range(len(BANDS)):
        offset = centroids(without_background(cutouts.pixels[stars, band]))
        assert np.abs(np.median(offset, axis=0)).max() < 0.03
        assert np.hypot(*offset.T).max() < 0.3


def test_flux_survives_the_resampling(fake, cutouts):
    bright = np.flatnonzero(((fake.objects["class"] == "STAR") & (fake.objects["flux"] > 100))[cutouts.kept])
    for number, band in enumerate(BANDS):
        flux = aperture_flux(without_background(cutouts.pixels[bright, number]), 15)
        true = fake.objects["flux"].to_numpy()[cutouts.kept][bright] * COLOURS[band]
        error = NOISE[band] * np.sqrt(np.pi * 15**2 * len(bright)) / true.sum()
        assert flux.sum() / true.sum() == pytest.approx(1, abs=0.002 + 3 * error)


def test_noise_is_that_of_the_frame_and_of_the_resampled_pixels(cutouts):
    for number, band in enumerate(BANDS):
        assert np.median(cutouts.native_noise[:, number]) == pytest.approx(NOISE[band], rel=0.05)
    corners = cutouts.pixels[:, :, [0, 1, 2, -3, -2, -1], :][..., [0, 1, 2, -3, -2, -1]]
    pulls = corners / cutouts.sky_noise[:, :, None, None]
    measured = 1.4826 * np.median(np.abs(pulls - np.median(pulls, axis=(2, 3), keepdims=True)), axis=(0, 2, 3))
    assert measured == pytest.approx(np.ones(len(BANDS)), abs=0.08)


@pytest.mark.parametrize(("fraction", "expected"), [(0.0, 1.0), (1.0, 1.0), (0.5, 0.8696)])
def test_noise_after_shift(fraction, expected):
    assert noise_after_shift(fraction) == pytest.approx(expected, abs=1e-3)


def test_noise_after_shift_is_that_of_shifted_noise():
    from scipy.ndimage import shift

    noise = np.random.default_rng(1).normal(size=200_000)
    assert noise_after_shift(0.3) == pytest.approx(shift(noise, 0.3, order=3)[50:-50].std(), rel=0.01)


def test_an_object_near_the_edge_has_no_stamp(fake, cutouts):
    last = len(fake.objects) - 1
    assert list(cutouts.bad) == [last]
    assert "edge of the frame" in cutouts.bad[last]
    assert last not in cutouts.kept
    assert len(cutouts.kept) == last


def test_a_position_elsewhere_or_none_has_no_stamp(field):
    result = cut(field, np.array([10.0, np.nan]), np.array([-60.0, np.nan]))
    assert list(result.bad) == [0, 1]
    assert result.pixels.shape == (0, len(BANDS), SIDE, SIDE)


def test_psf_width_of_each_band(field):
    psf = measure_psf(field)
    assert psf.fwhm == pytest.approx([FWHM[band] * PIXEL_SCALE for band in BANDS], rel=0.02)
    assert (psf.stars >= 10).all()
    assert aperture_flux(psf.image, 7.43 / PIXEL_SCALE) == pytest.approx(np.ones(len(BANDS)))


def test_galaxies_are_no_psf_stars(fake, field):
    from analysis.survey.frame_psf import point_sources

    x, y = point_sources(field[2])
    stars = fake.objects[fake.objects["class"] == "STAR"]
    away = np.hypot(stars["x"].to_numpy() - x[:, None], stars["y"].to_numpy() - y[:, None]).min(axis=1)
    assert len(x) > 10
    assert away.max() < 1


def test_too_few_stars_for_a_psf(fake, tmp_path):
    paths = fake.write(tmp_path)
    with fits.open(paths["u"]) as hdus:
        hdus[0].data = np.random.default_rng(1).normal(0, 0.04, hdus[0].data.shape).astype(np.float32)
        hdus.writeto(tmp_path / "u.fits")
    with pytest.raises(InputError, match=r"u\.fits: 0 point sources for the PSF in u; 3 are needed"):
        measure_psf(read_field(paths | {"u": tmp_path / "u.fits"}))


def test_stars_that_show_no_psf(field, monkeypatch):
    def no_fit(*_, **__):
        raise RuntimeError("Optimal parameters not found")

    monkeypatch.setattr("analysis.survey.frame_psf.curve_fit", no_fit)
    with pytest.raises(InputError, match=r"frame-u-004510-4-0030.*Optimal parameters not found"):
        measure_psf(field)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda hdus: hdus[0].header.set("BUNIT", "counts"), "BUNIT is 'counts'; expected nanomaggy"),
        (lambda hdus: [hdus[0].header.set(f"CTYPE{k}", "LINEAR") for k in (1, 2)], "no celestial WCS"),
        (lambda hdus: hdus[0].header.set("CTYPE1", "LINEAR"), "Unmatched celestial axes"),
        (lambda hdus: hdus[0].data.__setitem__((7, 9), np.nan), "row 7, column 9 is nan"),
    ],
)
def test_frames_that_are_none(fake, tmp_path, spoil, message):
    path = fake.write(tmp_path)["r"]
    with fits.open(path) as hdus:
        spoil(hdus)
        hdus.writeto(tmp_path / "spoilt.fits")
    with pytest.raises(InputError, match=message):
        read_frame(tmp_path / "spoilt.fits")


def test_a_frame_cut_short(fake, tmp_path):
    path = tmp_path / "short.fits.bz2"
    path.write_bytes(fake.frames["r"][:-1000])
    with pytest.raises(InputError, match="cut short"):
        read_frame(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>Error</html>", "no bzip2 file"),
        (bz2.compress(b"SIMPLE  =" + bytes(10_000))[:-20], "cut short"),
        (bz2.compress(b"hello"), "no FITS"),
    ],
)
def test_packed_frames_are_checked(content, message):
    with pytest.raises(ValueError, match=message):
        check_packed_frame(content)
