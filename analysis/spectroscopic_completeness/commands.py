"""The command line of the completeness result. Its stages import what they need, and that is slow."""

import argparse
from pathlib import Path
from typing import Any


def _train(options: argparse.Namespace) -> None:
    from analysis.spectroscopic_completeness.train import train_spectroscopic_completeness

    train_spectroscopic_completeness(options)


def _evaluate(options: argparse.Namespace) -> None:
    from analysis.spectroscopic_completeness.evaluate import evaluate_spectroscopic_completeness

    evaluate_spectroscopic_completeness(options)


def _plot(options: argparse.Namespace) -> None:
    from analysis.spectroscopic_completeness.plot import plot_spectroscopic_completeness

    plot_spectroscopic_completeness(options)


def _real(options: argparse.Namespace) -> None:
    from analysis.spectroscopic_completeness.real import run_on_real_tables

    run_on_real_tables(options)


def add_commands(groups: Any) -> None:
    """Add `spectroscopic-completeness` and its stages to the command line."""
    about = "Bonnett et al. (2016): galaxies with redshifts do not represent the sky"
    group = groups.add_parser("spectroscopic-completeness", help=about, description=about)
    stages = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, run, what in (
        ("train", _train, "catalogue and features -> completeness map, weights, flags of bad redshifts"),
        ("evaluate", _evaluate, "test galaxies, and the truth of a mock survey -> metrics.json, tables"),
        ("plot", _plot, "metrics and tables -> figures of the paper"),
    ):
        stages.add_parser(name, help=what, description=what).set_defaults(run=run)
    what = "the same code on real tables -> results/real/<table>/spectroscopic_completeness/metrics.json"
    real = stages.add_parser("real", help=what, description=what)
    real.add_argument("--real-data", type=Path, required=True, metavar="DIR", help="the folder of real tables")
    real.set_defaults(run=_real)
