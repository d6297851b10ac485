"""Several processes under torchrun: the same result as one."""

import json
import os
import subprocess
import sys

import pytest
import torch

from analysis import paths
from analysis.errors import InputError
from analysis.loop.processes import Processes

SCRIPT = """
import json, os, sys
from pathlib import Path
import torch
from torch import nn
from torch.utils.data import TensorDataset
from analysis.training import Settings, train

torch.set_num_threads(1)
torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.SiLU(), nn.Flatten(), nn.Linear(64, 1))
x = torch.randn(97, 2, 6, 6)  # neither batches nor their shares are equal: the last batch has one object
data = TensorDataset(x, torch.sin(2 * x[:, 0, 3, 3]) * x[:, 1, 2, 2])
settings = Settings(4, 16, 0.01, 0.01, patience=9, device="cpu", average=0.5)
folder = Path(sys.argv[1])
history = train(model, lambda m, b: torch.mean((m(b[0]).squeeze(1) - b[1]) ** 2), data, data, settings, folder)
losses = [[epoch["train_loss"], epoch["validation_loss"]] for epoch in history]
weights = [tensor.flatten().tolist() for tensor in model.state_dict().values()]
(folder / f"{os.environ.get('RANK', 'alone')}.json").write_text(json.dumps([*losses, *weights]))
"""


def test_two_processes_do_what_one_does(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "PYTHONPATH": str(paths.ROOT)}
    runs = [
        subprocess.Popen([sys.executable, *how, str(script), str(tmp_path / name)], env=environment)
        for name, how in (("one", []), ("two", several))
    ]
    assert [process.wait() for process in runs] == [0, 0]
    one, two, other = (
        json.loads((tmp_path / name).read_text()) for name in ("one/alone.json", "two/0.json", "two/1.json")
    )
    assert two == other
    for ours, theirs in zip(one, two, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)
    assert len(list((tmp_path / "two").glob("checkpoint.*"))) == 1


@pytest.mark.parametrize("objects", [1, 2, 3, 4, 7, 16])
def test_shares_make_up_the_mean_over_a_batch(objects):
    everyone = [Processes(rank, 3, torch.device("cpu")) for rank in range(3)]
    chosen = torch.arange(objects)
    values = torch.randn(objects).double()
    mean = sum(process.weight(chosen) * values[process.share(chosen)].mean() for process in everyone)
    torch.testing.assert_close(mean, values.mean())
    assert {int(number) for process in everyone for number in process.share(chosen)} == set(range(objects))


def test_devices_that_are_not_there(monkeypatch):
    with pytest.raises(InputError, match="device 'tpu'; expected 'cpu', 'cuda' or 'auto'"):
        Processes.join("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="finds no GPU"):
        Processes.join("cuda")
    assert Processes.join("auto").device == torch.device("cpu")
