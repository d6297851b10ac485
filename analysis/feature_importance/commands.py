"""The command line of the feature-importance result. Its stages import what they need, and that is slow."""

import argparse
from pathlib import Path
from typing import Any


def _train(options: argparse.Namespace) -> None:
    from analysis.feature_importance.train import train_feature_importance

    train_feature_importance(options)


def _evaluate(options: argparse.Namespace) -> None:
    from analysis.feature_importance.evaluate import evaluate_feature_importance

    evaluate_feature_importance(options)


def _plot(options: argparse.Namespace) -> None:
    from analysis.feature_importance.plot import plot_feature_importance

    plot_feature_importance(options)


def _real(options: argparse.Namespace) -> None:
    from analysis.feature_importance.real import run_on_real_tables

    run_on_real_tables(options)


def add_commands(groups: Any) -> None:
    """Add `feature-importance` and its stages to the command line."""
    about = "Hoyle et al. (2015): which photometric features matter for redshifts"
    group = groups.add_parser("feature-importance", help=about, description=about)
    stages = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, run, what in (
        ("train", _train, "features and split -> models, importances"),
        ("evaluate", _evaluate, "models and test galaxies -> metrics.json, tables"),
        ("plot", _plot, "metrics and tables -> figures of the paper"),
    ):
        stages.add_parser(name, help=what, description=what).set_defaults(run=run)
    what = "the same code on real tables -> results/real/<table>/metrics.json"
    real = stages.add_parser("real", help=what, description=what)
    real.add_argument("--real-data", type=Path, required=True, metavar="DIR", help="the folder of real tables")
    real.set_defaults(run=_real)
