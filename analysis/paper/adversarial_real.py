"""The paper's tables of the attacks on real spirals: one function a table, from results to text."""

from collections.abc import Mapping
from typing import Any

from analysis.adversarial.names import (
    FGSM,
    HIT,
    JPEG,
    NAME,
    NOISE,
    PGD,
    RANDOM,
    REAL_IMAGES,
    RECORDED,
    STAR,
    TRAIL,
    WORST,
)
from analysis.paper.tables import cell, include, pipe_table

RESULT = f"real/{REAL_IMAGES}/{NAME}"
_ATTACKS = {
    NOISE: "random signs (control)",
    FGSM: "FGSM",
    PGD: "PGD",
    RECORDED: "PGD, in whole counts",
    JPEG: "PGD, saved as JPEG",
}
_LIGHT = {STAR: "star, three channels", TRAIL: "satellite trail, one channel", HIT: "cosmic ray, one channel"}


def classifier(content: Mapping[str, Any]) -> str:
    """Write how well the network tells spirals, and how well its votes do."""
    leaves = {"accuracy": "accuracy", "auc": "AUC", "mse": "MSE", "cal": "CAL", "log_loss": "log loss"}
    rows = {"network, eight views": content["network"], "mean of its votes": content["votes"]}
    cells = [[label, *(cell(values, leaf) for leaf in leaves)] for label, values in rows.items()]
    return pipe_table(["Judge", *leaves.values()], cells, [24, 16, 16, 16, 14, 14], "lrrrrr")


def attacks(content: Mapping[str, Any]) -> str:
    """Write what each attack does at one sky noise, how little of it is needed, and whether it can be seen."""
    leaves = ("accuracy", "confidence", "flipped_percent", "confident_flipped_percent", "epsilon_50", "epsilon_90")
    tests = ("noise_level", "fine_power", "vote_spread")
    cells = []
    for attack, label in _ATTACKS.items():
        values, seen = content["attacks"][attack], content["detectability"].get(attack, {})
        numbers = [cell(values, leaf) for leaf in leaves] + [cell(seen.get(test, {}), "auc") for test in tests]
        cells.append([label, *numbers])
    header = [
        "Attack",
        "accuracy",
        "confidence",
        "flipped, %",
        "confident flipped, %",
        "$\\epsilon_{50}$",
        "$\\epsilon_{90}$",
    ]
    header += ["AUC: noise", "fine power", "votes"]
    return pipe_table(header, cells, [16, 10, 10, 10, 10, 10, 10, 8, 8, 8], "lrrrrrrrrr")


def light(content: Mapping[str, Any]) -> str:
    """Write the accuracy with a star, a trail or a cosmic ray where it hurts most, and at random."""
    found = content["physical"]
    names = [name for name in found[STAR] if name.startswith("fainter_")]
    cells = [
        [label, *(cell(found[kind][name][place], "accuracy") for name in names for place in (WORST, RANDOM))]
        for kind, label in _LIGHT.items()
    ]
    magnitudes = [name.removeprefix("fainter_") for name in names]
    header = ["Light added", *(f"{m} mag fainter, {where}" for m in magnitudes for where in ("worst", "random"))]
    return pipe_table(header, cells, [22, *[78 // (2 * len(names))] * (2 * len(names))], "l" + "rr" * len(names))


def real_adversarial_pages(metrics: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Write the generated files of paper/tables/ for the attacks on real spirals: name -> Markdown.

    Parameters
    ----------
    metrics : mapping of str to dict
        Of all results, by name.
    """
    if RESULT not in metrics:
        return {"section-real-adversarial": "Real images were not attacked here (`make real` does it).\n"}
    content = metrics[RESULT]
    return {
        "section-real-adversarial": include("adversarial-real"),
        "real-adversarial-classifier": classifier(content),
        "real-adversarial-attacks": attacks(content),
        "real-adversarial-light": light(content),
    }
