"""Figures of merit of PDFs against analytic cases, qp's own implementation and scipy's."""

import numpy as np
import pytest
import qp
from scipy import stats

from analysis import pdf_metrics
from analysis.errors import InputError

GRID = np.linspace(0, 1, 401)
SIGMA = 0.04


def gaussians(centres: np.ndarray, sigma: float | np.ndarray = SIGMA) -> np.ndarray:
    return pdf_metrics.normalised(GRID, stats.norm.pdf(GRID, centres[:, None], np.reshape(sigma, (-1, 1))))


@pytest.fixture(scope="module")
def calibrated():
    """PDFs of which the truth is a draw."""
    generator = np.random.default_rng(1)
    centres = generator.uniform(0.3, 0.7, 4000)
    return gaussians(centres), centres + generator.normal(0, SIGMA, len(centres))


@pytest.fixture(scope="module")
def ensemble(calibrated):
    return qp.Ensemble(qp.interp, data={"xvals": GRID, "yvals": calibrated[0]})


def test_scores_of_a_gaussian():
    """Gneiting & Raftery (2007), eq. 21, for the CRPS; the rest by hand."""
    truths = np.array([0.5, 0.5 + 1e-3, 0.5 - SIGMA, 0.63])
    pdfs, x = gaussians(np.full(4, 0.5)), (truths - 0.5) / SIGMA
    normal = stats.norm
    expected = SIGMA * (x * (2 * normal.cdf(x) - 1) + 2 * normal.pdf(x) - 1 / np.sqrt(np.pi))
    assert pdf_metrics.crps(GRID, pdfs, truths) == pytest.approx(expected, rel=2e-3)
    assert pdf_metrics.pit(GRID, pdfs, truths) == pytest.approx(normal.cdf(x), abs=1e-3)
    density = normal.pdf(x) / SIGMA
    assert pdf_metrics.log_score(GRID, pdfs, truths) == pytest.approx(-np.log(density), abs=2e-3)
    expected = 1 / (2 * SIGMA * np.sqrt(np.pi)) - 2 * density
    assert pdf_metrics.cde_loss(GRID, pdfs, truths) == pytest.approx(expected, rel=1e-3)
    expected = 2 * normal.cdf(np.abs(x)) - 1  # of a symmetric peak the highest density is the centre
    assert pdf_metrics.highest_density_level(GRID, pdfs, truths) == pytest.approx(expected, abs=0.03)


def test_scores_on_a_coarse_grid_are_those_of_the_linear_density():
    """A triangle on three nodes: between nodes everything is exact."""
    grid, pdfs, z = np.array([0.0, 1.0, 2.0]), np.array([[0.0, 1.0, 0.0]]), np.array([0.5])
    assert pdf_metrics.pit(grid, pdfs, z) == pytest.approx([0.125])
    assert pdf_metrics.density_at(grid, pdfs, z) == pytest.approx([0.5])
    levels = np.array([0.0, 0.125, 0.5, 0.875, 1.0])
    assert pdf_metrics.quantiles(grid, pdfs, levels)[0] == pytest.approx([0, 0.5, 1, 1.5, 2])


def test_crps_of_a_uniform_pdf():
    """From 0 to 2, with the truth at 1: the integral of (z/2)^2 from 0 to 1, twice."""
    grid = np.linspace(0, 2, 101)
    assert pdf_metrics.crps(grid, np.full((1, 101), 0.5), np.array([1.0])) == pytest.approx([1 / 6], rel=1e-3)


def test_crps_of_a_spike_is_the_distance():
    """A point forecast's CRPS is its absolute error; no jump where the truth crosses a node."""
    spike = gaussians(np.full(5, 0.5), 0.003)
    truths = np.array([0.4, 0.45 - 1e-9, 0.45, 0.45 + 1e-9, 0.6])
    assert pdf_metrics.crps(GRID, spike, truths) == pytest.approx(np.abs(truths - 0.5), abs=0.002)
    assert np.ptp(pdf_metrics.crps(GRID, spike, truths)[1:4]) < 1e-8


def test_calibrated_pdfs_have_a_uniform_pit_and_their_nominal_coverage(calibrated):
    pdfs, z = calibrated
    pits = pdf_metrics.pit(GRID, pdfs, z)
    assert stats.kstest(pits, "uniform").pvalue > 0.01
    assert stats.kstest(pdf_metrics.highest_density_level(GRID, pdfs, z), "uniform").pvalue > 0.001
    for level in (0.5, 0.68, 0.95):
        assert pdf_metrics.coverage(pits, level) == pytest.approx(level, abs=0.02)
    assert pdf_metrics.pit_outlier_rate(pits) < 1e-3


