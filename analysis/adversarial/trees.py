"""Trees on the catalogue have no gradient: they are attacked by search, within the errors of the photometry."""

from collections.abc import Callable

import numpy as np
import pandas as pd

Array = np.ndarray
Harm = Callable[[pd.DataFrame], Array]

# Every magnitude that has an error of its own. Colours and concentrations follow from the attacked magnitudes.
_MAGNITUDES = {"dered": "deredErr", "psfMag": "psfMagErr", "cModelMag": "cModelMagErr", "fiberMag": "fiberMagErr"}
_MAGNITUDES |= {"petroMag": "petroMagErr"}


def errors_of(catalogue: pd.DataFrame) -> pd.DataFrame:
    """Return the error of each magnitude of a catalogue, in a column of the magnitude's name; 0 where unknown."""
    found = {}
    for name in catalogue:
        kind, _, band = str(name).partition("_")
        error = f"{_MAGNITUDES.get(kind)}_{band}"
        if error in catalogue:
            found[str(name)] = catalogue[error].astype(float).fillna(0.0)
    return pd.DataFrame(found, index=catalogue.index)


def search(
    harm: Harm, catalogue: pd.DataFrame, epsilon: float, draws: int, rounds: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Change magnitudes by epsilon times their errors so that the harm is largest, object by object.

    At first all signs are drawn at random, and the most harmful of some draws is kept; then, in rounds, the one
    magnitude whose sign does most harm if changed is changed, until nothing is gained. No gradient is needed.

    Parameters
    ----------
    harm : callable
        Catalogue -> harm to each object (n,): a probability of the wrong class, say.
    catalogue : pandas.DataFrame
        Columns as in the catalogue contract.
    epsilon : float
        In units of the errors.
    draws, rounds : int
    seed : int

    Returns
    -------
    worst, random : pandas.DataFrame
        The catalogue under attack, and, as a control, with the first draw.
    """
    errors = errors_of(catalogue)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (draws, len(catalogue), errors.shape[1]))
    harms = _harms(harm, catalogue, errors, epsilon, signs)
    objects = np.arange(len(catalogue))
    best = signs[harms.argmax(axis=0), objects]
    highest = harms.max(axis=0)
    for _ in range(rounds):
        flipped = np.repeat(best[None], errors.shape[1], axis=0)
        for column in range(errors.shape[1]):
            flipped[column, :, column] *= -1
        harms = _harms(harm, catalogue, errors, epsilon, flipped)
        gained = harms.max(axis=0) > highest
        if not gained.any():
            break
        best[gained] = flipped[harms.argmax(axis=0), objects][gained]
        highest = np.maximum(highest, harms.max(axis=0))
    return _changed(catalogue, errors, epsilon * best), _changed(catalogue, errors, epsilon * signs[0])


def _changed(catalogue: pd.DataFrame, errors: pd.DataFrame, signs: Array) -> pd.DataFrame:
    changed = {str(name): catalogue[name] + signs[:, k] * errors[name] for k, name in enumerate(errors)}
    return catalogue.assign(**changed)


def _harms(harm: Harm, catalogue: pd.DataFrame, errors: pd.DataFrame, epsilon: float, signs: Array) -> Array:
    """Return the harm (k, n) of k sets of signs (k, n, magnitudes), all in one call: trees are slow on few rows."""
    together = pd.concat([_changed(catalogue, errors, epsilon * of) for of in signs], ignore_index=True)
    return harm(together).reshape(len(signs), len(catalogue))
