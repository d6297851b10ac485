"""The command line of feature importance in depth."""

from typing import Any


def add_commands(groups: Any) -> None:
    """Add `feature-selection` and its stages to the command line."""
    from analysis.feature_importance.selection.evaluate import evaluate_feature_selection
    from analysis.feature_importance.selection.plot import plot_feature_selection
    from analysis.feature_importance.selection.train import train_feature_selection

    about = "feature importance in depth: errors, controls, selection (MINT), learners compared"
    group = groups.add_parser("feature-selection", help=about, description=about)
    stages = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, run, what in (
        ("train", train_feature_selection, "features, split and unlabelled objects -> rankings, predictions"),
        ("evaluate", evaluate_feature_selection, "predictions and test redshifts -> metrics.json, tables"),
        ("plot", plot_feature_selection, "metrics and tables -> figures of the paper"),
    ):
        stages.add_parser(name, help=what, description=what).set_defaults(run=run)
