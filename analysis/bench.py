"""`python -m analysis bench NAME`: how fast a part is against the usual way, both in one run.

Each bench prints one line of JSON last, and ends with exit code 1 where the figure it is there for is not reached.
"""

import argparse
from typing import Any


def _feature_importance(options: argparse.Namespace) -> int:
    from analysis.feature_importance.bench import run

    return run(options)


def _stamps(options: argparse.Namespace) -> int:
    from analysis.survey.stamps_bench import run

    return run(options)


def add_commands(groups: Any) -> None:
    """Add `bench` and its benches to the command line."""
    about = "how fast a part is, against the usual way; exit code 1 where it is too slow"
    bench = groups.add_parser("bench", help=about, description=about)
    benches = bench.add_subparsers(title="benches", required=True, metavar="NAME")

    about = "AdaBoost and its importances, against scikit-learn's, on galaxies of a mock survey drawn for it"
    parser = benches.add_parser("feature-importance", help=about, description=about)
    parser.add_argument("--objects", type=int, default=100_000, help="training galaxies (default: 100,000)")
    parser.add_argument("--trees", type=int, default=50, help="of our whole fit (default: 50)")
    parser.add_argument("--compared-trees", type=int, default=10, help="of the fits compared (default: 10)")
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(run=_feature_importance)

    about = "augmented stamps from the cache on 2 threads, against one at a time in a DataLoader"
    parser = benches.add_parser("stamps", help=about, description=about)
    parser.add_argument("--stamps", type=int, default=8000, help="drawn for it (default: 8,000)")
    parser.add_argument("--batch-size", type=int, default=128, help="default: 128, as Kim & Brunner (2017)")
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(run=_stamps)
