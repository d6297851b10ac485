"""The command line of the adversarial examples."""

from typing import Any

from analysis.command_line import REAL, Command, add_result

_PACKAGE = "analysis.adversarial"


def add_commands(groups: Any) -> None:
    """Add `adversarial` and its stages to the command line."""
    add_result(
        groups,
        "adversarial",
        "Goodfellow, Shlens & Szegedy (2015): how little it takes to fool these networks",
        Command("train", f"{_PACKAGE}.train:train_adversarial", "stamps -> a network that was attacked in training"),
        Command("evaluate", f"{_PACKAGE}.evaluate:evaluate_adversarial", "networks, attacks -> metrics.json, tables"),
        Command("plot", f"{_PACKAGE}.plot:plot_adversarial", "metrics and tables -> figures of the paper"),
        Command("plot-real", f"{_PACKAGE}.plot_real:plot_adversarial_real", "attacks on real spirals -> figures"),
        Command(
            REAL,
            f"{_PACKAGE}.real:run_on_real_images",
            "spirals of Galaxy Zoo: a network, attacked -> results/real/<table>/adversarial/",
        ),
    )
