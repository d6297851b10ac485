"""The paper's tables of adversarial examples: one function a table, from results to text."""

from collections.abc import Mapping
from typing import Any

from analysis.adversarial.names import CONVNET, FGSM, NAME, NOISE, PGD, PUSHED_FGSM, PUSHED_PGD, ROBUST, SECOND
from analysis.paper.numbers import escaped
from analysis.paper.tables import cell, include, not_run, pipe_table, why_not
from analysis.star_galaxy.names import LABELS as TREES

ATTACKS = {NOISE: "random noise", FGSM: "FGSM", PGD: "PGD"}
NETWORKS = {CONVNET: "the network", SECOND: "another seed", ROBUST: "attacked in training"}
SOURCES = {"clean": "none", NOISE: "random noise", **NETWORKS}
JUDGES = {**NETWORKS, "convnet_views": "as used", "forest": "forest"}
PUSHES = {"clean": "none", NOISE: "random noise", FGSM: "FGSM, away", PGD: "PGD, away"}
PUSHES |= {PUSHED_FGSM: "FGSM, pushed", PUSHED_PGD: "PGD, pushed"}
MERITS = {
    "shift": "median change",
    "reached_percent": "at the target, %",
    "sigma68": "$\\sigma_{68}$",
    "crps": "CRPS",
    "pit_outlier_rate": "PIT outliers",
    "width": "width of PDF",
}
CATALOGUE = {**TREES, "adaboost": "AdaBoost (redshift)"}


def flips(metrics: Mapping[str, Any]) -> str:
    """Write what it takes to flip stars and galaxies, by network and attack."""
    leaves = {"epsilon_50": "$\\epsilon_{50}$", "epsilon_90": "$\\epsilon_{90}$"}
    leaves |= {"confident_flipped_percent": "flipped, %"}
    cells = []
    for network, name in NETWORKS.items():
        for attack, label in ATTACKS.items():
            of = [metrics[network][objects].get(attack, {}) for objects in ("stars", "galaxies")]
            cells.append([name, label, *(cell(values, leaf) for values in of for leaf in leaves)])
            name = ""
    header = ["Network", "Attack", *(f"{label}, {of}" for of in ("stars", "galaxies") for label in leaves.values())]
    return pipe_table(header, cells, [18, 14, 14, 14, 12, 14, 14, 12], "llrrrrrr")


def transfer(metrics: Mapping[str, Any]) -> str:
    """Write the accuracy of networks and of a forest on images that were made to fool each of the networks."""
    cells = [
        [label, *(cell(metrics["transfer"][source], judge) for judge in JUDGES)] for source, label in SOURCES.items()
    ]
    return pipe_table(["Attack on", *JUDGES.values()], cells, [20, *[16] * len(JUDGES)], "l" + "r" * len(JUDGES))


def redshift(metrics: Mapping[str, Any]) -> str:
    """Write what attacks do to redshifts and their PDFs."""
    of = metrics["redshift"]
    cells = [[label, *(cell(of[name], leaf) for leaf in MERITS)] for name, label in PUSHES.items()]
    cells.append(["PGD, pushed, as used", *(cell(of["as_used"], leaf) for leaf in MERITS)])
    return pipe_table(["Attack", *MERITS.values()], cells, [20, *[16] * len(MERITS)], "l" + "r" * len(MERITS))


def trees(metrics: Mapping[str, Any]) -> str:
    """Write what errors of the photometry, chosen to do harm or at random, do to trees on the catalogue."""
    cells, sizes = [], []
    for name, label in CATALOGUE.items():
        for place, words in (("worst", "chosen"), ("random", "at random")):
            if found := metrics["trees"].get(name, {}).get(place):
                sizes = [leaf for leaf in found if not leaf.endswith("_err")]
                cells.append([label, words, *(cell(found, leaf) for leaf in sizes)])
                label = ""
    header = ["Trees", "Errors", *(f"{leaf.removeprefix('at_')} $\\sigma$" for leaf in sizes)]
    return pipe_table(header, cells, [24, 12, *[14] * len(sizes)], "ll" + "r" * len(sizes))


def adversarial_pages(metrics: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Write the generated files of paper/tables/ for adversarial examples: name -> Markdown."""
    if why := why_not(metrics, NAME):
        return not_run("adversarial", why)
    content = metrics[NAME]
    pages = {"section-adversarial": include("adversarial"), "attack-flips": flips(content)}
    pages |= {"attack-transfer": transfer(content), "attack-trees": trees(content)}
    if why := content["redshift"].get("not_run"):
        return pages | {"section-adversarial-redshift": f"The redshift network was not run: {escaped(why)}.\n"}
    return pages | {
        "section-adversarial-redshift": include("adversarial-redshift"),
        "attack-redshift": redshift(content),
    }
