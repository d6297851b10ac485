"""Generator and critic: symmetric, periodic, of unit mean; losses of which the gradients are right; files."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from analysis.errors import InputError
from analysis.nbody_gan import names, statistics
from analysis.nbody_gan.boxes import Boxes
from analysis.nbody_gan.controls import log_normal_field
from analysis.nbody_gan.cosmology import Cosmology
from analysis.nbody_gan.critic import Critic
from analysis.nbody_gan.evaluate import read_binning
from analysis.nbody_gan.gan import Gan, Generator, critic_loss, draw_boxes, draw_noise, generator_loss
from analysis.nbody_gan.layers import Shape, scale_density
from analysis.nbody_gan.learning import TrainingBoxes, turn
from analysis.nbody_gan.mock import linear_modes
from analysis.nbody_gan.train import densities_for, train_gan, untrained

SHAPE = Shape(cells=8, noise=2, generator_channels=4, generator_blocks=1, critic_channels=4, floor=0.2, knots=33)
POWER = 0.3 * linear_modes(Cosmology(0.276, 0.045, 0.7, 0.811, 0.961), 40.0, 8, 0.0)
STATISTICS = {"count_bins": 4, "peak_bins": 2, "marks": [[1, 1]], "mark_radius": 5.0, "moment_radii": [0]}
NETWORK = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-3, "weight_decay": 0.0, "patience": 9, "average": 0.9}
SETTINGS = {
    "seed": 1, "gradient_penalty": 10.0, "critic_steps": 2, "generator_rate": 0.3,
    "network": NETWORK, "statistics": STATISTICS,
}  # fmt: skip


def boxes(number: int, seed: int = 1) -> torch.Tensor:
    return log_normal_field(POWER, number, torch.Generator().manual_seed(seed))


@pytest.fixture
def gan() -> Gan:
    torch.manual_seed(0)
    model = untrained(boxes(200), POWER, SHAPE, seed=1)
    torch.nn.init.normal_(model.generator.leave.weight, std=0.1)  # so that the convolutions take part
    return model


def test_what_is_drawn_has_unit_mean_and_follows_the_noise(gan: Gan) -> None:
    noise = draw_noise(3, SHAPE, torch.Generator().manual_seed(2))
    density = gan.generator(noise)
    assert (density > 0).all()
    assert density.mean(dim=(1, 2, 3)).detach().numpy() == pytest.approx(1, abs=1e-5)
    shifted = gan.generator(noise.roll((1, 3, 6), (2, 3, 4)))
    assert shifted.detach().numpy() == pytest.approx(density.roll((1, 3, 6), (1, 2, 3)).detach().numpy(), rel=1e-3)


def test_the_untrained_generator_has_the_voxel_masses_and_the_power_of_the_boxes() -> None:
    some = boxes(400)
    torch.manual_seed(0)
    drawn = draw_boxes(untrained(some, POWER, SHAPE, seed=1).generator, 400, seed=2)
    shares = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    wanted = np.quantile(some, shares)
    assert np.quantile(drawn, shares) == pytest.approx(wanted, rel=0.08)
    ratio = statistics.power_spectrum(drawn, 5.0).mean(0) / statistics.power_spectrum(some, 5.0).mean(0)
    assert ratio.numpy() == pytest.approx(1, abs=0.15)


def test_the_critic_does_not_care_for_shifts_that_its_strides_allow() -> None:
    torch.manual_seed(0)
    critic, scaled = Critic(SHAPE), scale_density(boxes(4), SHAPE.floor)
    assert critic(scaled.roll(4, 1)).detach().numpy() == pytest.approx(critic(scaled).detach().numpy(), rel=1e-3)


def test_the_penalty_is_that_of_the_slope() -> None:
    """For a critic that is linear, with a slope of 3, the penalty is 4 times its weight."""

    class Linear(torch.nn.Module):
        def forward(self, scaled: torch.Tensor) -> torch.Tensor:
            return 3 * scaled.flatten(1).sum(1) / scaled[0].numel() ** 0.5

    torch.manual_seed(0)
    gan = untrained(boxes(100), POWER, SHAPE, seed=1)
    gan.critic = Linear()  # type: ignore[assignment]
    batch = (scale_density(boxes(8), SHAPE.floor)[:, None],)

    def loss(penalty: float) -> float:
        torch.manual_seed(1)
        return float(critic_loss(penalty)(gan, batch))

    assert loss(10.0) - loss(0.0) == pytest.approx(40, rel=1e-4)


def test_losses_move_only_their_own_network_and_the_critic_learns_to_tell_noise(gan: Gan) -> None:
    batch = (scale_density(boxes(16), SHAPE.floor)[:, None],)
    loss = critic_loss(10.0)(gan, batch)
    assert torch.autograd.grad(loss, list(gan.generator.parameters()), allow_unused=True, retain_graph=True) == (
        None,
    ) * len(list(gan.generator.parameters()))
    assert torch.isfinite(
        torch.stack([slope.norm() for slope in torch.autograd.grad(loss, gan.critic.judge.parameters())])
    ).all()
    slopes = torch.autograd.grad(generator_loss(gan, batch), list(gan.generator.parameters()))
    assert all(torch.isfinite(slope).all() for slope in slopes)
    assert slopes[0].abs().max() > 0


def test_the_48_symmetries_are_all_different_and_keep_the_box() -> None:
    box = torch.arange(4**3).view(1, 4, 4, 4)
    turned = {tuple(turn(box, symmetry).flatten().tolist()) for symmetry in range(48)}
    assert len(turned) == 48
    assert all(sorted(of) == list(range(64)) for of in turned)


def test_training_boxes_are_turned_anew_each_epoch_and_stay_what_they_are() -> None:
    some = boxes(60)
    data = TrainingBoxes(some, SHAPE.floor, seed=1)
    every = torch.arange(60)
    (first,) = data[every]
    data.set_epoch(1)
    (second,) = data[every]
    data.set_epoch(0)
    assert torch.equal(data[every][0], first)
    assert not torch.equal(first, second)
    for epoch in (first, second):
        assert torch.equal(epoch.flatten(1).sort(1).values, scale_density(some, SHAPE.floor).flatten(1).sort(1).values)


def test_training_writes_a_generator_that_reads_back(gan: Gan, tmp_path) -> None:
    train_gan(gan, boxes(64), boxes(40, seed=2), 5.0, SETTINGS, tmp_path)
    again = Generator.load(tmp_path / names.GENERATOR)
    assert torch.equal(draw_boxes(again, 4, seed=1), draw_boxes(gan.generator, 4, seed=1))
    start = Generator.load(tmp_path / names.UNTRAINED)
    assert not torch.equal(start.leave.weight, again.leave.weight)
    assert read_binning(tmp_path / names.BINNING).marks == ((1.0, 1.0),)
    (tmp_path / names.BINNING).write_text(json.dumps({"cell": 5}))
    with pytest.raises(InputError, match="binning"):
        read_binning(tmp_path / names.BINNING)


def test_nan_in_training_is_an_error(gan: Gan, tmp_path) -> None:
    broken = boxes(64)
    network = NETWORK | {"learning_rate": 1e30}
    with pytest.raises(InputError):
        train_gan(gan, broken, boxes(40, seed=2), 5.0, SETTINGS | {"network": network}, tmp_path)


def test_too_few_validation_boxes_are_an_error(gan: Gan, tmp_path) -> None:
    with pytest.raises(InputError, match="6 boxes for 4 bins"):
        train_gan(gan, boxes(64), boxes(6, seed=2), 5.0, SETTINGS, tmp_path)


def test_boxes_of_another_size_and_cut_ones_are_refused(tmp_path) -> None:
    found = {"seed": np.arange(2), "side": 40.0, "redshift": 0.0, "simulation_cpu_seconds": 1.0}
    path = tmp_path / "boxes.h5"
    with pytest.raises(InputError, match="boxes of 8 cells a side; expected 16"):
        densities_for(Boxes(np.ones((2, 8, 8, 8), np.float32), periodic=True, **found), path, "test", 16)
    with pytest.raises(InputError, match="cut from larger runs"):
        densities_for(Boxes(np.ones((2, 8, 8, 8), np.float32), periodic=False, **found), path, "test", 8)


def test_files_of_another_network_are_refused(gan: Gan, tmp_path) -> None:
    path = tmp_path / "generator.safetensors"
    gan.generator.save(path)
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = file.metadata()
    shape = json.loads(about["shape"]) | {"generator_channels": 6}
    save_file(tensors, path, metadata={"shape": json.dumps(shape)})
    with pytest.raises(InputError, match=r"generator.safetensors: tensor .* expected shape"):
        Generator.load(path)
    save_file(tensors, path, metadata={"shape": "{}"})
    with pytest.raises(InputError, match="no generator"):
        Generator.load(path)
    path.write_bytes(b"not at all")
    with pytest.raises(InputError, match="safetensors"):
        Generator.load(path)


@pytest.mark.parametrize("wrong", [{"cells": 10}, {"noise": 0}, {"generator_channels": 3}])
def test_impossible_shapes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError):
        Shape(**vars(SHAPE) | wrong)
