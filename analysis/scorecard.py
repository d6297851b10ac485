"""`python -m analysis scorecard`: every claim, the published value, ours, its error, and the verdict.

The claims and the rules that decide them are in paper/claims.yaml, written down before the first run, with what has
changed since; the published values are in paper/published.yaml. A new result needs new claims there, and code only for
a new kind of rule (analysis/rules.py).
"""

import csv
import json
import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from analysis import paths
from analysis.errors import InputError
from analysis.files import replacing
from analysis.paper import pages, tables
from analysis.paper.numbers import format_interval, format_published, format_value
from analysis.rules import CANNOT, RULES, UNDECIDED, Measurement, Rule
from analysis.survey.catalogue import read_provenance

CLAIMS = "claims.yaml"
SCORECARD = "claims.csv"
COLUMNS = ["id", "claim", "published", "read", "ours", "error", "interval", "verdict", "rule"]
VERDICTS = {  # kind of the data: verdict where the rule is met, verdict where it is not
    "ingested": ("reproduced", "not reproduced"),
    "sdss": ("reproduced", "not reproduced"),
    "mock": ("holds on the mock", "does not hold on the mock"),
}
_LOG_WIDTH = 160


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
        One of ``{value: path}`` (to a number, or to it and its error), ``{percent: path}`` (a fraction),
        ``{reduction: [path, path]}`` (from the first to the second, in percent; or one path, to such a pair),
        ``{words: text}``; a path leads, by dots, into published.yaml.
    read : str
        Where the published value was read: table or abstract.
    ours : str
        Path, by dots, into metrics.json; beside a number lie ``_err``, ``_low``, ``_high``.
    rule : dict
        ``name``, a key of `RULES`, and the rule's parameters.
    unit : str
        Written after both values.
    given : str
        Path to a number of metrics.json that must be above zero for the claim to mean what it says.
    enough : dict
        ``of``, path to a count of objects in metrics.json, ``least``, below which the claim is undecided whatever the
        rule says, and ``what`` is counted, in words.
    needs : str
        What may be lacking for this claim, as a sentence: said instead of a number that the metrics do not have.
    """

    id: str
    claim: str
    result: str
    published: dict[str, Any]
    read: str
    ours: str
    rule: dict[str, Any]
    unit: str = ""
    given: str = ""
    enough: dict[str, Any] = field(default_factory=dict)
    needs: str = ""


def read_claims(path: Path) -> list[Claim]:
    """Read claims.yaml.

    Raises
    ------
    InputError
        If a claim has unknown or missing keys, an id twice, or a rule that does not exist.
    """
    known = {one.name for one in fields(Claim)}
    claims: list[Claim] = []
    for entry in _read_yaml(path)["claims"]:
        name = entry.get("id", "without id")
        if unknown := set(entry) - known:
            raise InputError(f"{path}: claim {name}: unknown key {min(unknown)!r}; expected some of {sorted(known)}")
        try:
            claim = Claim(**entry)
        except TypeError as error:
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


def kind_of_data(result: str, metrics: dict[str, Any], provenance: dict[str, Any]) -> str:
    """Return 'mock', 'ingested' or 'sdss': what the objects of a result are.

    Results under real/ are on tables of their own, others on the survey in data/. A simulated survey is a mock one,
    whoever made it.

    Raises
    ------
    InputError
        If the survey does not say what it is: the words of a verdict depend on it.
    """
    of_table = result.startswith("real/")
    kind = "ingested" if of_table else provenance.get("kind")
    if kind not in VERDICTS:
        raise InputError(f"data/provenance.json: kind is {kind!r}; expected one of {list(VERDICTS)}")
    simulated = (metrics if of_table else provenance).get("simulated")
    return "mock" if simulated else kind


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
    expected, words = _published(claim, published)
    row = {"id": claim.id, "claim": claim.claim, "published": words, "read": claim.read}
    row["rule"] = rule.words.format(**parameters)
    if claim.enough:
        row["rule"] += " (undecided with fewer than {least} {what})".format(**claim.enough)
    ours = None if "not_run" in metrics else _our_measurement(claim, metrics, rule)
    if ours is None:
        why = metrics.get("not_run") or claim.needs or f"no {claim.ours} in the metrics"
        return {**row, "ours": f"not run: {why}", "error": "", "interval": "", "verdict": CANNOT}
    holds = rule.holds(ours, expected, **parameters)
    verdicts = VERDICTS[kind_of_data(claim.result, metrics, provenance)]
    verdict = rule.undecided if holds is None else verdicts[0 if holds else 1]
    if claim.enough and not _count(claim, metrics) >= claim.enough["least"]:
        verdict = UNDECIDED
    return {**row, **_in_words(ours, claim.unit), "verdict": verdict}


def _our_measurement(claim: Claim, metrics: dict[str, Any], rule: Rule) -> Measurement | None:
    """Read what a claim is judged by; None where something that it needs is lacking."""
    if claim.given:
        required = measurement(metrics, claim.given)
        if required is None or not required.value > 0:
            return None
    try:
        ours = measurement(metrics, claim.ours)
    except KeyError as error:
        if claim.needs:
            return None
        raise InputError(f"claim {claim.id}: results/{claim.result}/metrics.json has no {error}") from None
    if ours is None or not math.isfinite(ours.value) or (rule.needs_interval and math.isnan(ours.low)):
        return None
    return ours


def _count(claim: Claim, metrics: dict[str, Any]) -> float:
    """Read the number of objects that a claim needs."""
    try:
        found = measurement(metrics, claim.enough["of"])
    except KeyError:
        found = None
    if found is None:
        raise InputError(f"claim {claim.id}: results/{claim.result}/metrics.json has no {claim.enough['of']}")
    return found.value


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


def _in_words(ours: Measurement, unit: str) -> dict[str, str]:
    value, _, error = format_value(ours.value, ours.error).partition(" ± ")
    interval = "" if math.isnan(ours.low) else format_interval(ours.low, ours.high)
    return {"ours": value + unit, "error": error, "interval": interval}


def _published(claim: Claim, published: dict[str, Any]) -> tuple[float, str]:
    """Return the published number (NaN for a claim in words), and how to write it."""
    (how, where), *others = claim.published.items()
    if others or how not in ("value", "percent", "reduction", "words"):
        keys = list(claim.published)
        raise InputError(f"claim {claim.id}: published has {keys}; expected value, percent, reduction or words")
    if how == "words":
        return math.nan, where
    if how == "reduction":
        found = [_published_value(claim, published, path) for path in ([where] if isinstance(where, str) else where)]
        before, after = found if len(found) > 1 else found[0]
        number = 100 * (1 - after / before)
    else:
        found = _published_value(claim, published, where)
        if isinstance(found, list):
            number, error = found
            return number, f"{format_published(number)} ± {format_published(error)}{claim.unit}"
        number = found * (100 if how == "percent" else 1)
    return number, format_published(number, digits=4 if how == "value" else 3) + claim.unit


def _published_value(claim: Claim, published: dict[str, Any], path: str) -> Any:
    value: Any = published
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            raise InputError(f"claim {claim.id}: no {path} in published.yaml ({name!r} is not there)")
        value = value[name]
    return value


def score(results: Path, paper: Path, survey: Path) -> list[dict[str, str]]:
    """Judge every claim, write results/claims.csv, and all generated text that the paper includes.

    Parameters
    ----------
    results, paper : pathlib.Path
        The folders of the same names. Written: results/claims.csv, paper/_variables.yml, paper/tables/.
    survey : pathlib.Path
        The survey's folder, of which the provenance is read.

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
    provenance = read_provenance(survey)
    if not provenance:
        raise InputError(f"{survey}: no provenance.json; expected the provenance of the survey")
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


def run(only_print: bool) -> None:
    """Score every claim, or only print the scorecard that is there."""
    path = paths.RESULTS / SCORECARD
    if not only_print:
        print(f"{len(score(paths.RESULTS, paths.PAPER, paths.DATA))} claims: results/{SCORECARD}")
        return
    if not path.is_file():
        raise InputError(f"{path} is not there yet; `python -m analysis scorecard` writes it")
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    console = Console()
    # into a file or a log, where there is no width to keep to, lines may be long
    print_scorecard(rows, console if console.is_terminal else Console(width=_LOG_WIDTH))
