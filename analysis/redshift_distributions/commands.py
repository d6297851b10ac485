"""The command line of the n(z) result."""

from typing import Any

from analysis.command_line import REAL, Command, add_result

_PACKAGE = "analysis.redshift_distributions"


def add_commands(groups: Any) -> None:
    """Add `redshift-distributions` and its stages to the command line."""
    add_result(
        groups,
        "redshift-distributions",
        "Hoyle, Gruen et al. (2018): n(z) of tomographic bins, and the shifts of their means",
        Command(
            "evaluate",
            f"{_PACKAGE}.evaluate:evaluate_redshift_distributions",
            "redshift PDFs, reference and test galaxies -> metrics.json, tables",
        ),
        Command("plot", f"{_PACKAGE}.plot:plot_redshift_distributions", "metrics and tables -> figures of the paper"),
        Command(
            REAL,
            f"{_PACKAGE}.real:run_on_real_tables",
            "the same code on real tables -> results/real/<table>/redshift_distributions/",
        ),
    )
