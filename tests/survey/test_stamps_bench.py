"""`bench stamps`: the plain way gives the same images, and the exit code tells whether the figure is reached."""

import json

import numpy as np
import pytest
import torch

from analysis.__main__ import main
from analysis.survey import stamps_bench
from analysis.survey.stamps import Augmentation, StampImages
from analysis.survey.stamps_cache import scaled_stamps


def test_the_plain_way_gives_the_same_images(tmp_path):
    stamps_bench.draw_survey(40, 1, tmp_path / "survey")
    cache = scaled_stamps(tmp_path / "survey", folder=tmp_path / "caches")
    images = StampImages(cache, np.arange(40), 40, augmentation=Augmentation(), seed=1)
    plain = stamps_bench.PlainStamps(cache, images)
    ours = images[torch.arange(40)][0]
    assert torch.allclose(ours, torch.stack([plain[k] for k in range(40)]), atol=1e-6)


@pytest.mark.parametrize(("least", "code"), [(1, 0), (1e12, 1)])
def test_prints_one_line_of_json_keeps_it_and_fails_where_too_slow(least, code, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(stamps_bench, "LEAST_RATE", least)
    before, kept = torch.get_num_threads(), tmp_path / "stamps.json"
    try:
        assert main(["bench", "stamps", "--stamps", "256", "--batch-size", "64", "--out", str(kept)]) == code
    finally:
        torch.set_num_threads(before)
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result == json.loads(kept.read_text())
    assert result["reached"] is (code == 0)
    assert result["bench"] == "stamps" and result["machine"]["cores"]
    assert result["ratio"] == pytest.approx(result["stamps_per_second"] / result["plain"], abs=0.1)
