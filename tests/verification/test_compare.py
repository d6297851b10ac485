"""A second run agrees within what the errors allow, and not beyond."""

import io
import json
from fnmatch import fnmatch

import numpy as np
import pytest
from PIL import Image

from analysis import paths
from analysis.verification.compare import (
    Tolerances,
    compare_claims,
    compare_metrics,
    leaves,
    tolerance,
)
from analysis.verification.pictures import REDRAWN, same_drawing, same_picture
from analysis.verification.tables import compare_tables

DECLARED = Tolerances(
    {"*seconds*": "time"},
    {"*.ks_ratio": 0.3, "*_err": 0.25, "*.epochs": 0.5, "*": 0.1},
    {"*.shift": 0.05, "*rate*": 0.002, "*_wrong": 10},
)
BESIDE = {"sigma": 0.5, "sigma_err": 0.02, "auc": 0.9, "auc_low": 0.88, "auc_high": 0.92, "n": 100}
BESIDE |= {"rate": 0.0, "rate_err": 0.0, "none": 0.0, "none_low": 0.0, "none_high": 0.0}


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
        ("one.rate", 0.0, 0.002),  # an error of 0 states nothing
        ("one.rate_err", 0.0, 0.002),
        ("one.none", 0.0, 0.0),
        ("one.epochs", 24, 12.0),
        ("one.pair_wrong", 5, 10),
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
        ({"rate": 0.0019, "rate_err": 0.0019}, []),
        ({"rate": 0.0021}, ["one.rate"]),
        ({"none": 0.01}, ["one.none"]),
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


@pytest.mark.parametrize("key", ["verdict", "rule", "published", "read", "source", "shown"])
def test_claims_are_compared_by_all_but_our_numbers(key):
    first = [{"id": "a", "ours": "1", key: "one"}, {"id": "b", "ours": "2", key: "one"}]
    second = [{"id": "b", "ours": "3", key: "other"}, {"id": "a", "ours": "1", key: "one"}]
    assert [one.metric for one in compare_claims(first, second) if not one.agrees] == [f"claims.b.{key}"]
    gone = [one.metric for one in compare_claims(first, first[:1]) if not one.agrees]
    assert gone == ["claims.b.id", f"claims.b.{key}"]


TABLE = "kind,n,x,y,y_err,cpu_seconds\na,100,1.0,0.00,0.1,3\nb,200,2.0,0.01,0.1,4\n"


@pytest.mark.parametrize(
    ("old", "new", "same_inputs", "different"),
    [
        ("cpu_seconds\na,100,1.0,0.00,0.1,3", "cpu_seconds\na,100,1.0,0.00,0.1,9", True, []),
        ("b,200", "c,200", False, ["one.table.kind"]),
        (",2.0,", ",2.1,", False, []),
        (",2.0,", ",2.1,", True, ["one.table.x"]),  # nothing but the machine can be another
        (",2.0,", ",2.9,", False, ["one.table.x"]),
        (",2.0,", ",,", False, ["one.table.x"]),
        (",200,", ",400,", False, ["one.table.n"]),
        (",0.01,", ",0.09,", False, []),  # within the errors beside it
        (",0.01,", ",0.29,", False, ["one.table.y"]),
        ("b,200,2.0,0.01,0.1,4\n", "", False, ["one.table"]),
        ("kind,", "sort,", False, ["one.table"]),
    ],
)
def test_tables_are_compared_by_column(old, new, same_inputs, different):
    assert old in TABLE
    again = TABLE.replace(old, new).encode()
    compared = compare_tables("one.table", TABLE.encode(), again, DECLARED, same_inputs)
    assert [one.metric for one in compared if not one.agrees] == different


def test_drawings_are_compared_by_what_they_draw():
    def svg(place: float, name: str = "p0123456789", about: str = "x") -> bytes:
        return f'<svg><metadata>{about}</metadata><path id="{name}" d="M {place} 2.0"/></svg>'.encode()

    assert same_drawing(svg(100.0), svg(100.01, "pabcdef0123", "y"))
    assert not same_drawing(svg(100.0), svg(100.1))
    assert not same_drawing(svg(100.0), svg(100.0).replace(b"M", b"L"))


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
    assert not same_picture(_png(picture), b"no picture")
    moved = picture.copy()
    moved[20, 20] = 0
    assert same_picture(_png(picture), _png(moved), within=5)
    assert not same_picture(_png(picture), _png(moved), REDRAWN)


def test_every_declared_tolerance_is_used():
    """A pattern that fits no metric and no column is a misspelt one; results that are not there yet aside."""
    names = []
    for file in paths.RESULTS.glob("*/metrics.json"):
        names += [path for path, _, _ in leaves(json.loads(file.read_text()), file.parent.name)]
        for table in file.parent.glob("*.csv"):
            name = f"{file.parent.name}.{table.stem}"
            names += [name, *(f"{name}.{column}" for column in table.read_text().partition("\n")[0].split(","))]
    declared = Tolerances.read()
    for pattern in (*declared.not_compared, *declared.relative, *declared.absolute):
        result = pattern.partition(".")[0]
        if "*" in result or (paths.RESULTS / result).is_dir():
            assert any(fnmatch(name, pattern) for name in names), pattern


@pytest.mark.parametrize("result", sorted(file.parent.name for file in paths.RESULTS.glob("*/metrics.json")))
def test_a_share_of_nothing_has_a_tolerance(result):
    """Another machine may find one object where this one found none."""
    metrics = json.loads((paths.RESULTS / result / "metrics.json").read_text())
    declared = Tolerances.read()
    for metric, value, beside in leaves(metrics, result):
        if isinstance(value, float) and "outlier" in metric:
            allowed, stated = tolerance(metric, value, beside, declared)
            assert allowed is None or allowed > 0, (metric, value, stated)
