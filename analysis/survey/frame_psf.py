"""The point-spread function of a field's frames, from the point sources in them.

SDSS's own model (psField) is a file more per field, and not in every mirror; the stars of a field are in its frames.
One PSF is taken for each frame: it varies by a few per cent across one.
"""

from dataclasses import dataclass

import numpy as np
import sep
from scipy.optimize import curve_fit

from analysis.errors import InputError
from analysis.survey.frames import Field, Frame, R, cut
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import PIXEL_SCALE, SIDE

APERTURE = 7.43  # arcsec: the radius within which SDSS counts the whole flux of a star
STARS = 50  # at most so many, the brightest
_FEWEST = 3
_DETECTION = 5.0  # of the sky noise, per pixel
_SIGNAL_TO_NOISE = 30.0  # of a star that shall show the PSF
_ISOLATION = 12.0  # pixels to the next detection
_LOCUS = 0.08  # a point source has the half-light radius of the others within this fraction
_CORE = 3.0  # pixels: the radius within which stars are brought to the same flux
_CORE_RINGS = 5  # pixels: the PSF is taken to be round from there on
_FIT_RADIUS = 12.0  # pixels


@dataclass(frozen=True)
class Psf:
    """The point-spread function of a field.

    Attributes
    ----------
    image : ndarray (5, SIDE, SIDE)
        A star of flux 1 (within `APERTURE`) at the centre of a stamp.
    fwhm : ndarray (5,)
        Arcsec, of the Moffat profile fitted to the image: pixels and resampling are part of it.
    stars : ndarray of int (5,)
        How many it is the median of.
    """

    image: np.ndarray
    fwhm: np.ndarray
    stars: np.ndarray

    @property
    def effective_fwhm(self) -> np.ndarray:
        """Return the FWHM (5,) of the Gaussian that covers as many pixels, 1 / sum(P^2); wings make it larger."""
        area = 1 / np.sum(self.image**2, axis=(1, 2))
        return np.sqrt(area * 2 * np.log(2) / np.pi) * PIXEL_SCALE


def detect(frame: Frame) -> np.ndarray:
    """Return sep's detections in a frame: a structured array with x, y, flux and so on.

    Raises
    ------
    InputError
        If they are too many or too large for sep: a field of nothing but a bright star, say.
    """
    sep.set_extract_pixstack(1_000_000)
    try:
        return sep.extract(frame.pixels, _DETECTION, err=frame.sky_noise, deblend_cont=0.005)
    except Exception as error:  # sep has no error of its own
        raise InputError(f"{frame.source}: sep cannot tell its objects apart ({error})") from None


def half_light_radii(frame: Frame, found: np.ndarray) -> np.ndarray:
    """Return the half-light radius of detections, pixels; NaN where it cannot be measured."""
    flux, _, _ = sep.sum_circle(frame.pixels, found["x"], found["y"], _FIT_RADIUS, subpix=5)
    widest = np.full(len(found), _FIT_RADIUS)
    radius, flag = sep.flux_radius(frame.pixels, found["x"], found["y"], widest, 0.5, normflux=flux, subpix=5)
    return np.where((flag == 0) & (flux > 0), radius, np.nan)


def half_sample_mode(values: np.ndarray) -> float:
    """Return the mode of a sample: the densest half of the densest half, and so on (Bickel & Fruehwirth 2006)."""
    values = np.sort(values)
    while len(values) > 3:
        half = (len(values) + 1) // 2
        widths = values[half - 1 :] - values[: len(values) - half + 1]
        start = int(np.argmin(widths))
        values = values[start : start + half]
    return float(np.mean(values))


