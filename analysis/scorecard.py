"""`python -m analysis scorecard`: every claim, the published value, ours, its error, and the verdict.

The claims and the rules that decide them are in paper/claims.yaml, written down before the run; the published
values are in paper/published.yaml. A new result needs new claims there, and code only for a new kind of rule.
"""

import argparse
import csv
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from rich.console import Console
from rich.table import Table

from analysis import paths
from analysis.errors import InputError
from analysis.files import replacing
from analysis.paper import pages, tables
from analysis.paper.numbers import format_interval, format_published, format_value

CLAIMS = "claims.yaml"
SCORECARD = "claims.csv"
COLUMNS = ["id", "claim", "published", "read", "ours", "error", "interval", "verdict", "rule"]
VERDICTS = {  # kind of the data: verdict where the rule is met, verdict where it is not
    "ingested": ("reproduced", "not reproduced"),
    "mock": ("holds on the mock", "does not hold on the mock"),
}
CANNOT = "cannot be tested here"
_LOG_WIDTH = 160


class Measurement(NamedTuple):
    """A number of a metrics file with its standard error and 95% interval; NaN where it has none."""

    value: float
    error: float = math.nan
    low: float = math.nan
    high: float = math.nan


# Rules. Each takes our measurements, the published numbers (one or two) and the rule's own parameters.


def within(ours: list[Measurement], published: list[float], tolerance_percent: float) -> bool:
    """Tell whether ours is within a tolerance of the published value, or within two of our errors."""
    [(value, error, *_)], [expected] = ours, published
    return abs(value - expected) <= max(2 * _known(error), tolerance_percent / 100 * abs(expected))


def interval_above_zero(ours: list[Measurement], _: list[float]) -> bool:
    """Tell whether the whole 95% interval is above zero."""
    return ours[0].low > 0


def interval_covers(ours: list[Measurement], published: list[float]) -> bool:
    """Tell whether the 95% interval is above zero and contains the published value."""
    return ours[0].low > 0 and ours[0].low <= published[0] <= ours[0].high


def at_least(ours: list[Measurement], _: list[float], least: float) -> bool:
    """Tell whether ours is at least a given number."""
    return ours[0].value >= least


def falls(ours: list[Measurement], _: list[float]) -> bool:
    """Tell whether the second of ours is below the first by more than two combined errors."""
    first, second = ours
    return first.value - second.value > 2 * math.hypot(_known(first.error), _known(second.error))


def _known(error: float) -> float:
    return 0.0 if math.isnan(error) else error


class Rule(NamedTuple):
    """A rule and how to say it; the rule's parameters are put into the words."""

    holds: Callable[..., bool]
    words: str
    needs_interval: bool = False


RULES = {
    "within": Rule(within, "within {tolerance_percent}% of the published value, or within two of our errors"),
    "interval_above_zero": Rule(interval_above_zero, "our 95% interval is above zero", needs_interval=True),
    "interval_covers": Rule(
        interval_covers,
        "our 95% interval is above zero and contains the published value",
        needs_interval=True,
    ),
    "at_least": Rule(at_least, "ours is at least {least}"),
    "falls": Rule(falls, "ours falls by more than two combined errors"),
}


@dataclass(frozen=True)
class Claim:
    """One entry of claims.yaml.

    Attributes
    ----------
    id, claim : str
        A label without dots, and the claim in words (no numbers: those stand in their own columns).
    result : str
        Folder under results/ whose metrics.json decides.
    published : dict
        One of ``{value: path}`` (a number or a list), ``{percent: path}`` (a fraction, shown in percent),
        ``{reduction: [path, path]}`` (from the first to the second, in percent), ``{words: text}``; a path
        leads, by dots, into published.yaml.
    read : str
        Where the published value was read: table or abstract.
    ours : list of str
        One path, or two, by dots into metrics.json; beside a number lie ``_err``, ``_low``, ``_high``.
    rule : dict
        ``name``, a key of `RULES`, and the rule's parameters.
    unit : str
        Written after both values.
    needs : str
        What may be lacking for this claim, as a sentence: said instead of a number that the metrics do not have.
    """

    id: str
    claim: str
    result: str
    published: dict[str, Any]
    read: str
    ours: list[str]
    rule: dict[str, Any]
    unit: str = ""
    needs: str = ""


