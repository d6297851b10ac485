"""Made-up metrics of the adversarial examples, of the form that the stages write."""

from typing import Any


def _number(name: str, value: float) -> dict[str, float]:
    """Return a number with its error and interval."""
    return {name: value, f"{name}_err": 0.01, f"{name}_low": value - 0.02, f"{name}_high": value + 0.02}


def _flips(percent: float) -> dict[str, float]:
    return _number("confident_flipped_percent", percent) | {"epsilon_50": 0.14, "epsilon_50_err": 0.01}


def _judged(accuracy: float) -> dict[str, float]:
    judges = ("convnet", "second", "robust", "convnet_views", "forest")
    return {f"{judge}{end}": value for judge in judges for end, value in (("", accuracy), ("_err", 0.01))}


_OF_CLASS = {"n": 99, "n_confident": 95, "noise": _flips(0.0), "fgsm": _flips(40.0), "pgd": _flips(92.0)}
_NETWORK = {"n_confident": 190, **dict.fromkeys(("all", "stars", "galaxies"), _OF_CLASS)}
_MERITS = ("sigma68", "outliers_percent", "crps", "pit_outlier_rate", "shift", "reached_percent", "width")
_PUSHED = {name: number for merit in _MERITS for name, number in _number(merit, 0.1).items()}
_BY_LIGHT = {"size": 10, **_number("worst", 0.05), **_number("random", 0.01)}
_LIGHT = ("faint_star", "satellite_trail", "cosmic_ray")
_CHECKS = dict.fromkeys(("pgd_above_fgsm", "left_at_largest", "direct_above_transferred"), 0.0)
_TREES = {"n": 198, "worst": {"at_1": 1.0, "at_1_err": 0.5, "at_10": 60.0, "at_10_err": 3.0}}

ADVERSARIAL: dict[str, Any] = {
    "n": 200,
    "headline": 0.5,
    "confident_from": 0.9,
    "units": {"r": {"sky_noise": 0.0235, "low": -0.1, "high": 200.0, "sky_noise_of_range": 0.0001}},
    **dict.fromkeys(("convnet", "second", "robust"), _NETWORK),
    "control": {
        objects: {"n_confident": 500, **_number("confident_flipped_percent", 0.3)} for objects in ("stars", "galaxies")
    },
    "transfer": {source: _judged(0.9) for source in ("clean", "noise", "convnet", "second", "robust")},
    "masking": dict.fromkeys(("convnet", "second", "robust", "worst"), _CHECKS),
    "defence": {
        "second": _number("clean", 0.99) | _number("attacked", 0.02),
        "robust": _number("clean", 0.98) | _number("attacked", 0.75),
        **_number("clean_gain", -0.01),
        **_number("attacked_gain", 0.73),
    },
    "as_used": {"n": 40, **_number("flipped_by_one_crop_percent", 2.0), **_number("flipped_directly_percent", 80.0)},
    "detectability": {attack: {"noise_level": 0.95, "fine_power": 0.52} for attack in ("noise", "fgsm", "pgd")},
    "training": {"epsilon": 0.5, "steps": 2, "cost_ratio": 4.6},
    "redshift": {
        "n": 100,
        "headline": 0.3,
        "push": 0.1,
        "near": 0.02,
        "control": {"n": 850, **_number("reached_percent", 0.1)},
        "light": {"n": 60, **dict.fromkeys(_LIGHT, _BY_LIGHT)},
        **dict.fromkeys(("clean", "noise", "fgsm", "pgd", "pushed_fgsm", "pushed_pgd", "as_used"), _PUSHED),
    },
    "trees": {"tpc_morph": _TREES, "adaboost": _TREES},
}
FIGURES = tuple(
    f"fig-attack-{name}" for name in ("accuracy", "examples", "detection", "redshift", "defence", "disturbances")
)
