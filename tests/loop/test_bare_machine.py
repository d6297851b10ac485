"""Training runs where there is nothing but PyTorch, NumPy and safetensors; DVCLive only where it is asked for."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis import paths
from analysis.loop.progress import live_metrics

TRAIN = """
import sys, torch
from pathlib import Path
from torch.utils.data import TensorDataset
from analysis.star_galaxy.convnet import ConvNet
from analysis.training import Settings, train

torch.set_num_threads(1)
x, y = torch.randn(16, 5, 12, 12), torch.arange(16) % 2
data, network = TensorDataset(x, y), ConvNet(side=12, width=0.05)
loss = lambda m, b: torch.nn.functional.cross_entropy(m(b[0]), b[1])
settings = Settings(3, 8, 0.01, 0.01, 9, device="cpu", precision="auto")
train(network, loss, data, data, settings, Path(sys.argv[1]), "network")
network.save(Path(sys.argv[1]) / "network.safetensors")
print(*sys.modules)
"""
BLOCK = """
import sys
absent = "rich dvc dvclive yaml pandas pyarrow h5py scipy sklearn astropy matplotlib"
sys.modules.update(dict.fromkeys(absent.split()))  # as if they were not installed
"""


def run(code: str, folder: Path, **environment: str) -> set[str]:
    """Run code in another process, in `folder`; return the names of the modules that it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", code, "models/result"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(paths.ROOT), **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_it_trains_on_a_bare_machine(tmp_path: Path) -> None:
    run(BLOCK + TRAIN, tmp_path)
    names = {path.name for path in (tmp_path / "models/result").iterdir()}
    assert names == {"checkpoint.safetensors", "log.csv", "network.safetensors"}


def test_live_metrics_are_written_where_asked_and_git_and_dvc_see_nothing(tmp_path: Path) -> None:
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("/models\n")
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["git", "add", "."], ["git", *identity, "commit", "-qm", "first"]):
        subprocess.run(command, cwd=tmp_path, check=True)

    def states() -> list[str]:
        commands = (["git", "status", "--porcelain"], ["git", "stash", "list"], ["git", "for-each-ref"])
        return [subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout for command in commands]

    before = states()
    live = tmp_path.parent / f"{tmp_path.name}-live"
    assert "dvclive" in run(TRAIN, tmp_path, ANALYSIS_LIVE=str(live))
    assert states() == before
    assert not (tmp_path / "dvc.yaml").exists()
    curve = live / "models/result/plots/metrics/validation_loss.tsv"
    with open(curve) as seen, open(tmp_path / "models/result/log.csv") as log:
        curves = [line["validation_loss"] for line in csv.DictReader(seen, delimiter="\t")]
        assert [float(value) for value in curves] == [float(line["validation_loss"]) for line in csv.DictReader(log)]


def test_nothing_is_live_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANALYSIS_LIVE", raising=False)
    with live_metrics(tmp_path / "result", wanted=True, resumed=False) as live:
        live({"epoch": 0, "validation_loss": 0.5})
    assert not list(tmp_path.iterdir())