def read_claims(path: Path) -> list[Claim]:
    """Read claims.yaml.

    Raises
    ------
    InputError
        If a claim has unknown or missing keys, an id twice, or a rule that does not exist.
    """
    known = {field.name for field in fields(Claim)}
    claims: list[Claim] = []
    for entry in _read_yaml(path)["claims"]:
        name = entry.get("id", "without id")
        if unknown := set(entry) - known:
            raise InputError(f"{path}: claim {name}: unknown key {min(unknown)!r}; expected some of {sorted(known)}")
        try:
            claim = Claim(**{**entry, "ours": [entry["ours"]] if isinstance(entry["ours"], str) else entry["ours"]})
        except (KeyError, TypeError) as error:
            raise InputError(f"{path}: claim {name}: missing key ({error})") from None
        if claim.rule.get("name") not in RULES:
            raise InputError(f"{path}: claim {name}: no rule {claim.rule.get('name')!r}; expected one of {list(RULES)}")
        if name in {other.id for other in claims}:
            raise InputError(f"{path}: two claims have the id {name}")
        claims.append(claim)
    return claims


def read_metrics(results: Path, result: str) -> dict[str, Any]:
    """Read the metrics of one result; where there are none, {"not_run": why}."""
    path = results / result / "metrics.json"
    if not path.is_file():
        return {"not_run": f"no results/{result}/metrics.json"}
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from None


def kind_of_data(result: str, provenance: dict[str, Any]) -> str:
    """Return 'mock' or 'ingested': results under real/ are on real tables, others on the survey in data/.

    A simulated survey is a mock one, whoever made it.

    Raises
    ------
    InputError
        If the survey does not say what it is: the words of a verdict depend on it.
    """
    if result.startswith("real/"):
        return "ingested"
    kind = "mock" if provenance.get("simulated") else provenance.get("kind")
    if kind not in VERDICTS:
        raise InputError(f"data/provenance.json: kind is {kind!r}; expected one of {list(VERDICTS)}")
    return kind


def judge(
    claim: Claim, metrics: dict[str, Any], published: dict[str, Any], provenance: dict[str, Any]
) -> dict[str, str]:
    """Decide one claim.

    Parameters
    ----------
    claim : Claim
    metrics : dict
        The metrics of the claim's result, or {"not_run": why}.
    published : dict
        Contents of published.yaml.
    provenance : dict
        Contents of the survey's provenance.json.

    Returns
    -------
    dict
        The scorecard's row, all text, keys as in `COLUMNS`.
    """
    rule = RULES[claim.rule["name"]]
    parameters = {name: value for name, value in claim.rule.items() if name != "name"}
    expected = _published_numbers(claim, published)
    words = claim.published.get("words") or " -> ".join(format_published(number) for number in expected) + claim.unit
    row = {"id": claim.id, "claim": claim.claim, "published": words, "read": claim.read}
    row["rule"] = rule.words.format(**parameters)
    try:
        ours = [measurement(metrics, path) for path in claim.ours]
    except KeyError as error:
        if not claim.needs:
            raise InputError(f"claim {claim.id}: results/{claim.result}/metrics.json has no {error}") from None
        ours = [None]
    found = [one for one in ours if one is not None and math.isfinite(one.value)]
    missing_interval = rule.needs_interval and any(math.isnan(one.low) for one in found)
    if len(found) < len(ours) or missing_interval:
        why = metrics.get("not_run") or claim.needs or f"no {', '.join(claim.ours)} in the metrics"
        return {**row, "ours": f"not run: {why}", "error": "", "interval": "", "verdict": CANNOT}
    holds = rule.holds(found, expected, **parameters)
    verdict = VERDICTS[kind_of_data(claim.result, provenance)][0 if holds else 1]
    return {**row, **_ours_in_words(found, claim.unit), "verdict": verdict}


def measurement(metrics: dict[str, Any], path: str) -> Measurement | None:
    """Read a number of a metrics file, with its error and interval.

    Parameters
    ----------
    metrics : dict
        Contents of a metrics.json.
    path : str
        Where the number is, by dots.

    Returns
    -------
    Measurement or None
        None where there was nothing to measure: the first part of the path is absent, or the number null.

    Raises
    ------
    KeyError
        If the first part of the path is there and the rest is not.
    """
    first, *rest = path.split(".")
    if first not in metrics:
        return None
    *folders, name = [first, *rest]
    for folder in folders:
        metrics = metrics[folder]
    if metrics[name] is None:
        return None
    around = (metrics.get(f"{name}_{suffix}", math.nan) for suffix in ("err", "low", "high"))
    return Measurement(metrics[name], *around)


