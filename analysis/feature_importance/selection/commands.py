"""The command line of feature importance in depth. Its stages import what they need, and that is slow."""

import argparse
from typing import Any


def _train(options: argparse.Namespace) -> None:
    from analysis.feature_importance.selection.train import train_feature_selection

    train_feature_selection(options)


def _evaluate(options: argparse.Namespace) -> None:
    from analysis.feature_importance.selection.evaluate import evaluate_feature_selection

    evaluate_feature_selection(options)


def _plot(options: argparse.Namespace) -> None:
    from analysis.feature_importance.selection.plot import plot_feature_selection

    plot_feature_selection(options)


def add_commands(groups: Any) -> None:
    """Add `feature-selection` and its stages to the command line."""
    about = "feature importance in depth: errors, controls, selection (MINT), learners compared"
    group = groups.add_parser("feature-selection", help=about, description=about)
    stages = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, run, what in (
        ("train", _train, "features, split and unlabelled objects -> rankings, predictions"),
        ("evaluate", _evaluate, "predictions and test redshifts -> metrics.json, tables"),
        ("plot", _plot, "metrics and tables -> figures of the paper"),
    ):
        stages.add_parser(name, help=what, description=what).set_defaults(run=run)
