"""The paper: how numbers are written, and that the floor renders all of it or fails."""

import json
import math
import re
import shutil
import stat
from pathlib import Path

import pandas as pd
import pypandoc
import pytest
import yaml
from fake_results import COMPLETENESS, PROVENANCE, STAR_GALAXY, write_everything, write_metrics

from analysis import paths, scorecard
from analysis.errors import InputError
from analysis.paper import numbers, render, tables

ignored = shutil.ignore_patterns("_build", "tables", "figures", "_variables.yml")


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.07123, 0.00113, "0.0712 ± 0.0011"),
        (0.07123, 0.000996, "0.0712 ± 0.0010"),  # the error rounds up to the next decade
        (-0.00004, 0.0003, "-0.00004 ± 0.00030"),
        (-0.0000001, 0.0003, "0.00000 ± 0.00030"),  # no minus zero
        (12.94, 1.1, "12.9 ± 1.1"),
        (1234.5, 21.0, "1,234 ± 21"),
        (1234.5, 2100.0, "1,234 ± 2,100"),
        (0.0712, None, "0.0712"),
        (0.0712, 0.0, "0.0712"),
        (0.0712, math.nan, "0.0712"),
        (18.0, None, "18.0"),
        (40000, None, "40,000"),
        (math.nan, 0.1, "not a number"),
    ],
)
def test_a_value_has_the_digits_of_its_error(value, error, text):
    assert numbers.format_value(value, error) == text


def test_published_numbers_keep_their_digits():
    assert [numbers.format_published(x) for x in (0.075, 0.99, 18.0, 2.32)] == ["0.075", "0.99", "18", "2.32"]


def test_typeset_knows_a_minus_from_a_hyphen():
    text = "−3.0 to −0.5, dered_g-r, 2015-2016"
    assert numbers.typeset("-3.0 to -0.5, dered_g-r, 2015-2016") == text


def test_formatted_tree_writes_errors_and_intervals_with_their_value():
    tree = {"a": {"x": 0.5, "x_err": 0.01, "x_low": 0.481, "x_high": 0.52, "n": 1000, "none": None}}
    expected = {"a": {"x": "0.500 ± 0.010", "x_interval": "0.481 to 0.520", "n": "1,000"}}
    assert numbers.formatted_tree(tree) == expected


def test_pipes_in_cells_do_not_break_a_table():
    text = tables.pipe_table(["a", "b"], [["x|y", "z"]], [50, 50])
    html = pypandoc.convert_text(text, "html", format="markdown")
    assert html.count("<td") == 2
    assert "x|y" in html


# --- the floor


@pytest.fixture(autouse=True)
def without_quarto(monkeypatch):
    """Render by the floor, also where Quarto is installed."""
    monkeypatch.setattr(render.shutil, "which", lambda name: None)


@pytest.fixture
def paper(tmp_path) -> Path:
    """A small paper with one of each thing that can be referred to."""
    folder = tmp_path / "paper"
    for name in ("filters", "styles"):
        shutil.copytree(paths.PAPER / name, folder / name)
    for name in ("_quarto.yml", "references.bib"):
        shutil.copy(paths.PAPER / name, folder)
    write_everything(tmp_path)
    (folder / "_variables.yml").write_text("result: {sigma: 0.0712 ± 0.0011}\n")
    (folder / "part.md").write_text("{{< include tables.md >}}\n")
    (folder / "tables.md").write_text("|a|b|\n|-|-|\n|1|2|\n")
    (folder / "index.qmd").write_text(TEXT)
    return folder


TEXT = """---
title: A paper
bibliography: references.bib
---

# First {#sec-first}

Sigma is {{< var result.sigma >}} [@drucker1997], see @fig-one, @fig-two, @tbl-one, @eq-one and @sec-inner.

## Inner {#sec-inner}

![One.](figures/fig-importance.png){#fig-one}

![Two, of @tbl-one.](figures/fig-redshift.png){#fig-two}

{{< include part.md >}}

: Numbers. {#tbl-one}

$$
a = b
$$ {#eq-one}

Made by []{.rendered-by}.
"""


def html_of(paper: Path) -> str:
    render.render(paper, paper / "_build")
    assert (paper / "_build" / "index.pdf").read_bytes().startswith(b"%PDF")
    html = (paper / "_build" / "index.html").read_text()
    html = re.sub(r'"data:[^"]*"', '"data:"', html)
    return re.sub(r"\s+", " ", html.replace("\u00a0", " "))


