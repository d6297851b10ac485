"""The network of Kim & Brunner (2017): its layers, its initial weights, its file."""

import math

import pytest
import torch
from torch import nn

from analysis.errors import InputError
from analysis.star_galaxy.convnet import ConvNet


def layers(network: nn.Module) -> list[nn.Module]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


@pytest.fixture(scope="module")
def whole() -> ConvNet:
    torch.manual_seed(0)
    return ConvNet()


def test_it_has_the_published_layers(whole: ConvNet) -> None:
    outputs = [layer.weight.shape[0] for layer in layers(whole)]
    assert outputs == [32, 32, 64, 64, 64, 128, 128, 128, 2048, 2048, 2]
    assert [layer.weight.shape[-1] for layer in layers(whole)[:8]] == [5] + 7 * [3]
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in whole.modules()) == 3
    assert {layer.p for layer in whole.modules() if isinstance(layer, nn.Dropout)} == {0.5}
    assert {layer.negative_slope for layer in whole.modules() if isinstance(layer, nn.LeakyReLU)} == {0.01}


def test_it_has_about_eleven_million_parameters(whole: ConvNet) -> None:
    # weights and biases by hand: 5 x 5 pixels of 128 channels reach the dense layers
    channels = [5, 32, 32, 64, 64, 64, 128, 128, 128]
    kernels = [25] + 7 * [9]
    by_hand = sum(a * b * k + b for a, b, k in zip(channels, channels[1:], kernels, strict=False))
    by_hand += 3200 * 2048 + 2048 + 2048**2 + 2048 + 2 * 2048 + 2
    found = sum(parameter.numel() for parameter in whole.parameters())
    assert found == by_hand
    assert 10.5e6 < found < 11.5e6


def test_initial_weights_are_orthogonal(whole: ConvNet) -> None:
    for layer in layers(whole):
        weight = layer.weight.detach().flatten(1)
        small = weight if weight.shape[0] <= weight.shape[1] else weight.T
        gram = small @ small.T
        torch.testing.assert_close(gram, 2 / (1 + 0.01**2) * torch.eye(len(gram)), atol=2e-4, rtol=0)
        assert not layer.bias.any()


@pytest.mark.parametrize(("side", "n_outputs"), [(44, 2), (40, 2), (44, 60), (12, 3)])
def test_shapes(side: int, n_outputs: int) -> None:
    assert ConvNet(n_outputs, side, width=0.1)(torch.zeros(3, 5, side, side)).shape == (3, n_outputs)


def test_width_scales_every_layer_but_the_last() -> None:
    outputs = [layer.weight.shape[0] for layer in layers(ConvNet(width=0.25))]
    assert outputs == [8, 8, 16, 16, 16, 32, 32, 32, 512, 512, 2]


def test_dropout_acts_in_training_only() -> None:
    network, images = ConvNet(side=12, width=0.2), torch.randn(4, 5, 12, 12)
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


def test_stamps_of_another_size_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(5, 40, 40\); expected \(5, 44, 44\)"):
        ConvNet(width=0.05)(torch.zeros(1, 5, 40, 40))


def test_stamps_too_small_are_refused() -> None:
    with pytest.raises(InputError, match="11 pixels a side; expected at least 12"):
        ConvNet(side=11)


def test_a_saved_network_is_the_same_one(tmp_path) -> None:
    network, images = ConvNet(3, 20, width=0.1).eval(), torch.randn(4, 5, 20, 20)
    network.save(tmp_path / "network.safetensors", epochs=math.pi)
    loaded, about = ConvNet.load(tmp_path / "network.safetensors")
    assert torch.equal(loaded(images), network(images))
    assert about == {"epochs": math.pi}
    assert not loaded.training


def test_a_damaged_file_is_refused(tmp_path) -> None:
    path = tmp_path / "network.safetensors"
    ConvNet(side=12, width=0.1).save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"network\.safetensors: not a whole safetensors file"):
        ConvNet.load(path)


def test_a_file_of_another_architecture_is_refused(tmp_path) -> None:
    path = tmp_path / "network.safetensors"
    network = ConvNet(side=12, width=0.1)
    network.shape["width"] = 0.2
    network.save(path)
    with pytest.raises(
        InputError, match=r"tensor 'convolutions.0.weight': shape \(3, 5, 5, 5\); expected shape \(6, 5"
    ):
        ConvNet.load(path)
