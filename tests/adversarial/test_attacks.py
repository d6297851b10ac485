"""Attacks do what their equations say: analytic cases, torchattacks as a peer, bounds, and errors."""

import math

import pytest
import torch
import torchattacks
from torch import Tensor, nn

from analysis.adversarial.attacks import Bounds, cross_entropy, fgsm, noise, pgd
from analysis.errors import InputError

BANDS, SIDE = 5, 12
FRACTIONS = Bounds(torch.tensor(1.0), torch.tensor(0.0), torch.tensor(1.0))  # epsilon in units of the range


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """Return a small convolutional network of three classes, untrained, in evaluation mode."""
    torch.manual_seed(3)
    layers = (nn.Conv2d(BANDS, 6, 3), nn.Tanh(), nn.Flatten(), nn.Linear(6 * (SIDE - 2) ** 2, 3))
    return nn.Sequential(*layers).eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(16, BANDS, SIDE, SIDE, generator=torch.Generator().manual_seed(5))


@pytest.fixture(scope="module")
def classes() -> Tensor:
    return torch.arange(16) % 3


def test_fgsm_of_a_linear_model_is_the_sign_of_its_weights(images: Tensor) -> None:
    weights = torch.randn(BANDS, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    bounds = Bounds(torch.tensor([1.0, 2, 3, 4, 5]).view(1, -1, 1, 1), torch.tensor(-math.inf), torch.tensor(math.inf))

    def score(batch: Tensor) -> Tensor:
        return (batch * weights).sum((1, 2, 3))

    up = fgsm(score, images, torch.zeros(16), 0.1, bounds, loss=lambda outputs, _: outputs)
    down = fgsm(score, images, torch.zeros(16), 0.1, bounds, loss=lambda outputs, _: outputs, targeted=True)
    expected = 0.1 * bounds.unit * weights.sign()
    assert torch.allclose(up - images, expected.expand_as(images), atol=1e-6)
    assert torch.allclose(down - images, -expected.expand_as(images), atol=1e-6)


@pytest.mark.parametrize("epsilon", [0.0, 2 / 255, 8 / 255, 0.3])
def test_fgsm_is_that_of_torchattacks(network: nn.Module, images: Tensor, classes: Tensor, epsilon: float) -> None:
    ours = fgsm(network, images, classes, epsilon, FRACTIONS)
    peer = torchattacks.FGSM(network, eps=epsilon)(images, classes)
    assert torch.allclose(ours, peer, atol=1e-7)


def test_targeted_fgsm_is_that_of_torchattacks(network: nn.Module, images: Tensor, classes: Tensor) -> None:
    target = (classes + 1) % 3
    attack = torchattacks.FGSM(network, eps=0.05)
    attack.set_mode_targeted_by_label(quiet=True)
    assert torch.allclose(fgsm(network, images, target, 0.05, FRACTIONS, targeted=True), attack(images, target))


def test_pgd_is_at_least_as_strong_as_that_of_torchattacks(network: nn.Module, images: Tensor, classes: Tensor) -> None:
    epsilon, steps, alpha = 0.05, 7, 0.01
    peer = torchattacks.PGD(network, eps=epsilon, alpha=alpha, steps=steps, random_start=False)(images, classes)
    how = {"steps": steps, "step_size": alpha / epsilon}
    ours = pgd(network, images, classes, epsilon, FRACTIONS, **how)
    more = pgd(network, images, classes, epsilon, FRACTIONS, restarts=4, **how)
    with torch.no_grad():
        theirs, one, four = (cross_entropy(network(x), classes) for x in (peer, ours, more))
    assert (one >= theirs - 1e-6).all()
    assert (four >= one).all()
    assert theirs.mean() > cross_entropy(network(images), classes).mean() + 0.1  # the peer is no straw man


def test_targeted_pgd_reaches_a_lower_loss_than_targeted_fgsm(
    network: nn.Module, images: Tensor, classes: Tensor
) -> None:
    target = (classes + 1) % 3
    losses = []
    for attack, how in ((fgsm, {}), (pgd, {"steps": 20})):
        found = attack(network, images, target, 0.1, FRACTIONS, targeted=True, **how)
        losses.append(cross_entropy(network(found), target).mean().item())
    assert losses[1] <= losses[0]


def test_of_two_classes_the_targeted_and_the_untargeted_step_are_the_same(images: Tensor) -> None:
    torch.manual_seed(0)
    two = nn.Sequential(nn.Flatten(), nn.Linear(BANDS * SIDE**2, 2))
    star = torch.zeros(16, dtype=torch.long)
    away = fgsm(two, images, star, 0.1, FRACTIONS)
    towards = fgsm(two, images, 1 - star, 0.1, FRACTIONS, targeted=True)
    assert torch.allclose(away, towards)


@pytest.mark.parametrize("attack", ["fgsm", "pgd", "noise"])
def test_attacked_images_stay_in_the_ball_and_in_the_range(
    attack: str, network: nn.Module, images: Tensor, classes: Tensor
) -> None:
    unit = torch.linspace(0.5, 1.5, 16 * BANDS).view(16, BANDS, 1, 1)
    bounds = Bounds(unit, torch.tensor(0.0), torch.tensor(1.0))
    if attack == "noise":
        found = noise(images, 0.2, bounds, torch.Generator().manual_seed(1))
    elif attack == "fgsm":
        found = fgsm(network, images, classes, 0.2, bounds)
    else:
        found = pgd(network, images, classes, 0.2, bounds, steps=3, restarts=2, from_image=False)
    assert ((found - images).abs() <= 0.2 * unit + 1e-6).all()
    assert torch.isfinite(found).all()
    assert found.min() >= 0 and found.max() <= 1
    assert not torch.equal(found, images)


def test_noise_is_as_large_as_fgsm_and_knows_nothing(network: nn.Module, images: Tensor, classes: Tensor) -> None:
    wide = Bounds(torch.tensor(1.0), torch.tensor(-math.inf), torch.tensor(math.inf))
    random = noise(images, 0.03, wide, torch.Generator().manual_seed(2)) - images
    aimed = fgsm(network, images, classes, 0.03, wide) - images
    assert random.square().sum().item() == pytest.approx(aimed.square().sum().item(), rel=1e-3)
    correlation = torch.corrcoef(torch.stack([random.flatten(), aimed.flatten()]))[0, 1]
    assert abs(correlation) < 4 / math.sqrt(random.numel())
    assert abs(random.mean()) < 4 * 0.03 / math.sqrt(random.numel())


def test_attacks_work_where_gradients_are_switched_off(network: nn.Module, images: Tensor, classes: Tensor) -> None:
    with torch.no_grad():
        assert torch.equal(
            fgsm(network, images, classes, 0.1, FRACTIONS), pgd(network, images, classes, 0.1, FRACTIONS, steps=1)
        )


def test_epsilon_below_zero_is_refused(network: nn.Module, images: Tensor, classes: Tensor) -> None:
    for epsilon in (-0.1, math.nan, math.inf):
        with pytest.raises(InputError, match="epsilon"):
            fgsm(network, images, classes, epsilon, FRACTIONS)
    with pytest.raises(InputError, match="epsilon"):
        noise(images, -1.0, FRACTIONS)


def test_a_class_that_does_not_exist_is_refused(network: nn.Module, images: Tensor, classes: Tensor) -> None:
    with pytest.raises(InputError, match="class 3 does not exist; expected 0 to 2"):
        fgsm(network, images, classes + 1, 0.1, FRACTIONS, targeted=True)
    with pytest.raises(InputError, match="class -1 does not exist"):
        pgd(network, images, classes - 1, 0.1, FRACTIONS, steps=2)


def test_a_model_without_gradient_is_refused(images: Tensor, classes: Tensor) -> None:
    def counts(batch: Tensor) -> Tensor:
        return (batch > 0.5).sum((2, 3)).float()

    def constant(batch: Tensor) -> Tensor:
        return torch.zeros(len(batch), 3, requires_grad=True)

    for model in (counts, constant):
        with pytest.raises(InputError, match="no gradient"):
            fgsm(model, images, classes, 0.1, FRACTIONS)


def test_images_outside_of_the_range_are_refused(network: nn.Module, images: Tensor, classes: Tensor) -> None:
    for value in (1.5, -0.5, math.nan):
        wrong = images.clone()
        wrong[3, 2, 1, 4] = value
        with pytest.raises(InputError, match=r"image 3, band 2, row 1, column 4 is .*between 0 and 1"):
            fgsm(network, wrong, classes, 0.1, FRACTIONS)


def test_too_few_steps_are_refused(network: nn.Module, images: Tensor, classes: Tensor) -> None:
    with pytest.raises(InputError, match="0 steps"):
        pgd(network, images, classes, 0.1, FRACTIONS, steps=0)
