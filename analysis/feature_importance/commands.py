"""The command line of the feature-importance result."""

from pathlib import Path
from typing import Any


def add_commands(groups: Any) -> None:
    """Add `feature-importance` and its stages to the command line."""
    from analysis.feature_importance.evaluate import evaluate_feature_importance
    from analysis.feature_importance.plot import plot_feature_importance
    from analysis.feature_importance.real import run_on_real_tables
    from analysis.feature_importance.train import train_feature_importance

    about = "Hoyle et al. (2015): which photometric features matter for redshifts"
    group = groups.add_parser("feature-importance", help=about, description=about)
    stages = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, run, what in (
        ("train", train_feature_importance, "features and split -> models, importances"),
        ("evaluate", evaluate_feature_importance, "models and test galaxies -> metrics.json, tables"),
        ("plot", plot_feature_importance, "metrics and tables -> figures of the paper"),
    ):
        stages.add_parser(name, help=what, description=what).set_defaults(run=run)
    what = "the same code on real tables -> results/real/<table>/metrics.json"
    real = stages.add_parser("real", help=what, description=what)
    real.add_argument("--real-data", type=Path, required=True, metavar="DIR", help="the folder of real tables")
    real.set_defaults(run=run_on_real_tables)
