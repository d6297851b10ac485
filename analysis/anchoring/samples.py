"""The pairs of samples that the anchoring compares: a real table, and mock galaxies selected as it was."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.spatial import cKDTree
from scipy.stats import norm

from analysis.survey.mock import fields, photometry, populations, targets
from analysis.survey.mock.parameters import parameters
from analysis.survey.real_tables import ingested, table
from analysis.survey.schema import BANDS

Generator = np.random.Generator

MAIN_LIMIT = 17.77  # Strauss et al. (2002)
_FIBRE = [f"fiber_flux_{band}" for band in BANDS]
_MAGNITUDES = [f"dered_{band}" for band in BANDS]
_CANDIDATES = 4_000  # drawn at a time
_LN_TO_MAG = 2.5 / np.log(10)
_SAME_REDSHIFT, _SAME_MAGNITUDE = 0.02, 0.1  # distances that count alike in the search for a real galaxy's likeness
_LIKENESSES, _FARTHEST = 10, 2.0
_U_IS_NOISE, _DETECTED = 0.43, 4.0  # redshift beyond which u is noise, but for fluxes of so many quoted errors


class Pair(NamedTuple):
    """Mock and real galaxies with the same columns."""

    mock: pd.DataFrame
    real: pd.DataFrame


def draw_targets(rng: Generator, sample: str, number: int, redshift: tuple[float, float] | None = None) -> pd.DataFrame:
    """Draw galaxies that one of SDSS's target selections takes, under skies of their own.

    Parameters
    ----------
    rng : numpy.random.Generator
    sample : str
        A galaxy sample of the mock's parameters.
    number : int
    redshift : (float, float), optional
        Range; by default the sample's own.

    Returns
    -------
    pandas.DataFrame
        The measured columns, with the true `redshift` and the fibre's fluxes without noise, `fiber_flux_*`
        (nanomaggies).
    """
    settings = parameters()["samples"][sample]
    sky = fields.draw_fields(int(rng.integers(2**31)))
    parts: list[pd.DataFrame] = []
    while sum(map(len, parts)) < number:
        candidates = populations.draw_galaxies(
            rng, _CANDIDATES, tuple(settings["limit"]), tuple(redshift or settings["redshift"])
        )
        placed = fields.place(rng, candidates, sky)
        measured = photometry.observe(rng, placed)
        fibre = pd.DataFrame(photometry.fiber_flux(photometry.Scene.of(placed)), columns=_FIBRE)
        everything = pd.concat([placed[["redshift"]], measured, fibre], axis=1)
        parts.append(everything[targets.is_target(sample, measured)])
    return pd.concat(parts, ignore_index=True).iloc[:number]


def colours(galaxies: pd.DataFrame) -> pd.DataFrame:
    """Return redshift, model magnitudes, and the adjacent colours as `u_g`, …"""
    differences = {f"{b}_{r}": galaxies[f"dered_{b}"] - galaxies[f"dered_{r}"] for b, r in pairwise(BANDS)}
    return galaxies[["redshift", *_MAGNITUDES]].assign(**differences)


def main_pair(rng: Generator, number: int, real_data: Path) -> Pair:
    """Return the main galaxy sample of the mock and of sdss_mgs."""
    with ingested(table("sdss_mgs"), real_data) as real:
        real = real[real["redshift"] > 0].dropna(subset=_MAGNITUDES)
    return Pair(colours(draw_targets(rng, "main", number)), colours(real.reset_index(drop=True)))


def boss_pair(rng: Generator, number: int, real_data: Path) -> Pair:
    """Return BOSS galaxies: LOWZ and CMASS of the mock, as boss_dr10 would list them, and boss_dr10.

    The table joins files of several selections and says of none what it is, so that its distribution of redshift and
    magnitude is nobody's. Hence the comparison at given redshift and magnitude: each real galaxy is replaced by one of
    its nearest likenesses in the mock, by redshift and i; those without any are left out on both sides. Nor does it
    say what its magnitudes are: of errors that are the same for large galaxies and small, they are fluxes in a fibre,
    and logarithmic. A mock galaxy has its fibre flux with noise from the errors that the table quotes for the real
    one, times `noise_over_quoted` and, in u, `u_noise_over_quoted`; a flux that noise makes negative has no magnitude.
    """
    with ingested(table("boss_dr10"), real_data) as real:
        real = real.drop_duplicates(_MAGNITUDES).dropna(subset=_MAGNITUDES)
        real = real[real["redshift"] > 0].reset_index(drop=True)
    mock = pd.concat([draw_targets(rng, sample, number // 2) for sample in ("lowz", "cmass")], ignore_index=True)
    near, likeness = _nearest(mock, real)
    chosen = likeness[np.arange(len(real)), rng.integers(0, _LIKENESSES, len(real))]
    quoted = np.stack([_flux_error(real, band) for band in BANDS], axis=1)
    scale = np.array([u_noise_over_quoted(real), *[noise_over_quoted(real)] * 4])
    flux = mock[_FIBRE].to_numpy()[chosen] + scale * quoted * rng.normal(size=quoted.shape)
    magnitudes = 22.5 - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))
    seen = pd.DataFrame(magnitudes, columns=_MAGNITUDES).assign(redshift=mock["redshift"].to_numpy()[chosen])
    whole = near & np.isfinite(magnitudes).all(axis=1)
    return Pair(colours(seen[whole]).reset_index(drop=True), colours(real[near]).reset_index(drop=True))


def _nearest(mock: pd.DataFrame, real: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Whether each real galaxy has a likeness in the mock, and the nearest ones: (n,) and (n, k)."""

    def place(redshift: pd.Series, i: pd.Series) -> np.ndarray:
        return np.column_stack([redshift / _SAME_REDSHIFT, i / _SAME_MAGNITUDE])

    tree = cKDTree(place(mock["redshift"], 22.5 - 2.5 * np.log10(mock["fiber_flux_i"])))
    distance, likeness = tree.query(place(real["redshift"], real["dered_i"]), k=_LIKENESSES)
    return distance[:, 0] < _FARTHEST, likeness


