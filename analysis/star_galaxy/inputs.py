"""What the catalogue says of an object to a classifier: magnitudes, colours, concentrations, everything.

Magnitudes and colours are those of the model magnitudes, extinction-corrected. A concentration is psfMag - cModelMag:
near 0 for a point source, above it for what is wider than the PSF. Where a survey has no cModelMag, it is psfMag minus
the model magnitude, whose extinction correction is undone.
"""

from itertools import pairwise

import numpy as np
import pandas as pd

from analysis.features import photometric_features
from analysis.survey.schema import BANDS

REFERENCE_BAND = "r"  # of the concentration cut and of everything by magnitude
CUT = 0.145  # least concentration of a galaxy, as SDSS classifies


def concentration(catalogue: pd.DataFrame, band: str) -> pd.Series | None:
    """Return the concentration in a band, in mag; None where the catalogue does not have it."""
    psf = catalogue.get(f"psfMag_{band}")
    composite, model = catalogue.get(f"cModelMag_{band}"), catalogue.get(f"dered_{band}")
    if psf is None:
        return None
    if composite is not None:
        return psf.astype(float) - composite
    return None if model is None else psf.astype(float) - model - catalogue.get(f"extinction_{band}", 0.0)


def magnitudes_and_colours(catalogue: pd.DataFrame) -> pd.DataFrame:
    """Return the inputs of TPC_phot: magnitudes and colours of neighbouring bands (five and four in ugriz)."""
    bands = [band for band in BANDS if f"dered_{band}" in catalogue]
    columns = {f"dered_{band}": catalogue[f"dered_{band}"].astype(float) for band in bands}
    for blue, red in pairwise(bands):
        columns[f"dered_{blue}-{red}"] = columns[f"dered_{blue}"] - columns[f"dered_{red}"]
    return pd.DataFrame(columns, index=catalogue.index)


def concentrations(catalogue: pd.DataFrame) -> pd.DataFrame:
    """Return the concentration in each band that has one."""
    found = {f"concentration_{band}": concentration(catalogue, band) for band in BANDS}
    return pd.DataFrame({name: c for name, c in found.items() if c is not None}, index=catalogue.index)


def with_concentrations(catalogue: pd.DataFrame) -> pd.DataFrame:
    """Return the inputs of TPC_morph: those of TPC_phot, and concentrations."""
    return pd.concat([magnitudes_and_colours(catalogue), concentrations(catalogue)], axis=1)


def all_parameters(catalogue: pd.DataFrame) -> pd.DataFrame:
    """Return everything measured: the 85 photometric features, and concentrations."""
    return pd.concat([photometric_features(catalogue).astype(float), concentrations(catalogue)], axis=1)


def reference_concentration(catalogue: pd.DataFrame) -> pd.DataFrame:
    """Return the one parameter of the concentration cut; no column where it is not known."""
    name = f"concentration_{REFERENCE_BAND}"
    return concentrations(catalogue).reindex(columns=[name]).dropna(axis=1, how="all")


def summed_concentration(catalogue: pd.DataFrame) -> pd.DataFrame:
    """Return the concentration of SDSS's `type`: of fluxes summed over all bands; no column with fewer than two.

    Magnitudes that are missing in a band count as no flux, in both sums.
    """
    bands = [band for band in BANDS if {f"psfMag_{band}", f"cModelMag_{band}"} <= set(catalogue)]
    if len(bands) < 2:
        return pd.DataFrame(index=catalogue.index)
    columns = [[f"{name}_{band}" for band in bands] for name in ("psfMag", "cModelMag")]
    psf, composite = (10 ** (-0.4 * catalogue[of].to_numpy(float)) for of in columns)
    known = np.isfinite(psf) & np.isfinite(composite)
    sums = [np.where(known, flux, 0).sum(axis=1) for flux in (composite, psf)]
    with np.errstate(invalid="ignore"):
        return pd.DataFrame({"concentration": 2.5 * np.log10(sums[0] / sums[1])}, index=catalogue.index)
