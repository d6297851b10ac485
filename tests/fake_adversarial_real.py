"""Made-up metrics of the attacks on real spirals, of the form that `adversarial real` writes."""

from typing import Any

NAME = "real/galaxyzoo2_spirals/adversarial"
_UNDER = {"accuracy": 0.4, "accuracy_err": 0.04, "confidence": 0.77, "confidence_err": 0.01}
_JUDGED = {name: 0.8 for name in ("accuracy", "auc", "mse", "cal", "log_loss")}
_JUDGED |= {f"{name}_err": 0.02 for name in _JUDGED}


def _attack(flipped: float) -> dict[str, float]:
    found = dict(_UNDER)
    for name in ("flipped_percent", "confident_flipped_percent"):
        found |= {name: flipped, f"{name}_err": 3.5, f"{name}_low": flipped - 7, f"{name}_high": flipped + 7}
    return found


_SEEN = {test: {"auc": 0.75, "auc_err": 0.01} for test in ("noise_level", "fine_power", "vote_spread")}
_PLACES = {f"fainter_{magnitude}": {"worst": _UNDER, "random": _UNDER} for magnitude in (4, 3, 2)}
SPIRALS: dict[str, Any] = {
    "provenance": {"what": "cut-outs", "source": "somewhere", "files": {"labels.csv": "ab12"}},
    "sample": {"n_train": 1120, "n_validation": 280, "n_test": 600, "n_duplicate": 0, "n_attacked": 120},
    "sky": {"level": 3.0, "noise": 3.0, "noise_coarse": 2.2, "noise_percent": 0.9},
    "network": _JUDGED,
    "votes": _JUDGED | {"median_spread": 0.05, "unanimous_percent": 93.0, "unanimous_right_percent": 86.0},
    "n_right": 101,
    "n_confident": 44,
    "attacks": {
        "noise": _attack(0.6),
        "fgsm": _attack(48.0) | {"epsilon_50": 1.05, "epsilon_50_err": 0.1},
        "pgd": _attack(56.0) | {"epsilon_50": 0.88, "epsilon_50_err": 0.06, "epsilon_90": 1.9, "epsilon_90_err": 0.1},
        "pgd_recorded": _attack(51.0),
        "pgd_jpeg": _attack(48.0),
    },
    "detectability": {attack: _SEEN for attack in ("noise", "fgsm", "pgd")},
    "masking": {"pgd_minus_fgsm": 0.0, "accuracy_at_largest": 0.01},
    "physical": {"n": 60, "clean": _UNDER, **dict.fromkeys(("faint_star", "satellite_trail", "cosmic_ray"), _PLACES)},
}
FIGURES = ("fig-adversarial-real", "fig-adversarial-spirals")
