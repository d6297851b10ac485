"""`python -m analysis paper render`: paper/index.qmd -> paper/_build/index.html and index.pdf.

Quarto renders it wherever `quarto` is on PATH. Where it is not, the floor does: pandoc (of pypandoc_binary),
a Lua filter for the cross-references, and typst for the PDF. The floor fails on anything unresolved; Quarto
only warns, so the floor's checks come first for both.
"""

import argparse
import difflib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pypandoc
import typst
import yaml

from analysis import paths
from analysis.errors import InputError
from analysis.files import partial_of
from analysis.provenance.pipeline import Pipeline, maker, read_pipeline

SOURCE = "index.qmd"
VARIABLES = "_variables.yml"
INCLUDE = re.compile(r"^\{\{<\s*include\s+(\S+)\s*>\}\}[ \t]*$", re.MULTILINE)
LABEL = re.compile(r"\{#((?:fig|tbl|eq|sec)-[\w-]+)")
PICTURE = re.compile(r"!\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")  # its caption may hold citations in brackets
VARIABLE = re.compile(r"\{\{<\s*var\s+(\S+)\s*>\}\}")
# What Quarto says, with exit code 0, about a page that is not whole; and what it then prints in the page.
QUARTO_FAULTS = re.compile(r"Unable to resolve crossref|Unknown var|citation \S+ not found|Could not fetch")
PAGE_FAULTS = re.compile(r"\?(?:var|meta|invalid)\b|\?@(?:fig|tbl|eq|sec)-")
ANSI_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def run(_: argparse.Namespace) -> None:
    """Render the paper of this checkout."""
    renderer = render(paths.PAPER, paths.PAPER_BUILD)
    print(f"{paths.PAPER_BUILD}/index.html and index.pdf, rendered by {renderer}")


def render(paper: Path, build: Path) -> str:
    """Render the paper to HTML and PDF, both or neither.

    Parameters
    ----------
    paper : pathlib.Path
        Folder with index.qmd, _variables.yml and all that index.qmd includes. It is not written to.
    build : pathlib.Path
        Receives index.html and index.pdf; what it held before is replaced once both are made.

    Returns
    -------
    str
        The renderer, in words.

    Raises
    ------
    InputError
        If a cross-reference, citation, variable, include or figure is unresolved, or a figure is of no stage of the
        dvc.yaml beside the paper; `build` is then as it was.
    """
    if not (paper / SOURCE).is_file():
        raise InputError(f"{paper}: no {SOURCE} here; expected the folder of the paper")
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "paper"
        shutil.copytree(paper, work, ignore=shutil.ignore_patterns("_build", ".quarto", "*.incomplete"))
        made = work / "_build"
        made.mkdir()
        text = expand(work)
        check_figures(text, read_pipeline(paper.parent))
        pandoc(work, text, "html", made / "index.html")
        quarto = shutil.which("quarto")
        if quarto:
            render_with_quarto(quarto, work)
        else:
            pandoc(work, text, "typst", work / "index.typ")
            compile_pdf(work / "index.typ", made / "index.pdf")
        with replaced_folder(build) as folder:
            shutil.copytree(made, folder, dirs_exist_ok=True)
    return "Quarto" if quarto else f"pandoc {pypandoc.get_pandoc_version()} and Typst (no Quarto here)"


def expand(paper: Path) -> str:
    """Return index.qmd with its `include` and `var` shortcodes replaced, as Quarto does it: text for text.

    Raises
    ------
    InputError
        If a file or a variable is not there, or another shortcode is used.
    """
    text = _with_includes(paper, SOURCE, ())
    path = paper / VARIABLES
    if not path.is_file():
        raise InputError(f"{path} is not there; `python -m analysis scorecard` writes it")
    values = _flattened(yaml.safe_load(path.read_text()) or {})

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            nearest = difflib.get_close_matches(name, values, n=1)
            hint = f"; the nearest is {nearest[0]!r}" if nearest else ""
            raise InputError(f"{paper / SOURCE}: variable {name!r} is not in {VARIABLES}{hint}")
        return values[name]

    text = VARIABLE.sub(value_of, text)
    if "{{<" in text:
        shortcode = text[text.index("{{<") :].split("\n")[0][:60]
        raise InputError(f"{paper / SOURCE}: {shortcode!r}; expected include (on a line alone) or var")
    return text


def _with_includes(paper: Path, name: str, above: tuple[str, ...]) -> str:
    path = paper / name
    if name in above:
        raise InputError(f"{path}: includes itself, by way of {above[-1]}")
    if not path.is_file():
        raise InputError(f"{paper / above[-1]}: includes {name}, which is not there; expected a file of the paper")
    # like Quarto: every include path is relative to index.qmd, wherever it is written
    return INCLUDE.sub(lambda match: _with_includes(paper, match[1], (*above, name)), path.read_text())


