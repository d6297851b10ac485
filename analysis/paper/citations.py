"""How the paper cites, in words, for places that citeproc does not reach."""

import json
from pathlib import Path

import pypandoc


def short_citations(references: Path) -> dict[str, str]:
    """Return how each entry of a BibTeX file is cited in running text: key -> "Kim & Brunner 2017"."""
    entries = json.loads(pypandoc.convert_file(str(references), "csljson", format="bibtex"))
    return {entry["id"]: f"{_names(entry)} {entry['issued']['date-parts'][0][0]}" for entry in entries}


def _names(entry: dict) -> str:
    names = [author.get("family") or author.get("literal", "") for author in entry.get("author", [])]
    return " & ".join(names) if len(names) <= 2 and "others" not in names else f"{names[0]} et al."
