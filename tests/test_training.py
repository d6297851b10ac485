"""The training loop: resuming bit for bit, early stopping, schedule."""

import csv

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from analysis import training
from analysis.loop import batches
from analysis.training import Settings, train

SETTINGS = Settings(epochs=6, batch_size=16, learning_rate=0.01, weight_decay=0.01, patience=10, seed=3, device="cpu")


def model(seed=0):
    """Return a network with dropout, so that it matters whether the random state is restored."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 8), nn.SiLU(), nn.Dropout(0.3), nn.BatchNorm1d(8), nn.Linear(8, 1))


def data(objects, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(objects, 3, generator=generator)
    return TensorDataset(x, x[:, 0] * x[:, 1] + 0.1 * torch.randn(objects, generator=generator))


def loss(network, batch):
    x, y = batch
    return torch.mean((network(x).squeeze(1) - y) ** 2)


class Killed(Exception):
    """Stands for kill -9: only what is on disk survives."""


def dies_after(calls):
    """Return a loss that dies in its n-th call."""
    left = [calls]

    def mortal(network, batch):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return loss(network, batch)

    return mortal


def weights(network):
    return torch.cat([tensor.flatten().double() for tensor in network.state_dict().values()])


# 90 training objects are 6 batches, 40 validation objects 3: 9 calls an epoch
@pytest.mark.parametrize("calls", [0, 4, 9, 20, 35, 53])
def test_a_killed_run_resumes_to_the_same_weights_bit_for_bit(tmp_path, calls):
    whole = model()
    history = train(whole, loss, data(90, 1), data(40, 2), SETTINGS, tmp_path / "whole")
    with pytest.raises(Killed):
        train(model(), dies_after(calls), data(90, 1), data(40, 2), SETTINGS, tmp_path / "killed")
    torch.rand(7)  # another process would have another random state
    resumed = model()
    again = train(resumed, loss, data(90, 1), data(40, 2), SETTINGS, tmp_path / "killed")
    assert torch.equal(weights(resumed), weights(whole))
    drop_times = [[{**epoch, "cpu_seconds": 0} for epoch in run] for run in (history, again)]
    assert drop_times[0] == drop_times[1]


class Jittered(TensorDataset):
    """Data that are other ones in every epoch, as augmented images are."""

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __getitem__(self, chosen):
        x, y = super().__getitem__(chosen)
        noise = torch.randn(len(self), 3, generator=torch.Generator().manual_seed(self.epoch))
        return x + 0.3 * noise[chosen], y


def test_augmented_data_differ_between_epochs_and_resume_bit_for_bit(tmp_path, monkeypatch):
    def run(folder, kill_after=None):
        network = model()
        how = dies_after(kill_after) if kill_after else loss
        train(network, how, Jittered(*data(90, 1).tensors), data(40, 2), SETTINGS, folder)
        return weights(network)

    whole = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "killed", kill_after=30)
    assert torch.equal(run(tmp_path / "killed"), whole)
    monkeypatch.setattr(Jittered, "set_epoch", lambda self, _: setattr(self, "epoch", 0))
    assert not torch.equal(run(tmp_path / "same"), whole)


def test_finished_epochs_are_not_repeated(tmp_path):
    train(model(), loss, data(90, 1), data(40, 2), SETTINGS, tmp_path)
    finished = model()
    history = train(finished, dies_after(0), data(90, 1), data(40, 2), SETTINGS, tmp_path)
    assert len(history) == SETTINGS.epochs
    assert torch.equal(weights(finished), weights(train_anew(tmp_path / "new")))


def train_anew(folder, seed=0):
    network = model(seed)
    train(network, loss, data(90, 1), data(40, 2), SETTINGS, folder)
    return network


def test_checkpoint_of_another_run_is_not_used(tmp_path):
    train_anew(tmp_path / "run")
    other = train_anew(tmp_path / "run", seed=1)
    assert torch.equal(weights(other), weights(train_anew(tmp_path / "fresh", seed=1)))
    with pytest.raises(Killed):  # other data: it starts to train
        train(model(1), dies_after(0), data(91, 1), data(40, 2), SETTINGS, tmp_path / "run")


@pytest.mark.parametrize("which", ["train", "validation"])
def test_one_changed_target_starts_anew(tmp_path, which):
    samples = {"train": data(2000, 1), "validation": data(2000, 2)}
    settings = Settings(1, 256, 0.01, 0.0, patience=1, seed=3, device="cpu")
    train(model(), loss, *samples.values(), settings, tmp_path)
    train(model(), dies_after(0), *samples.values(), settings, tmp_path)  # finished: nothing is computed
    samples[which].tensors[1][777] += 0.001
    with pytest.raises(Killed):
        train(model(), dies_after(0), *samples.values(), settings, tmp_path)


def test_best_epoch_is_kept_and_patience_ends_the_run(tmp_path):
    # pure noise: the network can only get worse on validation
    settings = Settings(60, 8, 0.05, 0.0, patience=4, seed=1, device="cpu")
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(40, generator=torch.Generator().manual_seed(5))
    training_data, validation_data = TensorDataset(x, noise), TensorDataset(x.flip(0), noise)
    network = model()
    history = train(network, loss, training_data, validation_data, settings, tmp_path)
    losses = [epoch["validation_loss"] for epoch in history]
    assert len(history) < settings.epochs
    assert np.argmin(losses) == len(losses) - 1 - settings.patience
    assert loss(network, validation_data.tensors).item() == pytest.approx(min(losses), rel=1e-6)


def test_learns_what_can_be_learnt(tmp_path):
    settings = Settings(60, 32, 0.02, 0.0, patience=60, seed=1, device="cpu")
    x = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)  # the initial weights must not depend on which tests ran before
    network = nn.Linear(2, 1)
    sample = TensorDataset(x, x @ torch.tensor([2.0, -1.0]) + 0.5)
    train(network, loss, sample, sample, settings, tmp_path)
    np.testing.assert_allclose(network.weight.detach().numpy(), [[2, -1]], atol=5e-3)
    assert network.bias.item() == pytest.approx(0.5, abs=5e-3)


def test_batches_cover_every_object_once_in_an_order_of_their_own():
    epochs = [torch.cat(list(batches.numbers(10, 4, order=(1, epoch)))) for epoch in (0, 1, 0)]
    assert all(sorted(epoch.tolist()) == list(range(10)) for epoch in epochs)
    assert torch.equal(epochs[0], epochs[2])
    assert not torch.equal(epochs[0], epochs[1])


def test_learning_rate_rises_then_falls_to_zero():
    rates = [training._learning_rate(step, 200, SETTINGS) for step in range(200)]
    peak = int(np.argmax(rates))
    assert rates[peak] == SETTINGS.learning_rate
    assert peak == 10 or peak == 9
    assert np.all(np.diff(rates[: peak + 1]) > 0)
    assert np.all(np.diff(rates[11:]) < 0)
    assert rates[-1] < 1e-3 * SETTINGS.learning_rate


def test_divergence_is_an_error(tmp_path):
    sample = TensorDataset(torch.full((8, 3), torch.nan), torch.zeros(8))
    with pytest.raises(training.Diverged, match="epoch 0"):
        train(model(), loss, sample, sample, SETTINGS, tmp_path)


def test_log_has_one_line_per_epoch(tmp_path):
    history = train(model(), loss, data(90, 1), data(40, 2), SETTINGS, tmp_path)
    with open(tmp_path / training.LOG) as file:
        lines = list(csv.DictReader(file))
    assert [float(line["validation_loss"]) for line in lines] == [epoch["validation_loss"] for epoch in history]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.safetensors", "log.csv"]