def test_the_floor_resolves_everything(paper):
    html = html_of(paper)
    assert "Sigma is 0.0712 ± 0.0011" in html
    for label, name in {
        "fig-one": "Figure 1",
        "fig-two": "Figure 2",
        "tbl-one": "Table 1",
        "eq-one": "Equation 1",
    }.items():
        assert f'<a href="#{label}">{name}</a>' in html
        assert f'id="{label}"' in html
    assert '<a href="#sec-inner">Section 1.1</a>' in html
    assert "<strong>Figure 2: </strong>Two, of" in html
    assert "Drucker 1997" in html
    assert "<td" in html
    assert f"Made by pandoc {pypandoc.get_pandoc_version()} and Typst, without Quarto" in html
    assert not re.search(r'(src|href)="https?://[^"]*\.(js|css|png)', html)  # one file, no network


def test_the_pdf_says_the_same(paper):
    render.pandoc(paper, render.expand(paper), "typst", paper / "index.typ")
    source = (paper / "index.typ").read_text().replace("\u00a0", " ")
    for label, name in {
        "fig-two": "Figure 2",
        "tbl-one": "Table 1",
        "eq-one": "Equation 1",
        "sec-inner": "Section 1.1",
    }.items():
        assert re.search(rf"#link\(<{label}>\)\[{name.replace(' ', '.')}\]", source)
        assert re.search(rf"(?<!\()<{label}>", source)
    assert "(Drucker 1997)" in re.sub(r"#link\([^)]*\)\[([^]]*)\]", r"\1", source)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("@fig-two", "@fig-twoo", "unresolved cross-reference @fig-twoo"),
        ("{#tbl-one}", "", "unresolved cross-reference @tbl-one"),
        ("{#eq-one}", "", "unresolved cross-reference @eq-one"),
        ("@sec-inner", "@sec-outer", "unresolved cross-reference @sec-outer"),
        ("{#fig-two}", "{#fig-one}", "fig-one is given twice"),
        ("@drucker1997", "@drucker1998", "drucker1998"),
        (
            "result.sigma",
            "result.sigm",
            "variable 'result.sigm' is not in _variables.yml; the nearest is 'result.sigma'",
        ),
        ("include part.md", "include party.md", "includes party.md, which is not there"),
        ("figures/fig-redshift.png", "figures/fig-lost.png", "fig-lost.png"),
        ("var result.sigma", "meta title", "expected include"),
    ],
)
def test_the_floor_fails_on_anything_unresolved_and_keeps_the_old_pages(paper, old, new, message):
    html_of(paper)
    before = {path: path.read_bytes() for path in sorted(paper.rglob("*")) if path.is_file()}
    assert old in TEXT
    (paper / "index.qmd").write_text(TEXT.replace(old, new, 1))
    with pytest.raises(InputError, match=re.escape(message)):
        render.render(paper, paper / "_build")
    (paper / "index.qmd").write_text(TEXT)
    assert before == {path: path.read_bytes() for path in sorted(paper.rglob("*")) if path.is_file()}


def test_an_include_of_itself_is_an_error(paper):
    (paper / "tables.md").write_text("{{< include part.md >}}\n")
    with pytest.raises(InputError, match="includes itself"):
        render.expand(paper)


def test_renderer_filter_names_quarto(tmp_path):
    filter_path = tmp_path / "as_quarto.lua"
    filter_path.write_text(f'quarto = {{version = {{1, 6, 40}}}}\ndofile("{paths.PAPER}/filters/renderer.lua")\n')
    made = pypandoc.convert_text(
        "[]{.rendered-by}", "plain", format="markdown", filters=None, extra_args=["-L", str(filter_path)]
    )
    assert made.strip() == "Quarto 1.6.40"


QUARTO = """#!/bin/sh
mkdir -p "$2/_build"
echo "$PAGE" > "$2/_build/index.html"
echo pdf > "$2/_build/index.pdf"
echo "$SAYS" >&2
exit "$STATUS"
"""


