"""The search against trees: it finds what can be computed, stays within the errors, and beats random errors."""

import numpy as np
import pandas as pd
import pytest

from analysis.adversarial.trees import errors_of, search
from analysis.survey.schema import BANDS


@pytest.fixture
def catalogue() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    columns: dict[str, object] = {"object_id": np.arange(40), "petroRad_r": rng.uniform(1, 3, 40)}
    for band in BANDS:
        columns |= {f"dered_{band}": rng.uniform(17, 20, 40), f"deredErr_{band}": rng.uniform(0.01, 0.1, 40)}
        columns[f"psfMag_{band}"] = rng.uniform(17, 20, 40)  # without an error
    return pd.DataFrame(columns)


WEIGHTS = np.array([1.0, -2.0, 0.5, 3.0, -0.1])
MAGNITUDES = [f"dered_{band}" for band in BANDS]


def linear(table: pd.DataFrame) -> np.ndarray:
    return table[MAGNITUDES].to_numpy() @ WEIGHTS


def test_of_a_linear_harm_the_worst_corner_is_found(catalogue: pd.DataFrame) -> None:
    worst, random = search(linear, catalogue, 2.0, draws=4, rounds=5, seed=1)
    errors = errors_of(catalogue)[MAGNITUDES].to_numpy()
    largest = 2 * errors @ np.abs(WEIGHTS)
    assert np.allclose(linear(worst) - linear(catalogue), largest)
    assert (np.abs(linear(random) - linear(catalogue)) <= largest + 1e-9).all()


def test_changes_are_so_many_errors_and_nothing_else_changes(catalogue: pd.DataFrame) -> None:
    for table in search(linear, catalogue, 3.0, draws=2, rounds=1, seed=1):
        change = np.abs(table[MAGNITUDES] - catalogue[MAGNITUDES]).to_numpy()
        assert np.allclose(change, 3 * errors_of(catalogue)[MAGNITUDES])
        others = [name for name in catalogue if name not in MAGNITUDES]
        pd.testing.assert_frame_equal(table[others], catalogue[others])


def test_more_search_is_never_weaker(catalogue: pd.DataFrame) -> None:
    def steps(table: pd.DataFrame) -> np.ndarray:  # no gradient: a tree's answer
        return np.floor(10 * np.sin(table[MAGNITUDES].to_numpy() @ WEIGHTS))

    one, random = search(steps, catalogue, 1.0, draws=1, rounds=1, seed=5)
    many, _ = search(steps, catalogue, 1.0, draws=30, rounds=3, seed=5)
    assert (steps(one) >= steps(random)).all()
    assert steps(many).mean() >= steps(one).mean()


def test_unknown_errors_count_as_none(catalogue: pd.DataFrame) -> None:
    catalogue.loc[7, "deredErr_r"] = np.nan
    worst, _ = search(linear, catalogue, 1.0, draws=2, rounds=1, seed=1)
    assert worst.loc[7, "dered_r"] == catalogue.loc[7, "dered_r"]
