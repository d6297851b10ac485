"""The two commands that test the claim on images where the archive can be reached: `survey sdss`, `dvc repro`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sdss_frames import frame_path, make_field
from sdss_server import FIELDS, FakeArchive, query_rows, serving

from analysis import params, paths, scale_copies
from analysis.survey.schema import BANDS

FEWER = {
    "features": {"min_galaxies": 50},
    "train_cnn_redshift": {"min_galaxies": {"train": 30, "validation": 8, "test": 8}, "min_per_bin": 1},
}


def archive_with_redshifts() -> FakeArchive:
    """Return an archive of three fields with about a hundred galaxies, each with a redshift of its own."""
    fakes = [make_field(name, shape=(700, 700)) for name in FIELDS]
    rows = pd.concat([query_rows(fake) for fake in fakes], ignore_index=True)
    galaxies = rows["class"] == "GALAXY"
    rows.loc[galaxies, "z"] = np.random.default_rng(1).uniform(0.05, 0.4, galaxies.sum()).round(4).astype(str)
    return FakeArchive(rows, {frame_path(fake.name, band): fake.frames[band] for fake in fakes for band in BANDS})


def run(root: Path, *command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run([sys.executable, "-m", *command], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_from_the_archive_to_the_claim(tmp_path):
    root = tmp_path / "compendium"
    scale_copies.copy_checkout(paths.ROOT, root, with_data=False)
    scale_copies.lay_scale_over(root, "smoke")
    settings = params.merge(yaml.safe_load((root / "params.yaml").read_text()), FEWER, "tests")
    (root / "params.yaml").write_text(yaml.safe_dump(settings))
    archive = archive_with_redshifts()
    with serving(archive):
        servers = ["--skyserver", archive.url, "--sas", f"{archive.url}/sas", "--pause", "0"]
        run(root, "analysis", "survey", "sdss", "--limit", "20000", "--out", "../sdss", *servers)
    run(root, "analysis", "survey", "use", "../sdss")
    run(root, "dvc", "repro")
    metrics = json.loads((root / "results" / "cnn_redshift" / "metrics.json").read_text())
    n_galaxies = int((archive.rows["class"] == "GALAXY").sum())
    assert 0.9 * n_galaxies < metrics["sample"]["n_real"] <= n_galaxies
    assert metrics["parity"]["verdict"] in ("parity", "better", "worse", "undecided at this sample size")
    too_few = json.loads((root / "results" / "star_galaxy" / "metrics.json").read_text())
    assert too_few["not_run"].endswith("150 of each class are needed")  # the rest of the pipeline goes on

    claims = {row["id"]: row for row in json.loads((root / "results" / "claims.json").read_text())}
    assert not claims["cnn-parity-real"]["ours"].startswith("not run")
    assert claims["cnn-sigma68"]["verdict"] in ("reproduced", "not reproduced")
