"""Operations of a network, against a count by hand."""

import pytest

from analysis.cnn_redshift.model import RedshiftNetwork
from analysis.cnn_redshift.rate import operations_per_stamp
from analysis.survey.luptitudes import SDSS_SOFTENING


def test_operations_are_those_of_the_layers():
    network = RedshiftNetwork(7, SDSS_SOFTENING, [4, 6], 2, [10], 0.0).eval()
    convolutions = 2 * 9 * (5 * 4 * 16**2 + 4 * 6 * 8**2)
    apertures = 2 * 5 * 2 * 16**2
    seen = 2 * 9 + 1 + 2 * 6
    dense = 2 * (seen * 10 + 10 * 7)
    assert operations_per_stamp(network, (5, 16, 16)) == pytest.approx(3 * (convolutions + apertures + dense))
