"""`paper readme`: what README.md takes from results, each between marks of its own."""

import argparse
from collections.abc import Mapping

from analysis import paths
from analysis.errors import InputError
from analysis.files import replacing
from analysis.paper.benches import read_benches, readme_billion, readme_table
from analysis.paper.claims_table import read_rows, readme_block


def blocks() -> dict[str, str]:
    """Return what README.md takes from the results of now, by the name in the marks."""
    benches = read_benches(paths.RESULTS)
    return {
        "claims": readme_block(read_rows(paths.CLAIMS)),
        "benches": readme_table(benches),
        "billion": readme_billion(benches),
    }


def in_readme(readme: str, written: Mapping[str, str]) -> str:
    """Return the text of README.md with each block between its marks.

    Raises
    ------
    InputError
        If marks are not there, once each and in order.
    """
    for name, block in written.items():
        first, last = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, mark, rest = readme.partition(first)
        _, end, after = rest.partition(last)
        if not (mark and end) or first in rest or last in after:
            raise InputError(f"README.md: expected the marks {first} and {last} once each")
        readme = f"{before}{first}\n{block}\n{last}{after}"
    return readme


def update_readme(_: argparse.Namespace) -> None:
    """Write the results of now into README.md."""
    readme = paths.ROOT / "README.md"
    text = in_readme(readme.read_text(), blocks())
    with replacing(readme) as partial:
        partial.write_text(text)
