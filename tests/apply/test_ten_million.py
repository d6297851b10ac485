"""Ten million objects: none lost, none twice, in no more memory than a tenth of them take."""

import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from analysis import paths
from analysis.apply import bench, names
from analysis.apply.run import Outcome, Request, apply

OBJECTS = int(os.environ.get("APPLY_OBJECTS", 10_000_000))


def answered(folder: Path, models: Path, objects: int) -> tuple[Path, Outcome]:
    catalogue, out = folder / f"catalogue-{objects}", folder / f"answers-{objects}"
    bench.draw_catalogue(catalogue, objects, seed=1)
    return out, apply(Request(str(catalogue), models, out, workers=2))


@pytest.mark.slow
@pytest.mark.long
def test_ten_million_objects_in_the_memory_of_a_million(models, tmp_path, monkeypatch) -> None:
    (tmp_path / names.NAME).symlink_to(models)
    monkeypatch.setattr(paths, "MODELS", tmp_path)
    _, fewer = answered(tmp_path, models, OBJECTS // 10)
    out, outcome = answered(tmp_path, models, OBJECTS)

    assert not outcome.failures and outcome.objects == OBJECTS
    found = [
        pq.read_table(file, columns=[names.OBJECT])[names.OBJECT].to_numpy() for file in out.rglob("Npix=*.parquet")
    ]
    assert np.array_equal(np.sort(np.concatenate(found)), np.arange(OBJECTS))
    assert max(outcome.peak_bytes) < bench.WANTED_MEMORY * max(fewer.peak_bytes)
