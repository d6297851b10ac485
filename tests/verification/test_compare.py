"""A second run agrees within what the errors allow, and not beyond."""

import io
import json
from fnmatch import fnmatch

import numpy as np
import pytest
import yaml
from PIL import Image

from analysis import paths
from analysis.verification.compare import (
    TOLERANCES,
    Tolerances,
    compare_metrics,
    compare_verdicts,
    leaves,
    same_picture,
    tolerance,
)

DECLARED = Tolerances({"*seconds*": "time"}, {"*.ks_ratio": 0.3, "*_err": 0.25, "*": 0.1}, {"*.shift": 0.05})
BESIDE = {"sigma": 0.5, "sigma_err": 0.02, "auc": 0.9, "auc_low": 0.88, "auc_high": 0.92, "n": 100}


@pytest.mark.parametrize(
    ("metric", "value", "allowed"),
    [
        ("one.sigma", 0.5, 0.02),  # the bootstrap error beside it
        ("one.sigma_err", 0.02, 0.005),
        ("one.auc", 0.9, 0.01),  # a quarter of the interval
        ("one.auc_low", 0.88, 0.01),
        ("one.n", 100, 0.0),
        ("one.words", "more", 0.0),
        ("one.other", 2.0, 0.2),
        ("one.ks_ratio", 2.0, 0.6),
        ("one.deep.shift", -0.01, 0.05),
        ("one.fit_seconds", 3.0, None),
    ],
)
def test_the_tolerance_is_stated_or_declared(metric, value, allowed):
    found, _ = tolerance(metric, value, BESIDE, DECLARED)
    assert found == (None if allowed is None else pytest.approx(allowed))


@pytest.mark.parametrize(
    ("again", "different"),
    [
        ({"sigma": 0.5199}, []),
        ({"sigma": 0.5201}, ["one.sigma"]),
        ({"sigma": None}, ["one.sigma"]),
        ({"n": 101}, ["one.n"]),
        ({"n": 100.0}, []),
        ({"more": 1.0}, ["one.more"]),
        ({"auc_low": float("nan")}, ["one.auc_low"]),
    ],
)
def test_values_agree_within_their_tolerance_only(again, different):
    compared = compare_metrics("one", BESIDE, BESIDE | again, DECLARED)
    assert [one.metric for one in compared if not one.agrees] == different


def test_a_metric_that_is_gone_is_a_difference():
    [one] = [
        one for one in compare_metrics("one", {"deep": BESIDE}, {"deep": {}}, DECLARED) if one.metric.endswith("n")
    ]
    assert (one.committed, one.again, one.agrees) == (100, None, False)


def test_verdicts_are_compared_by_claim():
    first = [{"id": "a", "verdict": "reproduced"}, {"id": "b", "verdict": "reproduced"}]
    second = [{"id": "b", "verdict": "not reproduced"}, {"id": "a", "verdict": "reproduced"}]
    assert [one.metric for one in compare_verdicts(first, second) if not one.agrees] == ["claims.b"]


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def test_pictures_are_compared_as_one_sees_them():
    picture = np.full((60, 80, 3), 200, dtype=np.uint8)
    noise = picture - np.random.default_rng(1).integers(0, 2, picture.shape, dtype=np.uint8)
    moved = picture.copy()
    moved[20:30, 20:30] = 0
    assert same_picture(_png(picture), _png(noise))
    assert not same_picture(_png(picture), _png(moved))
    assert not same_picture(_png(picture), _png(picture[:50]))


def test_every_declared_tolerance_is_used():
    """A pattern that fits no metric is a misspelt one."""
    metrics = [
        path
        for file in paths.RESULTS.glob("*/metrics.json")
        for path, _, _ in leaves(json.loads(file.read_text()), file.parent.name)
    ]
    for patterns in yaml.safe_load(TOLERANCES.read_text()).values():
        for pattern in patterns:
            assert any(fnmatch(metric, pattern) for metric in metrics), pattern
