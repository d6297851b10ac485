"""The tool that kills: its comparison finds what differs and nothing else; and what a killed writer leaves goes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import kills
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.torch import save_file

from analysis.files import partial_of, replacing
from analysis.survey.catalogue import new_folder


def made(root: Path, value: float = 1.0, seconds: float = 2.0) -> Path:
    """Write a few files as the pipeline makes them."""
    for name in kills.MADE:
        (root / name).mkdir(parents=True)
    metrics = {"sigma": value, "fit_seconds": seconds, "compute": {"ratio": seconds}, "list": [value]}
    (root / "results/metrics.json").write_text(json.dumps(metrics))
    claims = [{"id": "sigma", "ours": value}, {"id": "compute", "ours": seconds}]
    (root / "results/claims.json").write_text(json.dumps(claims))
    pd.DataFrame({"sigma": [value], "cpu_seconds": [seconds]}).to_csv(root / "results/table.csv", index=False)
    about = PngInfo()
    about.add_text("Provenance", f"from numbers with {seconds}")
    Image.new("RGB", (2, 2), (0, 0, int(value > 1))).save(root / "paper/figures/fig.png", pnginfo=about)
    weights = {"w": torch.tensor([value])}
    save_file(weights, root / "models/network.safetensors", {"history": str(seconds)})
    np.savez(root / "models/forest", value)
    return root


def test_times_alone_make_no_difference(tmp_path):
    assert not kills.differences(made(tmp_path / "one"), made(tmp_path / "other", seconds=3.0))


def test_the_last_bit_of_a_number_does_and_so_does_a_file_that_is_missing(tmp_path):
    one, other = (
        made(tmp_path / "one"),
        made(tmp_path / "other", value=float(np.nextafter(np.float32(1), np.float32(2)))),
    )
    assert kills.differences(one, other) == [
        "models/forest.npz",
        "models/network.safetensors",
        "paper/figures/fig.png",
        "results/claims.json",
        "results/metrics.json",
        "results/table.csv",
    ]
    (other / "models/forest.npz").unlink()
    assert "models/forest.npz" in kills.differences(one, other)


HALF = {
    "file": """
import os
from pathlib import Path
from analysis.files import replacing
with replacing(Path({path!r})) as partial:
    partial.write_text("half")
""",
    "folder": """
import os
from pathlib import Path
from analysis.survey.catalogue import new_folder
with new_folder(Path({path!r})) as partial:
    (partial / "half").touch()
""",
}


@pytest.mark.parametrize("what", HALF)
def test_what_a_killed_writer_left_goes_when_the_next_one_comes(what, tmp_path):
    """A process that is killed while it writes; another file's debris, and that of a process that lives, stays."""
    path = tmp_path / "made"
    program = HALF[what].format(path=str(path)) + "    os.kill(os.getpid(), 9)\n"
    done = subprocess.run([sys.executable, "-c", program])
    assert done.returncode == -9
    [debris] = kills.half_written(tmp_path)
    mine = tmp_path / partial_of(tmp_path / "other").name
    mine.write_text("by a process that lives")
    if what == "file":
        with replacing(path) as partial:
            partial.write_text("whole")
    else:
        with new_folder(path) as partial:
            (partial / "whole").touch()
    assert not (tmp_path / debris).exists()
    assert path.exists() and mine.exists()


def test_an_error_leaves_no_folder_behind(tmp_path):
    with pytest.raises(OSError), replacing(tmp_path / "new/deep/file") as partial:
        partial.write_text("half")
        raise OSError("no more")
    assert not os.listdir(tmp_path)
