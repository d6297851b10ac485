"""The rate of products of matrices."""

import torch

from analysis.loop.matrix_rate import matrix_rate


def test_the_rate_of_matrices_is_a_rate():
    assert 1e6 < matrix_rate(torch.device("cpu"), size=64, repeats=3) < 1e15
