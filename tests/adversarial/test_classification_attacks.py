"""Summaries of attacks: flips, transfer and the checks of masked gradients, on cases that can be counted by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from analysis.adversarial import names
from analysis.adversarial.classification import (
    Target,
    control,
    curves,
    no_masking,
    probabilities,
    transfer,
    what_it_takes,
)
from analysis.adversarial.images import Images
from analysis.adversarial.measures import epsilon_needed
from analysis.adversarial.placed import evenly, shifts
from analysis.adversarial.redshift import RedshiftTarget, under_attack
from analysis.adversarial.redshift import control as redshift_control

N, SIDE = 24, 8
WIDE = torch.full((5, 1, 1), torch.inf)
SETTINGS = {"epsilons": [0.1, 1, 4], "headline": 1, "pgd": {"steps": 3, "restarts": 1}, "n_bootstrap": 20, "seed": 1}
SETTINGS |= {"confident": 0.5, "push": 0.1, "near": 0.02}


def flat_images(brightness: Tensor) -> Images:
    """Return images that are of one brightness each, with a sky noise of 1."""
    flux = brightness[:, None, None, None].expand(-1, 5, SIDE, SIDE).clone()
    ones = torch.ones(len(flux), 5, 1, 1)
    return Images(flux, ones, ones, -WIDE, WIDE, np.ones((len(flux), 5)), np.arange(len(flux)))


def bright(images: Images):
    """Return a linear classifier: a galaxy (class 1) if the mean pixel is above zero."""
    del images

    def model(flux: Tensor) -> Tensor:
        mean = flux.mean(dim=(1, 2, 3))
        return torch.stack([-5 * mean, 5 * mean], dim=1)

    return model


@pytest.fixture
def target() -> Target:
    """Return stars of brightness -0.5 and galaxies of 2: epsilons of 0.5 and of 2 flip them, and no less."""
    classes = torch.arange(N) % 2
    return Target(flat_images(torch.where(classes == 1, 2.0, -0.5)), classes, SETTINGS)


def test_epsilons_that_flip_are_those_of_a_linear_model(target: Target) -> None:
    table, seen, found = curves(target, "linear", bright)
    accuracy = table[table["objects"] != "all"].pivot(index=["attack", "objects"], columns="epsilon", values="accuracy")
    for attack in (names.FGSM, names.PGD):
        assert accuracy.loc[(attack, "stars")].tolist() == [1, 1, 0, 0]
        assert accuracy.loc[(attack, "galaxies")].tolist() == [1, 1, 1, 0]
    assert accuracy.loc[(names.NOISE, "galaxies")].tolist() == [1, 1, 1, 1]
    takes = what_it_takes(target, found)
    assert 0.1 < takes["stars"][names.PGD]["epsilon_50"] <= 1
    assert 1 < takes["galaxies"][names.PGD]["epsilon_50"] <= 4
    assert takes["stars"][names.PGD]["confident_flipped_percent"] == 100
    assert takes["galaxies"][names.PGD]["confident_flipped_percent"] == 0
    assert set(seen["attack"]) == {names.NOISE, names.FGSM, names.PGD}


def test_an_attack_carries_over_to_the_same_model_and_not_to_its_opposite(target: Target) -> None:
    def blind(images: Images):
        model = bright(images)
        return lambda flux: model(flux[:, :, ::2] - 0 * flux[:, :, 1::2])

    judges = {
        "same": lambda images: probabilities(images, bright).argmax(axis=1),
        "constant": lambda images: target.true,
    }
    table = transfer(target, {"linear": bright, "blind": blind}, judges).set_index(["source", "judge"])["accuracy"]
    assert table[("clean", "same")] == 1
    assert table[("linear", "same")] == 0.5  # the stars are flipped
    assert (table.xs("constant", level="judge") == 1).all()


def test_masking_is_seen_in_made_up_numbers() -> None:
    lines = [
        {"network": "own", "objects": "all", "attack": attack, "epsilon": epsilon, "accuracy": accuracy}
        for attack, values in {names.FGSM: (1.0, 0.6, 0.5), names.PGD: (1.0, 0.9, 0.4)}.items()
        for epsilon, accuracy in zip((0.0, 0.5, 1.0), values, strict=True)
    ]
    judged = {"clean": 1.0, names.NOISE: 1.0, "own": 0.9, "other": 0.3}
    transferred = pd.DataFrame([{"source": s, "judge": "own", "accuracy": a} for s, a in judged.items()])
    checks = no_masking(pd.DataFrame(lines), transferred, "own")
    assert checks == pytest.approx({"pgd_above_fgsm": 0.3, "left_at_largest": 0.4, "direct_above_transferred": 0.6})


def test_redshifts_of_a_linear_model_are_pushed_as_far_as_epsilon_goes() -> None:
    grid = np.linspace(0, 1, 201)
    slope = 0.05  # of redshift with the mean pixel

    def maker(images: Images):
        del images

        def model(flux: Tensor) -> Tensor:
            z = 0.4 + slope * flux.mean(dim=(1, 2, 3))
            masses = torch.exp(-((torch.tensor(grid) - z[:, None]) ** 2) / (2 * 0.02**2))
            return masses / masses.sum(dim=1, keepdim=True)

        return model

    brightness = torch.linspace(-0.5, 0.5, N)
    z_true = 0.4 + slope * brightness.numpy()
    small_steps = SETTINGS | {"pgd": {"steps": 20, "restarts": 1}}
    target = RedshiftTarget(flat_images(brightness), z_true, maker, grid, small_steps)
    result, table, pits = under_attack(target)
    pushed = table[table["attack"] == names.PUSHED_FGSM].set_index("epsilon")["shift"]
    assert np.allclose(pushed, slope * np.array([0, 0.1, 1, 4]), atol=1e-3)
    reached = table[table["attack"] == names.PUSHED_PGD].set_index("epsilon")["reached_percent"]
    assert reached[1] == 0  # half of the way
    assert reached[4] == 100  # PGD does not overshoot
    assert abs(result[names.NOISE]["shift"]) < 0.005
    assert result["clean"]["crps"] < result[names.PGD]["crps"]
    assert np.median(pits[names.PUSHED_PGD]) < 0.1  # the truth is below the pushed PDF
    by_noise = redshift_control(target)
    assert by_noise["reached_percent"] == 0 and by_noise["reached_percent_high"] > 10  # of 24
    places = {"step": 1.0, "reach": 1.0, "angles": 2}
    light = {
        "faint_star": {"sizes": [15, 16], "colours": [0.0] * 5},
        "satellite_trail": {"sizes": [12], "band": "r", "speed": 100, "exposure": 54},
        "cosmic_ray": {"sizes": [1, 30, 50], "band": "r", "length": 1.0},
    }
    found = shifts(target, {"objects": 7, "places": places} | light)
    assert found["n"] == 7 and found["cosmic_ray"]["size"] == 30
    assert found["cosmic_ray"]["worst"] == pytest.approx(slope * 30 / (5 * SIDE**2), rel=0.02)  # all of its charge
    assert all(found[kind]["worst"] > found[kind]["random"] - 1e-4 for kind in light)  # rounding


def test_control_counts_confident_objects_of_each_class(target: Target) -> None:
    found = control(target, bright)
    assert [found[objects]["n_confident"] for objects in ("stars", "galaxies")] == [N // 2, N // 2]
    assert found["stars"]["confident_flipped_percent"] == 0
    assert found["stars"]["confident_flipped_percent_high"] == pytest.approx(100 * (1 - 0.025 ** (2 / N)))


def test_objects_are_spread_evenly_and_as_many_as_asked_for() -> None:
    some = evenly(200, 60)
    assert len(set(some)) == 60 and some[0] == 0 and some[-1] == 199
    assert list(evenly(3, 60)) == [0, 1, 2]


def test_an_epsilon_outside_of_those_tried_is_none() -> None:
    fooled = np.array([[False, True], [True, True], [True, True], [True, True]])
    assert np.isnan(epsilon_needed([0.1, 1.0], fooled, 0.5))  # a smaller one than any tried
    assert epsilon_needed([0.1, 1.0], fooled, 0.75) == 0.1
    assert 0.1 < epsilon_needed([0.1, 1.0], fooled, 0.9) < 1
    assert np.isnan(epsilon_needed([0.1, 1.0], ~fooled, 0.5))
