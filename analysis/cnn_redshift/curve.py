"""How the width of the error falls with the number of training galaxies, and where two learners are alike."""

from typing import Any, NamedTuple

import numpy as np

from analysis import metrics
from analysis.metrics import sigma68

Array = np.ndarray
Predictions = dict[int, Array]  # by number of training galaxies: the redshifts of the test galaxies (draws, n)

REACH = 10.0  # factor beyond the sizes measured up to which a crossing is looked for
_CERTAIN = 0.95  # of the resamples that say the same


class Curve(NamedTuple):
    """A learner's sigma68 by number of training galaxies.

    Attributes
    ----------
    sizes, values : ndarray (k,)
        Mean over the draws of training galaxies.
    resampled : ndarray (n, k)
        By bootstrap of the test galaxies and of the draws.
    """

    sizes: Array
    values: Array
    resampled: Array

    @property
    def errors(self) -> Array:
        """Bootstrap error of each value, shape (k,)."""
        return self.resampled.std(axis=0, ddof=1)


def learning_curves(z: Array, by_learner: dict[str, Predictions], n: int, seed: int) -> dict[str, Curve]:
    """Return the curve of each learner, all from the same resamples, so that they can be compared in pairs.

    Parameters
    ----------
    z : ndarray, shape (objects,)
        True redshifts.
    by_learner : dict
        Predictions of each learner.
    n, seed : int
        Number of resamples, and their seed.
    """
    everyone = np.arange(len(z))

    def values(predictions: Predictions, chosen: Array, draws: dict[int, Array]) -> list[float]:
        return [
            float(np.mean([sigma68(z[chosen], predictions[size][draw][chosen]) for draw in draws[size]]))
            for size in sorted(predictions)
        ]

    resampled: dict[str, list[list[float]]] = {name: [] for name in by_learner}
    of_objects = np.random.default_rng(seed)
    for number in range(n):
        chosen = of_objects.integers(0, len(z), len(z))
        for name, predictions in by_learner.items():
            draws = {
                # every learner has learnt from the same draws of galaxies, so they are resampled alike
                size: np.random.default_rng([seed, number, size]).integers(0, len(p), len(p))
                for size, p in predictions.items()
            }
            resampled[name].append(values(predictions, chosen, draws))
    return {
        name: Curve(
            np.array(sorted(predictions)),
            np.array(values(predictions, everyone, {size: np.arange(len(p)) for size, p in predictions.items()})),
            np.array(resampled[name]),
        )
        for name, predictions in by_learner.items()
    }


def power_law(sizes: Array, values: Array, errors: Array) -> tuple[float, float]:
    """Fit values = a (size / 1000)^-b by weighted least squares in logarithms; return a and b."""
    slope, intercept = np.polyfit(np.log(sizes / 1000), np.log(values), 1, w=values / np.maximum(errors, 1e-12))
    return float(np.exp(intercept)), float(-slope)


def fitted(curve: Curve) -> dict[str, float]:
    """Return the power law of a curve, `sigma68_at_1000` and `exponent`, with bootstrap errors and 95% intervals."""
    laws = np.array([power_law(curve.sizes, values, curve.errors) for values in curve.resampled])
    result: dict[str, float] = {}
    for column, name in enumerate(("sigma68_at_1000", "exponent")):
        value = power_law(curve.sizes, curve.values, curve.errors)[column]
        result |= metrics.summarised(name, value, laws[:, column])
    return result


def crossing(ours: Curve, other: Curve) -> dict[str, Any]:
    """Say where two power laws meet.

    Parameters
    ----------
    ours, other : Curve
        From one call of `learning_curves`.

    Returns
    -------
    dict
        `within_reach_percent`, of the resamples whose power laws cross between a tenth of the smallest size and ten
        times the largest; `words`, what that says; and where they do cross, `galaxies`, the median of the resamples,
        with its 95% interval.
    """
    low, high = ours.sizes.min() / REACH, ours.sizes.max() * REACH

    def where(our_values: Array, other_values: Array) -> float:
        a, b = power_law(ours.sizes, our_values, ours.errors)
        a_other, b_other = power_law(other.sizes, other_values, other.errors)
        if b == b_other:
            return np.nan
        with np.errstate(over="ignore"):  # nearly parallel: infinitely far away
            return float(1000 * np.exp(np.log(a / a_other) / (b - b_other)))

    found = np.array([where(*pair) for pair in zip(ours.resampled, other.resampled, strict=True)])
    inside = (found >= low) & (found <= high)  # false of NaN
    share = float(inside.mean())
    result: dict[str, Any] = {"within_reach_percent": 100 * share, "reach_galaxies": int(high)}
    if share < 1 - _CERTAIN:
        return result | {"words": "do not cross within a factor of ten"}
    if share < _CERTAIN:
        return result | {"words": "may or may not cross within a factor of ten"}
    ends = [float(end) for end in np.percentile(found[inside], [2.5, 50, 97.5])]
    words = "cross at {1:,.0f} training galaxies (95% interval {0:,.0f} to {2:,.0f})".format(*ends)
    return result | {"words": words} | dict(zip(("galaxies_low", "galaxies", "galaxies_high"), ends, strict=True))
