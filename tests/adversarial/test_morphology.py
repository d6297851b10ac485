"""The morphology network: symmetric, honest about its votes, turned images in training; it tells arms from none."""

import math

import pytest
import torch

from analysis.adversarial.morphology import (
    SPIRAL,
    MorphologyNet,
    TurnedGalaxies,
    class_loss,
    log_probabilities,
    votes,
)
from analysis.errors import InputError
from analysis.training import Settings, train


@pytest.fixture
def network() -> MorphologyNet:
    torch.manual_seed(1)
    return MorphologyNet(side=16, channels=4, units=16).eval()


def galaxies(n: int, side: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw round galaxies, every other one with two arms, each turned by an angle of its own; counts."""
    rng = torch.Generator().manual_seed(seed)
    turn = 2 * math.pi * torch.rand(n, 1, 1, generator=rng)
    along = torch.linspace(-1, 1, side)
    radius, angle = torch.hypot(along[:, None], along[None, :]), torch.atan2(along[:, None], along[None, :])
    arms = torch.cos(2 * (angle - turn) - 8 * radius)
    spiral = (torch.arange(n) % 2)[:, None, None]
    light = 150 * torch.exp(-3 * radius) * (1 + 0.8 * spiral * arms)
    noise = 3 * torch.randn(n, 3, side, side, generator=rng)
    return (light[:, None] + noise).clamp(0, 255), spiral[:, 0, 0]


def test_a_turned_or_mirrored_galaxy_is_judged_alike(network):
    images, _ = galaxies(6, 16)
    p = log_probabilities(network, images).exp()
    torch.testing.assert_close(p.sum(dim=1), torch.ones(6))
    for turned in (images.rot90(1, (2, 3)), images.flip(2), images.transpose(2, 3)):
        torch.testing.assert_close(log_probabilities(network, turned).exp(), p)
        assert (network(turned).softmax(1) - network(images).softmax(1)).abs().max() > 1e-6  # one view alone is not


def test_the_mean_over_views_is_of_probabilities(network):
    images, _ = galaxies(4, 16)
    of_views = [network(view.flip(axes)) for view in (images, images.transpose(2, 3)) for axes in ((), 2, 3, (2, 3))]
    expected = torch.stack([logits.softmax(dim=1) for logits in of_views]).mean(dim=0)
    torch.testing.assert_close(log_probabilities(network, images).exp(), expected)


def test_votes_differ_from_one_another_but_not_with_the_company(network):
    images, _ = galaxies(8, 16)
    cast = votes(network, images, 20, seed=3)
    assert cast.shape == (20, 8) and (cast.std(dim=0) > 0).all()
    torch.testing.assert_close(votes(network, images[2:5], 20, seed=3), cast[:, 2:5])
    assert not torch.equal(votes(network, images, 20, seed=4), cast)


def test_votes_of_a_network_without_dropout_are_its_own_opinion():
    torch.manual_seed(1)
    network, (images, _) = MorphologyNet(side=16, channels=4, dropout=0.0).eval(), galaxies(5, 16)
    whole = log_probabilities(network, images).exp()[:, SPIRAL].detach()
    torch.testing.assert_close(votes(network, images, 3, seed=1), whole.expand(3, 5))


def test_it_learns_to_tell_arms(tmp_path):
    torch.manual_seed(1)
    network = MorphologyNet(side=16, channels=8, units=32)
    images, classes = galaxies(128, 20)
    settings = Settings(epochs=8, batch_size=16, learning_rate=0.003, weight_decay=0.01, patience=8)
    turned = TurnedGalaxies(images, classes, 16, seed=1)
    others, truth = galaxies(100, 20, seed=2)
    others = others[..., 2:-2, 2:-2].contiguous()
    train(network, class_loss, turned, torch.utils.data.TensorDataset(others, truth), settings, tmp_path)
    right = log_probabilities(network, others).argmax(dim=1) == truth
    assert right.float().mean() > 0.9


def test_each_epoch_turns_galaxies_anew_and_the_same_again():
    images, classes = galaxies(10, 20)
    data, chosen = TurnedGalaxies(images, classes, 16, seed=1), torch.tensor([7, 2])
    first = data[chosen][0]
    data.set_epoch(1)
    assert (data[chosen][0] - first).abs().mean() > 1
    data.set_epoch(0)
    torch.testing.assert_close(data[chosen][0], first)
    torch.testing.assert_close(data[torch.tensor([2])][0], first[1:])
    assert data[chosen][1].tolist() == [1, 0] and first.shape == (2, 3, 16, 16)


@pytest.mark.parametrize(("side", "says"), [(20, "expected a multiple of 8"), (0, "expected a multiple of 8")])
def test_a_side_that_pooling_cannot_halve_is_refused(side, says):
    with pytest.raises(InputError, match=says):
        MorphologyNet(side=side)


def test_images_of_another_size_are_refused(network):
    with pytest.raises(InputError, match=r"shape \(3, 16, 20\); expected \(3, 16, 16\)"):
        network(torch.zeros(1, 3, 16, 20))