def point_sources(frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of isolated bright point sources, the brightest first.

    They share the smallest common half-light radius: galaxies, blends and saturated stars are wider.
    """
    found = detect(frame)
    if len(found) < _FEWEST:
        return np.empty(0), np.empty(0)
    flux, error, _ = sep.sum_circle(frame.pixels, found["x"], found["y"], _CORE, err=frame.sky_noise)
    distances = np.hypot(found["x"][:, None] - found["x"], found["y"][:, None] - found["y"])
    np.fill_diagonal(distances, np.inf)
    radius = half_light_radii(frame, found)
    usable = (flux > _SIGNAL_TO_NOISE * error) & (found["flag"] == 0) & np.isfinite(radius)
    usable &= distances.min(axis=1) > _ISOLATION
    if np.count_nonzero(usable) < _FEWEST:
        return np.empty(0), np.empty(0)
    star = usable & (np.abs(radius / half_sample_mode(radius[usable]) - 1) < _LOCUS)
    order = np.argsort(-flux[star])
    return found["x"][star][order], found["y"][star][order]


def measure_psf(field: Field) -> Psf:
    """Measure the PSF of a field's frames: the median of stamps of its stars, brought to the same flux.

    Stars are chosen in r, which goes deepest; a band uses those that stand out in it.

    Raises
    ------
    InputError
        If a band has fewer than three of them, or they do not look like a star.
    """
    x, y = point_sources(field[R])
    ra, dec = field[R].wcs.all_pix2world(x, y, 0)
    stamps = cut(field, np.atleast_1d(ra), np.atleast_1d(dec))
    images, widths, counts = [], [], []
    for number, (band, frame) in enumerate(zip(BANDS, field, strict=True)):
        pixels = without_background(stamps.pixels[:, number])
        core = aperture_flux(pixels, _CORE)
        noise = stamps.native_noise[:, number] * np.sqrt(np.pi) * _CORE
        bright = np.flatnonzero(core > _SIGNAL_TO_NOISE * noise)
        bright = bright[np.argsort(-core[bright], kind="stable")][:STARS]
        if len(bright) < _FEWEST:
            raise InputError(f"{frame.source}: {len(bright)} point sources for the PSF in {band}; {_FEWEST} are needed")
        image = _round_wings(np.median(pixels[bright] / core[bright, None, None], axis=0))
        images.append(image / aperture_flux(image[None], APERTURE / PIXEL_SCALE)[0])
        try:
            widths.append(moffat_fwhm(images[-1]) * PIXEL_SCALE)
        except (RuntimeError, ValueError) as error:
            raise InputError(f"{frame.source}: its stars show no point-spread function ({error})") from None
        counts.append(len(bright))
    return Psf(np.array(images), np.array(widths), np.array(counts))


def distance_to_centre(side: int = SIDE) -> np.ndarray:
    """Return the distance in pixels of each pixel (side, side) of a stamp from its centre."""
    offset = np.arange(side) - (side - 1) / 2
    return np.hypot(offset[:, None], offset)


def around(side: int = SIDE) -> np.ndarray:
    """Tell which pixels (side, side) of a stamp lie beyond the aperture."""
    return distance_to_centre(side) > APERTURE / PIXEL_SCALE


def without_background(images: np.ndarray) -> np.ndarray:
    """Take from each image (n, side, side) the median beyond the aperture: the light of everything around."""
    return images - np.median(images[:, around(images.shape[-1])], axis=1)[:, None, None]


def _round_wings(image: np.ndarray) -> np.ndarray:
    """Replace the wings of a star by the median of each ring: neighbours of few stars leave a trace in a pixel."""
    ring = distance_to_centre(image.shape[-1]).astype(int)
    wings = image.copy()
    for radius in range(_CORE_RINGS, ring.max() + 1):
        wings[ring == radius] = np.median(image[ring == radius])
    return wings


def aperture_flux(images: np.ndarray, radius: float) -> np.ndarray:
    """Sum images (n, side, side) within a radius in pixels around their centres."""
    centre = (images.shape[-1] - 1) / 2
    return np.array(
        [sep.sum_circle(np.ascontiguousarray(image, float), [centre], [centre], radius)[0][0] for image in images]
    )


def moffat(
    place: tuple[np.ndarray, np.ndarray], height: float, x: float, y: float, fwhm: float, beta: float
) -> np.ndarray:
    """Return a round Moffat profile (Moffat 1969, A&A 3, 455) at some places."""
    core = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    return height * (1 + ((place[0] - x) ** 2 + (place[1] - y) ** 2) / core**2) ** -beta


def moffat_fwhm(image: np.ndarray) -> float:
    """Fit a Moffat profile to a star at the centre of an image; return its full width at half maximum in pixels."""
    centre = (image.shape[-1] - 1) / 2
    y, x = np.nonzero(distance_to_centre(image.shape[-1]) < _FIT_RADIUS)
    start = (image.max(), centre, centre, 3.0, 3.0)
    bounds = ([0, 0, 0, 0.5, 1.05], [np.inf, 2 * centre, 2 * centre, 2 * centre, 50])
    fitted, _ = curve_fit(moffat, (x, y), image[y, x], start, bounds=bounds)
    return float(fitted[3])
