"""The loss of training under attack: without attack it is the plain one, with it larger, and a network learns by it."""

import copy

import pytest
import torch
from torch import Tensor, nn

from analysis.adversarial.train import attacked_loss, cost, plain_loss
from analysis.survey.luptitudes import SDSS_SOFTENING


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(5, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2)).eval()


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Return scaled images of which galaxies are brighter, classes, and sky noise."""
    generator = torch.Generator().manual_seed(2)
    classes = torch.arange(32) % 2
    images = torch.randn(32, 5, 8, 8, generator=generator) * 0.3 + classes[:, None, None, None]
    return images, classes, torch.full((32, 5), 0.05)


def test_without_attack_it_is_the_plain_loss(network: nn.Module, batch) -> None:
    plain = plain_loss(network, batch)
    assert attacked_loss(0.0, 2, SDSS_SOFTENING)(network, batch).item() == pytest.approx(plain.item(), rel=1e-5)


def test_an_attack_makes_it_larger_the_more_the_larger(network: nn.Module, batch) -> None:
    torch.manual_seed(0)
    losses = [attacked_loss(epsilon, 3, SDSS_SOFTENING)(network, batch).item() for epsilon in (0.0, 0.5, 2.0)]
    assert losses[0] < losses[1] < losses[2]


def test_it_is_judged_where_gradients_are_switched_off(network: nn.Module, batch) -> None:
    losses = []
    for gradients in (True, False):
        torch.manual_seed(0)  # the attack starts at random
        with torch.set_grad_enabled(gradients):
            losses.append(attacked_loss(0.5, 2, SDSS_SOFTENING)(network, batch).item())
    assert losses[1] == losses[0] > plain_loss(network, batch).item()


def test_a_network_that_learns_by_it_is_more_robust(network: nn.Module, batch) -> None:
    attacked = attacked_loss(2.0, 3, SDSS_SOFTENING)
    after = []
    for loss in (plain_loss, attacked):
        learner = copy.deepcopy(network)
        optimizer = torch.optim.Adam(learner.parameters(), 0.01)
        for _ in range(60):
            optimizer.zero_grad()
            loss(learner, batch).backward()
            optimizer.step()
        after.append(attacked(learner, batch).item())
    assert after[1] < after[0]


def test_the_cost_is_that_of_all_epochs() -> None:
    history = [{"cpu_seconds": 2.0, "seconds": 1.0}, {"cpu_seconds": 3.0, "seconds": 1.5}]
    assert cost(history) == {"epochs": 2, "cpu_seconds": 5.0, "seconds": 2.5}
