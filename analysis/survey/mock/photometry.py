"""What SDSS's photometric pipeline measures of an object: every raw column behind the 85 features.

What a column means decides how it is computed (Stoughton et al. 2002, section 4.4; Lupton et al. 2001):

- psfMag: the flux that a PSF-weighted sum finds; fiberMag: a 3 arcsec aperture after convolution to 2 arcsec seeing;
- petroRad, petroMag, Stokes q and u: from the profile as seen, so seeing enters them, band by band;
- model magnitudes, radii and axis ratios: fits corrected for the PSF, hence biased by the wrong profile and scattered
  by noise, but not convolved; modelMag uses the r-band fit in every band, cModelMag each band's own two.

Fluxes are in nanomaggies, lengths in arcsec; arrays are (objects, bands). Noise of the sky is white, with photon noise
of the object added; the errors of different magnitudes of one object are correlated as far as they weigh the same
pixels alike (through their overlap with the PSF).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.survey.mock import fields as sky
from analysis.survey.mock import fits, profiles
from analysis.survey.mock.parameters import parameters
from analysis.survey.mock.populations import BULGE_TO_TOTAL, MAGNITUDES
from analysis.survey.schema import BANDS

FloatArray = np.ndarray
Generator = np.random.Generator

R = BANDS.index("r")
FIBER_RADIUS, FIBER_SEEING = 1.5, 2.0
PETROSIAN_RATIO, PETROSIAN_APERTURE = 0.2, 2.0
ISOPHOTE = 25.0  # mag / arcsec^2, within which Stokes parameters are measured
SHAPE_LIMIT, PETROSIAN_LIMIT = 0.1, 0.3  # signal-to-noise below which nothing is measured: null
AXIS_RATIO_PRIOR = 0.5  # standard deviation
_LN_TO_MAG = 2.5 / np.log(10)


@dataclass(frozen=True)
class Scene:
    """Objects under the sky of their field. All arrays are (n, 5), except the position angle (n,)."""

    flux: FloatArray  # with extinction and calibration error
    bulge: FloatArray  # share of the flux
    bulge_radius: FloatArray
    disc_radius: FloatArray
    bulge_axis_ratio: FloatArray
    disc_axis_ratio: FloatArray
    position_angle: FloatArray
    fwhm: FloatArray
    noise: FloatArray  # nanomaggies in one square arcsecond
    extinction: FloatArray
    gain: FloatArray  # electrons per nanomaggy

    @classmethod
    def of(cls, placed: pd.DataFrame) -> "Scene":
        """Build the scene of a placed truth table; point sources have no bulge and a disc of no size."""

        def bands(names: list[str]) -> FloatArray:
            return placed[names].to_numpy(float)

        def same(name: str, point: float) -> FloatArray:
            values = placed[name].to_numpy(float) if name in placed else np.full(len(placed), np.nan)
            return np.repeat(np.where(np.isnan(values), point, values)[:, None], 5, axis=1)

        extinction = bands(sky.EXTINCTION)
        bulge = bands(BULGE_TO_TOTAL) if set(BULGE_TO_TOTAL) <= set(placed) else np.zeros_like(extinction)
        return cls(
            flux=10 ** (-0.4 * (bands(MAGNITUDES) + extinction + bands(sky.ZEROPOINT) - 22.5)),
            bulge=np.nan_to_num(bulge),
            bulge_radius=same("bulge_radius", 1e-3),
            disc_radius=same("disc_radius", 1e-3),
            bulge_axis_ratio=same("bulge_axis_ratio", 1.0),
            disc_axis_ratio=same("disc_axis_ratio", 1.0),
            position_angle=same("position_angle", 0.0)[:, 0],
            fwhm=bands(sky.SEEING),
            noise=bands(sky.SKY_NOISE),
            extinction=extinction,
            gain=np.broadcast_to(np.array(parameters()["camera"]["electrons_per_nmgy"], float), extinction.shape),
        )

    def seen(self, quantity: str, fwhm: FloatArray) -> FloatArray:
        """Sum a tabulated quantity over bulge and disc, each weighted by its share, for a given seeing."""
        total: FloatArray | float = 0.0
        parts = {
            "deV": (self.bulge, self.bulge_radius, self.bulge_axis_ratio),
            "exp": (1 - self.bulge, self.disc_radius, self.disc_axis_ratio),
        }
        for name, (share, radius, axis_ratio) in parts.items():
            tables, at = profiles.profile_table(name), (radius / fwhm, axis_ratio)
            # light within an aperture falls as a power of the size: nearly a straight line in logarithms
            light = tables.psf_fraction if quantity == "psf_fraction" else tables.enclosed
            values = np.exp(profiles.interpolate(np.log(light), *at))
            if quantity == "stokes":
                values = values * profiles.interpolate(tables.stokes / tables.enclosed, *at)
            total = total + share.reshape(share.shape + (1,) * (values.ndim - share.ndim)) * values
        return np.asarray(total)


@dataclass(frozen=True)
class Noise:
    """Noise of one object in one band: a part that all its magnitudes share, and how they differ."""

    scene: Scene
    shared: FloatArray

    def measure(
        self, rng: Generator, flux: FloatArray, area: FloatArray, correlation: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Add noise to a flux that is weighed over an area (arcsec^2); return the noisy flux and its error."""
        sigma = np.sqrt(self.scene.noise**2 * area + np.maximum(flux, 0) / self.scene.gain)
        correlation = np.clip(correlation, 0, 1)
        own = rng.normal(size=flux.shape)
        return flux + sigma * (correlation * self.shared + np.sqrt(1 - correlation**2) * own), sigma


