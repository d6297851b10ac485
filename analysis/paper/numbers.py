"""How numbers are written in the paper: value and error to the digits that the error allows."""

import math
import re
from typing import Any

MINUS = "\u2212"
SUFFIXES = ("_err", "_low", "_high")  # belong to the number whose name they extend, and are written with it


def format_value(value: float, error: float | None = None) -> str:
    """Write a number, with its error where it has one, to two significant digits of the error.

    Parameters
    ----------
    value : float
    error : float, optional
        One standard deviation. Without it (or where it is zero or not finite) the number keeps three
        significant digits; integers keep all of theirs.

    Returns
    -------
    str
        ASCII, such as ``0.0712 ± 0.0011`` (± apart), ``18.0``, ``40,000``, ``-0.0001``.
    """
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return "not a number"
    decimals = _decimals(error, digits=2) if error is not None else None
    if decimals is None:
        decimals = _decimals(value, digits=3) or 0
        return f"{_rounded(value, decimals):,.{decimals}f}"
    return f"{_rounded(value, decimals):,.{decimals}f} ± {error:,.{decimals}f}"


def format_published(value: float, digits: int = 3) -> str:
    """Write a published number to so many significant digits."""
    return f"{value:.{digits}g}"


def format_interval(low: float, high: float) -> str:
    """Write an interval to two significant digits of its length."""
    decimals = _decimals(high - low, digits=2) or 0
    return f"{_rounded(low, decimals):,.{decimals}f} to {_rounded(high, decimals):,.{decimals}f}"


def _decimals(scale: float, digits: int) -> int | None:
    """Return how many decimals show so many significant digits of a number; None if it is zero or NaN."""
    if not math.isfinite(scale) or scale == 0:
        return None
    # formatted first, so that 0.0996 counts as 0.10 and not as 0.099
    exponent = int(f"{abs(scale):.{digits - 1}e}".split("e")[1])
    return max(0, digits - 1 - exponent)


def _rounded(value: float, decimals: int) -> float:
    return round(value, decimals) + 0.0  # + 0.0: no "-0.00"


def typeset(text: str) -> str:
    """Turn the hyphen before a number into a minus sign."""
    return re.sub(r"(?<![\w.)-])-(?=\d)", MINUS, text)


def escaped(text: str) -> str:
    """Escape text that comes from outside, so that Markdown prints it as it is."""
    return re.sub(r"([\\`*_\[\]<>$@#|~^{}\"'])", r"\\\1", " ".join(text.split()))


def formatted_tree(tree: dict[str, Any]) -> dict[str, Any]:
    """Write every number of a metrics file, each with the error that lies beside it.

    Parameters
    ----------
    tree : dict
        Nested; beside a number ``x`` there may be ``x_err``, and ``x_low`` with ``x_high``.

    Returns
    -------
    dict
        The same nesting with strings: ``x`` is value ± error, ``x_interval`` is "low to high". Lists are
        left out.
    """
    result: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            result[name] = formatted_tree(value)
        elif isinstance(value, str):
            result[name] = escaped(value)
        elif isinstance(value, int | float) and not _belongs_to_another(name, tree):
            result[name] = typeset(format_value(value, tree.get(f"{name}_err")))
            if f"{name}_low" in tree:
                interval = format_interval(tree[f"{name}_low"], tree[f"{name}_high"])
                result[f"{name}_interval"] = typeset(interval)
    return result


def _belongs_to_another(name: str, tree: dict[str, Any]) -> bool:
    return any(name.endswith(suffix) and name.removesuffix(suffix) in tree for suffix in SUFFIXES)
