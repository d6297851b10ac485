"""A small survey whose redshifts are known functions of its features: not realistic, only learnable."""

import numpy as np
import pandas as pd
import pytest
from small_compendium import SMOKE, lay_out

from analysis import paths
from analysis.survey.catalogue import write_survey
from analysis.survey.schema import BANDS


def synthetic_catalogue(objects: int, seed: int) -> pd.DataFrame:
    """Draw galaxies: colours and radii follow redshift and type; PSF magnitudes lose light of large ones."""
    generator = np.random.default_rng(seed)
    z = generator.gamma(3, 0.08, objects)
    early = generator.random(objects) < 0.5
    r = 16 + 6 * z + generator.normal(0, 1, objects)
    radius = np.exp(generator.normal(0.3, 0.4, objects)) * (0.4 + 0.15 / (0.05 + z))
    table = {
        "object_id": np.arange(objects),
        "ra": generator.uniform(120, 240, objects),
        "dec": np.degrees(np.arcsin(generator.uniform(0, 0.8, objects))),
        "class": "GALAXY",
        "redshift": z,
        "redshift_warning": 0,
    }
    for number, band in enumerate(BANDS):
        reddening = (2 - number) * ((0.5 + 2 * z) * np.where(early, 0.6, 0.35) + 0.3 * np.sin(6 * z + number))
        model = r + reddening + generator.normal(0, 0.04, objects)
        seen = np.sqrt(radius**2 + 0.6**2)
        table |= {
            f"dered_{band}": model,
            f"psfMag_{band}": model + 1.5 * np.log10(1 + radius**2) + generator.normal(0, 0.04, objects),
            f"fiberMag_{band}": model + np.log10(1 + radius / 2) + generator.normal(0, 0.04, objects),
            f"petroRad_{band}": 1.5 * seen * generator.lognormal(0, 0.1, objects),
            f"expRad_{band}": radius * generator.lognormal(0, 0.1, objects),
            f"deVRad_{band}": 1.3 * radius * generator.lognormal(0, 0.1, objects),
            f"fracDeV_{band}": np.clip(np.where(early, 0.8, 0.2) + generator.normal(0, 0.2, objects), 0, 1),
            f"expAB_{band}": generator.uniform(0.2, 1, objects),
            f"deVAB_{band}": generator.uniform(0.2, 1, objects),
            f"q_{band}": generator.normal(0, 0.2, objects).clip(-1, 1),
            f"u_{band}": generator.normal(0, 0.2, objects).clip(-1, 1),
        }
    return pd.DataFrame(table)


@pytest.fixture
def compendium(tmp_path, monkeypatch):
    """Return a function that lays out a compendium with a survey in a temporary folder, at the smoke scale."""

    def with_survey(catalogue: pd.DataFrame):
        lay_out(tmp_path, monkeypatch, SMOKE)
        write_survey(catalogue, paths.DATA, {"kind": "mock"})
        return tmp_path

    return with_survey


@pytest.fixture
def survey(compendium):
    """Return a function that lays out a compendium with a synthetic survey, some columns left out, some empty."""

    def drawn(without: str = "nothing", objects: int = 1500, empty: str = "nothing"):
        catalogue = synthetic_catalogue(objects, seed=1)
        catalogue[catalogue.filter(regex=empty).columns] = np.nan
        return compendium(catalogue.drop(columns=catalogue.filter(regex=without).columns))

    return drawn
