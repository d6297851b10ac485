"""paper/claims.yaml: every claim, the rule that decides it, and where each result comes from and is shown."""

import inspect
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from analysis.errors import InputError
from analysis.params import read_yaml
from analysis.rules import RULES

CLAIMS = "claims.yaml"


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
    source : str or None
        Key in references.bib of the paper that claims it; None: that of its result; empty: a statement of ours.
    shown : str or None
        Label of the figure or table of the paper that shows it; None: that of its result.
    share_of : str
        Path to a count of objects in metrics.json that ours is a percentage of: its interval is then the exact one.
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
    share_of: str = ""
    needs: str = ""
    source: str | None = None
    shown: str | None = None


@dataclass(frozen=True)
class Subject:
    """What claims.yaml says of a result: an entry of its `results`.

    Attributes
    ----------
    source, shown : str
        Where a claim does not say it itself: the paper's key in references.bib (empty: a statement of ours), the
        label of our figure or table.
    code : str
        The module that measured, from the root of the checkout.
    objects : str
        What was measured, where it is not the survey in data/ or the table that the result is named after.
    simulated : bool
        Whether the objects are simulated ones even where the survey in data/ is real.
    """

    source: str
    shown: str
    code: str
    objects: str = ""
    simulated: bool = False


def read_claims(path: Path) -> list[Claim]:
    """Read claims.yaml.

    Raises
    ------
    InputError
        If a claim has unknown or missing keys, an id twice, or a rule that does not exist.
    """
    known = {one.name for one in fields(Claim)}
    claims: list[Claim] = []
    for entry in read_yaml(path)["claims"]:
        name = entry.get("id", "without id")
        if unknown := set(entry) - known:
            raise InputError(f"{path}: claim {name}: unknown key {min(unknown)!r}; expected some of {sorted(known)}")
        try:
            claim = Claim(**entry)
        except TypeError as error:
            raise InputError(f"{path}: claim {name}: missing key ({error})") from None
        _check_rule(claim, path)
        if name in {other.id for other in claims}:
            raise InputError(f"{path}: two claims have the id {name}")
        claims.append(claim)
    return claims


def _check_rule(claim: Claim, path: Path) -> None:
    """Raise InputError unless a claim has a rule that exists, with the parameters that this rule takes."""
    named = claim.rule.get("name") if isinstance(claim.rule, dict) else claim.rule
    if named not in RULES:
        raise InputError(f"{path}: claim {claim.id}: no rule {named!r}; expected one of {list(RULES)}")
    _, _, *taken = inspect.signature(RULES[named].holds).parameters  # after our value and the published one
    given = sorted(set(claim.rule) - {"name"})
    if given != sorted(taken):
        raise InputError(f"{path}: claim {claim.id}: rule {named} with {given}; expected {sorted(taken)}")


def read_subjects(path: Path) -> dict[str, Subject]:
    """Read what claims.yaml says of the results that its claims are about.

    Raises
    ------
    InputError
        If a claim is about a result that has no entry, or an entry has unknown or missing keys.
    """
    content = read_yaml(path)
    entries = content.get("results", {})
    for claim in content["claims"]:
        if claim.get("result") not in entries:
            raise InputError(f"{path}: claim {claim.get('id')}: its result {claim.get('result')!r} is not in `results`")
    try:
        return {result: Subject(**entry) for result, entry in entries.items()}
    except TypeError as error:
        raise InputError(f"{path}: results: {error}; expected {[one.name for one in fields(Subject)]}") from None
