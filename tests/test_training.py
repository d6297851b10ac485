"""The training loop: resuming bit for bit, early stopping, schedule."""

import csv

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from analysis import training
from analysis.errors import InputError
from analysis.loop import batches
from analysis.training import Settings, Turn, best_epoch, train

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
    drop_times = [[{**epoch, "seconds": 0, "cpu_seconds": 0} for epoch in run] for run in (history, again)]
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


@pytest.mark.parametrize("changed", ["dropout", "loss"])
def test_what_has_no_weights_counts_too(tmp_path, changed):
    about = {"smoothing": 0.1}
    train(model(), loss, data(90, 1), data(40, 2), SETTINGS, tmp_path, about=about)
    train(model(), dies_after(0), data(90, 1), data(40, 2), SETTINGS, tmp_path, about=about)  # finished
    other = model()
    if changed == "dropout":
        other[2] = nn.Dropout(0.4)
    else:
        about = {"smoothing": 0.2}
    with pytest.raises(Killed):
        train(other, dies_after(0), data(90, 1), data(40, 2), SETTINGS, tmp_path, about=about)


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
    assert best_epoch(losses) == len(losses) - settings.patience  # the first one is number 1
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


class Two(nn.Module):
    """Two numbers: the first looks for 2, the second for the first."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)

    def numbers(self):
        return self.first.weight.squeeze(), self.second.weight.squeeze()


def to_two(model, _):
    return (model.numbers()[0] - 2) ** 2


def to_the_first(model, _):
    first, second = model.numbers()
    return (second - first) ** 2


def two(turns, folder, epochs=60):
    torch.manual_seed(0)
    network = Two()
    settings = Settings(epochs, 16, 0.05, 0.0, patience=epochs, device="cpu")
    history = train(network, turns(network), data(90, 1), lambda _: 0.0, settings, folder)
    return torch.stack(network.numbers()).tolist(), history


def test_each_turn_changes_its_own_part_only(tmp_path):
    def both(network):
        return [Turn("first", to_two, network.first), Turn("second", to_the_first, network.second)]

    def alone(network):
        return [Turn("first", to_two, network.first)]

    (first, second), history = two(both, tmp_path / "both", epochs=1)
    (same, untouched), _ = two(alone, tmp_path / "alone", epochs=1)
    assert first == same
    assert second != untouched
    assert {"first_loss", "second_loss", "validation_loss"} <= set(history[0])


def test_turns_together_find_the_equilibrium(tmp_path):
    numbers = []

    def turns(network):
        return [Turn("first", to_two, network.first), Turn("second", to_the_first, network.second, every=2, rate=3.0)]

    def last(network):
        numbers.append(torch.stack(network.numbers()).tolist())
        return -len(numbers)  # so that the last epoch is the best

    network = Two()
    train(network, turns(network), data(90, 1), last, Settings(60, 16, 0.05, 0.0, 60, device="cpu"), tmp_path)
    assert torch.stack(network.numbers()).tolist() == numbers[-1]
    np.testing.assert_allclose(numbers[-1], [2, 2], atol=0.01)


def test_a_turn_comes_with_every_nth_batch(tmp_path):
    calls = {"often": 0, "seldom": 0}

    def counted(name):
        def loss(model, batch):
            calls[name] += 1
            return to_two(model, batch)

        return loss

    def turns(network):
        each = (("often", 1), ("seldom", 4))
        return [Turn(name, counted(name), network.first, every=every) for name, every in each]

    two(turns, tmp_path, epochs=2)  # 6 batches each: counted through, not anew in each epoch
    assert calls == {"often": 12, "seldom": 3}
    with pytest.raises(InputError, match="'seldom' comes every 9 batches; expected at most the 6"):
        two(lambda network: [Turn("seldom", to_two, network, every=9)], tmp_path / "never")


def test_a_frozen_part_stays_as_it_is(tmp_path):
    network = model()
    network[0].requires_grad_(False)
    before = network[0].weight.clone()
    train(network, loss, data(90, 1), data(40, 2), SETTINGS, tmp_path)
    assert torch.equal(network[0].weight, before)
    assert not torch.equal(network[4].weight, model()[4].weight)


def test_the_average_is_that_of_the_weights_after_each_step(tmp_path):
    torch.manual_seed(0)
    network, seen = nn.Linear(3, 1), []

    def watched(linear, batch):
        if linear.training:
            seen.append(linear.weight.detach().clone())
        return loss(linear, batch)

    judged = []

    def validation(linear):
        judged.append(linear.weight.detach().clone())
        return -len(judged)

    settings = Settings(3, 16, 0.05, 0.0, patience=9, device="cpu", average=0.7)
    train(network, watched, data(90, 1), validation, settings, tmp_path)
    average = seen[1]  # seen before each step: the first one is of the initial weights
    for weight in seen[2:13]:
        average = 0.7 * average + 0.3 * weight
    torch.testing.assert_close(judged[1], average)  # after 2 epochs of 6 steps
    assert torch.equal(network.weight, judged[-1])


def test_a_function_decides_which_epoch_is_best_and_when_to_stop(tmp_path):
    weights_of = []

    def validation(network):
        assert not network.training and not torch.is_grad_enabled()
        weights_of.append(weights(network))
        return abs(len(weights_of) - 3)  # the third epoch is the best

    network = model()
    settings = Settings(20, 16, 0.01, 0.01, patience=4, device="cpu")
    history = train(network, loss, data(90, 1), validation, settings, tmp_path)
    assert len(history) == 7
    assert torch.equal(weights(network), weights_of[2])
