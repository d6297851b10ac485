"""`bench training`: both ways train the same network on the same stamps; what counts depends on the processor."""

from argparse import Namespace

import pytest
import torch

from analysis import training_bench

OPTIONS = Namespace(stamps=24, batch_size=8, width=0.03, threads=1, rounds=2, seed=1)


def test_the_plain_way_takes_the_steps_of_the_loop(monkeypatch):
    shapes = []

    def watched(model, batch):
        shapes.append((model.training, batch[0].shape, batch[0].is_contiguous(), torch.is_autocast_enabled("cpu")))
        return torch.nn.functional.cross_entropy(model(batch[0]), batch[1])

    monkeypatch.setattr(training_bench, "entropy", watched)
    monkeypatch.setattr("analysis.training.faster_precision", lambda *_: "bfloat16")
    result = training_bench.compare(stamps=24, batch_size=8, width=0.03, rounds=2, seed=1)
    plain = [(True, (8, 5, 44, 44), True, False)]
    ours = [(True, (8, 5, 44, 44), False, True)]
    assert shapes == 3 * (3 * ours + 3 * plain)  # an epoch that does not count and two rounds, in turns
    assert result["precision"] == "bfloat16"
    assert result["ratio"] == pytest.approx(result["stamps_per_second"] / result["plain"])


@pytest.mark.parametrize(
    ("native", "ratio", "reached"), [(True, 2.6, True), (True, 2.4, False), (False, 1.0, True), (False, 0.9, False)]
)
def test_the_ratio_that_counts_is_that_of_the_processor(native, ratio, reached, monkeypatch):
    result = {"precision": "bfloat16", "stamps_per_second": 100 * ratio, "plain": 100.0, "ratio": ratio}
    monkeypatch.setattr(training_bench, "compare", lambda *_: result)
    monkeypatch.setattr(training_bench, "has_native_bfloat16", lambda _: native)
    report = training_bench.report(OPTIONS)
    assert report["reached"] is reached
    assert report["ratio"] == ratio
