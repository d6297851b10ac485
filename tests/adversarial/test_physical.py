"""Stars, trails and cosmic rays: their light against GalSim and against geometry; the search against a known answer."""

import galsim
import numpy as np
import pytest
import torch

from analysis.adversarial import physical, placement
from analysis.adversarial.physical import Camera, CosmicRayHit, FaintStar, Places, SatelliteTrail
from analysis.errors import InputError
from analysis.survey.mock import profiles

SCALE, SIDE = 0.396, 44  # arcsec, pixels
SEEING = torch.tensor([[1.5, 1.2]])  # arcsec, of one image in two bands
CAMERA = Camera(SCALE, SEEING, (SIDE, SIDE))


def place(x: float, y: float, angle: float = 0.0) -> Places:
    return Places(*(torch.tensor([value]) for value in (x, y, angle)))


def galsim_psf(fwhm: float) -> galsim.GSObject:
    """Draw SDSS's double Gaussian with another program; its width is that of the mock's profiles."""
    mixture = profiles.psf()
    parts = zip(mixture.flux, fwhm * np.sqrt(mixture.variance), strict=True)
    return galsim.Sum([galsim.Gaussian(sigma=sigma, flux=flux) for flux, sigma in parts])


def test_a_star_is_galsim_s():
    light = FaintStar(torch.tensor([[3.0, 2.0]])).draw(place(1.3, -2.1), CAMERA)[0]
    for band, flux in enumerate((3.0, 2.0)):
        star = galsim_psf(float(SEEING[0, band])).withFlux(flux).shift(1.3, -2.1)
        expected = star.drawImage(nx=SIDE, ny=SIDE, scale=SCALE, method="no_pixel").array
        np.testing.assert_allclose(light[band], expected, atol=1e-5 * flux)
        assert light[band].sum() == pytest.approx(flux, rel=1e-3)


def test_the_width_of_the_psf_is_its_fwhm():
    shape = galsim_psf(1.3)
    assert shape.calculateFWHM() == pytest.approx(1.3, rel=5e-3)  # GalSim finds it on a grid
    camera = Camera(0.01, torch.tensor([[1.3]]), (1, 401))
    profile = FaintStar(torch.ones(1, 1)).draw(place(0, 0), camera)[0, 0, 0]
    assert 0.01 * int((profile >= profile.max() / 2).sum()) == pytest.approx(1.3, abs=0.02)


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 2])
def test_a_trail_is_stars_in_a_row(angle):
    trail = SatelliteTrail(torch.tensor([[0.5, 0.0]])).draw(place(0.7, -0.4, angle), CAMERA)[0]
    along = torch.arange(-30, 30, 0.05)  # arcsec: far beyond the image
    row = Places(0.7 + along * np.cos(angle), -0.4 + along * np.sin(angle), torch.zeros_like(along))
    many = Camera(SCALE, SEEING.expand(len(along), 2), (SIDE, SIDE))
    stars = FaintStar(torch.full((len(along), 2), 0.5 * 0.05)).draw(row, many).sum(dim=0)
    torch.testing.assert_close(trail[0], stars[0], rtol=1e-3, atol=1e-5)
    assert (trail[1] == 0).all()


def test_a_trail_s_brightness_is_that_of_a_satellite_that_moves():
    # at magnitude 22.5 one nanomaggie in 54 s, spread over 1000 arcsec/s * 54 s
    assert physical.trail_brightness(torch.tensor(22.5), 1000, 54).item() == pytest.approx(1 / 54_000)
    faster, fainter = (
        physical.trail_brightness(torch.tensor(m), v, 54) for m, v in ((8.0, 2000), (8.0 + 0.7526, 1000))
    )
    assert faster.item() == pytest.approx(fainter.item(), rel=1e-3)


