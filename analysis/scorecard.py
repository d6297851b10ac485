"""`python -m analysis scorecard`: every claim, the published value, ours, its error, and the verdict.

The claims and the rules that decide them are in paper/claims.yaml, written down before the first run, with what has
changed since; the published values are in paper/published.yaml. A new result needs new claims there, and code only for
a new kind of rule (analysis/rules.py).
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

from analysis import paths, scale_copies
from analysis.claims import CLAIMS, Claim, Subject, read_claims, read_subjects
from analysis.errors import InputError
from analysis.files import write_json
from analysis.paper import pages
from analysis.paper.citations import short_citations
from analysis.paper.numbers import format_interval, format_published, format_value
from analysis.params import read_yaml
from analysis.rules import CANNOT, MOCK, OWN, PUBLISHED, RULES, SURVEYS, UNDECIDED, VERDICTS, Measurement, Rule
from analysis.shares import exact_interval
from analysis.survey.catalogue import read_provenance


def context(claim: Claim, subject: Subject, provenance: dict[str, Any], scale: str) -> dict[str, str]:
    """Say of a claim where it comes from, on what and at which scale it is tested, and where that can be looked up.

    Returns
    -------
    dict
        `result`, `source` (a key of references.bib; empty for a statement of ours), `survey`, `scale`, `shown` (a label
        of the paper), and the files `data` and `code`.
    """
    of_table = claim.result.startswith("real/")
    survey = claim.result.split("/")[1] if of_table else SURVEYS[provenance["kind"]]
    return {
        "result": claim.result,
        "source": source_of(claim, subject),
        "survey": subject.objects or survey,
        # real tables have one size, whatever the scale of the pipeline
        "scale": scale_copies.LAPTOP if of_table else scale,
        "shown": subject.shown if claim.shown is None else claim.shown,
        "data": f"results/{claim.result}/metrics.json",
        "code": subject.code,
    }


def read_metrics(results: Path, result: str) -> dict[str, Any]:
    """Read the metrics of one result; where there are none, {"not_run": why}."""
    path = results / result / paths.METRICS
    if not path.is_file():
        return {"not_run": f"no results/{result}/metrics.json"}
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from None


def source_of(claim: Claim, subject: Subject) -> str:
    """Return the key of the paper that a claim is taken from; an empty one for a statement of ours."""
    return subject.source if claim.source is None else claim.source


def kind_of_test(claim: Claim, subject: Subject, metrics: dict[str, Any], provenance: dict[str, Any]) -> str:
    """Return which pair of `VERDICTS` a claim is given.

    Results under real/ are on tables of their own, others on the survey in data/. A simulated survey is a mock one,
    whoever made it, and so are the objects of a result that are simulated whatever the survey is.

    Raises
    ------
    InputError
        If the survey does not say what it is: the words of a verdict depend on it.
    """
    kind = provenance.get("kind")
    if kind not in SURVEYS:
        raise InputError(f"data/provenance.json: kind is {kind!r}; expected one of {list(SURVEYS)}")
    of_table = claim.result.startswith("real/")
    simulated = metrics.get("simulated") if of_table else provenance.get("simulated") or kind == "mock"
    if simulated or subject.simulated:
        return MOCK
    return PUBLISHED if source_of(claim, subject) else OWN


def judge(claim: Claim, metrics: dict[str, Any], published: dict[str, Any], kind: str) -> dict[str, str]:
    """Decide one claim.

    Parameters
    ----------
    claim : Claim
    metrics : dict
        The metrics of the claim's result, or {"not_run": why}.
    published : dict
        Contents of published.yaml.
    kind : str
        Which pair of `VERDICTS` it is given.

    Returns
    -------
    dict
        The scorecard's row, all text: `id`, `claim`, `published`, `read`, `rule` (in words), `rule_name`, `ours`,
        `error`, `interval` and `verdict`.
    """
    rule = RULES[claim.rule["name"]]
    parameters = {name: value for name, value in claim.rule.items() if name != "name"}
    expected, words = _published(claim, published)
    row = {"id": claim.id, "claim": claim.claim, "published": words, "read": claim.read}
    row |= {"rule": rule.words.format(**parameters), "rule_name": claim.rule["name"]}
    if claim.enough:
        row["rule"] += " (undecided with fewer than {least} {what})".format(**claim.enough)
    ours = None if "not_run" in metrics else _our_measurement(claim, metrics, rule)
    if ours is None:
        why = metrics.get("not_run") or claim.needs or f"no {claim.ours} in the metrics"
        return {**row, "ours": f"not run: {why}", "error": "", "interval": "", "verdict": CANNOT}
    holds = rule.holds(ours, expected, **parameters)
    verdict = UNDECIDED if holds is None else VERDICTS[kind][0 if holds else 1]
    if claim.enough and not _count(claim, claim.enough["of"], metrics) >= claim.enough["least"]:
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
        if ours is None and not claim.needs and (first := claim.ours.partition(".")[0]) not in metrics:
            raise KeyError(first)  # what a survey may lack is said beforehand, by `needs`; this is a fault
    except KeyError as error:
        if claim.needs:
            return None
        raise InputError(f"claim {claim.id}: results/{claim.result}/metrics.json has no {error}") from None
    if ours is not None and claim.share_of:
        low, high = exact_interval(ours.value, int(_count(claim, claim.share_of, metrics)))
        ours = Measurement(ours.value, math.nan, low, high)
    if ours is None or not math.isfinite(ours.value) or (rule.needs_interval and math.isnan(ours.low)):
        return None
    return ours


def _count(claim: Claim, path: str, metrics: dict[str, Any]) -> float:
    """Read a number of objects that a claim is judged by."""
    try:
        found = measurement(metrics, path)
    except KeyError:
        found = None
    if found is None:
        raise InputError(f"claim {claim.id}: results/{claim.result}/metrics.json has no {path}")
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
    """Judge every claim, write results/claims.json, and all generated text that the paper includes.

    Parameters
    ----------
    results, paper : pathlib.Path
        The folders of the same names. Written: results/claims.json, paper/_variables.yml, paper/tables/.
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
    published = read_yaml(paper / paths.PUBLISHED.name)
    provenance = read_provenance(survey)
    if not provenance:
        raise InputError(f"{survey}: no provenance.json; expected the provenance of the survey")
    subjects, scale = read_subjects(paper / CLAIMS), scale_copies.scale_of(paths.ROOT)
    papers = short_citations(paper / paths.REFERENCES.name)
    rows = []
    for claim in claims:
        subject, metrics = subjects[claim.result], read_metrics(results, claim.result)
        row = judge(claim, metrics, published, kind_of_test(claim, subject, metrics, provenance))
        row |= context(claim, subject, provenance, scale)
        if row["source"] and row["source"] not in papers:
            raise InputError(f"claim {claim.id}: source {row['source']!r} is not in references.bib")
        rows.append(row | {"source_words": papers.get(row["source"], "")})
    write_json(results / paths.CLAIMS.name, rows, ensure_ascii=False)
    pages.write(results, paper, provenance, rows)
    return rows


def run(_: argparse.Namespace) -> None:
    """Score every claim of this checkout."""
    print(f"{len(score(paths.RESULTS, paths.PAPER, paths.DATA))} claims: results/{paths.CLAIMS.name}")
