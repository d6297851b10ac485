"""Pre-training: the contrastive loss where it is known, and that no held-out stamp is ever seen."""

import numpy as np
import pytest
import torch
from blobs import blob_cache, draw, write_blob_survey
from torch import nn

from analysis.cnn_redshift import pretraining
from analysis.cnn_redshift.model import RedshiftNetwork
from analysis.errors import InputError
from analysis.survey.luptitudes import SDSS_SOFTENING
from analysis.survey.stamps_cache import scaled_stamps

SETTINGS = {
    "seed": 1,
    "network": {"channels": [4], "apertures": 2, "hidden": [8], "dropout": 0.0, "learning_rate": 0.01}
    | {"weight_decay": 0.0, "batch_size": 16, "device": "cpu", "precision": "float32"}
    | {"deterministic": False},
    "pretraining": {"epochs": 1},
}


class Given(nn.Module):
    """A network that projects stamps to what is written in their first pixels."""

    def forward(self, images: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)


def test_the_contrastive_loss_of_views_that_cannot_be_told_apart():
    same = torch.ones(6, 4)
    assert pretraining.contrastive_loss(Given(), (same, same)).item() == pytest.approx(np.log(11))


def test_the_contrastive_loss_of_views_that_are_recognised():
    apart = torch.eye(6)
    expected = np.log(1 + 10 * np.exp(-1 / 0.1))  # 10 others, at right angles
    assert pretraining.contrastive_loss(Given(), (apart, apart)).item() == pytest.approx(expected, rel=1e-2)


def test_two_views_are_of_one_stamp_and_differ_between_epochs():
    views = pretraining.TwoViews(blob_cache(*draw(10)), np.arange(10), seed=3)
    first, second = views[torch.tensor([4])]
    assert first.shape == second.shape == (1, 5, 12, 12)
    assert not torch.equal(first, second)
    views.set_epoch(1)
    assert not torch.equal(views[torch.tensor([4])][0], first)


@pytest.mark.parametrize("kind", ["star_galaxy", "contrastive"])
def test_weights_to_start_from_are_learnt_without_the_held_out_stamps(kind, tmp_path, monkeypatch):
    write_blob_survey(tmp_path / "survey", 100)
    cache = scaled_stamps(tmp_path / "survey", folder=tmp_path / "caches")
    cache.pixels[:30] = np.nan  # whoever sees a held-out stamp, diverges
    start = pretraining.pretrained(kind, tmp_path / "survey", cache, cache.object_id[:30].tolist(), SETTINGS, tmp_path)
    network = RedshiftNetwork(7, SDSS_SOFTENING, [4], 2, [8], 0.0)
    assert set(network.state_dict()) - set(start) == {"last.weight", "last.bias"}
    network.load_state_dict(network.state_dict() | start)
    assert all(torch.isfinite(weights).all() for weights in start.values())


def test_what_cannot_be_pretrained_on_is_said(tmp_path):
    write_blob_survey(tmp_path / "survey", 50)
    cache = scaled_stamps(tmp_path / "survey", folder=tmp_path / "caches")
    with pytest.raises(InputError, match="stars or of galaxies only"):
        pretraining.pretrained(
            "star_galaxy", tmp_path / "survey", cache, cache.object_id[50:].tolist(), SETTINGS, tmp_path
        )
    with pytest.raises(InputError, match="pretraining 'simclr'; expected star_galaxy or contrastive"):
        pretraining.pretrained("simclr", tmp_path / "survey", cache, [], SETTINGS, tmp_path)


@pytest.mark.parametrize("kind", ["star_galaxy", "contrastive"])
def test_an_interrupted_pretraining_goes_on_where_it_was(kind, tmp_path, monkeypatch):
    write_blob_survey(tmp_path / "survey", 60)
    cache = scaled_stamps(tmp_path / "survey", folder=tmp_path / "caches")

    def start() -> dict[str, torch.Tensor]:
        return pretraining.pretrained(kind, tmp_path / "survey", cache, [], SETTINGS, tmp_path / "checkpoints")

    def trains_again(*_: object) -> torch.Tensor:
        raise AssertionError("an epoch that was finished is trained again")

    first = start()
    monkeypatch.setattr(pretraining, f"{kind}_loss", trains_again)
    for name, weights in start().items():
        torch.testing.assert_close(weights, first[name], rtol=0, atol=0)