@pytest.mark.parametrize(
    ("says", "page", "status", "message"),
    [
        ("Output created: _build/index.html", "by Quarto", "0", None),
        (
            "\x1b[33mWARNING (refs.lua:1) Unable to resolve crossref @fig-x\x1b[39m",
            "page",
            "0",
            "crossref @fig-x",
        ),
        ("[WARNING] Citeproc: citation lost2020 not found", "page", "0", "lost2020"),
        ("", "<strong>?var:result.sigm</strong>", "0", r"\?var"),
        ("ERROR: no", "page", "1", "ERROR: no"),
    ],
)
def test_warnings_of_quarto_are_errors(paper, monkeypatch, says, page, status, message):
    program = paper.parent / "quarto"
    program.write_text(QUARTO)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(render.shutil, "which", lambda name: str(program))
    for name, value in {"SAYS": says, "PAGE": page, "STATUS": status}.items():
        monkeypatch.setenv(name, value)
    if message is None:
        assert render.render(paper, paper / "_build") == "Quarto"
        assert (paper / "_build" / "index.html").read_text() == "by Quarto\n"
    else:
        with pytest.raises(InputError, match=message):
            render.render(paper, paper / "_build")
        assert not (paper / "_build").exists()


# --- the paper itself, on made-up results


@pytest.fixture
def compendium(tmp_path) -> Path:
    """A copy of the paper, with made-up results beside it."""
    shutil.copytree(paths.PAPER, tmp_path / "paper", ignore=ignored)
    write_everything(tmp_path)
    return tmp_path


def rendered(root: Path) -> str:
    scorecard.score(root / "results", root / "paper", root / "data")
    return html_of(root / "paper")


def test_the_paper_renders(compendium):
    html = rendered(compendium)
    assert "12,345 training" in html
    assert "drawn with seed 17" in html
    assert "does not hold on the mock" in html
    assert "finding it again is circular" in html
    assert "not run: magnitudes in one band only" in html
    assert "Of 136 medians and quartiles, 1 miss" in html
    for discussed in (
        "The sky takes no aim",
        "Of the real galaxies that a network is",
        "No test galaxy stands for those",
    ):
        assert discussed in html
    variables = yaml.safe_load((compendium / "paper" / "_variables.yml").read_text())
    assert variables["feature_importance"]["adaboost"]["sigma"] == "0.0712 ± 0.0014"
    assert variables["run"]["versions"]["torch"].startswith("2.")


def test_the_paper_shows_redshift_pdfs(compendium):
    html = rendered(compendium)
    assert "2.0" in html
    assert "drawn a second time from the seed" in html
    assert "not run: fewer than two bands" in html
    assert "0.001 ± 0.02" in html  # DES Y1's shift with its error
    assert "not run: too few galaxies in this bin" in html


def test_the_paper_shows_redshifts_from_images(compendium):
    html = rendered(compendium)
    assert "(95% interval −4 to 12%): <em>undecided at this sample size</em>" in html
    assert "they do not cross within a factor of ten" in html
    assert "python -m analysis survey sdss --limit 20000" in html
    (compendium / "results" / "cnn_redshift" / "metrics.json").write_text('{"not_run": "the survey has no stamps"}')
    assert "This result was not run: the survey has no stamps." in rendered(compendium)


def test_the_paper_shows_the_race(compendium):
    html = rendered(compendium)
    assert "they are −11.26 ± 0.40 and" in html  # the error of four times as many galaxies, twice as large
    assert "falls by 0.500 from 1,500 to 3,000 training galaxies, and by 0.125 from 6,000 to 9,000" in html
    assert "at the end by 1.00" in html
    assert re.search(r"GPz</td>.*?<td[^>]*>19.3</td>.*?<td[^>]*>−11.26</td>.*?<td[^>]*>–</td>", html)
    assert "19.3 (9.4)" in html


def test_the_paper_goes_on_without_a_science_sample_or_its_truth(compendium):
    unknown = COMPLETENESS["science"] | {"truth": {"not_known": "nobody knows"}}
    for training in ("unweighted", "weighted"):
        unknown[training] = {name: values for name, values in unknown[training].items() if "science" not in name}
    write_metrics(compendium / "results", "spectroscopic_completeness", COMPLETENESS | {"science": unknown})
    assert "The truth is not known here: nobody knows." in rendered(compendium)
    only_labels = {"no_science": "0 galaxies without redshift", "labels": COMPLETENESS["labels"]}
    write_metrics(compendium / "results", "spectroscopic_completeness", only_labels)
    assert "There is no science sample: 0 galaxies without redshift." in rendered(compendium)


