"""The rules that decide claims.

Each takes our measurement, the published number (where there is one) and the rule's own parameters, and says whether
the claim holds; None where so many objects cannot tell.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

CANNOT = "cannot be tested here"
UNDECIDED = "undecided at this sample size"
MOCK, PUBLISHED, OWN = "mock", "published", "own"
VERDICTS = {  # what is tested: verdict where the rule is met, verdict where it is not
    PUBLISHED: ("reproduced", "not reproduced"),  # a published claim on real data
    OWN: ("holds on real data", "does not hold on real data"),  # a statement of ours, which nobody has published
    MOCK: ("holds on the mock", "does not hold on the mock"),  # either, on what is simulated
}
SURVEYS = {"mock": "mock survey", "sdss": "SDSS", "ingested": "survey brought in"}  # kind of the data: its name
LIMITS = ("at_least", "at_most")  # rules on the value itself, whatever its error
_ONE_SIDED_5_PERCENT = 1.645


class Measurement(NamedTuple):
    """A number of a metrics file with its standard error and 95% interval; NaN where it has none."""

    value: float
    error: float = math.nan
    low: float = math.nan
    high: float = math.nan


def within(ours: Measurement, published: float, tolerance_percent: float) -> bool:
    """Tell whether ours is equivalent to the published value: its 90% interval lies within a tolerance of it.

    These are two one-sided tests at 5% (Schuirmann 1987): the noisier we are, the harder it is to pass.
    """
    half_width = _ONE_SIDED_5_PERCENT * ours.error
    return abs(ours.value - published) + half_width <= tolerance_percent / 100 * abs(published)


def interval_above_zero(ours: Measurement, _: float) -> bool:
    """Tell whether the whole 95% interval is above zero."""
    return ours.low > 0


def interval_below_zero(ours: Measurement, _: float) -> bool:
    """Tell whether the whole 95% interval is below zero."""
    return ours.high < 0


def interval_covers(ours: Measurement, published: float) -> bool | None:
    """Tell whether the 95% interval is above zero and contains the published value; None where it is too wide."""
    if ours.high - ours.low > abs(published) / 2:
        return None  # an interval that contains everything says nothing
    return ours.low > 0 and ours.low <= published <= ours.high


def at_least(ours: Measurement, _: float, least: float) -> bool:
    """Tell whether ours is at least a given number."""
    return ours.value >= least


def at_most(ours: Measurement, _: float, most: float) -> bool:
    """Tell whether ours is at most a given number."""
    return ours.value <= most


def interval_at_most(ours: Measurement, _: float, limit: float) -> bool | None:
    """Tell whether ours is at most a given number; None where the 95% interval contains that number and more.

    It is met where the whole interval is at or below the limit, and not met where it is above.
    """
    if ours.high <= limit:
        return True
    return False if ours.low > limit else None


def near_zero(ours: Measurement, _: float, tolerance: float) -> bool:
    """Tell whether ours is equivalent to zero: its 90% interval lies within a tolerance of it, as for `within`."""
    return abs(ours.value) + _ONE_SIDED_5_PERCENT * ours.error <= tolerance


def interval_within(ours: Measurement, _: float, tolerance: float) -> bool | None:
    """Tell whether a difference is equivalent to zero: its whole 95% interval lies within a tolerance.

    Where it reaches beyond, a difference that is seen (zero is outside of the interval) is none of parity, and one that
    is not seen is None: this many objects cannot tell.
    """
    if -tolerance <= ours.low and ours.high <= tolerance:
        return True
    return None if ours.low <= 0 <= ours.high else False


class Rule(NamedTuple):
    """A rule and how to say it; the rule's parameters are put into the words."""

    holds: Callable[..., bool | None]
    words: str
    needs_interval: bool = False


RULES = {
    "within": Rule(
        within, "our 90% interval is within {tolerance_percent}% of the published value (not met where it is too wide)"
    ),
    "interval_above_zero": Rule(interval_above_zero, "our 95% interval is above zero", needs_interval=True),
    "interval_below_zero": Rule(interval_below_zero, "our 95% interval is below zero", needs_interval=True),
    "interval_covers": Rule(
        interval_covers,
        "our 95% interval is above zero and contains the published value (undecided where wider than half that value)",
        needs_interval=True,
    ),
    "at_least": Rule(at_least, "ours is at least {least}"),
    "at_most": Rule(at_most, "ours is at most {most}"),
    "interval_at_most": Rule(
        interval_at_most,
        "our 95% interval is at or below {limit} (undecided where it reaches above and begins below)",
        needs_interval=True,
    ),
    "near_zero": Rule(near_zero, "our 90% interval is within {tolerance} of zero (not met where it is too wide)"),
    "interval_within": Rule(
        interval_within,
        "our 95% interval is within {tolerance} of zero (undecided where it reaches beyond and contains zero)",
        needs_interval=True,
    ),
}
