"""Objects whose posterior is known: colours are linear in redshift, with Gaussian noise, under a Gaussian prior."""

import numpy as np

PRIOR_MEAN, PRIOR_SIGMA = 0.5, 0.1
SLOPES = np.array([4.0, 2.0, 0.0])
NOISE = 0.15


def draw(n, seed=0):
    """Return magnitudes (n, 3), their errors, redshifts: magnitude = 20 + slope (z - 0.5) + noise."""
    generator = np.random.default_rng(seed)
    z = generator.normal(PRIOR_MEAN, PRIOR_SIGMA, n)
    magnitudes = 20 + SLOPES * (z - PRIOR_MEAN)[:, None] + NOISE * generator.normal(size=(n, 3))
    return magnitudes, np.full((n, 3), NOISE), z


def posterior(magnitudes):
    """Return mean (n,) and standard deviation of the exact posterior, which is Gaussian."""
    precision = 1 / PRIOR_SIGMA**2 + np.sum(SLOPES**2) / NOISE**2
    mean = PRIOR_MEAN + (magnitudes - 20) @ SLOPES / NOISE**2 / precision
    return mean, precision**-0.5
