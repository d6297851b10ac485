"""The command line of the n(z) result. Its stages import what they need, and that is slow."""

import argparse
from pathlib import Path
from typing import Any


def _evaluate(options: argparse.Namespace) -> None:
    from analysis.redshift_distributions.evaluate import evaluate_redshift_distributions

    evaluate_redshift_distributions(options)


def _plot(options: argparse.Namespace) -> None:
    from analysis.redshift_distributions.plot import plot_redshift_distributions

    plot_redshift_distributions(options)


def _real(options: argparse.Namespace) -> None:
    from analysis.redshift_distributions.real import run_on_real_tables

    run_on_real_tables(options)


def add_commands(groups: Any) -> None:
    """Add `redshift-distributions` and its stages to the command line."""
    about = "Hoyle, Gruen et al. (2018): n(z) of tomographic bins, and the shifts of their means"
    group = groups.add_parser("redshift-distributions", help=about, description=about)
    stages = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, run, what in (
        ("evaluate", _evaluate, "redshift PDFs, reference and test galaxies -> metrics.json, tables"),
        ("plot", _plot, "metrics and tables -> figures of the paper"),
    ):
        stages.add_parser(name, help=what, description=what).set_defaults(run=run)
    what = "the same code on real tables -> results/real/<table>/redshift_distributions/metrics.json"
    real = stages.add_parser("real", help=what, description=what)
    real.add_argument("--real-data", type=Path, required=True, metavar="DIR", help="the folder of real tables")
    real.set_defaults(run=_real)
