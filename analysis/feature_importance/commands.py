"""The command line of the feature-importance result."""

from typing import Any

from analysis.command_line import REAL, Command, add_result

_PACKAGE = "analysis.feature_importance"


def add_commands(groups: Any) -> None:
    """Add `feature-importance` and its stages to the command line."""
    add_result(
        groups,
        "feature-importance",
        "Hoyle et al. (2015): which photometric features matter for redshifts",
        Command("train", f"{_PACKAGE}.train:train_feature_importance", "features and split -> models, importances"),
        Command(
            "evaluate",
            f"{_PACKAGE}.evaluate:evaluate_feature_importance",
            "models and test galaxies -> metrics.json, tables",
        ),
        Command("plot", f"{_PACKAGE}.plot:plot_feature_importance", "metrics and tables -> figures of the paper"),
        Command(
            REAL,
            f"{_PACKAGE}.real:run_on_real_tables",
            "the same code on real tables -> results/real/<table>/metrics.json",
        ),
    )