def observe(rng: Generator, placed: pd.DataFrame) -> pd.DataFrame:
    """Measure objects.

    Parameters
    ----------
    rng : numpy.random.Generator
    placed : pandas.DataFrame
        Truth with position and field (`fields.place`).

    Returns
    -------
    pandas.DataFrame
        The measured columns of the catalogue contract, and `petroR50_r` (arcsec), which target selection needs.
    """
    scene = Scene.of(placed)
    noise = Noise(scene, rng.normal(size=scene.flux.shape))
    columns: dict[str, FloatArray] = {}
    psf_area = profiles.interpolate(profiles.profile_table("exp").area, np.array(0.0), np.array(1.0))

    mismatch = 10 ** (0.4 * parameters()["camera"]["psf_flux_error"] * rng.normal(size=scene.flux.shape))
    psf_flux = scene.flux * scene.seen("psf_fraction", scene.fwhm) * mismatch
    measured, sigma = noise.measure(rng, psf_flux, psf_area * scene.fwhm**2, np.ones_like(psf_flux))
    _put_magnitude(columns, "psfMag", measured, sigma)

    area = np.full_like(scene.flux, np.pi * FIBER_RADIUS**2)
    alike = _aperture_correlation(FIBER_RADIUS / scene.fwhm, psf_area)
    measured, sigma = noise.measure(rng, fiber_flux(scene), area, alike)
    _put_magnitude(columns, "fiberMag", measured, sigma)

    _petrosian_and_stokes(rng, scene, noise, psf_area, columns)
    _model_fits(rng, scene, noise, psf_area, columns)
    columns |= {f"extinction_{band}": scene.extinction[:, k] for k, band in enumerate(BANDS)}
    return pd.DataFrame(columns)


def fiber_flux(scene: Scene) -> FloatArray:
    """Return the flux (n, 5) within a spectroscopic fibre, in nanomaggies and without noise."""
    seeing = np.full_like(scene.flux, FIBER_SEEING)
    return scene.flux * _at_radius(scene.seen("enclosed", seeing), FIBER_RADIUS / seeing)


def _put(columns: dict[str, FloatArray], name: str, values: FloatArray) -> None:
    columns |= {f"{name}_{band}": values[:, k] for k, band in enumerate(BANDS)}


def _put_magnitude(
    columns: dict[str, FloatArray], name: str, flux: FloatArray, sigma: FloatArray, minus: FloatArray | float = 0.0
) -> None:
    """Store asinh magnitudes and their errors (Lupton, Gunn & Szalay 1999, AJ 118, 1406, eqs. 3 and 4)."""
    softening = 1e9 * np.array(parameters()["camera"]["asinh_softening"])  # nanomaggies
    magnitude = 22.5 - _LN_TO_MAG * (np.arcsinh(flux / (2 * softening)) + np.log(softening))
    error = _LN_TO_MAG * sigma / np.sqrt(flux**2 + 4 * softening**2)
    stem = name.removesuffix("Mag")
    _put(columns, name, magnitude - minus)
    _put(columns, {"dered": "deredErr"}.get(name, f"{stem}MagErr"), error)


