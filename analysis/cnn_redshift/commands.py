"""The command line of the redshifts from images."""

from typing import Any

from analysis.command_line import Command, add_result

_PACKAGE = "analysis.cnn_redshift"


def add_commands(groups: Any) -> None:
    """Add `cnn-redshift` and its stages to the command line."""
    add_result(
        groups,
        "cnn-redshift",
        "Hoyle (2016): redshifts from whole images, beside boosted trees on catalogue features",
        Command(
            "train",
            f"{_PACKAGE}.train:train_cnn_redshift",
            "stamps and features -> network and trees, on all galaxies and on ever fewer",
        ),
        Command(
            "evaluate",
            f"{_PACKAGE}.evaluate:evaluate_cnn_redshift",
            "networks, trees and test galaxies -> metrics.json, tables",
        ),
        Command("plot", f"{_PACKAGE}.plot:plot_cnn_redshift", "metrics and tables -> figures of the paper"),
    )