@pytest.mark.parametrize(("stretch", "covered"), [(0.5, 0.38), (2.0, 0.9534)])
def test_coverage_of_wrong_widths(calibrated, stretch, covered):
    """A Gaussian of half (twice) the width covers 2 Phi(0.4972) - 1 (2 Phi(1.989) - 1) instead of 68%."""
    _, z = calibrated
    generator = np.random.default_rng(2)
    pdfs = gaussians(z - generator.normal(0, SIGMA, len(z)), SIGMA * stretch)
    assert pdf_metrics.coverage(pdf_metrics.pit(GRID, pdfs, z), 0.68) == pytest.approx(covered, abs=0.02)


def test_cde_loss_and_crps_are_proper(calibrated):
    """The true PDF scores best: any stretch or shift costs."""
    _, z = calibrated
    generator = np.random.default_rng(3)
    centres = z - generator.normal(0, SIGMA, len(z))
    for score in (pdf_metrics.crps, pdf_metrics.cde_loss, pdf_metrics.log_score):
        best = score(GRID, gaussians(centres), z).mean()
        for shift, stretch in ((0, 0.7), (0, 1.4), (0.03, 1), (-0.03, 1)):
            assert score(GRID, gaussians(centres + shift, SIGMA * stretch), z).mean() > best


def test_pit_and_its_distances_agree_with_qp(calibrated, ensemble):
    pdfs, z = calibrated
    ours = pdf_metrics.pit(GRID, pdfs, z)
    theirs = qp.metrics.pit.PIT(ensemble, z)
    assert ours == pytest.approx(theirs.pit_samps, abs=2e-4)  # qp interpolates its CDF linearly between nodes
    assert pdf_metrics.ks_distance(theirs.pit_samps) == pytest.approx(theirs.evaluate_PIT_KS().statistic)
    assert pdf_metrics.cvm_distance(theirs.pit_samps) == pytest.approx(theirs.evaluate_PIT_CvM().statistic)
    outliers = pdf_metrics.pit_outlier_rate(theirs.pit_samps)
    # qp reads the rate off 100 quantiles of the PIT, hence to 1% only
    assert outliers == pytest.approx(float(np.squeeze(theirs.evaluate_PIT_outlier_rate())), abs=0.01)


def test_cde_loss_agrees_with_qp(calibrated, ensemble):
    """On our grid: qp's own stands on 0 to 2.5 in steps of 0.008, whatever the PDFs; it takes the nearest node."""
    pdfs, z = calibrated
    theirs = qp.metrics.concrete_metric_classes.CDELossMetric(eval_grid=GRID).evaluate(ensemble, z)
    assert pdf_metrics.cde_loss(GRID, pdfs, z).mean() == pytest.approx(float(theirs), rel=1e-3)
    at_nodes = GRID[np.abs(GRID - z[:, None]).argmin(axis=1)]
    theirs = qp.metrics.concrete_metric_classes.CDELossMetric(eval_grid=GRID).evaluate(ensemble, at_nodes)
    assert pdf_metrics.cde_loss(GRID, pdfs, at_nodes).mean() == pytest.approx(float(theirs), rel=1e-12)


def test_points_and_quantiles_agree_with_qp(calibrated, ensemble):
    pdfs, _ = calibrated
    median = np.squeeze(ensemble.median())
    assert pdf_metrics.median(GRID, pdfs) == pytest.approx(median, abs=1e-4)
    assert pdf_metrics.mode(GRID, pdfs) == pytest.approx(np.squeeze(ensemble.mode(GRID)))
    assert pdf_metrics.mean(GRID, pdfs) == pytest.approx(np.squeeze(ensemble.mean()), abs=1e-4)


def test_anderson_darling_agrees_with_scipy():
    """Not with qp, whose k-sample statistic against a grid of numbers is another one."""
    pits = np.random.default_rng(4).beta(1.2, 0.9, 300)
    pits = pits[~pdf_metrics.is_pit_outlier(pits)]
    span = 1 - 2 * pdf_metrics.PIT_OUTLIER
    known = {"loc": pdf_metrics.PIT_OUTLIER, "scale": span}
    theirs = stats.goodness_of_fit(stats.uniform, pits, known_params=known, statistic="ad", n_mc_samples=2, rng=1)
    assert pdf_metrics.ad_distance(pits) == pytest.approx(theirs.statistic)
    assert pdf_metrics.ad_distance(np.r_[0, pits, 1]) == pytest.approx(theirs.statistic)
    assert np.isnan(pdf_metrics.ad_distance(np.zeros(3)))


