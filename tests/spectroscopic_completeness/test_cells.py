"""Cells of colour-magnitude space and their completeness, where both are known."""

import numpy as np
import pytest

from analysis.spectroscopic_completeness import cells


@pytest.fixture(scope="module")
def clumps():
    """Five tight clumps, and which of them each point belongs to."""
    generator = np.random.default_rng(1)
    centres = np.array([[0.0, 0], [10, 0], [0, 10], [10, 10], [5, 20]])
    clump = np.repeat(np.arange(5), 200)
    return centres[clump] + generator.normal(0, 0.3, (1000, 2)), clump


def test_the_elbow_is_the_number_of_clumps(clumps):
    points, _ = clumps
    numbers = [2, 3, 4, 5, 6, 8, 12]
    squares = cells.within_cell_squares(points, numbers, seed=1)
    assert (np.diff(squares) < 0).all()
    assert cells.elbow(numbers, squares) == 5


def test_the_elbow_of_a_hyperbola_is_where_its_slope_is_that_of_the_line():
    """1/k from 1 to 100: the tangent is parallel to the line between the ends at k = 10."""
    numbers = list(range(1, 101))
    assert cells.elbow(numbers, 1 / np.array(numbers)) == 10


def test_cells_are_the_clumps(clumps):
    points, clump = clumps
    found = cells.cell_of(points, cells.make_cells(points, 5, seed=1))
    assert all(len(set(found[clump == number])) == 1 for number in range(5))
    assert len(set(found)) == 5


def test_completeness_counts():
    table = cells.completeness(np.array([0, 0, 0, 0, 2]), np.array([True, True, True, False, False]), 3)
    assert table["objects"].tolist() == [4, 0, 1]
    assert table["completeness"].tolist()[::2] == [0.75, 0]
    assert np.isnan(table["completeness"][1])
    assert (table["completeness_err"].dropna() > 0).all()


def test_spread_is_zero_for_random_targets_and_that_of_the_cells_otherwise(clumps):
    _, clump = clumps
    generator = np.random.default_rng(2)
    at_random = [cells.spread(clump, generator.random(1000) < 0.4, 5) for _ in range(20)]
    assert np.mean(at_random) < 0.03
    shares = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    uneven = [cells.spread(clump, generator.random(1000) < shares[clump], 5) for _ in range(20)]
    assert np.mean(uneven) == pytest.approx(shares.std(), rel=0.05)