def test_a_hit_leaves_its_charge_where_it_passed():
    track = CosmicRayHit(torch.tensor([[0.0, 2.0]]), length=4 * SCALE)
    level = track.draw(place(SCALE / 2, SCALE / 2), CAMERA)[0]
    # from -1.5 to 2.5 pixels of the centre, which is a corner of pixels: half a pixel, three whole ones, half a pixel
    row = level[1, SIDE // 2, SIDE // 2 - 2 : SIDE // 2 + 3]
    torch.testing.assert_close(row, torch.tensor([0.25, 0.5, 0.5, 0.5, 0.25]), rtol=0, atol=1e-4)
    assert level.sum() == pytest.approx(2.0, rel=1e-4) and (level[0] == 0).all()
    steep = track.draw(place(0.13, -0.2, 0.9), CAMERA)[0, 1]
    steps = torch.linspace(-2, 2, 100_001) * SCALE  # the same track as a great many points
    column, line = ((at / SCALE + SIDE / 2).floor() for at in (0.13 + steps * np.cos(0.9), -0.2 + steps * np.sin(0.9)))
    expected, *_ = np.histogram2d(line, column, bins=SIDE, range=((0, SIDE), (0, SIDE)))
    np.testing.assert_allclose(steep, 2 * expected / len(steps), atol=1e-4)


def brightest(images: torch.Tensor) -> torch.Tensor:
    """Take for harm the light of one pixel."""
    return images[:, 0, 30, 10]


def test_the_search_finds_the_place_that_hurts():
    images = torch.zeros(6, 2, SIDE, SIDE)
    camera = Camera(SCALE, SEEING.expand(6, 2), (SIDE, SIDE))
    star = FaintStar(torch.ones(6, 2))
    places = star.places(camera, step=2 * SCALE, reach=8.0)
    found = placement.search(brightest, images, star, places, camera)
    x, y = (10 - 21.5) * SCALE, (30 - 21.5) * SCALE
    nearest = ((places.x - x) ** 2 + (places.y - y) ** 2).argmin()
    assert (found.worst == nearest).all() and len(found.random.unique()) > 3
    harm = brightest(placement.disturbed(images, star, places[found.random], camera))
    torch.testing.assert_close(harm, found.harm[torch.arange(6), found.random])


def test_a_grid_reaches_as_far_as_asked_and_has_all_angles():
    star, trail, hit = FaintStar(SEEING), SatelliteTrail(SEEING), CosmicRayHit(SEEING, 1.0)
    places = star.places(CAMERA, 1.0, 3.0)
    assert len(places) == 29 and float(torch.hypot(places.x, places.y).max()) == 3.0  # lattice points in a circle
    assert len(hit.places(CAMERA, 1.0, 3.0, angles=4)) == 4 * 29
    lines = trail.places(CAMERA, 1.0, 3.0, angles=6)
    distance = lines.y * lines.angle.cos() - lines.x * lines.angle.sin()
    assert len(lines) == 7 * 6 and set(distance.round().tolist()) == {-3, -2, -1, 0, 1, 2, 3}


def test_the_detector_saturates_and_loses_no_light():
    images = torch.zeros(1, 2, SIDE, SIDE)
    images[0, 0, 0, 0] = 7.0  # more than it can hold: left as it is
    seen = placement.disturbed(images, FaintStar(torch.tensor([[1e4, 1.0]])), place(0, 0), CAMERA, highest=5.0)
    assert seen[0, 0, 1:].max() == 5.0 and seen[0, 0, 0, 0] == 7.0 and (seen >= images).all()


def test_harm_to_a_classifier_is_positive_where_it_is_fooled():
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0]])
    harm = placement.margin_lost(lambda images: logits, torch.tensor([0, 2]))
    assert harm(torch.zeros(2, 1, 1, 1)).tolist() == [-1.0, 2.0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: FaintStar(SEEING).places(CAMERA, 0.0, 3.0), "expected a step above 0"),
        (lambda: SatelliteTrail(SEEING).places(CAMERA, 1.0, -3.0), "a reach from 0 on"),
        (lambda: CosmicRayHit(SEEING, 0.0).draw(place(0, 0), CAMERA), "expected a length above 0"),
        (lambda: physical.trail_brightness(torch.tensor(8.0), 0.0, 54), "expected both above 0"),
        (lambda: physical.in_band(torch.ones(3), 5, 5), "band 5; expected one of 0 to 4"),
        (
            lambda: placement.disturbed(torch.zeros(1, 2, 40, 44), FaintStar(SEEING), place(0, 0), CAMERA),
            r"the camera takes \(44, 44\)",
        ),
        (
            lambda: placement.disturbed(torch.zeros(1, 5, 44, 44), FaintStar(SEEING), place(0, 0), CAMERA),
            r"PSF widths \(1, 2\); expected \(1, 5\)",
        ),
    ],
)
def test_bad_input_is_named(wrong, says):
    with pytest.raises(InputError, match=says):
        wrong()
