"""`python -m analysis explain FIGURE`: how a figure, a table or a result was made, back to the raw survey."""

import argparse
import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from analysis import paths
from analysis.errors import InputError
from analysis.paper.sources import sources
from analysis.provenance.git import last_commit
from analysis.provenance.pipeline import Pipeline, Stage, chain, files_of, is_of, maker, makers, read_pipeline
from analysis.provenance.record import checksums, code_of, settings

_FIGURE = re.compile(r"!\[.*?\]\(([\w./-]+)\)\{[^}]*#(fig-[\w-]+)", re.DOTALL)
_TABLE = re.compile(r"\{\{<\s*include\s+(tables/[\w-]+\.md)\s*>\}\}\s*:[^\n]*\{#(tbl-[\w-]+)")
_DIGITS = 12  # of a checksum
_WIDTH = 120  # where there is no terminal


def known(root: Path, pipeline: Pipeline) -> dict[str, str]:
    """Return what can be explained: its path by every name that it goes by.

    A file goes by its path, by its name with or without its suffix, and by its label in the paper.
    """
    files = [out for stage in pipeline.values() for out in stage.outs]
    files += [file for out in files if (root / out).is_dir() for file in files_of(root, out)]
    names = {alias: file for file in reversed(files) for alias in (Path(file).name, Path(file).stem)}
    for label, file in _labels(root / paths.PAPER.name):
        names[label] = file
    return names | {file: file for file in files}


def _labels(paper: Path) -> Iterator[tuple[str, str]]:
    """Yield the figures and tables of the paper: label and path."""
    for text in [*sorted(paper.glob("sections/*.md")), paper / "index.qmd"]:
        if text.is_file():
            for pattern in (_FIGURE, _TABLE):
                for file, label in pattern.findall(text.read_text()):
                    yield label, f"{paper.name}/{file}"


def find(root: Path, pipeline: Pipeline, name: str) -> str:
    """Return the path of what is asked for.

    Raises
    ------
    InputError
        If nothing that a stage makes has this name: with the nearest ones.
    """
    names = known(root, pipeline)
    if name in names:
        return names[name]
    relative = Path(name).resolve()
    if relative.is_relative_to(root) and maker(pipeline, path := relative.relative_to(root).as_posix()):
        return path
    nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"; the nearest are {', '.join(nearest)}" if nearest else ""
    raise InputError(f"{name}: no figure, table or file that a stage of dvc.yaml makes{hint}")


def steps(root: Path, pipeline: Pipeline, path: str) -> list[tuple[Stage, list[str]]]:
    """List the stages that lead to a file, the last one first, each with its inputs (a table has its own)."""
    last = maker(pipeline, path)
    assert last is not None, path
    inputs = list(last.deps)
    if is_of(path, "paper/tables"):
        inputs = [*code_of(pipeline, last), *sources(pipeline, root, Path(path).stem)]
    needed = [one for dep in inputs for stage in makers(pipeline, dep) for one in chain(pipeline, stage)]
    rest = {stage.name: stage for stage in needed if stage != last}
    ordered = [stage for stage in chain(pipeline, last) if stage.name in rest]
    return [(last, inputs), *((stage, list(stage.deps)) for stage in reversed(ordered))]


def _explained(root: Path, pipeline: Pipeline, stage: Stage, inputs: list[str], all_code: bool) -> Tree:
    """Write a stage: what it does, how it is called, on which settings, by which code, from what."""
    branch = Tree(f"[bold]{stage.name}[/]  {escape(stage.description)}")
    branch.add(escape(f"command   {stage.command}"))
    for block, values in settings(root, stage).items():
        branch.add(escape(f"settings  {block}: {json.dumps(values)}"))
    code = [dep for dep in code_of(pipeline, stage) if dep in inputs]
    if code:
        files = checksums(root, code)
        part = branch.add(f"code      {len(files)} files, last changed by commit {last_commit(root, code)}")
        for file, sha256 in files.items() if all_code else ():
            part.add(_with_checksum(file, sha256))
    for dep in inputs:
        if dep not in code:
            makers_of = ", ".join(f"[bold]{one.name}[/]" for one in makers(pipeline, dep))
            origin = "the raw survey" if is_of(dep, "data") else makers_of or "the repository"
            for file, sha256 in checksums(root, [dep]).items():
                branch.add(f"input     {_with_checksum(file, sha256)}  from {origin}")
    return branch


def _with_checksum(file: str, sha256: str | None) -> str:
    return f"{escape(file)}  sha256 {sha256[:_DIGITS] if sha256 else 'unknown: not here'}"


def _survey(root: Path) -> Tree:
    """Write where the raw survey comes from, as its record and it itself say."""
    record = root / "data.dvc"
    recorded = yaml.safe_load(record.read_text())["outs"][0]["md5"] if record.is_file() else "nothing"
    branch = Tree(f"[bold]the raw survey[/]  data/, of which data.dvc records md5 {recorded}")
    provenance = root / "data" / "provenance.json"
    if not provenance.is_file():
        branch.add("not here: `dvc pull data.dvc` brings it, with its provenance.json")
        return branch
    said: dict[str, Any] = json.loads(provenance.read_text())
    for name in ("kind", "source", "generator", "query", "code_version", "licence", "sha256"):
        if value := said.get(name):
            branch.add(escape(f"{name:12}  {value if isinstance(value, str) else json.dumps(value)}"))
    return branch


def explain(root: Path, name: str, console: Console, all_code: bool = False) -> None:
    """Print how a file was made, back to the raw survey.

    Parameters
    ----------
    root : pathlib.Path
        The checkout.
    name : str
        A figure or a table (its label in the paper, its file), or any file that a stage makes.
    console : rich.console.Console
    all_code : bool
        List the files of the code one by one.

    Raises
    ------
    InputError
        If nothing that a stage makes has this name.
    """
    pipeline = read_pipeline(root)
    path = find(root, pipeline, name)
    [sha256] = checksums(root, [path]).values() if (root / path).is_file() else [None]
    console.print(f"[bold]{path}[/]  sha256 {sha256 or 'unknown: not here'}", highlight=False)
    walked = steps(root, pipeline, path)
    for stage, inputs in walked:
        console.print(_explained(root, pipeline, stage, inputs, all_code), highlight=False)
    if any(is_of(dep, "data") for _, inputs in walked for dep in inputs):
        console.print(_survey(root), highlight=False)


def run(options: argparse.Namespace) -> None:
    """Explain what the command line names."""
    console = Console()
    console = console if console.is_terminal else Console(width=_WIDTH)
    explain(paths.ROOT, options.name, console, all_code=options.code)
