"""Stamps of the mock: they agree with its catalogue, and show what a camera would."""

from dataclasses import dataclass

import galsim
import galsim_images
import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import CubicSpline

from analysis.survey.mock import draw, fields, photometry, stamps
from analysis.survey.mock.parameters import parameters
from analysis.survey.mock.populations import BULGE_TO_TOTAL, MAGNITUDES
from analysis.survey.schema import BANDS
from analysis.survey.stamp_photometry import Measured, magnitudes, measure, psf_image
from analysis.survey.stamps_file import PIXEL_SCALE, SIDE, STEP, Stamps, quantize, restore

SEED, OBJECTS = 5, 2_400
NUMBER = {"GALAXY": 350, "STAR": 200, "QSO": 50}
R = BANDS.index("r")
CAMERA = parameters()["camera"]
GAIN = np.array(CAMERA["electrons_per_nmgy"], float)
# The catalogue's flux errors leave out that the PSF's model is not perfect; stamps are measured with the true PSF.
SYSTEMATIC = {"psfMag": CAMERA["psf_flux_error"], "fiberMag": 0.0}


@dataclass
class Survey:
    """Objects brighter than r = 20, as the catalogue has them and as their stamps show them."""

    truth: pd.DataFrame
    scene: photometry.Scene
    catalogue: pd.DataFrame
    stamps: Stamps  # as drawn …
    stored: Stamps  # … and as read from a file
    measured: Measured

    def of(self, label: str) -> np.ndarray:
        return (self.truth["class"] == label).to_numpy()


@pytest.fixture(scope="module")
def sky() -> pd.DataFrame:
    return fields.draw_fields(SEED)


@pytest.fixture(scope="module")
def survey(sky: pd.DataFrame) -> Survey:
    catalogue, truth = (table.to_pandas() for table in draw.draw_chunk(SEED, 0, OBJECTS))
    truth["class"] = truth["class"].astype(str)
    flux = _scene(truth, sky).flux[:, R]
    chosen = [np.flatnonzero((truth["class"] == label) & (flux > 10.0))[:number] for label, number in NUMBER.items()]
    truth, catalogue = (table.iloc[np.concatenate(chosen)].reset_index(drop=True) for table in (truth, catalogue))
    drawn = stamps.draw_stamps(SEED, truth, sky)
    integers = quantize(drawn.pixels, drawn.object_id, drawn.sky_noise)
    pixels = restore(integers, drawn.object_id, drawn.sky_noise)
    stored = Stamps(pixels, drawn.object_id, drawn.psf_fwhm, drawn.sky_noise)
    return Survey(truth, _scene(truth, sky), catalogue, drawn, stored, measure(stored, GAIN))


def _scene(truth: pd.DataFrame, sky: pd.DataFrame) -> photometry.Scene:
    here = sky.iloc[truth["field"]].reset_index(drop=True)
    return photometry.Scene.of(pd.concat([truth.reset_index(drop=True), here], axis=1))


