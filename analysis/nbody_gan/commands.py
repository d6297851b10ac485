"""The command line of the N-body boxes and of the network that replaces them."""

from typing import Any

from analysis.command_line import Command, add_result

_PACKAGE = "analysis.nbody_gan"


def add_commands(groups: Any) -> None:
    """Add `nbody-gan` and its stages to the command line."""
    add_result(
        groups,
        "nbody-gan",
        "Wolf (2018): N-body boxes, and a generative network in their place",
        Command(
            "check-nbody", f"{_PACKAGE}.check:check_nbody", "the N-body code held against theory -> metrics, tables"
        ),
        Command("plot-nbody", f"{_PACKAGE}.check_plot:plot_nbody", "its metrics and tables -> figures of the paper"),
        Command("simulate-boxes", f"{_PACKAGE}.boxes:simulate_boxes", "N-body boxes to learn from and to compare with"),
        Command("train", f"{_PACKAGE}.train:train_nbody_gan", "boxes -> generator, binning of the statistics"),
        Command(
            "evaluate", f"{_PACKAGE}.evaluate:evaluate_nbody_gan", "drawn against unseen boxes -> metrics.json, tables"
        ),
        Command("plot", f"{_PACKAGE}.plot:plot_nbody_gan", "metrics and tables -> figures of the paper"),
    )