def test_distances_of_a_perfect_and_of_a_single_pit():
    perfect = (np.arange(1000) + 0.5) / 1000
    assert pdf_metrics.ks_distance(perfect) == pytest.approx(0.5 / 1000)
    assert pdf_metrics.cvm_distance(perfect) == pytest.approx(1 / 12000)
    assert pdf_metrics.ks_distance(np.array([0.3])) == pytest.approx(0.7)
    outliers = np.array([0, 5e-5, 0.5, 1 - 5e-5])
    assert pdf_metrics.pit_outlier_rate(outliers) == 0.75


def test_trainz_has_a_perfect_pit_and_no_information(calibrated):
    """The control: the distribution of all redshifts for each object."""
    pdfs, z = calibrated
    density = np.histogram(z, np.linspace(0, 1, 51), density=True)[0]
    trainz = np.tile(np.interp(GRID, np.linspace(0.01, 0.99, 50), density, 0, 0), (len(z), 1))
    trainz = pdf_metrics.normalised(GRID, trainz)
    assert pdf_metrics.ks_distance(pdf_metrics.pit(GRID, trainz, z)) < 0.01
    for score in (pdf_metrics.crps, pdf_metrics.cde_loss):
        assert score(GRID, trainz, z).mean() > score(GRID, pdfs, z).mean()


def test_stacked_error_is_the_earth_movers_distance():
    generator = np.random.default_rng(5)
    z = generator.normal(0.5, SIGMA, 500)
    pdfs = gaussians(np.full(500, 0.55))
    shift = pdf_metrics.figures_of_merit(GRID, pdfs, z, 20, 1)["stacked_shift"]
    assert shift == pytest.approx(np.mean(z) - 0.55, abs=1e-6)
    expected = stats.wasserstein_distance(z, GRID, v_weights=pdfs[0])
    assert pdf_metrics.stacked_error(GRID, pdfs, z) == pytest.approx(expected, abs=1e-4)
    both = pdf_metrics.stacked(gaussians(np.array([0.3, 0.6])))
    assert np.trapezoid(both * GRID, GRID) == pytest.approx(0.45, abs=1e-6)


def test_figures_of_merit_hold_everything_with_errors(calibrated):
    pdfs, z = calibrated
    result = pdf_metrics.figures_of_merit(GRID, 7 * pdfs, z, n=20, seed=1)  # any norm
    assert result["crps"] == pytest.approx(SIGMA / np.sqrt(np.pi), rel=0.03)
    assert result["crps_err"] == pytest.approx(np.std(pdf_metrics.crps(GRID, pdfs, z)) / np.sqrt(len(z)), rel=0.5)
    assert result["hpd_coverage_68"] == pytest.approx(0.68, abs=0.04)
    assert abs(result["stacked_shift"]) < 4 * result["stacked_shift_err"]
    points = pdf_metrics.point_figures_of_merit(GRID, 7 * pdfs, z, n=20, seed=1)
    assert points["median"]["lsst"]["sigma_IQR"] == pytest.approx(SIGMA / 1.5, rel=0.1)
    assert points["mode"]["paper"]["mu"] == pytest.approx(0, abs=0.003)


def test_bad_pdfs_are_refused_with_their_row():
    good, z = gaussians(np.full(5, 0.5)), np.full(5, 0.5)
    for value, words in ((np.nan, "NaN"), (-0.1, "negative"), (np.inf, "infinite")):
        bad = good.copy()
        bad[3, 200] = value
        with pytest.raises(InputError, match=f"row 4 has .*{words}"):
            pdf_metrics.check_pdfs(GRID, bad, z)
    bad = good.copy()
    bad[2] = 0
    with pytest.raises(InputError, match="row 3 has a norm of zero"):
        pdf_metrics.figures_of_merit(GRID, bad, z, n=2, seed=1)
    for outside in (1.01, -0.01, np.nan):
        with pytest.raises(InputError, match=r"row 5 has the redshift.*grid covers 0 to 1"):
            pdf_metrics.check_pdfs(GRID, good, np.r_[z[:4], outside])


def test_bad_shapes_are_refused():
    good = gaussians(np.full(3, 0.5))
    for grid, pdfs in ((GRID[::-1], good), (GRID[:-1], good), (GRID, good[0]), (GRID, good[:0]), (GRID[:1], good)):
        with pytest.raises(InputError, match="expected"):
            pdf_metrics.check_pdfs(grid, pdfs)
    with pytest.raises(InputError, match="one for each of the 3"):
        pdf_metrics.check_pdfs(GRID, good, np.full(2, 0.5))
    with pytest.raises(InputError, match="two or more"):
        pdf_metrics.figures_of_merit(GRID, good[:1], np.array([0.5]), n=2, seed=1)
