"""A second run held against what is committed: metrics within their tolerance, claims."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

TOLERANCES = Path(__file__).with_name("tolerances.yaml")
_ENDS = ("_low", "_high")
_QUARTER = 4  # of a 95% interval: about one standard error
_OURS = {"ours", "error", "interval"}  # of a claim: numbers of the second run, in words


@dataclass(frozen=True)
class Comparison:
    """A metric of the second run beside the committed one.

    Attributes
    ----------
    metric : str
        result.path.by.dots
    committed, again : Any
        None where it is not there.
    allowed : float or None
        The largest difference that agrees; None where it is not compared.
    stated : str
        What states this tolerance.
    agrees : bool
    """

    metric: str
    committed: Any
    again: Any
    allowed: float | None
    stated: str
    agrees: bool

    @property
    def deviation(self) -> float | None:
        """The difference in units of what is allowed; None where there is nothing to divide by."""
        if not self.allowed or not (_is_number(self.committed) and _is_number(self.again)):
            return None
        return abs(self.again - self.committed) / self.allowed


@dataclass(frozen=True)
class Tolerances:
    """Contents of tolerances.yaml: a reason or a number by pattern."""

    not_compared: dict[str, str]
    relative: dict[str, float]
    absolute: dict[str, float]

    @classmethod
    def read(cls, path: Path = TOLERANCES) -> "Tolerances":
        """Read a file of tolerances."""
        return cls(**yaml.safe_load(path.read_text()))

    def why_not(self, metric: str) -> str | None:
        """Return why a metric is not compared; None where it is."""
        found = first_fit(self.not_compared, metric)
        return found[1] if found else None


def first_fit(patterns: dict[str, Any], metric: str) -> tuple[str, Any] | None:
    """Return the first pattern that fits a metric, with what is declared for it."""
    return next(((pattern, patterns[pattern]) for pattern in patterns if fnmatch(metric, pattern)), None)


def leaves(tree: dict[str, Any], above: str) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield every leaf of nested metrics: path by dots, value, and the mapping that it is in."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{above}.{name}")
        else:
            yield f"{above}.{name}", value, tree


def tolerance(metric: str, value: Any, beside: dict[str, Any], declared: Tolerances) -> tuple[float | None, str]:
    """Return the largest difference that agrees with a committed metric, and what states it.

    Parameters
    ----------
    metric : str
        result.path.by.dots
    value : Any
        The committed one; text, counts and lists must be the same.
    beside : dict
        The mapping that it is in: its error is there.
    declared : Tolerances

    Returns
    -------
    tuple of float or None, and str
        None where the metric is not compared.
    """
    if why := declared.why_not(metric):
        return None, f"not compared: {why}"
    if isinstance(value, float) and (stated := _stated(metric.rpartition(".")[2], beside)):
        return stated
    found = [(0.0, "must be the same")]
    pattern, relative = first_fit(declared.relative, metric) or ("", 0.0)
    if isinstance(value, float) or (pattern != "*" and isinstance(value, int)):
        found = [(relative * abs(value), f"{relative:.0%}, declared for {pattern}")]
    if absolute := first_fit(declared.absolute, metric):
        found.append((absolute[1], f"declared for {absolute[0]}"))
    return max(found, key=lambda one: one[0])


def _stated(name: str, beside: dict[str, Any]) -> tuple[float, str] | None:
    """Return the tolerance that the numbers beside a metric state; None where they state none, or an error of 0."""
    for end in _ENDS:  # the ends of an interval are as certain as what lies within
        name = name.removesuffix(end) if name.removesuffix(end) + "_low" in beside else name
    if error := beside.get(f"{name}_err"):
        return error, "bootstrap error"
    low, high = (beside.get(name + end) for end in _ENDS)
    if low is not None and high is not None and 0 < high - low < math.inf:
        return (high - low) / _QUARTER, "quarter of the 95% interval"
    return None


def compare_metrics(
    result: str, committed: dict[str, Any], again: dict[str, Any], declared: Tolerances
) -> list[Comparison]:
    """Compare every metric of a result; those that only one of the two runs has do not agree."""
    found = {path: value for path, value, _ in leaves(again, result)}
    compared = []
    for path, value, beside in leaves(committed, result):
        allowed, stated = tolerance(path, value, beside, declared)
        other = found.pop(path, None)
        agrees = allowed is None or _agree(value, other, allowed)
        compared.append(Comparison(path, value, other, allowed, stated, agrees))
    compared += [Comparison(path, None, value, 0.0, "not committed", False) for path, value in found.items()]
    return compared


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _agree(committed: Any, again: Any, allowed: float) -> bool:
    if not (_is_number(committed) and _is_number(again)):
        return type(committed) is type(again) and committed == again
    if math.isnan(committed) or math.isnan(again):
        return math.isnan(committed) and math.isnan(again)
    return committed == again or abs(again - committed) <= allowed


def compare_claims(committed: list[dict[str, str]], again: list[dict[str, str]]) -> list[Comparison]:
    """Compare the claims but for our numbers, of which those of the metrics are compared: verdict, rule, source, ..."""
    first, second = ({row["id"]: row for row in rows} for rows in (committed, again))
    compared = []
    for name in {**first, **second}:
        rows = first.get(name, {}), second.get(name, {})
        for key in sorted({*rows[0], *rows[1]} - _OURS):
            one, other = (row.get(key) for row in rows)
            compared.append(Comparison(f"claims.{name}.{key}", one, other, 0.0, "must be the same", one == other))
    return compared
