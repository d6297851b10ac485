"""Real kill -9 and SIGTERM: nothing is lost but the epoch at hand, and the weights are the same bit for bit."""

import json
import multiprocessing
import random
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from analysis.tensor_files import read_tensors, write_tensors
from analysis.training import CHECKPOINT, Settings, Turn, train

# one process that has imported PyTorch and computed nothing, of which each training is a copy: they start at once
WORKERS = multiprocessing.get_context("forkserver")
WORKERS.set_forkserver_preload(["torch", "analysis.training"])

PLAIN = Settings(40, 16, 0.01, 0.01, patience=40, seed=3, device="cpu")
RICH = Settings(14, 16, 0.01, 0.01, patience=14, seed=3, device="cpu", precision="bfloat16", average=0.9)


class Critic(nn.Module):
    """A small network on images with everything that has a state: dropout, batch statistics, two turns."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3))
        self.answer = nn.Linear(8 * 36, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.answer(self.features(x))


def squared(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    return torch.mean((model(batch[0]).squeeze(1) - batch[1]) ** 2)


def noisy(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    return squared(model, (batch[0] + 0.1 * torch.randn_like(batch[0]), batch[1]))


def run(folder: Path, settings: Settings) -> None:
    """Train one of two networks and write its final weights."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    rich = settings == RICH
    model: nn.Module
    if rich:
        model, x = Critic(), torch.randn(120, 3, 8, 8)
        loss = [Turn("features", noisy, model.features), Turn("answer", squared, model.answer, every=2, rate=0.5)]
    else:
        model, x = nn.Sequential(nn.Linear(3, 8), nn.SiLU(), nn.Dropout(0.3), nn.Linear(8, 1)), torch.randn(120, 3)
        loss = squared
    y = x.flatten(1)[:, 0] * x.flatten(1)[:, 1]
    data = [TensorDataset(x[part], y[part]) for part in (slice(90), slice(90, None))]
    train(model, loss, *data, settings, folder)
    write_tensors(folder / "final.safetensors", model.state_dict(), {})


def start(folder: Path, settings: Settings):
    process = WORKERS.Process(target=run, args=(folder, settings))
    process.start()
    return process


@pytest.fixture(scope="module", params=[PLAIN, RICH], ids=["plain", "bfloat16, images, average, two turns"])
def whole(request, tmp_path_factory) -> tuple[Settings, dict[str, Tensor], float]:
    """Settings, final weights and duration of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    start(folder / "warm", request.param).join()
    started = time.monotonic()
    process = start(folder, request.param)
    process.join()
    assert process.exitcode == 0
    return request.param, read_tensors(folder / "final.safetensors")[0], time.monotonic() - started


def epochs_in(folder: Path) -> int:
    return len(json.loads(read_tensors(folder / CHECKPOINT)[1]["history"])) if (folder / CHECKPOINT).exists() else 0


def test_killed_at_any_moment_it_ends_with_the_same_weights(whole, tmp_path) -> None:
    settings, expected, seconds = whole
    moments = random.Random(5)
    seen = []
    for _ in range(4):
        process = start(tmp_path, settings)
        process.join(moments.uniform(0.1, 0.5) * seconds)
        process.kill()
        process.join()
        seen.append(epochs_in(tmp_path))  # and so the checkpoint is whole
    assert sorted(seen) == seen
    process = start(tmp_path, settings)
    process.join()
    assert process.exitcode == 0
    final = read_tensors(tmp_path / "final.safetensors")[0]
    assert all(torch.equal(final[name], tensor) for name, tensor in expected.items())


def test_sigterm_ends_it_soon_and_it_goes_on(whole, tmp_path) -> None:
    settings, expected, _ = whole
    process = start(tmp_path, settings)
    while process.is_alive() and epochs_in(tmp_path) < 2:
        time.sleep(0.01)
    started = time.monotonic()
    process.terminate()
    process.join()
    assert process.exitcode == 143
    assert time.monotonic() - started < 5
    assert 2 <= epochs_in(tmp_path) < settings.epochs
    assert not list(tmp_path.glob("*.incomplete")) and not list(tmp_path.glob(".*.incomplete"))
    start(tmp_path, settings).join()
    final = read_tensors(tmp_path / "final.safetensors")[0]
    assert all(torch.equal(final[name], tensor) for name, tensor in expected.items())
