"""The command line of the PIT result. Its stages import what they need, and that is slow."""

import argparse
from pathlib import Path
from typing import Any


def _train(options: argparse.Namespace) -> None:
    from analysis.pit_calibration.train import train_photoz_pdf

    train_photoz_pdf(options)


def _evaluate(options: argparse.Namespace) -> None:
    from analysis.pit_calibration.evaluate import evaluate_pit_calibration

    evaluate_pit_calibration(options)


def _plot(options: argparse.Namespace) -> None:
    from analysis.pit_calibration.plot import plot_pit_calibration

    plot_pit_calibration(options)


def _real(options: argparse.Namespace) -> None:
    from analysis.pit_calibration.real import run_on_real_tables

    run_on_real_tables(options)


def add_commands(groups: Any) -> None:
    """Add `pit-calibration` and its stages to the command line."""
    about = "Polsterer et al. (2016): are redshift PDFs calibrated? PIT, controls, recalibration"
    group = groups.add_parser("pit-calibration", help=about, description=about)
    stages = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, run, what in (
        ("train", _train, "features and catalogue -> estimators of redshift PDFs, calibrated"),
        ("evaluate", _evaluate, "estimators and test galaxies -> metrics.json, tables"),
        ("plot", _plot, "metrics and tables -> figures of the paper"),
    ):
        stages.add_parser(name, help=what, description=what).set_defaults(run=run)
    what = "the same code on real tables -> results/real/<table>/pit_calibration/metrics.json"
    real = stages.add_parser("real", help=what, description=what)
    real.add_argument("--real-data", type=Path, required=True, metavar="DIR", help="the folder of real tables")
    real.set_defaults(run=_real)
