"""The list of references: every entry can be looked up, and is cited."""

import json
import re

import pypandoc
import pytest

from analysis import paths
from analysis.paper.citations import short_citations

ENTRIES = json.loads(pypandoc.convert_file(str(paths.REFERENCES), "csljson", format="bibtex"))
TEXT = "".join(path.read_text() for path in (paths.PAPER / "index.qmd", *(paths.PAPER / "sections").glob("*.md")))


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["id"] for entry in ENTRIES])
def test_an_entry_has_a_doi_or_another_way_to_it_and_is_cited(entry):
    # what is older than DOIs or has none: arXiv or the publisher's page, the number of a book, or the reason why not
    assert entry.get("DOI") or entry.get("URL") or entry.get("ISBN") or "no copy is online" in entry.get("note", "")
    if doi := entry.get("DOI"):
        assert re.fullmatch(r"10\.\d{4,5}/\S+", doi)
    assert f"@{entry['id']}" in TEXT


def test_citations_in_words_are_those_of_the_field():
    words = short_citations(paths.REFERENCES)
    assert words["kim2017"] == "Kim & Brunner 2017"
    assert words["hoyle2015"] == "Hoyle et al. 2015"
    assert words["hoyle2016"] == "Hoyle 2016"
    assert words["wolf2018"] == "Wolf 2018"
    assert words["schmidt2020"] == "Schmidt et al. 2020"  # "and others" in the file
