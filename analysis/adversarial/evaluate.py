"""Attack the test objects of both networks and of the catalogue's trees; every setting was chosen on validation."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from analysis import params, paths
from analysis.adaboost import AdaBoostR2
from analysis.adversarial import catalogue, classification, names, placed, redshift, remeasured
from analysis.adversarial.examples import class_examples, redshift_example, write_examples
from analysis.adversarial.images import Images, read_images
from analysis.adversarial.models import classifier, redshifts, used_classifier
from analysis.adversarial.trees import errors_of
from analysis.cnn_redshift import names as redshift_names
from analysis.cnn_redshift.estimator import ImageRedshifts
from analysis.cnn_redshift.sample import galaxies_with_stamps
from analysis.features import feature_names
from analysis.metrics import with_interval
from analysis.results import read_choices, write_not_run, write_result
from analysis.star_galaxy import classifiers
from analysis.star_galaxy import names as star_galaxy_names
from analysis.star_galaxy.network import WEIGHTS, combined, load_network
from analysis.star_galaxy.sample import star_galaxy_sample
from analysis.survey.catalogue import read_catalogue
from analysis.survey.schema import BANDS
from analysis.survey.stamps_cache import StampCache

Array = np.ndarray

TABLES = {
    names.CURVES: classification.CURVE_COLUMNS,
    names.SEEN: classification.SEEN_COLUMNS,
    names.ROC: classification.ROC_COLUMNS,
    names.TRANSFER: classification.TRANSFER_COLUMNS,
    names.PLACED: placed.COLUMNS,
    names.REDSHIFTS: redshift.COLUMNS,
    names.PITS: ["clean", *redshift.ATTACKS],
    names.TREES: catalogue.COLUMNS,
    names.TREE_SHIFTS: catalogue.SHIFT_COLUMNS,
}
CHECKS = ("pgd_above_fgsm", "left_at_largest", "direct_above_transferred")  # of `classification.no_masking`
VIEWS, FOREST = "convnet_views", "forest"  # judges that are not attacked themselves
Tables = dict[str, pd.DataFrame]


def some_of_each(objects: pd.DataFrame, number: int, seed: int) -> pd.DataFrame:
    """Return at most so many test stars, and test galaxies, drawn at random: the stars first."""
    test = objects[objects["split"] == "test"]
    parts = [test[test["is_galaxy"] == kind] for kind in (False, True)]
    return pd.concat([part.sample(min(number, len(part)), random_state=seed) for part in parts], ignore_index=True)


def units(images: Images) -> dict[str, Any]:
    """Return, by band, the sky noise and the range of pixels (nanomaggies), and the noise over the range."""
    noise, low, high = (
        values.numpy() for values in (images.sky_noise[..., 0, 0].median(dim=0).values, images.low, images.high)
    )
    of_band = zip(BANDS, noise.tolist(), low.ravel().tolist(), high.ravel().tolist(), strict=True)
    return {
        band: {"sky_noise": sky, "low": bottom, "high": top, "sky_noise_of_range": sky / (top - bottom)}
        for band, sky, bottom, top in of_band
    }


def by_views(folder: Path, images: Images) -> Array:
    """Return the classes (n,) of images by the network as it is used: the mean over turned and shifted crops."""
    network, how = load_network(folder)
    scaled = images.scaled(images.flux, torch.tensor(how.softening)).permute(0, 2, 3, 1).contiguous()
    cache = StampCache(scaled.numpy().astype(np.float16), images.object_id, {})
    return (combined(network, how._replace(passes=2), cache, np.arange(len(images)))[0] > 0.5).astype(int)


def to_classify(objects: pd.DataFrame, settings: dict[str, Any]) -> classification.Target:
    """Return stars and galaxies with their images."""
    classes = torch.from_numpy(objects["is_galaxy"].to_numpy().astype(np.int64))
    return classification.Target(read_images(paths.DATA, objects["object_id"].to_numpy()), classes, settings)


def stars_and_galaxies(objects: pd.DataFrame, settings: dict[str, Any]) -> tuple[dict[str, Any], Tables, list[Any]]:
    """Return what attacks do to the networks of stars and galaxies, and examples for a figure."""
    target = to_classify(some_of_each(objects, settings["n_objects"], settings["seed"]), settings)
    own = paths.MODELS / star_galaxy_names.CONVNET_NAME / WEIGHTS
    files = {names.CONVNET: own}
    files |= {name: paths.MODELS / names.NAME / f"{name}.safetensors" for name in (names.SECOND, names.ROBUST)}
    networks = {name: load_network(file) for name, file in files.items()}
    makers = {name: classifier(*network) for name, network in networks.items()}

    result: dict[str, Any] = {"n": len(target.images), "headline": settings["headline"]}
    result |= {"confident_from": settings["confident"], "units": units(target.images)}
    everyone = to_classify(some_of_each(objects, len(objects), settings["seed"]), settings)
    result["control"] = classification.control(everyone, makers[names.CONVNET])
    curves, seen, of_pgd = [], [], {}
    for name, maker in makers.items():
        curve, detected, found = classification.curves(target, name, maker)
        curves.append(curve)
        seen.append(detected)
        result[name] = classification.what_it_takes(target, found)
        of_pgd[name] = found[names.PGD]
    curve = pd.concat(curves)
    forest = remeasured.fit_forest(paths.DATA, objects, settings["forest"], settings["seed"])
    judges: dict[str, Any] = {
        name: lambda shown, maker=maker: classification.probabilities(shown, maker).argmax(axis=1)
        for name, maker in makers.items()
    }
    judges |= {VIEWS: lambda shown: by_views(own, shown), FOREST: lambda shown: remeasured.classes(forest, shown)}
    transferred = classification.transfer(target, makers, judges)
    result["transfer"] = _nested(transferred)
    masking = {name: classification.no_masking(curve, transferred, name) for name in makers}
    result["masking"] = masking | {"worst": {check: max(of[check] for of in masking.values()) for check in CHECKS}}
    result["defence"] = defence(target, of_pgd)
    used = used_classifier(*networks[names.CONVNET])
    result["as_used"] = classification.as_used(target, makers[names.CONVNET], used, settings["as_used_every"])
    result["detectability"] = _detected(pd.concat(seen), settings["headline"])
    tables = {
        names.CURVES: curve,
        names.SEEN: pd.concat(seen),
        names.ROC: classification.roc_curves(target, makers[names.CONVNET]),
        names.TRANSFER: transferred,
        names.PLACED: placed.flips(target, makers[names.CONVNET], settings["disturbances"]),
    }
    return result, tables, class_examples(target, makers[names.CONVNET])


def _nested(transferred: pd.DataFrame) -> dict[str, Any]:
    """Return the accuracies of a transfer table by source and judge."""
    found: dict[str, Any] = {}
    for line in transferred.to_dict("records"):
        of_source = found.setdefault(line["source"], {})
        of_source |= {line["judge"]: line["accuracy"], f"{line['judge']}_err": line["accuracy_err"]}
    return found


def _detected(seen: pd.DataFrame, epsilon: float) -> dict[str, Any]:
    """Return by how well tests see attacks on the network at one epsilon: AUC by attack and test."""
    lines = seen[(seen["network"] == names.CONVNET) & (seen["epsilon"] == epsilon)]
    found: dict[str, Any] = {}
    for line in lines.to_dict("records"):
        of_attack = found.setdefault(line["attack"], {})
        of_attack |= {line["test"]: line["auc"], f"{line['test']}_err": line["auc_err"]}
    return found


def defence(target: classification.Target, of_pgd: dict[str, dict[float, Array]]) -> dict[str, Any]:
    """Return accuracy, clean and under PGD, of the networks that differ in the defence only, and the gain by it.

    Parameters
    ----------
    target : Target
    of_pgd : dict
        p (n, 2) by network and epsilon.
    """
    found: dict[str, Any] = {}
    for what, epsilon in (("clean", 0.0), ("attacked", target.settings["headline"])):
        right = {name: of_pgd[name][epsilon].argmax(axis=1) == target.true for name in (names.SECOND, names.ROBUST)}
        for name, of_network in right.items():
            found.setdefault(name, {}).update(with_interval(what, np.mean, of_network, **target.resampling))
        gain = right[names.ROBUST].astype(float) - right[names.SECOND]
        found |= with_interval(f"{what}_gain", np.mean, gain, **target.resampling)
    return found


def redshifts_of_galaxies(settings: dict[str, Any]) -> tuple[dict[str, Any], Tables, list[Any]]:
    """Return what attacks do to the redshift network, and an example for a figure."""
    folder = paths.MODELS / redshift_names.NAME
    choices = read_choices(folder / redshift_names.CHOICES, "cnn-redshift train")
    if "not_run" in choices:
        return {"not_run": choices["not_run"]}, _empty(names.REDSHIFTS, names.PITS), []
    galaxies, _why = galaxies_with_stamps(paths.DATA)
    test = galaxies[galaxies["split"] == "test"]
    estimator = ImageRedshifts.load(folder / next(iter(choices["heads"])))
    reddening = dict(zip(test["object_id"].tolist(), test["ebv"].tolist(), strict=True))

    def to_measure(some: pd.DataFrame) -> redshift.RedshiftTarget:
        return redshift.RedshiftTarget(
            read_images(paths.DATA, some["object_id"].to_numpy()),
            some["redshift"].to_numpy().clip(estimator.grid[0], estimator.grid[-1]),
            redshifts(estimator, reddening),
            estimator.grid,
            settings | settings["redshift"],
        )

    target = to_measure(test.sample(min(settings["n_galaxies"], len(test)), random_state=settings["seed"]))
    result, table, pits = redshift.under_attack(target)
    result["control"] = redshift.control(to_measure(test))
    result["light"] = placed.shifts(target, settings["disturbances"])
    result["as_used"] = as_used(target, redshifts(estimator, reddening, as_used=True), settings["as_used_every"])
    return result, {names.REDSHIFTS: table, names.PITS: pits}, [redshift_example(target)]


def as_used(target: redshift.RedshiftTarget, maker: classification.Maker, every: int) -> dict[str, Any]:
    """Return what a push does to the mean over the eight symmetries, attacked itself: one in so many galaxies."""
    some = slice(0, None, every)
    few = replace(target, images=target.images[some], z_true=target.z_true[some], maker=maker)
    shown = few.attacked(names.PUSHED_PGD, target.settings["headline"])
    return {"n": len(few.z_true)} | redshift.measures(few, few.pdfs(shown))


def trees_of_the_catalogue(objects: pd.DataFrame, settings: dict[str, Any]) -> tuple[dict[str, Any], Tables]:
    """Return what errors of the photometry that are chosen to do harm do to trees: classes, and redshifts."""
    if errors_of(objects).empty:
        return {"not_run": "the survey has no errors of magnitudes"}, _empty(names.TREES, names.TREE_SHIFTS)
    own = settings["trees"] | {name: settings[name] for name in ("seed", "n_bootstrap")}
    folder = paths.MODELS / star_galaxy_names.NAME
    there = read_choices(folder / star_galaxy_names.CHOICES, "star-galaxy train").get("classifiers", [])
    kinds = (star_galaxy_names.TPC_PHOT, star_galaxy_names.TPC_MORPH, star_galaxy_names.BOOSTING)
    trained = {name: classifiers.load(name, folder) for name in kinds if name in there}
    flipped = catalogue.flips(some_of_each(objects, own["n_objects"], settings["seed"]), trained, own)
    result: dict[str, Any] = {}
    for line in flipped.to_dict("records"):
        of_place = result.setdefault(line["trees"], {"n": line["n"]}).setdefault(line["place"], {})
        of_place[f"at_{line['epsilon']:g}"] = line["flipped_percent"]
        of_place[f"at_{line['epsilon']:g}_err"] = line["flipped_percent_err"]
    shifted = _redshift_trees(own)
    for line in shifted.to_dict("records"):
        of_place = result.setdefault("adaboost", {"n": line["n"]}).setdefault(line["place"], {})
        of_place |= {f"at_{line['epsilon']:g}": line["shift"], f"at_{line['epsilon']:g}_err": line["shift_err"]}
    return result, {names.TREES: flipped, names.TREE_SHIFTS: shifted}


def _redshift_trees(settings: dict[str, Any]) -> pd.DataFrame:
    """Return by how much redshifts of AdaBoost change; no lines where it was not trained."""
    file = paths.MODELS / redshift_names.NAME / redshift_names.TREES
    if not file.is_file():
        return pd.DataFrame(columns=catalogue.SHIFT_COLUMNS)
    galaxies, _why = galaxies_with_stamps(paths.DATA)
    test = galaxies.loc[galaxies["split"] == "test", "object_id"]
    some = test.sample(min(settings["n_objects"], len(test)), random_state=settings["seed"])
    measured = read_catalogue(paths.DATA).drop_duplicates("object_id").set_index("object_id").loc[some].reset_index()
    return catalogue.shifts(measured, feature_names(galaxies), AdaBoostR2.load(file), settings)


def _empty(*tables: str) -> Tables:
    return {name: pd.DataFrame(columns=TABLES[name]) for name in tables}


def evaluate_adversarial(_: argparse.Namespace) -> None:
    """Networks, trees and test objects -> metrics.json, tables, examples.

    Raises
    ------
    InputError
        If nothing has been trained.
    """
    choices = read_choices(paths.MODELS / names.NAME / names.CHOICES, "adversarial train")
    settings = params.load("evaluate_adversarial")
    path = paths.RESULTS / names.NAME / paths.METRICS
    if "not_run" in choices:
        write_examples(path.with_name(names.EXAMPLES), [])
        write_not_run(path, choices["not_run"], TABLES)
        return
    objects, _about = star_galaxy_sample(paths.DATA)
    result, tables, examples = stars_and_galaxies(objects, settings)
    result["training"] = choices
    result["redshift"], of_redshifts, example = redshifts_of_galaxies(settings)
    result["trees"], of_trees = trees_of_the_catalogue(objects, settings)
    tables |= of_redshifts | of_trees
    write_examples(path.with_name(names.EXAMPLES), examples + example)
    write_result(path, result, tables)
