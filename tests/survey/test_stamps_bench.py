"""`bench stamps`: the plain way gives the same images, and the exit code tells whether the figure is reached."""

import argparse
import json

import numpy as np
import pytest
import torch

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
def test_prints_one_line_of_json_and_fails_where_too_slow(least, code, monkeypatch, capsys):
    monkeypatch.setattr(stamps_bench, "LEAST_RATE", least)
    before = torch.get_num_threads()
    try:
        assert stamps_bench.run(argparse.Namespace(stamps=256, batch_size=64, seed=1)) == code
    finally:
        torch.set_num_threads(before)
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["reached"] is (code == 0)
    assert result["ratio"] == pytest.approx(result["stamps_per_second"] / result["plain"], abs=0.1)