def _flux_error(real: pd.DataFrame, band: str) -> np.ndarray:
    """Quoted error of a logarithmic magnitude as one of its flux, in nanomaggies."""
    flux = 10 ** (0.4 * (22.5 - real[f"dered_{band}"]))
    return (real[f"deredErr_{band}"] * flux / _LN_TO_MAG).to_numpy()


def noise_over_quoted(real: pd.DataFrame) -> float:
    """Return by how much the errors that a table quotes in g to z are too large: the ratio of noise to them.

    From the scatter of i-z, the colour that differs least between galaxies of one redshift, about its median in steps
    of 0.01 in redshift, over the quoted error of i-z, where that is larger than its median. What the galaxies
    themselves scatter is in it, so it is an upper limit.
    """
    table = pd.DataFrame({"colour": real["dered_i"] - real["dered_z"], "step": real["redshift"].round(2)})
    table["quoted"] = np.hypot(real["deredErr_i"].to_numpy(), real["deredErr_z"].to_numpy())
    table["pull"] = (table["colour"] - table.groupby("step")["colour"].transform("median")) / table["quoted"]
    low, high = table.loc[table["quoted"] > table["quoted"].median(), "pull"].quantile([0.25, 0.75])
    return float((high - low) / 1.349)


def u_noise_over_quoted(real: pd.DataFrame) -> float:
    """Return the ratio of the noise in u to the quoted error, where the flux is below its noise.

    Logarithmic magnitudes leave out negative fluxes: what is left of flux over error, beyond a redshift of 0.43, is
    the positive part of a normal distribution. Its width, by maximum likelihood, is the ratio.
    """
    faint = real[real["redshift"] > _U_IS_NOISE]
    ratio = 10 ** (0.4 * (22.5 - faint["dered_u"].to_numpy())) / _flux_error(faint, "u")
    ratio = ratio[ratio < _DETECTED]

    def minus_ln_likelihood(parameters: np.ndarray) -> float:
        mean, width = parameters[0], np.exp(parameters[1])
        return -float(np.mean(norm.logpdf(ratio, mean, width) - norm.logsf(0, mean, width)))

    return float(np.exp(minimize(minus_ln_likelihood, [0.0, 0.0], method="Nelder-Mead").x[1]))


def shapes_pair(rng: Generator, number: int, real_data: Path) -> Pair:
    """Return the main galaxy sample of the mock and of galaxyzoo1_table, with radii and axis ratios in r."""
    columns = ["deVRad_r", "expRad_r", "deVAB_r", "expAB_r"]
    with ingested(table("galaxyzoo1_table"), real_data) as real:
        real = real[(real["redshift"] > 0) & (real["dered_r"] < MAIN_LIMIT)].dropna(subset=columns)
    both = [
        galaxies[columns].assign(magnitude=galaxies["dered_r"])
        for galaxies in (draw_targets(rng, "main", number), real)
    ]
    return Pair(*both)


def nearby_pair(rng: Generator, number: int, real_data: Path) -> Pair:
    """Return nearby galaxies of the mock's main sample and of star_galaxy_sdss; magnitudes are as observed."""
    with ingested(table("star_galaxy_sdss"), real_data) as real:
        real = real[(real["petroMag_r"] < MAIN_LIMIT) & (real["redshift"] > 0.005)].dropna(subset=["petroRad_r"])
    mock = draw_targets(rng, "main", number, (0.005, float(real["redshift"].max())))
    return Pair(_concentrations(mock, mock["dered_r"] + mock["extinction_r"]), _concentrations(real, real["dered_r"]))


def _concentrations(galaxies: pd.DataFrame, model: pd.Series) -> pd.DataFrame:
    return galaxies[["petroRad_r"]].assign(
        magnitude=model,
        psf_minus_model=galaxies["psfMag_r"] - model,
        fiber_minus_petro=galaxies["fiberMag_r"] - galaxies["petroMag_r"],
    )
