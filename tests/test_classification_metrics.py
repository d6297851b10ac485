"""The seven figures of merit against scikit-learn, and against what can be counted by hand."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, precision_recall_curve, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from analysis import classification_metrics as merit
from analysis.metrics import with_errors, with_interval


def drawn(n: int, seed: int, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Draw probabilities, and truths that they are the probabilities of; `ties`: in steps of 0.1."""
    generator = np.random.default_rng(seed)
    p = generator.beta(0.5, 0.3, n)
    p = np.round(p, 1) if ties else p
    return generator.random(n) < p, p


@pytest.mark.parametrize("ties", [False, True])
def test_auc_mse_and_log_loss_are_those_of_scikit_learn(ties: bool) -> None:
    truth, p = drawn(500, seed=1, ties=ties)
    assert merit.auc(truth, p) == pytest.approx(roc_auc_score(truth, p))
    assert merit.mse(truth, p) == pytest.approx(brier_score_loss(truth, p))
    p = np.clip(p, 0.01, 0.99)
    assert merit.log_loss(truth, p) == pytest.approx(sklearn_log_loss(truth, p))


@pytest.mark.parametrize("ties", [False, True])
def test_purity_at_completeness_and_the_reverse_are_points_of_the_precision_recall_curve(ties: bool) -> None:
    truth, p = drawn(500, seed=2, ties=ties)
    purity, completeness, _ = precision_recall_curve(truth, p)
    reached = completeness >= 0.96
    assert merit.galaxy_purity(truth, p, 0.96) == pytest.approx(purity[reached][-1])  # at the highest threshold
    purity, completeness, _ = precision_recall_curve(~truth, -p)
    pure = purity[:-1] >= 0.9  # the last point is not of the sample
    assert merit.star_completeness(truth, p, 0.9) == pytest.approx(completeness[:-1][pure].max())
    assert merit.star_purity(truth, p, 0.5) == pytest.approx(purity[completeness >= 0.5][-1])


def test_metrics_counted_by_hand() -> None:
    galaxy = np.array([True, True, True, True, False, False])
    p = np.array([0.9, 0.8, 0.7, 0.2, 0.75, 0.1])
    assert merit.auc(galaxy, p) == 6 / 8  # the star at 0.75 is below two galaxies, the one at 0.1 below four
    assert merit.galaxy_threshold(galaxy, p, 0.75) == 0.7
    assert merit.galaxy_purity(galaxy, p, 0.75) == 3 / 4
    assert merit.star_threshold(galaxy, p, 0.97) == 0.1
    assert merit.star_completeness(galaxy, p, 0.97) == 0.5
    assert merit.star_completeness(galaxy, p, 0.5) == 1.0  # up to 0.75: two stars among four objects
    assert merit.galaxy_number_error(galaxy, p) == pytest.approx(abs(3.45 - 4) / 4)
    assert merit.log_loss(np.array([True, False]), np.array([0.5, 1.0])) == pytest.approx(
        (np.log(2) - np.log(1e-15)) / 2
    )


def test_no_sample_of_stars_may_be_pure_enough() -> None:
    galaxy, p = np.array([True, False, False]), np.array([0.0, 0.5, 0.9])
    assert merit.star_threshold(galaxy, p, 0.97) == -np.inf
    assert merit.star_completeness(galaxy, p, 0.97) == 0.0


def test_calibration_error_of_bins_counted_by_hand() -> None:
    # 30 objects: bins of 2. Each p is 0.1 too high, in every bin.
    share = np.repeat([0.0, 0.5, 1.0], 10)
    truth = np.concatenate([np.zeros(10), np.tile([0, 1], 5), np.ones(10)]).astype(bool)
    assert merit.calibration_error(truth, share + 0.1) == pytest.approx(0.1)
    # alternating errors cancel where a bin holds both
    p = np.repeat([0.2, 0.8], 15)
    truth = np.concatenate([np.arange(15) < 3, np.arange(15) < 12])
    assert merit.calibration_error(truth, p) == pytest.approx(0)


def test_calibration_error_does_not_depend_on_the_order_of_objects() -> None:
    truth, p = drawn(900, seed=3, ties=True)
    order = np.random.default_rng(4).permutation(len(p))
    assert merit.calibration_error(truth[order], p[order]) == pytest.approx(merit.calibration_error(truth, p))


def test_calibration_error_of_the_paper_has_bins_of_1000_objects() -> None:
    truth, p = drawn(15_000, seed=5)
    order = np.argsort(p)
    errors = [abs(np.mean(truth[order][k : k + 1000]) - np.mean(p[order][k : k + 1000])) for k in range(14_001)]
    assert merit.calibration_error(truth, p) == pytest.approx(np.mean(errors))


def test_perfect_and_useless_classifiers() -> None:
    galaxy = np.arange(100) < 70
    perfect = {name: metric(galaxy, galaxy.astype(float)) for name, metric in merit.KIM_BRUNNER.items()}
    assert perfect == pytest.approx(
        {"auc": 1, "mse": 0, "p_g_at_c_g_096": 1, "c_s_at_p_s_097": 1, "cal": 0, "dn_g": 0, "log_loss": 0}
    )
    useless = {name: metric(galaxy, np.full(100, 0.7)) for name, metric in merit.KIM_BRUNNER.items()}
    assert useless == pytest.approx(
        {"auc": 0.5, "mse": 0.21, "p_g_at_c_g_096": 0.7, "c_s_at_p_s_097": 0, "cal": 0, "dn_g": 0, "log_loss": 0.610864}
    )


def test_bootstrap_errors_of_a_fraction_and_of_a_paired_difference() -> None:
    galaxy = np.arange(400) < 200
    p = np.where(np.arange(400) % 10 == 0, ~galaxy, galaxy).astype(float)  # every tenth is wrong: MSE is that share
    errors = with_errors({"mse": merit.mse}, galaxy, p, n=400, seed=1)
    assert errors["mse_err"] == pytest.approx(np.sqrt(0.1 * 0.9 / 400), rel=0.15)
    same = with_interval("d", lambda y, a, b: merit.auc(y, a) - merit.auc(y, b), galaxy, p, p / 2, n=50, seed=1)
    assert same == {"d": 0, "d_err": 0, "d_low": 0, "d_high": 0}  # another scale, the same order
