"""What outputs mean: smoothed bins, Gaussians, their losses and CDFs, against SciPy and by hand."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from analysis.cnn_redshift.heads import Bins, Gaussians, make_head


def test_smoothed_classes_are_the_gaussian_about_the_truth():
    targets = Bins(0, 1, 0.01, smoothing=0.02).targets(torch.tensor([0.503]))[0].numpy()
    expected = np.diff(stats.norm(0.503, 0.02).cdf(np.linspace(0, 1, 101)))
    np.testing.assert_allclose(targets, expected, atol=1e-6)


def test_smoothed_classes_keep_their_probability_at_the_ends():
    targets = Bins(0, 1, 0.05, smoothing=0.03).targets(torch.tensor([0.0, 0.01, 1.0]))
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(3))
    assert targets.argmax(dim=1).tolist() == [0, 0, 19]


def test_the_loss_of_bins_is_smallest_where_the_classes_are_the_truth():
    head, z = Bins(0, 1, 0.1, smoothing=0.05), torch.tensor([0.33])
    right = head.targets(z).clamp_min(1e-30).log().requires_grad_()
    loss = head.loss(right, z)
    loss.backward()
    assert right.grad.abs().max() < 1e-6
    entropy = stats.entropy(head.targets(z)[0].double().numpy())
    assert loss.item() == pytest.approx(entropy, rel=1e-4)


def test_the_density_is_constant_within_a_bin_and_none_is_lost_on_another_grid():
    head, outputs = Bins(0, 1, 0.25, 0.1), torch.randn(3, 4, generator=torch.manual_seed(1))
    same = head.masses(outputs, torch.linspace(0, 1, 5))
    torch.testing.assert_close(same, outputs.double().softmax(dim=1))
    finer = head.masses(outputs, torch.linspace(0, 1, 9))
    torch.testing.assert_close(finer, same.repeat_interleave(2, dim=1) / 2)
    uneven = head.cdf(outputs, torch.tensor([-0.5, 0.0, 0.3, 1.0, 2.0]))
    torch.testing.assert_close(uneven[:, [0, 1, 3, 4]], torch.tensor([[0, 0, 1, 1]] * 3).double())
    torch.testing.assert_close(uneven[:, 2], same[:, 0] + 0.2 * same[:, 1])


def test_regression_is_one_gaussian_with_its_log_score():
    head = make_head("regression", (0.0, 1.0), {"components": 5})
    outputs = torch.tensor([[0.3, -0.1, 0.4]])
    _, mean, sigma = (values.item() for values in head.mixture(outputs))
    assert mean == pytest.approx(0.4)
    gaussian = stats.norm(mean, sigma)
    assert head.loss(outputs, torch.tensor([0.45])).item() == pytest.approx(-gaussian.logpdf(0.45), rel=1e-5)
    edges = torch.linspace(0.3, 0.6, 7)
    np.testing.assert_allclose(head.cdf(outputs, edges)[0], gaussian.cdf(edges), atol=1e-6)


def test_a_mixture_is_the_weighted_sum_of_its_gaussians():
    head, outputs = Gaussians(0, 2, 3), torch.randn(2, 9, generator=torch.manual_seed(2))
    weights, means, sigmas = head.mixture(outputs)
    z = 0.7
    expected = sum(w.exp() * stats.norm(m, s).pdf(z) for w, m, s in zip(weights[0], means[0], sigmas[0], strict=True))
    assert head.loss(outputs[:1], torch.tensor([z])).item() == pytest.approx(-math.log(expected), rel=1e-4)
    assert head.outputs == 9