def _at_radius(curves: FloatArray, radius: FloatArray) -> FloatArray:
    """Read tabulated curves (n, 5, radii) at one radius each (n, 5), both in FWHM."""
    step = np.log(profiles.RADII[1] / profiles.RADII[0])
    last = len(profiles.RADII) - 1
    x = np.clip(np.log(np.maximum(radius, 1e-6) / profiles.RADII[0]) / step, 0, last - 1e-9)
    k = x.astype(int)
    weight = x - k
    low = np.take_along_axis(curves, k[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(curves, k[..., None] + 1, axis=-1)[..., 0]
    return low * (1 - weight) + high * weight


def _aperture_correlation(radius: FloatArray, psf_area: FloatArray) -> FloatArray:
    """Correlation of the noise in an aperture (radius in FWHM) with that of the PSF flux."""
    point = profiles.psf()
    enclosed = sum(f * -np.expm1(-0.5 * radius**2 / v) for f, v in zip(point.flux, point.variance, strict=True))
    return np.asarray(enclosed * np.sqrt(psf_area / (np.pi * radius**2)))


def _crossing(curves: FloatArray, level: float) -> FloatArray:
    """First index at which falling curves (n, 5, k) drop below a level, interpolated; the last one if they never do."""
    below = curves < level
    k = np.where(below.any(axis=-1), below.argmax(axis=-1), curves.shape[-1] - 1)
    k = np.maximum(k, 1)[..., None]
    before, after = np.take_along_axis(curves, k - 1, axis=-1), np.take_along_axis(curves, k, axis=-1)
    fraction = np.clip((before - level) / np.where(before > after, before - after, 1.0), 0, 1)
    return (k - 1 + fraction)[..., 0]


def _petrosian_and_stokes(
    rng: Generator, scene: Scene, noise: Noise, psf_area: FloatArray, columns: dict[str, FloatArray]
) -> None:
    enclosed = scene.seen("enclosed", scene.fwhm)
    radii, jump = profiles.RADII, profiles.STEPS_PER_ANNULUS
    edge = radii[1] / radii[0]

    # Petrosian ratio: surface brightness in an annulus over the mean within (Blanton et al. 2001, AJ 121, 2358, eq. 1)
    annulus = (enclosed[..., 2 * jump :] - enclosed[..., : -2 * jump]) / (1.25**2 - 0.8**2)
    ratio = annulus / enclosed[..., jump:-jump]
    index = _crossing(ratio, PETROSIAN_RATIO)
    radius = radii[jump] * edge**index * scene.fwhm
    inside = scene.flux * _at_radius(enclosed, radius / scene.fwhm)
    slope = np.maximum(_at_index(-np.gradient(ratio, np.log(edge), axis=-1), index), 0.05)
    annulus_noise = scene.noise * np.sqrt(np.pi * radius**2 / (1.25**2 - 0.8**2))
    spread = np.hypot(annulus_noise / inside / slope, 0.01)
    petro_rad = radius * np.exp(np.clip(spread * rng.normal(size=radius.shape), -1.0, 1.0))

    aperture = PETROSIAN_APERTURE * petro_rad[:, [R]]  # the r band's aperture serves every band
    flux = scene.flux * _at_radius(enclosed, aperture / scene.fwhm)
    alike = _aperture_correlation(aperture / scene.fwhm, psf_area)
    measured, sigma = noise.measure(rng, flux, np.pi * aperture**2 * np.ones_like(flux), alike)
    _put_magnitude(columns, "petroMag", measured, sigma)
    signal = flux / sigma
    _put(columns, "petroRad", np.where(signal > PETROSIAN_LIMIT, petro_rad, np.nan))
    half = enclosed[:, R] / _at_radius(enclosed, aperture / scene.fwhm)[:, [R]]
    columns["petroR50_r"] = radii[0] * edge ** _crossing(1 - half, 0.5) * scene.fwhm[:, R]

    brightness = np.diff(enclosed, axis=-1) / (np.pi * np.diff(radii**2)) * (scene.flux / scene.fwhm**2)[..., None]
    isophote = radii[1] * edge ** _crossing(brightness, 10 ** (0.4 * (22.5 - ISOPHOTE)))
    within = np.maximum(_at_radius(enclosed, isophote), 1e-3)
    elongation = _at_radius(scene.seen("stokes", scene.fwhm), isophote) / within
    error = scene.noise * isophote * scene.fwhm * np.sqrt(np.pi / 2) / (scene.flux * within)
    for name, direction in (("q", np.cos), ("u", np.sin)):
        value = elongation * direction(2 * scene.position_angle)[:, None] + error * rng.normal(size=error.shape)
        _put(columns, name, np.where(signal > SHAPE_LIMIT, np.clip(value, -1, 1), np.nan))


def _at_index(curves: FloatArray, index: FloatArray) -> FloatArray:
    nearest = np.clip(np.rint(index).astype(int), 0, curves.shape[-1] - 1)
    return np.take_along_axis(curves, nearest[..., None], axis=-1)[..., 0]


@dataclass(frozen=True)
class Fit:
    """One profile fitted to every object in every band by itself: all arrays are (n, 5)."""

    radius: FloatArray  # arcsec; this and the axis ratio without noise
    axis_ratio: FloatArray
    flux: FloatArray
    area: FloatArray  # over which the fit weighs the sky's noise, arcsec^2
    signal: FloatArray  # over noise
    stretch: FloatArray  # ln of the factor by which noise in the radius changes the flux


def _fit(rng: Generator, scene: Scene, name: str, table: dict[str, FloatArray], columns: dict[str, FloatArray]) -> Fit:
    """Fit one profile, and store its noisy radius and axis ratio."""
    bulge, disc = scene.bulge * table[f"{name}_bulge"], (1 - scene.bulge) * table[f"{name}_disc"]
    flux = scene.flux * (bulge + disc)
    size = scene.disc_radius / scene.fwhm * np.exp(table[f"ln_{name}_size"])
    weight = np.clip(disc / (bulge + disc), 0, 1)
    axis_ratio = scene.disc_axis_ratio**weight * scene.bulge_axis_ratio ** (1 - weight)
    area = profiles.interpolate(profiles.profile_table(name).area, size, axis_ratio)
    signal = flux / np.sqrt(scene.noise**2 * area * scene.fwhm**2 + flux / scene.gain)
    noisy_size, noisy_ratio, stretch = _noisy_shape(rng, name, size, axis_ratio, signal, area)
    measurable = signal > SHAPE_LIMIT
    _put(columns, f"{name}Rad", np.where(measurable, noisy_size * scene.fwhm, np.nan))
    _put(columns, f"{name}AB", np.where(measurable, noisy_ratio, np.nan))
    return Fit(size * scene.fwhm, axis_ratio, flux, area * scene.fwhm**2, signal, stretch)


def _model_fits(
    rng: Generator, scene: Scene, noise: Noise, psf_area: FloatArray, columns: dict[str, FloatArray]
) -> None:
    size, ratio = scene.disc_radius / scene.fwhm, scene.bulge_radius / scene.disc_radius
    brightness = scene.flux / (scene.gain * (scene.noise * scene.fwhm) ** 2)
    table = fits.fitted(scene.bulge, ratio, size, brightness)
    exp, deV = (_fit(rng, scene, name, table, columns) for name in ("exp", "deV"))

    # modelMag: the likelier profile in the r band, with its radius and axis ratio, in every band
    chosen = prefers_deV(rng, table["preference"][:, R], table["distance"][:, R], deV.signal[:, R])
    bulge_r, brightness_r = (np.repeat(values[:, [R]], 5, axis=1) for values in (scene.bulge, brightness))
    by_r = fits.fitted(bulge_r, ratio, size, brightness_r)
    model = [_r_band_model(scene, name, fit, by_r) for name, fit in (("exp", exp), ("deV", deV))]
    flux, area, stretch = (np.where(chosen[:, None], second, first) for first, second in zip(*model, strict=True))
    _measure_model(rng, noise, "dered", flux, stretch, area, psf_area, columns)

    # cModelMag: the best combination of each band's own two fits
    fraction = table["fracDeV"] + table["fracDeV_noise"] / deV.signal * rng.normal(size=flux.shape)
    fraction = np.clip(fraction, 0, 1)
    _put(columns, "fracDeV", np.where(deV.signal > SHAPE_LIMIT, fraction, np.nan))
    flux, area, stretch = (
        fraction * getattr(deV, name) + (1 - fraction) * getattr(exp, name) for name in ("flux", "area", "stretch")
    )
    _measure_model(rng, noise, "cModelMag", flux, stretch, area, psf_area, columns)


def prefers_deV(rng: Generator, preference: FloatArray, distance: FloatArray, signal: FloatArray) -> FloatArray:
    """Tell which objects the de Vaucouleurs profile fits better than the exponential one, noise included.

    Parameters
    ----------
    rng : numpy.random.Generator
    preference, distance : ndarray (n,)
        See `fits.QUANTITIES`.
    signal : ndarray (n,)
        Over noise.

    Returns
    -------
    ndarray of bool (n,)
    """
    # chi^2 of exp - chi^2 of deV = signal^2 preference + 2 (difference of the images) . noise. Where the images are
    # the same, numerical noise decides in a real fit too: the floor makes that a fair coin.
    spread = 2 * np.sqrt(np.maximum(distance, 1e-12))
    return preference * signal + spread * rng.normal(size=preference.shape) > 0


def _r_band_model(
    scene: Scene, name: str, fit: Fit, by_r: dict[str, FloatArray]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Flux, area and stretch of one profile as fitted in r and scaled to every band: each (n, 5)."""
    flux = scene.flux * (scene.bulge * by_r[f"{name}_bulge"] + (1 - scene.bulge) * by_r[f"{name}_disc"])
    size, axis_ratio = fit.radius[:, [R]] / scene.fwhm, np.repeat(fit.axis_ratio[:, [R]], 5, axis=1)
    area = profiles.interpolate(profiles.profile_table(name).area, size, axis_ratio) * scene.fwhm**2
    return flux, area, np.repeat(fit.stretch[:, [R]], 5, axis=1)


def _measure_model(
    rng: Generator,
    noise: Noise,
    name: str,
    flux: FloatArray,
    stretch: FloatArray,
    area: FloatArray,
    psf_area: FloatArray,
    columns: dict[str, FloatArray],
) -> None:
    scene = noise.scene
    alike = scene.seen("psf_fraction", scene.fwhm) * np.sqrt(area / (psf_area * scene.fwhm**2))
    measured, sigma = noise.measure(rng, flux * np.exp(stretch), area, alike)
    _put_magnitude(columns, name, measured, sigma, minus=scene.extinction if name == "dered" else 0.0)


def _noisy_shape(
    rng: Generator, name: str, size: FloatArray, axis_ratio: FloatArray, signal: FloatArray, area: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Scatter a fit's size and axis ratio by noise; also return ln of the factor by which its flux follows its size.

    Sizes and areas are in FWHM. The fit is linear in size^2, which an unresolved source leaves near zero.
    """
    # the covariance is for unit noise density; signal = flux / (noise sqrt(area))
    covariance = profiles.interpolate(profiles.profile_table(name).covariance, size, axis_ratio)
    covariance = covariance / (signal**2 * area)[..., None, None]
    # a prior on the axis ratio, which alone decides it where the source is not resolved
    with_ratio = covariance[..., 2]
    known = covariance[..., 2, 2] + AXIS_RATIO_PRIOR**2
    covariance = covariance - with_ratio[..., :, None] * with_ratio[..., None, :] / known[..., None, None]

    square, spread = size**2, np.hypot(np.sqrt(covariance[..., 1, 1]), parameters()["camera"]["psf_size_error"])
    noisy = np.clip(square + spread * rng.normal(size=size.shape), 1e-4, 100 * (size + 1) ** 2)
    slope = covariance[..., 0, 1] / covariance[..., 1, 1]
    stretch = np.clip(slope * (square + 0.1) * np.log((noisy + 0.1) / (square + 0.1)), -0.5, 0.5)
    ratio = axis_ratio + np.sqrt(covariance[..., 2, 2]) * rng.normal(size=size.shape)
    ratio = np.where(ratio > 1, 2 - ratio, ratio)  # beyond round, the other axis is the longer one
    return np.sqrt(noisy), np.clip(ratio, 0.05, 1.0), stretch
