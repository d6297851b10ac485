"""The commands of the compendium as a whole: features, claims, paper, and what looks after the pipeline."""

import argparse
import os
from functools import partial
from pathlib import Path
from typing import Any

from analysis.command_line import call


def add_commands(groups: Any) -> None:
    """Add them to the command line."""
    what = "the photometric features of the labelled galaxies of data/, and their split by patch of sky"
    _add(groups, "features", "analysis.features:make_features", what)
    _add_paper(groups)
    _add_reproduce_and_verify(groups)

    what = "how a figure, a table or a result was made: stages, commands, settings, code, inputs, to the raw survey"
    explain = _add(groups, "explain", "analysis.explain:run", what)
    what = "its label in the paper (fig-importance, tbl-ann), its file, or any file that a stage makes"
    explain.add_argument("name", metavar="FIGURE", help=what)
    explain.add_argument("--code", action="store_true", help="list every file of the code, with its sha256")

    what = "every setting of params.yaml and scales/: is it known, of the right type, possible?"
    params = _add(groups, "params", "analysis.validate_params:validate_params", what)
    params.add_argument("--out", type=Path, metavar="FILE", help="write there that it is so")

    what = "what this machine has, and whether a scale can run on it; exit code 1 with the reason where it cannot"
    check = _add(groups, "check", "analysis.check:run", what)
    check.add_argument("--scale", default=_scale_wanted(), help="smoke, laptop or full (default: $SCALE, or laptop)")


def _scale_wanted() -> str:
    """Return the scale that the environment names, or the default one."""
    return os.environ.get("SCALE", "laptop")


def _add(groups: Any, name: str, function: str, what: str) -> argparse.ArgumentParser:
    parser = groups.add_parser(name, help=what, description=what)
    parser.set_defaults(run=partial(call, function))
    return parser


def _add_paper(groups: Any) -> None:
    what = "every claim: published, ours, error, verdict; and all numbers of the paper"
    _add(groups, "scorecard", "analysis.scorecard:run", what)

    what = "results -> the paper, as HTML and PDF"
    paper = groups.add_parser("paper", help=what, description=what)
    actions = paper.add_subparsers(title="actions", required=True, metavar="ACTION")
    what = "paper/index.qmd -> paper/_build/, by Quarto where it is installed, else by pandoc and typst"
    _add(actions, "render", "analysis.paper.render:run", what)
    what = "results/claims.json -> the claims table, in the terminal"
    _add(actions, "claims", "analysis.paper.claims_table:print_claims", what)
    what = "results -> the tables in README.md: claims, benches, what a billion objects take"
    _add(actions, "readme", "analysis.paper.readme:update_readme", what)
    what = "dvc.yaml -> docs/pipeline.svg, the stages of the pipeline"
    _add(actions, "dag", "analysis.paper.dag:run", what)


def _add_reproduce_and_verify(groups: Any) -> None:
    what = "the whole pipeline, at a scale; ends with the claims table"
    reproduce = _add(groups, "reproduce", "analysis.reproduce:run", what)
    what = "laptop, or one of scales/: smoke, full, … (default: $SCALE, or laptop)"
    reproduce.add_argument("--scale", default=_scale_wanted(), help=what)
    what = "with smoke: folder to make, in which the copy stays"
    reproduce.add_argument("--keep", type=Path, metavar="DIR", help=what)

    what = "run the committed revision again in a clean clone, compare, and report; exit code 1 where something differs"
    verify = _add(groups, "verify", "analysis.verification.verify:run", what)
    what = "laptop compares every number, smoke tries the machinery (default: $SCALE, or laptop)"
    verify.add_argument("--scale", default=_scale_wanted(), help=what)
    what = "only this stage or result (evaluate_star_galaxy, results/nbody), and all that it needs; may be given again"
    verify.add_argument("--only", action="append", default=[], metavar="STAGE", help=what)
    what = "only check that the committed files fit together: seconds"
    verify.add_argument("--no-run", action="store_true", help=what)
    verify.add_argument("--out", type=Path, default=Path("verification"), help="folder of the report (verification/)")