def labels_of(paper: Path, generated: Mapping[str, str]) -> set[str]:
    """Return the labels of figures, tables, equations and sections that the page will have.

    Parameters
    ----------
    paper : pathlib.Path
    generated : mapping
        Name -> Markdown of what will lie in tables/; what is not among it has no labels.
    """

    def labels(text: str) -> set[str]:
        found = set(LABEL.findall(text))
        for name in INCLUDE.findall(text):
            file = Path(name)
            is_generated = file.parent.name == paths.TABLES.name
            found |= labels(generated.get(file.stem, "") if is_generated else (paper / file).read_text())
        return found

    return labels((paper / SOURCE).read_text())


def _flattened(tree: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat |= _flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = str(value)
    return flat


def check_figures(text: str, pipeline: Pipeline) -> None:
    """Raise InputError, with the names, if a page shows figures that no stage makes: nobody could make them again."""
    shown = [f"{paths.PAPER.name}/{source}" for source in PICTURE.findall(text)]
    if orphans := [path for path in shown if maker(pipeline, path) is None]:
        raise InputError(
            f"paper/{SOURCE}: {', '.join(orphans)}: no stage of dvc.yaml makes it; expected a stage's output"
        )


def pandoc(paper: Path, text: str, to: str, output: Path) -> None:
    """Turn expanded Markdown into a self-contained HTML page or typst source; any warning is an error.

    Raises
    ------
    InputError
        With pandoc's message: an unresolved cross-reference, an unknown citation, a missing figure.
    """
    command = [pypandoc.get_pandoc_path(), "--from", "markdown", "--standalone", "--number-sections"]
    for name in ("provenance", "vectors", "figures", "renderer", "crossref"):
        command += ["--lua-filter", f"filters/{name}.lua"]
    command += ["--citeproc"]
    command += ["--fail-if-warnings", "--output", str(output)]
    if to == "html":
        command += ["--to", "html5", "--toc", "--toc-depth", "2", "--mathml"]
        command += [
            "--embed-resources",
            "--css",
            "styles/floor.css",
            "--css",
            "styles/margin.css",
            "--css",
            "styles/narrow.css",
        ]
    else:  # citations are resolved by citeproc for both formats, hence not left to typst
        layout = yaml.safe_load((paper / "_quarto.yml").read_text())["format"]["typst"]
        (paper / "layout.yml").write_text(yaml.safe_dump(layout))
        command += ["--to", "typst-citations", "--metadata-file", "layout.yml"]
        command += ["--include-in-header", layout["include-in-header"]]
    done = subprocess.run(command, cwd=paper, input=text, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"{paper.name}/{SOURCE}: pandoc says:\n{done.stderr.strip()}")


def compile_pdf(source: Path, output: Path) -> None:
    """Compile typst source to PDF.

    Raises
    ------
    InputError
        With typst's message.
    """
    try:
        typst.compile(str(source), output=str(output), root=str(source.parent))
    except (RuntimeError, OSError) as error:
        raise InputError(f"paper/{SOURCE}: typst says:\n{error}") from None


def render_with_quarto(quarto: str, paper: Path) -> None:
    """Render a paper folder with Quarto into its _build/; its warnings of missing things count as errors.

    Raises
    ------
    InputError
        With Quarto's message.
    """
    done = subprocess.run([quarto, "render", str(paper)], capture_output=True, text=True)
    said = ANSI_COLOUR.sub("", done.stdout + done.stderr)
    if done.returncode:
        raise InputError(f"paper/{SOURCE}: quarto says:\n{said.strip()}")
    faults = [line for line in said.splitlines() if QUARTO_FAULTS.search(line)]
    for name in ("index.html", "index.pdf"):
        if not (paper / "_build" / name).is_file():
            faults.append(f"no {name} was made")
    page = paper / "_build" / "index.html"
    if page.is_file():
        faults += [f"the page says {match[0]!r}" for match in PAGE_FAULTS.finditer(page.read_text())]
    if faults:
        raise InputError(f"paper/{SOURCE}: quarto says:\n" + "\n".join(faults))


@contextmanager
def replaced_folder(directory: Path) -> Iterator[Path]:
    """Replace a folder all at once: yield an empty one, which takes its place if the block ends well."""
    partial = partial_of(directory)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        shutil.rmtree(directory, ignore_errors=True)
        partial.rename(directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
