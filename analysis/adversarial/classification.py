"""Networks of stars and galaxies under attack: how well they do, what it takes, and whether attacks carry over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_curve
from torch import Tensor

from analysis import metrics
from analysis.adversarial import names
from analysis.adversarial.attacks import Model, fgsm, noise, pgd
from analysis.adversarial.images import Images, in_parts, outputs
from analysis.adversarial.measures import TESTS, detectability, epsilons_needed, under_attack
from analysis.shares import percent_with_interval

Array = np.ndarray
Maker = Callable[[Images], Model]  # of a model for some images
Found = dict[str, dict[float, Array]]  # p (n, 2) by attack and epsilon

ATTACKS = (names.NOISE, names.FGSM, names.PGD)
CLASSES = {"stars": 0, "galaxies": 1}
CURVE_COLUMNS = ["network", "attack", "objects", "epsilon", "n", "accuracy", "accuracy_err", "confidence"]
CURVE_COLUMNS.append("confidence_err")
SEEN_COLUMNS = ["network", "attack", "epsilon", "test", "auc", "auc_err"]
ROC_COLUMNS = ["attack", "test", "false_alarms", "found"]
TRANSFER_COLUMNS = ["source", "judge", "accuracy", "accuracy_err"]


@dataclass(frozen=True)
class Target:
    """Images of known class, and how they are attacked.

    Attributes
    ----------
    images : Images (n)
    classes : Tensor of int (n,)
        0 for a star, 1 for a galaxy.
    settings : dict
        `epsilons` in units of the sky noise, growing; `headline`, one of them; `pgd`, its `steps` and `restarts`;
        `n_bootstrap`, `seed`; `confident`, the least probability of objects that count as such.
    """

    images: Images
    classes: Tensor
    settings: dict[str, Any]

    @property
    def true(self) -> Array:
        """The classes as an array."""
        return self.classes.numpy()

    @property
    def resampling(self) -> dict[str, int]:
        """Number and seed of the bootstrap resamples."""
        return metrics.resampling(self.settings)

    def attacked(self, maker: Maker, attack: str, epsilon: float) -> Images:
        """Return the images as one of `ATTACKS` on a network leaves them."""
        generator = torch.Generator().manual_seed(self.settings["seed"])

        def attack_part(part: Images, rows: slice) -> Tensor:
            if attack == names.NOISE:
                return noise(part.flux, epsilon, part.bounds, generator)
            what = (maker(part), part.flux, self.classes[rows], epsilon, part.bounds)
            return fgsm(*what) if attack == names.FGSM else pgd(*what, **self.settings["pgd"], generator=generator)

        return self.images.with_flux(in_parts(self.images, attack_part))


def probabilities(images: Images, maker: Maker) -> Array:
    """Return the probability of either class (n, 2)."""
    return outputs(images, maker).double().softmax(dim=1).numpy()


def curves(target: Target, network: str, maker: Maker) -> tuple[pd.DataFrame, pd.DataFrame, Found]:
    """Attack a network with every attack and epsilon.

    Returns
    -------
    accuracy : pandas.DataFrame
        Accuracy and mean confidence, of all objects, of stars and of galaxies; epsilon 0 is no attack.
    seen : pandas.DataFrame
        The AUC by which simple tests on an image, in units of its sky noise, tell attacked images from clean ones.
    found : dict
        p (n, 2) by attack and epsilon.
    """
    clean, sky_noise = probabilities(target.images, maker), target.images.sky_noise
    found: Found = {}
    lines, seen = [], []
    for attack in ATTACKS:
        found[attack] = {0.0: clean}
        for epsilon in target.settings["epsilons"]:
            attacked = target.attacked(maker, attack, epsilon)
            found[attack][epsilon] = probabilities(attacked, maker)
            merits = detectability(target.images.flux / sky_noise, attacked.flux / sky_noise, **target.resampling)
            seen += [{"network": network, "attack": attack, "epsilon": epsilon, "test": t} | merits[t] for t in merits]
        for epsilon, p in found[attack].items():
            for objects, chosen in _groups(target.true).items():
                line = {"network": network, "attack": attack, "objects": objects, "epsilon": epsilon}
                line |= {"n": int(chosen.sum())}
                lines.append(line | under_attack(target.true[chosen], p[chosen], **target.resampling))
    return pd.DataFrame(lines)[CURVE_COLUMNS], pd.DataFrame(seen)[SEEN_COLUMNS], found


def roc_curves(target: Target, maker: Maker) -> pd.DataFrame:
    """Return the ROC curves of the tests on images at the headline epsilon: columns as in `ROC_COLUMNS`."""
    clean, parts = target.images.flux / target.images.sky_noise, []
    for attack in ATTACKS:
        shown = target.attacked(maker, attack, target.settings["headline"]).flux / target.images.sky_noise
        for name, test in TESTS.items():
            scores = np.concatenate([test(clean), test(shown)])
            false, true, _ = roc_curve(np.repeat([0, 1], len(clean)), scores)
            parts.append(pd.DataFrame({"attack": attack, "test": name, "false_alarms": false, "found": true}))
    return pd.concat(parts)[ROC_COLUMNS]


def _groups(true: Array) -> dict[str, Array]:
    return {"all": np.ones(len(true), bool)} | {name: true == number for name, number in CLASSES.items()}


def what_it_takes(target: Target, found: Found) -> dict[str, Any]:
    """Return, for objects that a network was right about: epsilons that flip 50% and 90%, and the flips at one epsilon.

    Flips (percent, with error and exact 95% interval) are also given of confident objects alone.
    """
    clean, epsilons = found[names.PGD][0.0], target.settings["epsilons"]
    right = clean.argmax(axis=1) == target.true
    confident = right & (clean.max(axis=1) >= target.settings["confident"])
    result: dict[str, Any] = {"n_confident": int(confident.sum())}
    for objects, of_class in _groups(target.true).items():
        result[objects] = {"n": int((of_class & right).sum()), "n_confident": int((of_class & confident).sum())}
        for attack, by_epsilon in found.items():
            fooled = np.column_stack([by_epsilon[e].argmax(axis=1) != target.true for e in epsilons])
            if not (of_class & confident).any():
                continue
            at = fooled[:, epsilons.index(target.settings["headline"])]
            result[objects][attack] = epsilons_needed(epsilons, fooled[of_class & right], **target.resampling)
            result[objects][attack] |= percent_with_interval("confident_flipped_percent", at[of_class & confident])
    return result


def control(target: Target, maker: Maker) -> dict[str, Any]:
    """Return how many confident objects of each class random noise of the headline epsilon flips.

    It costs no gradients, so that it is counted on more objects than are attacked: a small share needs many.

    Returns
    -------
    dict
        For `stars` and `galaxies`, `n_confident` and `confident_flipped_percent` with error and exact 95% interval.
    """
    clean = probabilities(target.images, maker)
    confident = (clean.argmax(axis=1) == target.true) & (clean.max(axis=1) >= target.settings["confident"])
    shown = target.attacked(maker, names.NOISE, target.settings["headline"])
    wrong = probabilities(shown, maker).argmax(axis=1) != target.true
    found: dict[str, Any] = {}
    for objects, number in CLASSES.items():
        of_class = wrong[confident & (target.true == number)]
        found[objects] = {"n_confident": len(of_class)}
        found[objects] |= percent_with_interval("confident_flipped_percent", of_class) if len(of_class) else {}
    return found


def transfer(
    target: Target, makers: Mapping[str, Maker], judges: Mapping[str, Callable[[Images], Array]]
) -> pd.DataFrame:
    """Return the accuracy of judges on images that were made to fool networks, at the headline epsilon.

    Parameters
    ----------
    target : Target
    makers : mapping
        The networks attacked, by name.
    judges : mapping
        By name, what predicts classes (n,) of images: the networks themselves, and others.

    Returns
    -------
    pandas.DataFrame
        `source` (`clean` for no attack, `noise` for the control), `judge`, `accuracy`, `accuracy_err`.
    """
    epsilon = target.settings["headline"]
    images = {"clean": target.images, names.NOISE: target.attacked(next(iter(makers.values())), names.NOISE, epsilon)}
    images |= {name: target.attacked(maker, names.PGD, epsilon) for name, maker in makers.items()}
    lines = []
    for source, shown in images.items():
        for judge, predict in judges.items():
            right = (predict(shown) == target.true).astype(float)
            found = metrics.with_interval("accuracy", np.mean, right, **target.resampling)
            lines.append({"source": source, "judge": judge} | {k: found[k] for k in ("accuracy", "accuracy_err")})
    return pd.DataFrame(lines)[TRANSFER_COLUMNS]


def as_used(target: Target, plain: Maker, used: Maker, every: int) -> dict[str, Any]:
    """Attack the prediction as it is used, by its own gradient and by that of one crop, at the headline epsilon.

    Parameters
    ----------
    target : Target
    plain, used : callable
        Of the model of one crop, and of the mean over crops: `models.classifier` and `models.used_classifier`.
    every : int
        Take one in so many images: an attack on the mean takes as many times longer as there are crops.

    Returns
    -------
    dict
        `n` confident objects, and the percent of them `flipped_by_one_crop` and `flipped_directly`, with errors.
    """
    some = slice(0, None, every)
    few = replace(target, images=target.images[some], classes=target.classes[some])
    clean, epsilon = probabilities(few.images, used), target.settings["headline"]
    confident = (clean.argmax(axis=1) == few.true) & (clean.max(axis=1) >= target.settings["confident"])
    result: dict[str, Any] = {"n": int(confident.sum())}
    for name, maker in {"flipped_by_one_crop": plain, "flipped_directly": used}.items():
        wrong = probabilities(few.attacked(maker, names.PGD, epsilon), used).argmax(axis=1) != few.true
        if confident.any():
            result |= percent_with_interval(f"{name}_percent", wrong[confident])
    return result


def no_masking(curve: pd.DataFrame, transferred: pd.DataFrame, network: str) -> dict[str, float]:
    """Return three checks that gradients are not merely hidden (Athalye, Carlini & Wagner 2018, section 3.1).

    Returns
    -------
    dict
        `pgd_above_fgsm`, how much more accurate the network is under PGD than under FGSM, at worst over epsilon;
        `left_at_largest`, its accuracy under PGD of the largest epsilon; `direct_above_transferred`, how much more
        accurate it is under PGD on itself than on another network, at worst. All are at most about zero if nothing is
        hidden.
    """
    own = curve[(curve["network"] == network) & (curve["objects"] == "all") & (curve["epsilon"] > 0)]
    accuracy = own.pivot(index="epsilon", columns="attack", values="accuracy")
    of_judge = transferred[transferred["judge"] == network].set_index("source")["accuracy"]
    others = of_judge.drop(["clean", names.NOISE, network])
    return {
        "pgd_above_fgsm": float((accuracy[names.PGD] - accuracy[names.FGSM]).max()),
        "left_at_largest": float(accuracy[names.PGD].iloc[-1]),
        "direct_above_transferred": float((of_judge[network] - others).max()),
    }
