"""The claims table says the same in claims.json, on the page and in the terminal."""

import io

import pytest
from rich.console import Console

from analysis.errors import InputError
from analysis.paper import claims_table

ROW = {
    "id": "sigma",
    "claim": "… by as much: sigma",
    "published": "18%",
    "read": "abstract",
    "source": "hoyle2015",
    "source_words": "Hoyle et al. 2015",
    "ours": "-7.3%",
    "error": "1.4",
    "interval": "-10.0 to -4.7",
    "rule": "our 95% interval | above",
    "verdict": "holds on the mock",
    "result": "feature_importance",
    "survey": "mock survey",
    "scale": "laptop",
    "shown": "fig-ann-table",
    "data": "results/feature_importance/metrics.json",
    "code": "analysis/feature_importance/evaluate.py",
}
CONTROL = ROW | {"id": "control", "source": "", "source_words": "", "read": "", "published": "a control"}


def test_a_claim_on_the_page_points_to_its_figure_data_and_code():
    lines = claims_table.claims([ROW, CONTROL], {"fig-ann-table"}).splitlines()
    assert lines[2].startswith("|*feature importance: mock survey, laptop scale*|")
    assert (
        "|18% [@hoyle2015, abstract]|\u22127.3 ± 1.4% (\u221210.0 to \u22124.7)|our 95% interval \\| above|" in lines[3]
    )
    assert "**holds on the mock** (@fig-ann-table, [data](../../results/feature_importance/metrics.json), " in lines[3]
    assert "|a control|" in lines[4]  # with nothing in parentheses
    assert len(lines) == 5


def test_a_figure_that_the_page_lacks_is_not_referred_to():
    assert "@fig" not in claims_table.claims([ROW], {"fig-other"})


def test_a_result_that_was_not_run_has_no_file_to_point_to():
    row = ROW | {"ours": "not run: no results/feature_importance/metrics.json", "error": "", "interval": ""}
    assert "[data]" not in claims_table.claims([row], set())


def test_verdicts_are_counted():
    rows = [CONTROL | {"verdict": "reproduced"}, ROW, CONTROL]
    assert claims_table.in_words(rows) == "holds on the mock: 2; reproduced: 1"


def test_the_terminal_says_claim_source_scale_and_verdict():
    file = io.StringIO()
    claims_table.print_rows([ROW, CONTROL], Console(file=file, width=200))
    said = file.getvalue()
    for words in (
        ROW["claim"],
        "Hoyle et al. 2015",
        "mock survey, laptop",
        "-7.3 ± 1.4%",
        "2 claims: holds on the mock: 2",
    ):
        assert words in said


def test_claims_that_are_not_there_or_broken_are_named(tmp_path):
    with pytest.raises(InputError, match="is not there yet; `python -m analysis scorecard` writes it"):
        claims_table.read_rows(tmp_path / "claims.json")
    (tmp_path / "claims.json").write_text("[{")
    with pytest.raises(InputError, match="not readable as JSON"):
        claims_table.read_rows(tmp_path / "claims.json")
