"""The command line of feature importance in depth."""

from typing import Any

from analysis.command_line import Command, add_result

_PACKAGE = "analysis.feature_importance.selection"


def add_commands(groups: Any) -> None:
    """Add `feature-selection` and its stages to the command line."""
    add_result(
        groups,
        "feature-selection",
        "feature importance in depth: errors, controls, selection (MINT), learners compared",
        Command(
            "train",
            f"{_PACKAGE}.train:train_feature_selection",
            "features, split and unlabelled objects -> rankings, predictions",
        ),
        Command(
            "evaluate",
            f"{_PACKAGE}.evaluate:evaluate_feature_selection",
            "predictions and test redshifts -> metrics.json, tables",
        ),
        Command("plot", f"{_PACKAGE}.plot:plot_feature_selection", "metrics and tables -> figures of the paper"),
    )
