"""The command line of the PIT result."""

from typing import Any

from analysis.command_line import REAL, Command, add_result

_PACKAGE = "analysis.pit_calibration"


def add_commands(groups: Any) -> None:
    """Add `pit-calibration` and its stages to the command line."""
    add_result(
        groups,
        "pit-calibration",
        "Polsterer et al. (2016): are redshift PDFs calibrated? PIT, controls, recalibration",
        Command(
            "train",
            f"{_PACKAGE}.train:train_photoz_pdf",
            "features and catalogue -> estimators of redshift PDFs, calibrated",
        ),
        Command(
            "evaluate",
            f"{_PACKAGE}.evaluate:evaluate_pit_calibration",
            "estimators and test galaxies -> metrics.json, tables",
        ),
        Command("plot", f"{_PACKAGE}.plot:plot_pit_calibration", "metrics and tables -> figures of the paper"),
        Command(
            REAL,
            f"{_PACKAGE}.real:run_on_real_tables",
            "the same code on real tables -> results/real/<table>/pit_calibration/",
        ),
    )
