"""Tomographic bins and the resampling of reference fields: what must come out where the answer is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.redshift_distributions.evaluate import missed_of_planted
from analysis.redshift_distributions.resample import (
    Reference,
    bin_edges,
    bin_of,
    fields_of_sky,
    mean_by_bin,
    resampled_shifts,
)

EDGES = np.array([0.2, 0.4, 0.6, 0.8])


@pytest.fixture
def galaxies():
    """Galaxies whose colour is their redshift with noise, and a photo-z that is biased in the middle bin alone."""
    generator = np.random.default_rng(1)

    def draw(n: int, power: float) -> Reference:
        z = 0.2 + 0.6 * generator.uniform(size=n) ** power
        colour = z + generator.normal(0, 0.01, n)
        bias = np.where((colour > 0.4) & (colour < 0.6), 0.02, 0.0)
        return Reference(colour[:, None], z, np.clip(colour + bias, 0.2, 0.799))

    return draw


def test_bins_have_equal_widths_inside_the_range():
    z = np.linspace(0, 1, 1001)
    assert bin_edges(z, 4, 0.1).tolist() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert bin_of(np.array([0.1, 0.2, 0.39, 0.4, 0.8, np.nan]), EDGES).tolist() == [-1, 0, 0, 1, -1, -1]
    means = mean_by_bin(np.array([1.0, 3.0, 9.0, 5.0]), np.array([0, 0, -1, 2]), 4)
    assert means[[0, 2]].tolist() == [2, 5]
    assert np.isnan(means[[1, 3]]).all()


def test_resampling_finds_the_bias_of_a_sample_of_other_redshifts(galaxies):
    """The science sample is deeper than the reference: its n(z) differs, its colour-redshift relation does not."""
    reference, science = galaxies(4000, 2.0), galaxies(4000, 0.5)
    field = np.arange(4000) % 5
    shifts, by_field = resampled_shifts(reference, field, science.points, EDGES)
    assert shifts == pytest.approx(science.shifts(EDGES), abs=0.002)
    assert shifts[1] < -0.01
    assert by_field.shape == (5, 3)
    assert by_field.mean(axis=0) == pytest.approx(shifts, abs=0.003)


def test_a_field_that_differs_shows_in_the_scatter(galaxies):
    reference, science = galaxies(4000, 1.0), galaxies(1000, 1.0)
    field = np.arange(4000) % 5
    odd = Reference(reference.points, reference.z + 0.05 * (field == 2), reference.z_phot)
    _, calm = resampled_shifts(reference, field, science.points, EDGES)
    _, by_field = resampled_shifts(odd, field, science.points, EDGES)
    assert np.std(by_field, axis=0).min() > 5 * np.std(calm, axis=0).max()


def test_a_reference_draws_the_nearest():
    reference = Reference(np.array([[0.0], [1.0]]), np.array([0.1, 0.9]), np.array([0.2, 0.8]))
    drawn = reference.drawn_for(np.array([[0.9], [0.2], [5.0]]))
    assert drawn.z.tolist() == [0.9, 0.1, 0.9]


def test_fields_are_compact_on_the_sphere():
    """Also across ra = 0, and where some lack a position."""
    generator = np.random.default_rng(2)
    ra = np.concatenate([generator.uniform(359, 361, 50) % 360, generator.uniform(180, 182, 50), [np.nan]])
    dec = np.concatenate([generator.uniform(-1, 1, 100), [0]])
    field = fields_of_sky(ra, dec, 2, seed=1)
    assert len(set(field[:50])) == len(set(field[50:100])) == 1
    assert field[100] == -1
    alone = fields_of_sky(np.full(10, np.nan), np.full(10, np.nan), 5, seed=1)
    assert np.bincount(alone).tolist() == [2] * 5


def test_a_bias_that_reference_and_science_sample_share_is_found(galaxies):
    def biased(of: Reference) -> Reference:
        return replace(of, z_phot=of.z_phot + 0.05 * (1 + of.z_phot))

    reference, science = biased(galaxies(20_000, 1.0)), biased(galaxies(20_000, 1.0))
    field = np.arange(20_000) % 5
    edges = np.array([0.3, 0.5, 0.7])
    found, _ = resampled_shifts(reference, field, science.points, edges)
    bins = pd.DataFrame({"shift_true": science.shifts(edges), "shift_resampled": found})
    planted = missed_of_planted(bins)
    assert planted["largest_shift"] > 0.06
    assert planted["missed_share"] < 0.05
    assert missed_of_planted(bins.assign(shift_resampled=0.0))["missed_share"] == 1  # no correction at all
