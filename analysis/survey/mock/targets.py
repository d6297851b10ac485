"""Who gets a spectrum, and what the spectrograph makes of it.

The cuts are SDSS's own, on measured photometry: the main galaxy sample (Strauss et al. 2002, AJ 124, 1810), luminous
red galaxies (Eisenstein et al. 2001, AJ 122, 2267) and BOSS's LOWZ and CMASS (Dawson et al. 2013, AJ 145, 10, section
2.1). So the labelled sample does not represent the unlabelled one.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis.survey.mock.parameters import parameters

Generator = np.random.Generator
Mask = np.ndarray


def _colours(c: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return (c["dered_g"] - c["dered_r"]).to_numpy(), (c["dered_r"] - c["dered_i"]).to_numpy()


def _extinction_corrected(c: pd.DataFrame, magnitude: str, band: str) -> np.ndarray:
    return (c[f"{magnitude}_{band}"] - c[f"extinction_{band}"]).to_numpy()


def _petrosian(c: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Petrosian magnitude and mean surface brightness within the half-light radius, in r."""
    petro = _extinction_corrected(c, "petroMag", "r")
    return petro, petro + 2.5 * np.log10(2 * np.pi * c["petroR50_r"].to_numpy() ** 2)


def main(c: pd.DataFrame) -> Mask:
    """Select the main galaxy sample: Strauss et al. (2002), section 4."""
    petro, brightness = _petrosian(c)
    resolved = c["psfMag_r"] - c["dered_r"] - c["extinction_r"] > 0.3
    return (
        (petro < 17.77) & (brightness < 24.5) & (_extinction_corrected(c, "fiberMag", "r") > 15) & resolved.to_numpy()
    )


def lrg(c: pd.DataFrame) -> Mask:
    """Select luminous red galaxies: Eisenstein et al. (2001), eqs. 4 to 13."""
    g_r, r_i = _colours(c)
    petro, brightness = _petrosian(c)
    c_perp, c_par = r_i - g_r / 4 - 0.18, 0.7 * g_r + 1.2 * (r_i - 0.18)
    concentration = (c["psfMag_r"] - c["dered_r"] - c["extinction_r"]).to_numpy()
    near = (petro < 13.1 + c_par / 0.3) & (petro < 19.2) & (np.abs(c_perp) < 0.2) & (concentration > 0.3)
    far = (petro < 19.5) & (c_perp > 0.45 - g_r / 6) & (g_r > 1.30 + 0.25 * r_i) & (concentration > 0.5)
    return (near & (brightness < 24.2)) | (far & (brightness < 24.2))


def lowz(c: pd.DataFrame) -> Mask:
    """Select BOSS LOWZ: Dawson et al. (2013), eqs. 1 to 5."""
    g_r, r_i = _colours(c)
    r = _extinction_corrected(c, "cModelMag", "r")
    c_perp, c_par = r_i - g_r / 4 - 0.18, 0.7 * g_r + 1.2 * (r_i - 0.18)
    resolved = (c["psfMag_r"] - c["cModelMag_r"]).to_numpy() > 0.3
    return (np.abs(c_perp) < 0.2) & (r < 13.5 + c_par / 0.3) & (r > 16) & (r < 19.6) & resolved


def cmass(c: pd.DataFrame) -> Mask:
    """Select BOSS CMASS: Dawson et al. (2013), eqs. 6 to 14."""
    g_r, r_i = _colours(c)
    i = _extinction_corrected(c, "cModelMag", "i")
    d_perp = r_i - g_r / 8
    model_i, model_z = c["dered_i"].to_numpy(), c["dered_z"].to_numpy()
    in_colour = (d_perp > 0.55) & (r_i < 2) & (i < 19.86 + 1.6 * (d_perp - 0.8))
    psf_i, psf_z = (_extinction_corrected(c, "psfMag", band) for band in "iz")
    resolved = (psf_i - model_i > 0.2 + 0.2 * (20 - model_i)) & (psf_z - model_z > 9.125 - 0.46 * model_z)
    fibre = _extinction_corrected(c, "fiberMag", "i") < 21.7  # BOSS's 2 arcsec fibres: 21.5
    return (i > 17.5) & (i < 19.9) & in_colour & resolved & fibre


def ancillary(c: pd.DataFrame) -> Mask:
    """Select resolved objects of any colour, as BOSS's ancillary programmes do together (Dawson et al. 2013)."""
    resolved = (c["psfMag_r"] - c["cModelMag_r"]).to_numpy() > 0.2
    return resolved & (_extinction_corrected(c, "cModelMag", "i") < 21.6)


def point_source(c: pd.DataFrame) -> Mask:
    """Select unresolved objects bright enough for a spectrum, as for stars and quasars."""
    return ((c["psfMag_i"] - c["cModelMag_i"] < 0.2) & (c["psfMag_i"] < 20.5)).to_numpy()


GALAXY_TARGETS: dict[str, Callable[[pd.DataFrame], Mask]] = {"main": main, "lrg": lrg, "lowz": lowz, "cmass": cmass}
TARGETS = GALAXY_TARGETS | {"ancillary": ancillary, "star": point_source, "quasar": point_source}


def is_target(sample: str, catalogue: pd.DataFrame) -> Mask:
    """Tell which objects a sample takes: SDSS's cut of that name, or everything for the photometric field."""
    return TARGETS[sample](catalogue) if sample in TARGETS else np.ones(len(catalogue), bool)


def labels(rng: Generator, sample: str, truth: pd.DataFrame, catalogue: pd.DataFrame) -> pd.DataFrame:
    """Give spectroscopic labels: class, redshift, its error and warning; null without a spectrum.

    Returns
    -------
    pandas.DataFrame
        Columns class, redshift, redshift_err, redshift_warning.
    """
    settings, number = parameters()["spectroscopy"], len(truth)
    targeted = np.ones(number, bool)
    if sample == "field":
        # what passes SDSS's cuts for galaxies; other programmes take few objects of the sky, in samples of their own
        targeted = np.any([select(catalogue) for select in GALAXY_TARGETS.values()], axis=0)
        targeted &= rng.random(number) < settings["fibre_completeness"]
    fibre = _extinction_corrected(catalogue, "fiberMag", "i")
    hopeless = 1 / (1 + np.exp(-(fibre - settings["failure_magnitude"]) / settings["failure_width"]))
    failed = rng.random(number) < settings["failure_floor"] + (1 - settings["failure_floor"]) * hopeless
    warned = (failed & (rng.random(number) < settings["failures_warned"])).astype(float) * 4  # bit 2: SMALL_DELTA_CHI2
    error_at_17, slope = settings["redshift_err"]["at_fiber_17"], settings["redshift_err"]["slope"]
    error = np.maximum(error_at_17 * 10 ** (slope * (fibre - 17)), 5e-6)
    true = truth["redshift"].to_numpy()
    measured = np.where(failed, rng.uniform(0.0, 1.0, number), true + error * rng.normal(size=number))
    return pd.DataFrame(
        {
            "class": truth["class"].where(targeted).to_numpy(),
            "redshift": np.where(targeted, np.clip(measured, -0.01, None), np.nan),
            "redshift_err": np.where(targeted, error, np.nan),
            "redshift_warning": np.where(targeted, warned, np.nan),
        }
    )
