"""README.md has the numbers of the results, between marks, and nothing else of it is touched."""

import re

import pytest

from analysis import paths
from analysis.errors import InputError
from analysis.paper.readme import blocks, in_readme


def test_a_block_is_replaced_and_nothing_else() -> None:
    readme = "before\n<!-- claims -->\noutdated\n<!-- /claims -->\nbetween\n<!-- billion --><!-- /billion -->\nafter\n"
    once = in_readme(readme, {"billion": "17 core hours", "claims": "78 claims"})
    assert once == (
        "before\n<!-- claims -->\n78 claims\n<!-- /claims -->\n"
        "between\n<!-- billion -->\n17 core hours\n<!-- /billion -->\nafter\n"
    )
    assert in_readme(once, {"claims": "78 claims"}) == once


@pytest.mark.parametrize(
    "text", ["no marks", "<!-- /claims -->\n<!-- claims -->", "<!-- claims --><!-- claims --><!-- /claims -->"]
)
def test_a_readme_without_its_marks_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected the marks <!-- claims --> and <!-- /claims --> once each"):
        in_readme(text, {"claims": ""})


def test_the_readme_of_the_compendium_has_its_results() -> None:
    if not paths.CLAIMS.is_file():
        pytest.skip("results/claims.json is not there: run the pipeline, then `python -m analysis paper readme`")
    readme, written = (paths.ROOT / "README.md").read_text(), blocks()
    assert in_readme(readme, written) == readme, "run `python -m analysis paper readme`"
    for name in set(re.findall(r"\]\(((?:results|analysis|paper)/[^)]*)\)", "".join(written.values()))):
        assert (paths.ROOT / name).exists(), name
