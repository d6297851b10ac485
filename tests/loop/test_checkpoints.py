"""Checkpoints that are damaged or of something else: said so, and left as they are."""

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from analysis.errors import InputError
from analysis.tensor_files import read_tensors, write_tensors
from analysis.training import CHECKPOINT, Diverged, Settings, train

SETTINGS = Settings(3, 16, 0.01, 0.01, patience=10, seed=3, device="cpu")


def squared(network, batch):
    return torch.mean((network(batch[0]).squeeze(1) - batch[1]) ** 2)


def sample(objects=60):
    x = torch.randn(objects, 3, generator=torch.Generator().manual_seed(1))
    return TensorDataset(x, x[:, 0])


def run(folder, units=8, settings=SETTINGS, loss=squared):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, units), nn.SiLU(), nn.Linear(units, 1))
    return train(model, loss, sample(), sample(), settings, folder)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def foreign(path):
    path.write_text("not a checkpoint at all, but long enough to be read as one")


def weights_alone(path):
    tensors, _ = read_tensors(path)
    write_tensors(path, tensors, {})


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (cut, r"checkpoint\.safetensors: not a whole safetensors file"),
        (foreign, r"checkpoint\.safetensors: not a whole safetensors file"),
        (weights_alone, r"checkpoint\.safetensors: no checkpoint; expected one that the training loop wrote"),
    ],
)
def test_a_damaged_checkpoint_is_an_error_and_stays(tmp_path, damage, expected):
    run(tmp_path)
    path = tmp_path / CHECKPOINT
    damage(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=expected + ".*move it away to train anew"):
        run(tmp_path)
    assert path.read_bytes() == before


def test_a_checkpoint_of_another_architecture_is_an_error_and_stays(tmp_path):
    run(tmp_path)
    before = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(InputError, match=r"tensor '0\.weight': shape \(8, 3\); expected shape \(5, 3\)"):
        run(tmp_path, units=5)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_the_last_good_checkpoint_survives_divergence(tmp_path):
    calls = [0]

    def explodes(network, batch):
        calls[0] += 1
        return squared(network, batch) * (float("inf") if calls[0] > 11 else 1)  # 8 calls an epoch

    with pytest.raises(Diverged, match=r"epoch 1: train loss inf.*smaller learning rate; .*checkpoint\.safetensors"):
        run(tmp_path, loss=explodes)
    tensors, about = read_tensors(tmp_path / CHECKPOINT)
    assert '"epoch": 0' in about["history"] and '"epoch": 1' not in about["history"]
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
