"""A toy catalogue: stars are points, galaxies are wider and redder; the fainter, the noisier."""

import numpy as np
import pandas as pd

from analysis.survey.schema import BANDS


def toy_catalogue(n: int, seed: int) -> pd.DataFrame:
    """Draw stars (a third) and galaxies with magnitudes in ugriz, on patches of sky, with `is_galaxy`."""
    generator = np.random.default_rng(seed)
    is_galaxy = generator.random(n) < 2 / 3
    r = generator.uniform(17, 22, n)
    noise = 0.01 * 10 ** (0.4 * (r - 18))
    red = np.where(is_galaxy, 0.5, 0.3) + 0.2 * generator.normal(size=n)
    width = np.where(is_galaxy, generator.uniform(0.2, 1.0, n), 0.0)
    columns: dict[str, object] = {"object_id": np.arange(1, n + 1)}
    columns |= {"ra": generator.uniform(120, 240, n), "dec": generator.uniform(0, 60, n)}
    columns["class"] = np.where(is_galaxy, "GALAXY", "STAR")
    for number, band in enumerate(BANDS):
        model = r + (2 - number) * red + noise * generator.normal(size=n)
        columns |= {f"dered_{band}": model, f"cModelMag_{band}": model + 0.1, f"extinction_{band}": np.full(n, 0.1)}
        columns[f"psfMag_{band}"] = model + 0.1 + width + noise * generator.normal(size=n)
        columns[f"expRad_{band}"] = width + np.abs(noise * generator.normal(size=n))
    return pd.DataFrame(columns).assign(is_galaxy=is_galaxy)
