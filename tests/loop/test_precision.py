"""Precision: what is faster is found out, kept, and close to float32."""

import time

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from analysis import training
from analysis.errors import InputError
from analysis.loop import precision as loop_precision
from analysis.loop.precision import faster_precision
from analysis.star_galaxy.convnet import ConvNet
from analysis.tensor_files import read_tensors
from analysis.training import CHECKPOINT, Settings, train

CPU = torch.device("cpu")


def images(objects=24, side=12):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(objects, 5, side, side, generator=generator)
    y = (torch.arange(objects) % 2).long()
    return TensorDataset(x + y[:, None, None, None], y)


def entropy(network, batch):
    return nn.functional.cross_entropy(network(batch[0]), batch[1])


def settings(precision, epochs=2):
    return Settings(epochs, 8, 0.003, 0.01, patience=9, seed=3, device="cpu", precision=precision)


def trained(folder, precision, loss=entropy, epochs=2):
    torch.manual_seed(0)
    network = ConvNet(side=12, width=0.2, dropout=0.0)
    history = train(network, loss, images(), images(), settings(precision, epochs), folder)
    return torch.cat([tensor.flatten() for tensor in network.state_dict().values()]), history


def work_for(seconds):
    """Keep the processor busy."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


@pytest.mark.parametrize("slow", ["float32", "bfloat16"])
def test_the_faster_one_is_taken_and_the_model_stays_as_it_is(slow, monkeypatch):
    def loss(network, batch):
        if torch.is_autocast_enabled("cpu") == (slow == "bfloat16"):
            work_for(0.05)
        return entropy(network, batch)

    monkeypatch.setattr(loop_precision, "has_native_bfloat16", lambda _: True)
    network = ConvNet(side=12, width=0.05)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert faster_precision(network, [loss], images(4).tensors, CPU) != slow
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_what_else_the_machine_does_decides_nothing(monkeypatch):
    """Waiting for a processor that others use is not work, and one slow step in seven changes no least time."""
    calls = [0]

    def loss(network, batch):
        calls[0] += 1
        if torch.is_autocast_enabled("cpu"):
            time.sleep(0.05)
            work_for(0.2 if calls[0] == 6 else 0.0)
        else:
            work_for(0.02)
        return entropy(network, batch)

    monkeypatch.setattr(loop_precision, "has_native_bfloat16", lambda _: True)
    assert faster_precision(ConvNet(side=12, width=0.05), [loss], images(4).tensors, CPU) == "bfloat16"


@pytest.mark.parametrize(("gain", "chosen"), [(1.15, "float32"), (1.25, "bfloat16")])
def test_the_gain_has_to_be_clear(gain, chosen, monkeypatch):
    now = [0.0]

    def loss(network, batch):
        now[0] += 1.0 if torch.is_autocast_enabled("cpu") else gain
        return entropy(network, batch)

    monkeypatch.setattr(loop_precision, "has_native_bfloat16", lambda _: True)
    monkeypatch.setattr(loop_precision, "clock", lambda _: now[0])
    assert faster_precision(ConvNet(side=12, width=0.05), [loss], images(4).tensors, CPU) == chosen


def test_small_batches_are_judged_as_larger_ones(tmp_path, monkeypatch):
    seen = []

    def watched(_model, _losses, batch, _device):
        seen.append(len(batch[0]))
        return "float32"

    monkeypatch.setattr(training, "faster_precision", watched)
    trained(tmp_path, "auto", epochs=1)  # batches of 8, of 24 objects
    assert seen == [64]


def test_without_native_bfloat16_nothing_is_tried(monkeypatch):
    def never(network, batch):
        raise AssertionError("a trial")

    monkeypatch.setattr(loop_precision, "has_native_bfloat16", lambda _: False)
    assert faster_precision(ConvNet(side=12, width=0.05), [never], images(4).tensors, CPU) == "float32"


def test_what_was_decided_before_the_first_epoch_holds_after_a_kill(tmp_path, monkeypatch):
    whole, _ = trained(tmp_path / "whole", "bfloat16")

    def dies(network, batch):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "faster_precision", lambda *_: "bfloat16")
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "auto", "auto", dies)
    assert read_tensors(tmp_path / "auto" / CHECKPOINT)[1]["precision"] == "bfloat16"
    monkeypatch.setattr(training, "faster_precision", lambda *_: "float32")  # the machine has other things to do now
    assert torch.equal(trained(tmp_path / "auto", "auto")[0], whole)


def test_bfloat16_learns_what_float32_learns(tmp_path):
    (exact, ours), (rounded, theirs) = (trained(tmp_path / how, how, epochs=6) for how in ("float32", "bfloat16"))
    assert rounded.dtype == torch.float32
    assert not torch.equal(exact, rounded)
    losses = [[epoch["validation_loss"] for epoch in history] for history in (ours, theirs)]
    assert losses[0][-1] < 0.7 * losses[0][0]
    assert losses[1] == pytest.approx(losses[0], rel=0.1, abs=0.02)


def test_weights_of_images_come_back_as_they_were_laid_out(tmp_path):
    network = ConvNet(side=12, width=0.1)
    train(network, entropy, images(), images(), settings("float32"), tmp_path)
    assert all(parameter.is_contiguous() for parameter in network.parameters())


@pytest.mark.slow
def test_a_compiled_network_learns_the_same(tmp_path):
    def run(compiled):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(8, 16), nn.SiLU(), nn.Linear(16, 1))
        x = torch.randn(70, 8)
        data = TensorDataset(x, x[:, 0])
        how = Settings(3, 16, 0.01, 0.01, 9, device="cpu", compiled=compiled)
        train(
            network,
            lambda m, b: torch.mean((m(b[0]).squeeze(1) - b[1]) ** 2),
            data,
            data,
            how,
            tmp_path / str(compiled),
        )
        return torch.cat([tensor.flatten() for tensor in network.state_dict().values()])

    torch.testing.assert_close(run(True), run(False), rtol=1e-4, atol=1e-5)


def test_an_unknown_precision_is_refused():
    with pytest.raises(InputError, match="precision 'half'; expected one of float32, bfloat16, auto"):
        settings("half")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_learns_the_same_and_the_same_bits_twice(tmp_path):
    def run(name, device, precision):
        torch.manual_seed(0)
        network = ConvNet(side=12, width=0.2, dropout=0.0)
        how = Settings(4, 8, 0.003, 0.01, 9, seed=3, device=device, precision=precision, deterministic=True)
        history = train(network, entropy, images(), images(), how, tmp_path / name)
        weights = torch.cat([tensor.flatten().cpu() for tensor in network.state_dict().values()])
        return weights, [epoch["validation_loss"] for epoch in history]

    on_cpu, on_gpu, again = run("cpu", "cpu", "float32"), run("gpu", "cuda", "float32"), run("again", "cuda", "float32")
    assert torch.equal(on_gpu[0], again[0])
    assert on_gpu[1] == pytest.approx(on_cpu[1], rel=0.02, abs=1e-3)
    assert run("bfloat16", "cuda", "bfloat16")[1] == pytest.approx(on_cpu[1], rel=0.1, abs=0.02)