def _compare(survey: Survey, label: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Differences of magnitudes (n, 5), stamp - catalogue, and their pulls; NaN where the signal is below 10 sigma."""
    ours = survey.measured.columns()
    difference, error = np.empty((2, survey.of(label).sum(), 5))
    for k, band in enumerate(BANDS):
        difference[:, k] = (ours[f"{name}_{band}"] - survey.catalogue[f"{name}_{band}"])[survey.of(label)]
        errors = [table[f"{name}Err_{band}"][survey.of(label)] for table in (ours, survey.catalogue)]
        error[:, k] = np.sqrt(errors[0] ** 2 + errors[1] ** 2 + SYSTEMATIC[name] ** 2)
        difference[np.maximum(*errors) > 0.1, k] = np.nan
    return difference, difference / error


def _width(values: np.ndarray) -> float:
    """Standard deviation, from the middle 68%."""
    low, high = np.nanpercentile(values, [15.87, 84.13])
    return float(high - low) / 2


@pytest.mark.parametrize("label", NUMBER)
@pytest.mark.parametrize("name", SYSTEMATIC)
def test_magnitudes_agree_with_the_catalogue(survey: Survey, label: str, name: str) -> None:
    difference, pull = _compare(survey, label, name)
    assert (np.isfinite(difference).mean(axis=0) > (0.3 if label == "GALAXY" else 0.4)).all()
    medians = np.nanmedian(difference, axis=0)
    uncertain = [1.25 * _width(d) / np.sqrt(np.isfinite(d).sum()) for d in difference.T]  # quasars in z
    assert (np.abs(medians) < np.maximum(0.02, 3 * np.array(uncertain))).all(), dict(zip(BANDS, medians, strict=True))
    assert _width(pull) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("name", SYSTEMATIC)
def test_errors_are_honest_in_every_band(survey: Survey, name: str) -> None:
    pulls = np.concatenate([_compare(survey, label, name)[1] for label in NUMBER])
    widths = [_width(pulls[:, k]) for k in range(5)]
    assert widths == pytest.approx([1.0] * 5, abs=0.15), dict(zip(BANDS, widths, strict=True))


def test_magnitudes_agree_at_all_magnitudes(survey: Survey) -> None:
    for name in SYSTEMATIC:
        difference = _compare(survey, "GALAXY", name)[0][:, R]
        magnitude = magnitudes(survey.scene.flux)[survey.of("GALAXY"), R]
        for low, high in ((14, 17), (17, 17.5), (17.5, 18.5), (18.5, 20)):
            assert abs(np.nanmedian(difference[(magnitude > low) & (magnitude < high)])) < 0.015, (name, low)


@pytest.mark.parametrize("label", NUMBER)
def test_petrosian_radii_agree_with_the_catalogue(survey: Survey, label: str) -> None:
    for band in "gri":
        precise = survey.of(label) & (survey.catalogue[f"fiberMagErr_{band}"] < 0.05).to_numpy()
        ours, theirs = (table[f"petroRad_{band}"][precise] for table in (survey.measured.columns(), survey.catalogue))
        assert (ours / theirs).median() == pytest.approx(1.0, abs=0.02)
        assert ours[theirs < 0.7 * SIDE / 2 * PIXEL_SCALE].notna().mean() > 0.97  # larger ones do not fit on a stamp
        if label == "GALAXY" and band == "r":
            both = np.sqrt(ours * theirs)  # bins of one of them would choose by its noise
            for low, high in ((1.5, 2.5), (2.5, 3.5), (3.5, 4.5), (4.5, 6.0)):
                inside = both.between(low, high)
                assert (ours / theirs)[inside].median() == pytest.approx(1.0, abs=0.03), (band, low)


def test_stamp_and_catalogue_do_not_share_their_noise(survey: Survey) -> None:
    star, true = survey.of("STAR"), magnitudes(survey.scene.flux)
    pulls = []
    for table in (survey.measured.columns(), survey.catalogue):
        pull = [(table[f"psfMag_{b}"] - true[:, k]) / table[f"psfMagErr_{b}"] for k, b in enumerate(BANDS)]
        pulls.append(np.clip(np.transpose(pull)[star & (true[:, R] > 18)], -4, 4).ravel())
    assert len(pulls[0]) > 400
    assert abs(np.corrcoef(*pulls)[0, 1]) < 0.15


def test_objects_are_anywhere_in_the_middle_pixel(survey: Survey) -> None:
    for place in (survey.measured.x, survey.measured.y):
        offset = place[survey.of("STAR")] - (SIDE - 1) / 2
        assert np.abs(offset).max() < 0.65
        assert np.std(offset) == pytest.approx(1 / np.sqrt(12), abs=0.04)
    assert survey.measured.detected.all()


def test_the_sky_has_the_noise_that_is_said_and_storing_adds_less_than_5_per_cent(survey: Survey) -> None:
    star = survey.of("STAR")
    corners = np.zeros((SIDE, SIDE), bool)
    corners[:9, :9] = corners[-9:, -9:] = corners[:9, -9:] = corners[-9:, :9] = True
    sky = survey.stamps.pixels[star][..., corners] / survey.stamps.sky_noise[star][..., None]
    assert np.abs(np.median(sky, axis=(0, 2))).max() < 0.03
    assert [_width(sky[:, k]) for k in range(5)] == pytest.approx([1.0] * 5, abs=0.025)
    added = (survey.stored.pixels - survey.stamps.pixels) / survey.stamps.sky_noise[..., None, None]
    assert np.var(added) == pytest.approx(STEP**2 / 12, rel=0.01)
    assert np.var(added) < 0.05


def test_photons_scatter_as_counts_do() -> None:
    flux = np.tile(np.array([0.5, 2.0, 8.0, 20.0, 50.0])[:, None, None], (1, 200, 200))
    noisy = stamps._expose(np.random.default_rng(1), flux, np.zeros(5), GAIN)
    assert noisy.mean(axis=(1, 2)) == pytest.approx(flux[:, 0, 0], rel=0.005)
    assert noisy.var(axis=(1, 2)) == pytest.approx(flux[:, 0, 0] / GAIN, rel=0.03)


def _placed(fwhm: float = 1.3, **structure: float) -> pd.DataFrame:
    """One object of r = 17 in all bands, without extinction: a star, or a galaxy if it has a structure."""
    one = dict.fromkeys(MAGNITUDES, 17.0) | dict.fromkeys(fields.SEEING, fwhm)
    one |= dict.fromkeys(fields.SKY_NOISE, 0.06) | dict.fromkeys(fields.ZEROPOINT + fields.EXTINCTION, 0.0)
    if structure:
        one |= dict.fromkeys(BULGE_TO_TOTAL, structure.pop("bulge", 0.0))
        one |= {"bulge_radius": 1.0, "bulge_axis_ratio": 1.0, "disc_axis_ratio": 1.0, "position_angle": 0.0}
    return pd.DataFrame([one | structure])


def _image(placed: pd.DataFrame, x: float = 0.0, y: float = 0.0, side: int = SIDE) -> np.ndarray:
    """Noise-free image in r of an object at x, y arcsec from the middle."""
    return stamps.draw_image(photometry.Scene.of(placed), range(1), R, np.array([[x, y]]), side)


@pytest.mark.parametrize("bulge", [0.0, 1.0])
@pytest.mark.parametrize("radius", [0.7, 1.7, 3.5, 5.5])
def test_the_catalogue_without_noise_is_what_the_stamp_without_noise_shows(radius: float, bulge: float) -> None:
    placed = _placed(bulge=bulge, bulge_radius=radius, disc_radius=radius, disc_axis_ratio=0.7)
    scene, image = photometry.Scene.of(placed), _image(placed, 0.1, 0.05, side=101)
    fwhm = scene.fwhm.astype(np.float32)
    quiet = Stamps(np.repeat(image[None, None], 5, axis=1), np.array([1]), fwhm, np.full((1, 5), 1e-3, np.float32))
    measured = measure(quiet)
    expected = FLUX * scene.seen("psf_fraction", scene.fwhm)
    assert magnitudes(measured.psf_flux) == pytest.approx(magnitudes(expected), abs=0.004)
    fibre = np.full_like(scene.flux, photometry.FIBER_SEEING)
    within = photometry._at_radius(scene.seen("enclosed", fibre), photometry.FIBER_RADIUS / fibre)
    assert magnitudes(measured.fiber_flux) == pytest.approx(magnitudes(FLUX * within), abs=0.008)


FLUX = 10 ** (0.4 * (22.5 - 17.0))
DISC, BULGE = {"disc_radius": 2.0}, {"disc_radius": 2.0, "bulge": 1.0, "bulge_radius": 2.0}


@pytest.mark.parametrize("structure", [{}, DISC, BULGE, DISC | {"disc_axis_ratio": 0.2, "position_angle": 0.7}])
def test_all_light_of_an_object_is_on_a_large_image(structure: dict[str, float]) -> None:
    assert _image(_placed(**structure), 0.1, -0.1, side=251).sum() == pytest.approx(FLUX, rel=1e-3)


@pytest.mark.parametrize("fwhm", [1.0, 1.4, 2.0])
def test_a_star_is_as_wide_as_the_seeing(fwhm: float) -> None:
    row = _image(_placed(fwhm), side=45)[22]
    place = (np.arange(45) - 22) * PIXEL_SCALE
    left, right = CubicSpline(place, np.log(row / row.max()) - np.log(0.5)).roots(extrapolate=False)
    assert right - left == pytest.approx(fwhm, rel=5e-3)


@pytest.mark.parametrize("label", ["STAR", "QSO"])
def test_stars_and_quasars_are_point_sources(survey: Survey, label: str) -> None:
    scene = survey.scene
    middle = np.arange(SIDE) - (SIDE - 1) / 2
    for row in np.flatnonzero(survey.of(label))[:3]:
        for band in range(5):
            image = stamps.draw_image(scene, range(row, row + 1), band, np.zeros((1, 2)))
            point = psf_image(np.hypot(middle, middle[:, None]) * PIXEL_SCALE, scene.fwhm[row, band])
            assert image == pytest.approx(scene.flux[row, band] * point, rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("place", [(0.3, 0.0), (-0.15, 0.19), (1.0, -2.0)])
def test_objects_lie_where_they_are_put(place: tuple[float, float]) -> None:
    """Along columns and along rows."""
    image = _image(_placed(), *place)
    rows, columns = (np.indices(image.shape) - (SIDE - 1) / 2) * PIXEL_SCALE
    assert ((image * columns).sum() / image.sum(), (image * rows).sum() / image.sum()) == pytest.approx(place, abs=1e-3)


@pytest.mark.parametrize("angle", [0.0, 0.5, 1.2, 2.0, 2.9])
def test_the_orientation_is_that_of_the_stokes_parameters(angle: float) -> None:
    placed = _placed(disc_radius=2.0, disc_axis_ratio=0.3, position_angle=angle)
    image = _image(placed)
    y, x = np.indices(image.shape) - (SIDE - 1) / 2
    q, u = (image * (x**2 - y**2)).sum(), (image * 2 * x * y).sum()
    catalogue = photometry.observe(np.random.default_rng(1), pd.concat([placed] * 50)).mean()
    assert np.hypot(q, u) > 0
    turned = np.arctan2(u, q) - np.arctan2(catalogue["u_r"], catalogue["q_r"])
    assert np.cos(turned) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("axis_ratio", [0.3, 1.0])
@pytest.mark.parametrize("name", ["exp", "deV"])
def test_mixtures_of_gaussians_look_like_galaxies(name: str, axis_ratio: float) -> None:
    """Against GalSim's Sersic profile, convolved with the PSF by Fourier transform."""
    fwhm, radius, angle = 1.3, 1.5, 0.6
    component = "bulge" if name == "deV" else "disc"
    structure = {f"{component}_radius": radius, f"{component}_axis_ratio": axis_ratio, "position_angle": angle}
    ours = _image(_placed(fwhm, **({"disc_radius": 1.0, "bulge": float(name == "deV")} | structure)), 0.1, 0.05) / FLUX
    source = galsim.Convolve(
        galsim_images.galsim_profile(name, radius / fwhm, axis_ratio), galsim_images.galsim_psf()
    ).dilate(fwhm)
    source = source.rotate(angle * galsim.radians).shift(0.1, 0.05)
    theirs = source.drawImage(nx=SIDE, ny=SIDE, scale=PIXEL_SCALE, method="no_pixel").array
    assert np.abs(ours - theirs).sum() < 0.015
    assert np.abs(ours - theirs).max() < 0.01 * theirs.max()


@pytest.mark.parametrize("sin_b", [0.5, 1.0])
def test_neighbours_are_as_many_as_the_sky_has(sin_b: float) -> None:
    settings, rng, draws = parameters()["stamps"]["neighbours"], np.random.default_rng(1), 1_500
    width = SIDE * PIXEL_SCALE + 2 * settings["margin"]
    area = (width / 3600) ** 2
    crowding = np.exp((1 - sin_b) / parameters()["stars"]["latitude_scale"])
    expected = np.array([settings["galaxies_per_deg2"], settings["stars_per_deg2"] * crowding]) * area
    drawn = [stamps.draw_neighbours(rng, SEED, sin_b) for _ in range(draws)]
    counts = np.array([[(others["class"] == label).sum() for label in ("GALAXY", "STAR")] for others, _ in drawn])
    assert counts.mean(axis=0) == pytest.approx(expected, abs=4 * np.sqrt(expected.max() / draws))
    assert counts.var(axis=0) == pytest.approx(expected, rel=0.15)
    place = np.concatenate([position for _, position in drawn])
    assert np.abs(place).max() < width / 2
    assert place.std(axis=0) == pytest.approx([width / np.sqrt(12)] * 2, rel=0.05)


def test_neighbours_are_seen_on_stamps(survey: Survey) -> None:
    """Light further than 6 arcsec from a star is that of others: of a good part of them in a stamp, 0.3 on average."""
    star = survey.of("STAR")
    corners = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    far = np.hypot(*corners) * PIXEL_SCALE > 6
    bright = survey.stamps.pixels[star, R][:, far].max(axis=1) > 6 * survey.stamps.sky_noise[star, R]
    assert 0.02 < bright.mean() < 0.3


def test_a_stamp_does_not_depend_on_which_others_are_drawn_with_it(survey: Survey, sky: pd.DataFrame) -> None:
    rows = [2, 400, 5]
    again = stamps.draw_stamps(SEED, survey.truth.iloc[rows].reset_index(drop=True), sky)
    assert np.array_equal(again.pixels, survey.stamps.pixels[rows])
    assert not np.array_equal(stamps.draw_stamps(SEED + 1, survey.truth.iloc[rows[:1]], sky).pixels, again.pixels[:1])


def test_stamps_carry_the_seeing_and_noise_of_their_field(survey: Survey, sky: pd.DataFrame) -> None:
    here = sky.iloc[survey.truth["field"]]
    assert survey.stamps.psf_fwhm == pytest.approx(here[fields.SEEING].to_numpy(), rel=1e-6)
    assert survey.stamps.sky_noise == pytest.approx(here[fields.SKY_NOISE].to_numpy() * PIXEL_SCALE, rel=1e-6)
    assert np.isfinite(magnitudes(survey.measured.psf_flux)).all()
