"""`python -m analysis bench NAME`: how fast a part is against the usual way, both in one run.

Each bench prints one line of JSON last, and ends with exit code 1 where the figure it is there for is not reached.
"""

from typing import Any


def add_commands(groups: Any) -> None:
    """Add `bench` and its benches to the command line."""
    from analysis.feature_importance import bench as feature_importance

    about = "how fast a part is, against the usual way; exit code 1 where it is too slow"
    benches = groups.add_parser("bench", help=about, description=about).add_subparsers(
        title="benches", required=True, metavar="NAME"
    )
    feature_importance.add_bench(benches)
