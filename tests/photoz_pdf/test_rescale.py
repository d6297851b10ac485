"""Rescaled and remapped PDFs: what is known of Gaussians, and what calibration must repair or cannot."""

import numpy as np
import pytest
from scipy import stats

from analysis import pdf_metrics
from analysis.photoz_pdf.remap import fit_remapping, nodes, remapped
from analysis.photoz_pdf.rescale import cdf_at_edges, fit_rescaling, from_cdf_at_edges, rescaled

GRID = np.linspace(0, 1, 301)
SIGMA = 0.05


def gaussians(centres: np.ndarray, sigma: float = SIGMA) -> np.ndarray:
    return pdf_metrics.normalised(GRID, stats.norm.pdf(GRID, centres[:, None], sigma))


@pytest.fixture(scope="module")
def sample():
    """Centres of PDFs and true redshifts that scatter about them by SIGMA."""
    generator = np.random.default_rng(1)
    centres = generator.uniform(0.35, 0.65, 3000)
    return centres, centres + generator.normal(0, SIGMA, len(centres))


def test_a_rescaled_gaussian_is_the_gaussian_of_the_new_width_and_centre():
    pdfs = gaussians(np.array([0.4, 0.6]))
    for stretch, shift in ((0.5, 0.0), (2.0, 0.0), (1.0, 0.7), (1.5, -0.5)):
        expected = gaussians(np.array([0.4, 0.6]) + shift * SIGMA * 0.9945, SIGMA * stretch)  # 68% is 0.9945 sigma
        assert rescaled(GRID, pdfs, stretch, shift) == pytest.approx(expected, abs=0.02 * expected.max())


def test_nothing_is_rescaled_by_one_and_zero():
    pdfs = gaussians(np.array([0.02, 0.5, 0.99]))  # also where the grid cuts a PDF off
    assert rescaled(GRID, pdfs, 1, 0) == pytest.approx(pdfs, abs=0.02 * pdfs.max())
    assert from_cdf_at_edges(GRID, cdf_at_edges(GRID, pdfs)) == pytest.approx(pdfs, abs=0.02 * pdfs.max())


def test_the_fit_finds_the_wrong_width_and_bias(sample):
    centres, z = sample
    made_wrong = gaussians(centres - 0.02, SIGMA / 1.6)
    stretch, shift = fit_rescaling(GRID, made_wrong, z)
    assert stretch == pytest.approx(1.6, rel=0.05)
    assert shift == pytest.approx(0.02 / (SIGMA / 1.6 * 0.9945), abs=0.06)


@pytest.mark.parametrize(("sigma", "bias"), [(SIGMA / 2, 0), (SIGMA * 2, 0), (SIGMA, 0.03)])
def test_both_calibrations_flatten_the_pit_of_other_objects(sample, sigma, bias):
    centres, z = sample
    fit, other = slice(0, 1500), slice(1500, None)
    wrong = gaussians(centres + bias, sigma)
    raw = pdf_metrics.pit(GRID, wrong[other], z[other])
    assert stats.kstest(raw, "uniform").pvalue < 1e-10
    by_stretch = rescaled(GRID, wrong[other], *fit_rescaling(GRID, wrong[fit], z[fit]))
    remapping = fit_remapping(pdf_metrics.pit(GRID, wrong[fit], z[fit]), 41)
    by_remapping = remapped(GRID, wrong[other], remapping)
    for calibrated in (by_stretch, by_remapping):
        pits = pdf_metrics.pit(GRID, calibrated, z[other])
        assert pdf_metrics.ks_distance(pits) < 1.63 * np.sqrt(2 / 1500)  # 1% limit, two samples
        assert (
            pdf_metrics.crps(GRID, calibrated, z[other]).mean() < pdf_metrics.crps(GRID, wrong[other], z[other]).mean()
        )


def test_remapping_calibrated_pdfs_changes_little(sample):
    centres, z = sample
    pdfs = gaussians(centres)
    remapping = fit_remapping(pdf_metrics.pit(GRID, pdfs, z), 11)
    assert remapping == pytest.approx(nodes(11), abs=0.03)
    assert remapped(GRID, pdfs[:9], nodes(11)) == pytest.approx(pdfs[:9], abs=0.02 * pdfs.max())


def test_a_remapping_never_makes_a_redshift_impossible():
    """Even where no PIT was seen: all were outliers at one end."""
    remapping = fit_remapping(np.zeros(50), 11)
    assert remapping[0] == 0
    assert remapping[-1] == 1
    assert (np.diff(remapping) > 0).all()
    assert np.isfinite(remapped(GRID, gaussians(np.array([0.5])), remapping)).all()