def test_the_paper_shows_star_galaxy_separation(compendium):
    html = rendered(compendium)
    assert re.search(
        r"TPC_morph</td>.*?<td[^>]*>0.950 ± 0.010</td>.*?published</td>.*?<td[^>]*>0.9967</td>", html, re.S
    )
    assert "TPC_morph above ConvNet" in html
    assert "none: all are galaxies" in html
    assert re.search(r"sas</code></td>.*?<td[^>]*>120</td>.*?\u22120.051 to 0.032</td>", html, re.S)
    assert "&gt; 0.999" in html  # a threshold that six digits make 1


def test_the_paper_goes_on_without_stamps_truth_or_a_sky(compendium):
    lesser = STAR_GALAXY | {"without": {"convnet": "the survey has no stamps"}, "auc_difference": {}}
    lesser |= {"deep": {"not_run": "nobody knows the classes"}, "sky": {"not_run": "every object has a spectrum"}}
    write_metrics(compendium / "results", "star_galaxy", lesser)
    html = rendered(compendium)
    for why in ("the survey has no stamps", "nobody knows the classes", "every object has a spectrum"):
        assert f"Not run: {why}." in html
    write_metrics(compendium / "results", "star_galaxy", {"not_run": "0 stars"})
    assert "This result was not run: 0 stars." in rendered(compendium)


def test_the_paper_goes_on_without_results(compendium):
    shutil.rmtree(compendium / "results")
    shutil.rmtree(compendium / "paper" / "figures")
    html = rendered(compendium)
    assert "This result was not run: its stages have not been run." in html
    assert "make real" in html
    assert html.count("cannot be tested here") > 10
    assert "The sky takes no aim" not in html  # of what has not run there is nothing to discuss


def test_the_paper_says_why_a_result_did_not_run(compendium):
    write_metrics(compendium / "results", "feature_importance", {"not_run": "the survey has no redshifts"})
    assert "This result was not run: the survey has no redshifts." in rendered(compendium)


def test_the_paper_on_a_survey_of_ones_own(compendium):
    own = {"kind": "ingested", "counts": {"objects": 7}, "columns_map": {"columns": {"ra": "RA"}}}
    (compendium / "data" / "provenance.json").write_text(json.dumps(own))
    html = rendered(compendium)
    assert "survey of 7 objects that was brought in from outside" in html
    assert "circular." not in html.replace("not circular", "")
    assert PROVENANCE["kind"] == "mock"
    rows = json.loads((compendium / "results" / "claims.json").read_text())
    assert {row["result"] for row in rows if row["verdict"].endswith("on the mock")} == {"nbody_gan"}
    assert {row["source"] for row in rows if row["verdict"].endswith("on real data")} == {""}


def test_the_paper_on_a_survey_without_images(compendium):
    assert "drawn by GalSim" in rendered(compendium)
    summary = compendium / "results" / "survey" / "summary.json"
    summary.write_text(json.dumps(json.loads(summary.read_text()) | {"stamps": None}))
    html = rendered(compendium)
    assert "This survey has no images." in html
    assert "drawn by GalSim" not in html


def test_the_paper_on_a_sample_of_sdss(compendium):
    fetched = {f"frames/frame-r-004510-4-{k:04d}.fits.bz2": {"bytes": 1, "sha256": "0" * 64} for k in range(3000)}
    own = {"kind": "sdss", "counts": {"objects": 7}, "fetched": fetched, "left_out": {}}
    (compendium / "data" / "provenance.json").write_text(json.dumps(own))
    html = rendered(compendium)
    assert "7 objects of SDSS’s spectroscopic sample" in html
    assert "3,000 entries" in html
    assert "frame-r-004510" not in html


@pytest.mark.parametrize("subsamples", [[], ["all_bright", "all_faint"], ["early_bright"]])
def test_importances_are_shown_whatever_divides_the_survey(subsamples):
    table = pd.DataFrame({"feature": ["dered_g-r", "q_z"], "importance_all": [0.9, 0.1], "rank_all": [1, 2]})
    for name in subsamples:
        table[f"importance_{name}"], table[f"rank_{name}"] = [0.2, 0.8], [2, 30]
    text = tables.importances(table)
    assert "`dered_g-r`" in text
    assert ("early bright" in text) == ("early_bright" in subsamples)
    assert ("|bright, faint|" in text) == ("all_bright" in subsamples)
