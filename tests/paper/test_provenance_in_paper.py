"""Captions link to the records that figures and tables carry; what is not whole stops the paper, by name."""

import json
import re
import shutil
from fnmatch import fnmatch
from pathlib import Path

import pypandoc
import pytest
from fake_results import write_everything
from matplotlib.figure import Figure

from analysis import paths, scorecard
from analysis.errors import InputError
from analysis.paper import render
from analysis.paper.sources import SOURCES, sources
from analysis.provenance.pipeline import read_pipeline
from analysis.provenance.record import KEY, as_comment, as_text

RECORD = {"stage": "plot_x", "command": "python -m plot", "params": {"x": {"bins": 3}}, "commit": "0123456789ab"}
RECORD |= {"inputs": {"results/x/metrics.json": "ab" * 32, "models/x": None}}
TEXT = """---
title: A paper
---

See @fig-one, @fig-two and @tbl-one.

![One.](figures/fig-importance.png){#fig-one}

![Two [a].](figures/fig-redshift.png){#fig-two}

{{< include tables/one.md >}}

: Numbers. {#tbl-one}

::: {#provenance-records}
:::
"""


@pytest.fixture
def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A paper with a figure and a table that carry records, and a figure that carries none."""
    monkeypatch.setattr(render.shutil, "which", lambda name: None)
    folder = tmp_path / "paper"
    for name in ("filters", "styles"):
        shutil.copytree(paths.PAPER / name, folder / name)
    for name in ("figures", "vector", "tables"):
        (folder / name).mkdir()
    shutil.copy(paths.PAPER / "_quarto.yml", folder)
    shutil.copy(paths.ROOT / "dvc.yaml", tmp_path)
    (folder / "_variables.yml").write_text("{}\n")
    Figure().savefig(folder / "figures/fig-importance.png", metadata={KEY: as_text(RECORD)})
    Figure().savefig(folder / "figures/fig-redshift.png")
    Figure().savefig(folder / "vector/fig-importance.svg")
    (folder / "tables/one.md").write_text(as_comment(RECORD | {"stage": "score_x"}) + "|a|b|\n|-|-|\n|1|2|\n")
    (folder / "index.qmd").write_text(TEXT)
    return folder


def test_each_caption_links_to_its_record(paper: Path) -> None:
    render.render(paper, paper / "_build")
    html = re.sub(r'"data:[^"]*"', '""', (paper / "_build/index.html").read_text())
    figure = html[html.index('id="fig-one"') : html.index('id="fig-two"')]
    assert 'href="#made-by-plot-x" class="margin-link" title="plot_x at commit 0123456789ab"' in figure
    other = html[html.index('id="fig-two"') : html.index('id="tbl-one"')]
    assert "margin-link" not in other  # a figure without a record has none to show
    assert 'href="#made-by-score-x"' in html[html.index('id="tbl-one"') :]
    record = " ".join(html[html.index('id="made-by-plot-x"') :].split())
    assert '<a href="#fig-one">Figure 1</a>: stage <code>plot_x</code>, <code>python -m plot</code>' in record
    assert "settings <code>{&quot;x&quot;:{&quot;bins&quot;:3}}</code>" in record
    assert f'<code>results/x/metrics.json</code> <span title="sha256 {"ab" * 32}">{"ab" * 6}</span>' in record
    assert "<code>models/x</code> (was not there)" in record


@pytest.mark.parametrize("left_to_quarto", ["implicit_figures", "table_attributes"])
def test_captions_that_the_reader_leaves_to_quarto_get_their_link(paper: Path, left_to_quarto: str) -> None:
    made = pypandoc.convert_text(
        render.expand(paper),
        "native",
        format=f"markdown-{left_to_quarto}",
        extra_args=["--lua-filter", "filters/provenance.lua"],
        cworkdir=str(paper),
    )
    for record in ("made-by-plot-x", "made-by-score-x"):
        assert made.count(f'"#{record}"') == 1
    if left_to_quarto == "table_attributes":
        assert re.search(r'made-by-score-x.*?Str\s+"{#tbl-one}"', made, re.DOTALL)  # the label stays the last word


def test_print_links_too_and_shows_vectors(paper: Path) -> None:
    text = render.expand(paper)
    render.pandoc(paper, text, "typst", paper / "index.typ")
    source = (paper / "index.typ").read_text()
    assert "#margin-link(<made-by-plot-x>)[provenance]" in source
    assert "<made-by-plot-x>" in source.split("#margin-link(<made-by-plot-x>)")[1]
    assert "vector/fig-importance.svg" in source
    assert "figures/fig-redshift.png" in source  # it has no vectors


def test_a_page_without_a_place_for_records_has_no_links(paper: Path) -> None:
    (paper / "index.qmd").write_text(TEXT.replace("{#provenance-records}", "{#other}"))
    render.render(paper, paper / "_build")
    assert "made-by" not in (paper / "_build/index.html").read_text().split("</style>")[-1]


def test_a_figure_that_no_stage_makes_stops_the_paper(paper: Path) -> None:
    for name in ("fig-orphan.png", "fig-lost.png"):
        shutil.copy(paper / "figures/fig-importance.png", paper / "figures" / name)
    shown = "![Found [somewhere].](figures/fig-orphan.png)\n\n![Where?](figures/fig-lost.png)\n"
    (paper / "index.qmd").write_text(TEXT + shown)
    with pytest.raises(InputError, match=r"fig-orphan\.png, paper/figures/fig-lost\.png: no stage of dvc\.yaml"):
        render.render(paper, paper / "_build")
    assert not (paper / "_build").exists()


def test_tables_of_the_paper_name_their_files(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("_build", "tables", "figures", "vector", "_variables.yml")
    shutil.copytree(paths.PAPER, tmp_path / "paper", ignore=ignored)
    write_everything(tmp_path)
    scorecard.score(tmp_path / "results", tmp_path / "paper", tmp_path / "data")
    pipeline, whole = read_pipeline(paths.ROOT), set(read_pipeline(paths.ROOT)["score_claims"].deps)
    tables = {file.stem: file.read_text() for file in (tmp_path / "paper/tables").glob("*.md")}
    tables = {name: text for name, text in tables.items() if "\n|" in text}
    assert len(tables) > 40
    for name, text in tables.items():
        record = json.loads(re.match("<!-- provenance (.*) -->", text)[1])
        assert record["stage"] == "score_claims"
        assert record["inputs"] or name.startswith("real-"), name  # of which only some are made up
        assert all(record["inputs"].values()), name
        assert set(sources(pipeline, tmp_path, name)) != whole, f"{name}: say its files in analysis/paper/sources.py"
    assert not [pattern for pattern in SOURCES if not any(fnmatch(name, pattern) for name in tables)]
