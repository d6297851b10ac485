"""The aNN: its own standardisation, missing values, files."""

import numpy as np
import pytest
import torch

from analysis.errors import InputError
from analysis.feature_importance.network import RedshiftNetwork, squared_error
from analysis.tensor_files import write_tensors


def sample(objects=200, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(5, 3, (objects, 4)), generator.normal(0.4, 0.1, objects)


def test_units_of_the_inputs_and_of_the_output_do_not_matter():
    X, z = sample()
    first = RedshiftNetwork.for_sample(X, z, [8], seed=1).predict(X)
    other = RedshiftNetwork.for_sample(1000 * X - 7, 2 * z + 1, [8], seed=1).predict(1000 * X - 7)
    np.testing.assert_allclose(other, 2 * first + 1, atol=1e-5)


def test_missing_value_counts_as_the_median():
    X, z = sample()
    network = RedshiftNetwork.for_sample(X, z, [8], seed=1)
    missing, filled = X[:5].copy(), X[:5].copy()
    missing[:, 2], filled[:, 2] = np.nan, np.median(X[:, 2])
    np.testing.assert_allclose(network.predict(missing), network.predict(filled), atol=1e-6)


def test_constant_and_empty_columns_are_harmless():
    X, z = sample()
    X[:, 0], X[:, 1] = 3, np.nan
    assert np.all(np.isfinite(RedshiftNetwork.for_sample(X, z, [8], seed=1).predict(X)))


def test_loss_of_the_mean_is_one():
    X, z = sample()
    network = RedshiftNetwork.for_sample(X, z, [8], seed=1)
    torch.nn.init.zeros_(network.layers[-1].weight)
    torch.nn.init.zeros_(network.layers[-1].bias)
    batch = (torch.tensor(X, dtype=torch.float32), torch.tensor(z, dtype=torch.float32))
    np.testing.assert_allclose(squared_error(network, batch).item(), 1, rtol=1e-5)


def test_saved_network_predicts_the_same_bits(tmp_path):
    X, z = sample()
    network = RedshiftNetwork.for_sample(X, z, [8, 6], seed=1)
    network.save(tmp_path / "network.safetensors")
    loaded = RedshiftNetwork.load(tmp_path / "network.safetensors")
    np.testing.assert_array_equal(loaded.predict(X), network.predict(X))
    assert not loaded.training


@pytest.mark.parametrize(("what", "kind"), [("cut", "damaged-file"), ("of another kind", "other-model")])
def test_a_file_that_is_no_such_network_is_refused(what, kind, tmp_path):
    path = tmp_path / "network.safetensors"
    if what == "cut":
        RedshiftNetwork(3, [4]).save(path)
        path.write_bytes(path.read_bytes()[:-100])
    else:
        write_tensors(path, {"w": torch.ones(2)}, {})
    with pytest.raises(InputError, match=r"network\.safetensors: not a") as error:
        RedshiftNetwork.load(path)
    assert error.value.kind == kind
