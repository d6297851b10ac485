"""The command line of the completeness result."""

from typing import Any

from analysis.command_line import REAL, Command, add_result

_PACKAGE = "analysis.spectroscopic_completeness"


def add_commands(groups: Any) -> None:
    """Add `spectroscopic-completeness` and its stages to the command line."""
    add_result(
        groups,
        "spectroscopic-completeness",
        "Bonnett et al. (2016): galaxies with redshifts do not represent the sky",
        Command(
            "train",
            f"{_PACKAGE}.train:train_spectroscopic_completeness",
            "catalogue and features -> completeness map, weights, flags of bad redshifts",
        ),
        Command(
            "evaluate",
            f"{_PACKAGE}.evaluate:evaluate_spectroscopic_completeness",
            "test galaxies, and the truth of a mock survey -> metrics.json, tables",
        ),
        Command(
            "plot", f"{_PACKAGE}.plot:plot_spectroscopic_completeness", "metrics and tables -> figures of the paper"
        ),
        Command(
            REAL,
            f"{_PACKAGE}.real:run_on_real_tables",
            "the same code on real tables -> results/real/<table>/spectroscopic_completeness/",
        ),
    )
