"""The command line of the anchoring. Its commands import what they need, and that is slow."""

import argparse
from pathlib import Path
from typing import Any


def _measure(options: argparse.Namespace) -> None:
    from analysis.anchoring.measure import measure

    measure(options)


def _plot(options: argparse.Namespace) -> None:
    from analysis.anchoring.plot import plot_anchoring

    plot_anchoring(options)


def _freeze(_: argparse.Namespace) -> None:
    from analysis.survey.mock.parameters import FROZEN, freeze

    freeze()
    print(f"{FROZEN}: the mock's parameters are frozen as they are; `anchoring measure` brings the paper's numbers up")


def add_commands(groups: Any) -> None:
    """Add `anchoring` and its commands to the command line."""
    about = "the mock survey held against real tables: colours, redshift errors, sizes and shapes"
    group = groups.add_parser("anchoring", help=about, description=about)
    commands = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
    what = "real tables and a mock drawn for them -> results/real/anchoring"
    measure = commands.add_parser("measure", help=what, description=what)
    measure.add_argument("--real-data", type=Path, required=True, metavar="DIR", help="the folder of real tables")
    measure.set_defaults(run=_measure)
    what = "its numbers -> figures of the paper"
    commands.add_parser("plot", help=what, description=what).set_defaults(run=_plot)
    what = "freeze the mock's parameters by their hash, once the anchoring's tests pass"
    commands.add_parser("freeze", help=what, description=what).set_defaults(run=_freeze)
