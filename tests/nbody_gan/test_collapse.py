"""Copies and collapse are found where they are, and not where they are not."""

import numpy as np
import pytest
import torch

from analysis.nbody_gan import collapse
from analysis.nbody_gan.learning import turn

FLOOR = 0.2


def boxes(number: int, seed: int) -> torch.Tensor:
    noise = torch.randn(number, 8, 8, 8, generator=torch.Generator().manual_seed(seed))
    return noise.mul(0.8).exp()


def test_fingerprints_do_not_change_when_a_box_is_turned_or_shifted() -> None:
    some = boxes(3, 1)
    before = collapse.fingerprints(some, FLOOR)
    for symmetry in (0, 7, 19, 47):
        after = collapse.fingerprints(turn(some, symmetry).roll((1, 5, 2), (1, 2, 3)), FLOOR)
        assert after == pytest.approx(before, abs=1e-3)
    assert np.abs(collapse.fingerprints(boxes(3, 2), FLOOR) - before).mean() > 0.3


def test_copies_are_nearest_to_what_they_are_copies_of() -> None:
    training, held_out, fresh = boxes(150, 1), boxes(150, 2), boxes(150, 3)
    prints = collapse.fingerprints(held_out, FLOOR)

    def share(drawn: torch.Tensor) -> tuple[float, float]:
        of = (drawn, training, held_out)
        return collapse.nearest_is_training(
            *(collapse.standardise(collapse.fingerprints(part, FLOOR), prints) for part in of)
        )

    found, error = share(fresh)
    assert abs(found - 0.5) < 3 * error
    assert 0.5 / 150**0.5 < error < 0.25
    assert share(collapse.copies(training, 150, 0.05, seed=4))[0] > 0.95
    assert share(collapse.copies(held_out, 150, 0.05, seed=4))[0] < 0.05


def test_the_birthday_test_counts_distinct_boxes() -> None:
    held_out = collapse.fingerprints(boxes(200, 2), FLOOR)
    fresh = collapse.standardise(collapse.fingerprints(boxes(200, 1), FLOOR), held_out)
    few = collapse.copies(boxes(20, 1), 200, 0.0, seed=4)
    repeated = collapse.standardise(collapse.fingerprints(few, FLOOR), held_out)
    reference = collapse.standardise(held_out, held_out)
    assert collapse.close_pairs(fresh, reference) == 0
    pairs = collapse.close_pairs(repeated, reference)
    assert pairs == pytest.approx(199 * 200 / 2 / 20, rel=0.15)
    assert collapse.distinct_boxes(200, pairs) == pytest.approx(20, rel=0.25)
    assert collapse.distinct_boxes(1000, 0) == pytest.approx(499_500 / 3.0, rel=0.01)


def test_the_variance_of_the_largest_modes_is_that_of_white_noise() -> None:
    noise = torch.randn(3000, 8, 8, 8, generator=torch.Generator().manual_seed(5))
    assert collapse.large_scale_variance(1 + noise).mean() == pytest.approx(1, rel=0.05)
