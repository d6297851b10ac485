"""The command line of the star-galaxy result."""

from typing import Any

from analysis.command_line import REAL, Command, add_result

_PACKAGE = "analysis.star_galaxy"


def add_commands(groups: Any) -> None:
    """Add `star-galaxy` and its stages to the command line."""
    add_result(
        groups,
        "star-galaxy",
        "Kim & Brunner (2017), Soumagnac et al. (2015): stars from galaxies, by features and by pixels",
        Command("train", f"{_PACKAGE}.train:train_star_galaxy", "catalogue -> classifiers, importances, thresholds"),
        Command(
            "train-convnet",
            f"{_PACKAGE}.train_convnet:train_star_galaxy_convnet",
            "stamps -> a network on the images",
        ),
        Command(
            "evaluate",
            f"{_PACKAGE}.evaluate:evaluate_star_galaxy",
            "classifiers and test objects -> metrics.json, tables",
        ),
        Command(
            "plot-convnet",
            f"{_PACKAGE}.plot_convnet:plot_star_galaxy_convnet",
            "the network, and its mistakes -> figures of the paper",
        ),
        Command("plot", f"{_PACKAGE}.plot:plot_star_galaxy", "metrics and tables -> figures of the paper"),
        Command(
            REAL,
            f"{_PACKAGE}.real:run_on_real_tables",
            "the same code on real tables -> results/real/<table>/star_galaxy/",
        ),
    )