def _ours_in_words(found: list[Measurement], unit: str) -> dict[str, str]:
    values, errors = [], []
    for one in found:
        value, _, error = format_value(one.value, one.error).partition(" ± ")
        values.append(value)
        errors.append(error or "–")
    interval = "" if math.isnan(found[0].low) else format_interval(found[0].low, found[0].high)
    error = ", ".join(errors) if set(errors) != {"–"} else ""
    return {"ours": " -> ".join(values) + unit, "error": error, "interval": interval}


def _published_numbers(claim: Claim, published: dict[str, Any]) -> list[float]:
    (how, where), *others = claim.published.items()
    if others or how not in ("value", "percent", "reduction", "words"):
        keys = list(claim.published)
        raise InputError(f"claim {claim.id}: published has {keys}; expected value, percent, reduction or words")
    if how == "words":
        return []
    if how == "reduction":
        before, after = (_published_value(claim, published, path) for path in where)
        return [100 * (1 - after / before)]
    value = _published_value(claim, published, where)
    if how == "percent":
        return [100 * value]
    return value if isinstance(value, list) else [value]


def _published_value(claim: Claim, published: dict[str, Any], path: str) -> Any:
    value: Any = published
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            raise InputError(f"claim {claim.id}: no {path} in published.yaml ({name!r} is not there)")
        value = value[name]
    return value


def score(results: Path, paper: Path, provenance_path: Path) -> list[dict[str, str]]:
    """Judge every claim, write results/claims.csv, and all generated text that the paper includes.

    Parameters
    ----------
    results, paper : pathlib.Path
        The folders of the same names. Written: results/claims.csv, paper/_variables.yml, paper/tables/.
    provenance_path : pathlib.Path
        The survey's provenance.json.

    Returns
    -------
    list of dict
        The scorecard's rows.

    Raises
    ------
    InputError
        If the claims, the published values or the provenance cannot be used. A result that has not run is no
        error.
    """
    claims = read_claims(paper / CLAIMS)
    published = _read_yaml(paper / paths.PUBLISHED.name)
    if not provenance_path.is_file():
        raise InputError(f"{provenance_path} is not there; expected the provenance of the survey")
    provenance = json.loads(provenance_path.read_text())
    rows = [judge(claim, read_metrics(results, claim.result), published, provenance) for claim in claims]
    with replacing(results / SCORECARD) as partial, open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    pages.write(results, paper, provenance, rows)
    return rows


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        return yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{path} is not there") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not readable as YAML ({error})") from None


def print_scorecard(rows: list[dict[str, str]], console: Console) -> None:
    """Print the scorecard as a table for people."""
    colours = {
        words: colour for pair in VERDICTS.values() for words, colour in zip(pair, ("green", "red"), strict=True)
    }
    table = Table(title="Published claims, tested", padding=(0, 1), row_styles=["", "dim"])
    for heading in ("claim", "published", "ours", "verdict"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        published = row["published"] + (f" ({row['read']})" if row["read"] else "")
        colour = colours.get(row["verdict"], "yellow")
        table.add_row(row["claim"], published, tables.ours(row), f"[{colour}]{row['verdict']}[/]")
    console.print(table)


def add_commands(groups: Any) -> None:
    """Add `scorecard` to the command line."""
    command = groups.add_parser(
        "scorecard", help="every claim: published, ours, error, verdict; and all numbers of the paper"
    )
    command.add_argument("--print", action="store_true", help="only print the scorecard that is there")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    path = paths.RESULTS / SCORECARD
    if not options.print:
        rows = score(paths.RESULTS, paths.PAPER, paths.DATA / "provenance.json")
    elif path.is_file():
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        raise InputError(f"{path} is not there yet; `python -m analysis scorecard` writes it")
    console = Console()
    # into a file or a log, where there is no width to keep to, lines may be long
    print_scorecard(rows, console if console.is_terminal else Console(width=_LOG_WIDTH))
