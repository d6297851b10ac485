"""Made-up results of the form that the stages write, for the tests of scorecard and paper."""

import json
import shutil
from pathlib import Path
from typing import Any

import fake_adversarial
import fake_adversarial_real
import fake_cnn
import matplotlib.figure
import pandas as pd
from fake_adversarial import ADVERSARIAL
from fake_benches import BENCHES
from fake_cnn import write_cnn

from analysis import paths

POINT = {"mu": -0.0001, "sigma": 0.0712, "sigma68": 0.05, "sigma95": 0.15}
POINT |= {"outliers_percent": 1.2, "sigma_scaled": 0.05}
POINT |= {f"{name}_err": abs(value) / 50 for name, value in POINT.items()}
GAIN = {
    "sigma_percent": 12.9,
    "sigma_percent_err": 1.1,
    "sigma_percent_low": 10.8,
    "sigma_percent_high": 15.1,
    "outliers_percent": 20.0,
    "outliers_percent_err": 9.0,
    "outliers_percent_low": 2.0,
    "outliers_percent_high": 38.0,
}
LSST = {"bias": 0.001, "sigma_IQR": 0.03, "sigma_MAD": 0.03, "outliers_percent": 4.0}
ANN = {
    "psf_magnitudes_and_colours": POINT | {"sigma": 0.0745},
    "top_1_2": POINT | {"sigma": 0.09},
    "standard_and_top_1_2": POINT | {"sigma": 0.066},
    "standard_and_top_1_2_3": POINT | {"sigma": 0.065},
}
FEATURE_IMPORTANCE: dict[str, Any] = {
    "sample": {
        "n_train": 12345,
        "n_validation": 4115,
        "n_test": 4115,
        "n_features": 85,
        "n_psf_features": 15,
        "n_left_out_of_ranking": 7,
    },
    "adaboost": POINT,
    "adaboost_standard": POINT,
    "adaboost_same_inputs": POINT,
    "ann": ANN,
    "ann_gain": GAIN,
    "adaboost_vs_ann": GAIN | {"sigma_percent": -1.0, "sigma_percent_low": -3.0, "sigma_percent_high": 1.0},
    "compute": {"adaboost_cpu_seconds": 12.0, "ann_cpu_seconds": 240.0, "ratio": 20.0},
    "lsst": LSST,
}
SELECTION: dict[str, Any] = {
    "sample": {"n_train": 12345, "n_validation": 4115, "n_test": 4115, "n_features": 85, "n_unlabelled": 5000},
    "permutation": {"colours": {"rise_percent": 500.0, "rise_percent_err": 3.0}},
    "stability": {"n_refits": 10, "top": 10, "always_in_top": 5, "spearman": 0.7, "spearman_err": 0.1}
    | {"kendall": 0.5, "kendall_err": 0.1},
    "chosen": {name: {"n_features": 40, **POINT} for name in ("mint", "mint_pairs", "trees", "random")},
    "inputs": {"all": POINT | {"n_inputs": 85}}
    | {
        name: POINT | {"n_inputs": 20, "gain": GAIN}
        for name in ("standard", "pca", "kernel_pca", "random_combinations", "all_and_pca")
    },
    "learners": {"adaboost": POINT | {"cpu_seconds": 2.0, "settings": {"max_depth": 10}}}
    | {
        name: POINT | {"cpu_seconds": 9.0, "settings": {"n_estimators": 50}, "gain": GAIN}
        for name in ("random_forest", "extra_trees", "gradient_boosting", "network")
    },
}
PDFS = {"crps": 0.02, "cde_loss": -9.0, "ks": 0.03, "pit_outlier_rate": 0.002}
PDFS |= {f"{name}_err": 0.001 for name in PDFS} | {"ks_ratio": 0.9, "design_effect": 2.0}
PIT: dict[str, Any] = {
    "sample": {"n_train": 6000, "n_validation": 2000, "n_test": 2100, "n_bands": 5},
    "estimators": {
        name: dict.fromkeys(("raw", "rescaled", "remapped"), PDFS) for name in ("rdf", "knn", "mdn", "trainz")
    },
    "points": {"rdf": {key: {"paper": POINT, "lsst": LSST} for key in ("mean", "median", "mode")}},
    "local": {
        name: {key: {"rms": 0.05, "p_value": 0.01} for key in ("raw", "rescaled", "remapped")}
        for name in ("rdf", "knn", "mdn", "trainz")
    },
    "panels": {
        "underdispersed": {
            "curvature": 0.7,
            "curvature_low": 0.6,
            "curvature_high": 0.8,
            "slope": 0.0,
            "ks_ratio": 4.0,
        },
        "overdispersed": {"curvature": -0.5, "curvature_low": -0.6, "curvature_high": -0.4, "ks_ratio": 3.0},
        "biased": {"curvature": 0.0, "slope": -0.3, "slope_low": -0.4, "slope_high": -0.2, "ks_ratio": 5.0},
        "calibrated": {"curvature": 0.0, "slope": 0.0, "ks_ratio": 0.8},
    },
    "control": {"cde_loss_gap": 5.0, "cde_loss_gap_err": 0.1, "cde_loss_gap_low": 4.8, "cde_loss_gap_high": 5.2},
}
N_Z_BIN = {"miss": 0.001, "miss_err": 0.002, "miss_low": -0.003, "miss_high": 0.005}
N_Z: dict[str, Any] = {"sample": {"n_reference": 2000, "n_science": 2100, "n_fields": 10}}
N_Z |= {"uncorrected": {"largest": 0.01}}
N_Z |= {"planted": {"bias": 0.05, "largest_shift": 0.08, "largest_miss": 0.004, "missed_share": 0.05}}
N_Z |= {f"bin_{number}": N_Z_BIN for number in (1, 2, 3)} | {"bin_4": {"low": 0.6, "high": 0.8}}
COMPLETENESS: dict[str, Any] = {
    "n_labelled": 12000,
    "n_science": 3000,
    "map": {"n_cells": 16, "lowest": 0.1, "highest": 0.99, "spread": 0.3, "spread_err": 0.01},
    "distance": {"unweighted": 0.5, "weighted": 0.05},
    "weights": {"effective_size": 300.0, "largest": 50.0},
    "labels": {
        "n_bad": 100,
        "n_training": 6000,
        "bad_percent": 1.7,
        **{
            key: {"precision": 0.6, "recall": 0.9, "average_precision": 0.8}
            for key in ("leaf_mates", "isolation_forest")
        },
    },
    "science": {
        "truth": {"n_science": 1400, "not_galaxies_percent": 0.3},
        **{
            training: {
                **dict.fromkeys(
                    ("test", "test_reweighted", "science"), PDFS | {"sigma68": 0.05, "outliers_percent": 2.0}
                ),
                **{
                    f"{name}_rise_percent{end}": 200.0
                    for name in ("science", "reweighted")
                    for end in ("", "_low", "_high")
                },
            }
            for training in ("unweighted", "weighted")
        },
    },
}
SEVEN = {name: 0.95 for name in ("auc", "mse", "p_g_at_c_g_096", "c_s_at_p_s_097", "cal", "dn_g", "log_loss")}
SEVEN |= {f"{name}_err": 0.01 for name in SEVEN}
CALLED = {
    f"{share}{end}": 0.9
    for share in ("galaxy_completeness", "galaxy_purity", "star_completeness")
    for end in ("", "_err")
}
PURER = {"gain_percent": 10.0, "gain_percent_err": 1.0, "gain_percent_low": 8.0, "gain_percent_high": 12.0}
DIFFERENCE = {"": 0.01, "_err": 0.001, "_low": 0.008, "_high": 0.012, "_wrong": 40}
BY_CLASSIFIER = dict.fromkeys(("concentration_cut", "concentration", "tpc_phot", "tpc_morph", "pca_network"), SEVEN)
STAR_GALAXY: dict[str, Any] = {
    "sample": {"n_galaxies": 4500, "n_stars": 1400, "n_quasars": 300, "n_test": 1200, "split": "by 270 patches of sky"},
    "without": {},
    "classifiers": BY_CLASSIFIER | {"convnet": SEVEN},
    "auc_difference": {
        f"{pair}{end}": value
        for pair in ("tpc_morph_minus_convnet", "convnet_minus_tpc_phot")
        for end, value in DIFFERENCE.items()
    },
    "thresholds": {"tpc_morph": CALLED | {"galaxy_threshold": 0.6}, "pca_network": CALLED | {"galaxy_threshold": 1.0}},
    "network": {"width": 0.25, "parameters": 700000, "training_seconds": 90.0, "n_training": 3500}
    | {"first_kernels_changed_percent": 12.0},
    "deep": {"n_galaxies": 1700, "n_stars": 1000, "gain": {"galaxies": PURER, "stars": PURER, "faint": 21.0}}
    | {"trained_on_spectra": BY_CLASSIFIER, "trained_on_the_same_kind": {"tpc_phot": SEVEN}},
    "sky": {
        "area_nside": 2048,
        "no_classifier": {"slope": 0.2, "slope_err": 0.07, "correlation": 0.5, "correlation_err": 0.1},
        "tpc_morph": {"slope": 0.0, "slope_err": 0.07, "latitude_slope": -1.5, "latitude_slope_err": 0.1},
    },
}
REAL_STAR_GALAXY: dict[str, dict[str, Any]] = {
    "sdss_spectro_10k": {"classifiers": {"tpc_phot": SEVEN | {"auc": 0.99, "auc_err": 0.001}}}
    | {"three_classes": {"accuracy": 0.97, "QSO": {"n": 850, "auc": 0.99, "completeness": 0.9, "purity": 0.9}}},
    "sas": {"n_stars": 120, "n_galaxies": 180, "before": SEVEN, "after": SEVEN}
    | {"gain": {"auc": -0.01, "auc_err": 0.02, "auc_low": -0.051, "auc_high": 0.032}},
}
GAN_STATISTIC = {"n_bins": 8, "half_distance": 0.04}
GAN_STATISTIC |= dict.fromkeys(("split_half_ratio", "forecast_ratio", "amplitude_error_ratio"), 1.1)
GAN_STATISTIC |= dict.fromkeys(("split_half_ratio_err", "forecast_ratio_err", "amplitude_error_ratio_err"), 0.1)
GAN_NAMES = ("mass_counts", "power_spectrum", "correlation_function", "marked_correlation", "peak_counts", "moments")
NBODY_GAN: dict[str, Any] = {
    "sample": {"n_half": 1000, "n_training": 2000, "cells": 16, "side": 80.0},
    **dict.fromkeys(GAN_NAMES, GAN_STATISTIC),
    "controls": {
        control: {**dict.fromkeys(GAN_NAMES, 2.0), "peak_counts": None, "largest": 2.0}
        for control in ("untrained", "white_noise", "gaussian", "log_normal", "unseen_nbody")
    },
    "worst": {"split_half_ratio": 1.1},
    "power": {"worst_percent": 3.0, "worst_percent_err": 1.0, "last_percent": -9.0, "last_percent_err": 1.0},
    "power_untrained": {"last_percent": -4.0, "last_percent_err": 1.0},
    "memory": {
        "n_boxes": 1000,
        "gan": {"nearest_is_training": 0.5, "close_pairs": 0, "distinct_boxes_low": 1.7e5},
        "copying": {"nearest_is_training": 1.0},
        "collapsed": {"n_distinct": 200, "close_pairs": 2500, "distinct_boxes_low": 200.0},
        "large_scale_variance_ratio": 1.01,
    },
    "cost": {
        "nbody_boxes_per_second": 20.0,
        "gan_boxes_per_second": 800.0,
        "training_cpu_seconds": 480.0,
        "training_boxes": 2500,
        "break_even_boxes": 12000.0,
    },
}
APPLY: dict[str, Any] = {
    "labelled": {"objects": 24000, "mean_z": 0.27, "mean_z_err": 0.001, "outside_redshift_percent": 0.9},
    "science": {"objects": 11000, "galaxies": 7400.0, "mean_z": 0.4, "mean_z_err": 0.002}
    | {"outside_redshift_percent": 32.0},
    "agreement": {"p_galaxy": {"largest_difference": 3e-8}, "redshift": {"difference_99": 0.001}},
    "throughput": {"seconds": 9.0, "objects_per_second": 4000.0, "peak_gib": 0.7},
}
DEVIATION = {"percent": -1.2, "percent_err": 0.3, "k": 0.2}
NBODY: dict[str, Any] = {
    "growth": {"z0": DEVIATION},
    "power": {"halofit": DEVIATION, "half_steps": DEVIATION, "k_quarter": 0.196},
    "boxes": {name: {"half_nyquist": DEVIATION, "nyquist": DEVIATION} for name in ("halofit", "converged")},
    "density_pdf": {
        "radius": 10.0,
        "log_normal_largest_difference": 0.02,
        "large_deviation_largest_difference": 0.005,
    },
    "pancake_percent": 0.4,
    "momentum_per_million": 0.1,
    "runs": {
        "growth": {"box": 500.0},
        "power": {"box": 256.0, "steps": 40},
        "boxes": {"box": 80.0, "steps": 10, "fine_steps": 40},
    },
}
ENTRANT = {"fit_s": 19.3, "predict_s": 1.5, "cde_loss": -11.2601, "crps": 0.02154, "ks": 0.007, "sigma_iqr": 0.018}
ENTRANT |= {"outliers": 0.013}
WANTED = {"cde_loss": -11.5, "crps": 0.0211, "ks_calibrated": 0.02, "fit_cpu_s": 15.0, "predict_cpu_us": 20.0}
SCORED = {"cde_loss": -10.0, "cde_loss_err": 0.2, "crps": 0.0215, "crps_err": 0.0003}
RACE: dict[str, dict[str, Any]] = {
    "final": {"train": 400, "test": 100, "cores": 2, "wanted": WANTED, "peers": {"gpz": ENTRANT}}
    | {"ours": {"mdn": ENTRANT | {"fit_cpu_s": 9.4, "ks_calibrated": 0.012}}}
    | {"speed": {"mixtures_cpu_us": 7.3, "quantiles_cpu_us": 21.3}},
    "cross_validation": {"train": 400, "ours": {"mdn": SCORED}}
    | {
        "learning_curve": [
            {"galaxies": size, "cde_loss": loss, "cde_loss_of_training": loss - 1.0}
            for size, loss in ((1500, -10.0), (3000, -10.5), (6000, -10.75), (9000, -10.875))
        ]
    },
}
REAL = {
    "galaxyzoo1_table": {
        "provenance": {"what": "galaxies", "source": "example.org/a_b", "files": {"galaxies.csv": "ab" * 32}},
        "folds": 5,
        "sample": {"n_objects": 2000, "n_galaxies_with_redshift": 1900, "n_features": 38},
        "adaboost": POINT,
        "magnitudes_and_colours": POINT,
        "gain": GAIN,
        "permutation": {"axis_ratios": {"n_features": 2, "rise_percent": 1.5, "rise_percent_err": 0.2}},
    },
    "star_galaxy_sdss": {
        "provenance": {"what": "one band", "source": "example.org", "files": {"a.txt": "cd" * 32}},
        "not_run": "magnitudes in one band only",
    },
}
PROVENANCE = {
    "kind": "mock",
    "source": "drawn by `python -m analysis survey mock`",
    "generator": {"objects": 40000, "seed": 17, "parameters_sha256": "01" * 32},
    "licence": "CC0",
    "counts": {
        "objects": 40000,
        "GALAXY": 30000,
        "STAR": 9000,
        "QSO": 1000,
        "with_redshift": 25000,
        "unflagged_redshift_failures": 45,
        "stamps": 6500,
    },
    "code_version": "0.1.0",
    "sha256": {"catalogue.parquet": "ef" * 32},
}
SURVEY = {
    "objects": 40000,
    "columns": {
        "ra": {"unit": "deg", "nulls": 0.0, "min": 0.0, "median": 180.0, "max": 360.0},
        "dered_g": {"unit": "mag", "nulls": 0.0, "min": 14.0, "median": 19.1234, "max": 24.0},
        "dered_r": {"unit": "mag", "nulls": 0.1, "min": 14.0, "median": 18.5, "max": 24.0},
        "deredErr_r": {"unit": "mag", "nulls": 0.0, "min": 0.0, "median": 0.01, "max": 1.0},
        "q_r": {"unit": "", "nulls": 0.0, "min": -1.0, "median": -0.012, "max": 1.0},
    },
    "provenance": {"kind": "mock"},
    "stamps": {"count": 6500},
}
SIGMA = {"bias": 0.001, "bias_err": 0.0002, "sigma_IQR": 0.0141, "sigma_IQR_err": 0.0003}
ANCHORING: dict[str, Any] = {
    "figures": {"n_tested": 136, "n_missed": 1},
    "compared": {"main": {"u_g": {"n_tested": 8, "n_within": 7, "worst": -0.21, "worst_err": 0.02, "tolerance": 0.2}}}
    | {"shapes": {"expRad_r": {"n_tested": 9, "n_within": 9, "worst": 7.1, "worst_err": 2.0, "tolerance": 15.0}}},
    "photoz": {
        name: dict.fromkeys(("mock", "real", "transfer"), SIGMA)
        | {"ratio": {"mock": 0.84, "mock_err": 0.02, "transfer": 1.33, "transfer_err": 0.03}}
        for name in ("main", "boss")
    },
}
FIGURES = ("fig-importance", "fig-ann-table", "fig-redshift")
FIGURES += ("fig-importance-samples", "fig-selection-curve", "fig-learners", "fig-permutation")
FIGURES += ("fig-anchoring-colours", "fig-anchoring-shapes", "fig-stamps")
FIGURES += ("fig-pit-panels", "fig-pit-estimators", "fig-pit-conditional", "fig-n-z", "fig-n-z-shifts")
FIGURES += ("fig-learning-curve", "fig-completeness", "fig-science-sample", "fig-bad-labels")
FIGURES += ("fig-star-galaxy-roc", "fig-star-galaxy-bins", "fig-star-galaxy-reliability", "fig-star-galaxy-importance")
FIGURES += ("fig-purity-gain", "fig-star-density", "fig-convnet-mistakes", "fig-convnet-kernels")
FIGURES += ("fig-gan-slices", "fig-gan-matrices", "fig-gan-power", "fig-gan-training")
FIGURES += ("fig-nbody-power", "fig-nbody-pdf", "fig-science-n-z", "fig-science-sky")


ROBUSTNESS = {
    "malformed_inputs": 100,
    "kinds_of_error": 30,
    "kinds_of_error_from_two_formats": 20,
    "circumstances": {"tested": 11, "clear_errors": 7, "right_answers": 4},
    "kills": {
        "kills": 50,
        "stages_killed": 36,
        "stages": 36,
        "files_compared": 270,
        "files_that_differ": 0,
        "half_written": 0,
    },
}


def write_metrics(results: Path, result: str, metrics: dict[str, Any]) -> None:
    """Write results/<result>/metrics.json."""
    (results / result).mkdir(parents=True, exist_ok=True)
    (results / result / "metrics.json").write_text(json.dumps(metrics))


def _write_selection_tables(folder: Path) -> None:
    importances = {"sample": "all", "feature": ["dered_r", "dered_g-r"], "importance": [0.6, 0.4]}
    pd.DataFrame(importances | {"importance_err": 0.1, "in_top": [1.0, 0.5]}).to_csv(folder / "importances.csv")
    curve = {"method": ["mint", "mint_pairs", "trees", "random"], "n_features": 3, "sigma": 0.04, "sigma_err": 0.002}
    pd.DataFrame(curve | {"sigma_draws": [None, None, None, 0.01]}).to_csv(folder / "curve.csv")
    permutation = {"name": ["colours", "dered_g-r"], "kind": "colours", "n_features": [30, 1], "tree_importance": 0.4}
    permutation |= {"rise_percent": [500.0, 20.0], "rise_percent_err": 1.0}
    pd.DataFrame(permutation).to_csv(folder / "permutation.csv")


def _write_anchoring(results: Path) -> None:
    write_metrics(results, "real/anchoring", ANCHORING)
    miss = {"comparison": "main", "quantity": "u_g", "low": 0.1, "high": 0.12, "statistic": "median", "mock": 1.5}
    miss |= {"real": 1.71, "difference": -0.21, "difference_err": 0.02, "within": False}
    pd.DataFrame([miss, miss | {"within": True}]).to_csv(results / "real" / "anchoring" / "statistics.csv")


def _write_redshift_pdfs(results: Path) -> None:
    write_metrics(results, "pit_calibration", PIT)
    write_metrics(results, "real/boss_dr10/pit_calibration", PIT)
    write_metrics(results, "real/star_galaxy_sdss/pit_calibration", {"not_run": "fewer than two bands"})
    write_metrics(results, "redshift_distributions", N_Z)
    shifts = {"shift_true": 0.001, "shift_true_err": 0.001, "shift_resampled": 0.002, "shift_resampled_err": 0.001}
    bins = {
        "bin": range(1, 5),
        "low": [0.1, 0.2, 0.4, 0.6],
        "high": [0.2, 0.4, 0.6, 0.8],
        "galaxies": 500,
        "z_phot": 0.3,
    }
    table = pd.DataFrame(bins | shifts | {"field_scatter": [0.003, 0.004, 0.005, None]})
    table.loc[3, "shift_resampled"] = None  # no reference galaxy reached this bin
    table.to_csv(results / "redshift_distributions" / "bins.csv", index=False)
    write_metrics(results, "spectroscopic_completeness", COMPLETENESS)
    write_metrics(results, "nbody_gan", NBODY_GAN)
    write_metrics(results, "nbody", NBODY)
    write_metrics(results, "apply", APPLY)


def _write_star_galaxy(results: Path) -> None:
    write_metrics(results, "star_galaxy", STAR_GALAXY)
    for table, content in REAL_STAR_GALAXY.items():
        write_metrics(results, f"real/{table}/star_galaxy", content)


def _write_race(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, content in RACE.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def write_everything(root: Path) -> None:
    """Write results/, data/provenance.json and the pipeline below a folder, and stand-ins for the figures of paper/."""
    shutil.copy(paths.ROOT / "dvc.yaml", root)
    results = root / "results"
    write_metrics(results, "feature_importance", FEATURE_IMPORTANCE)
    (results / "survey").mkdir()
    (results / "survey" / "summary.json").write_text(json.dumps(SURVEY))
    for table, metrics in REAL.items():
        write_metrics(results, f"real/{table}", metrics)
    _write_anchoring(results)
    ranks = {"rank_all": range(1, 13), "rank_early_bright": range(12, 0, -1)}
    columns = {"feature": [f"dered_g-r_{k}" for k in range(12)], "importance_all": [0.3] + [0.06] * 11}
    pd.DataFrame(columns | ranks).to_csv(results / "feature_importance" / "importances.csv", index=False)
    write_metrics(results, "feature_selection", SELECTION)
    _write_selection_tables(results / "feature_selection")
    _write_redshift_pdfs(results)
    _write_star_galaxy(results)
    write_cnn(results)
    write_metrics(results, "adversarial", ADVERSARIAL)
    write_metrics(results, fake_adversarial_real.NAME, fake_adversarial_real.SPIRALS)
    (results / "robustness.json").write_text(json.dumps(ROBUSTNESS))
    (results / "bench").mkdir()
    for name, figures in BENCHES.items():
        (results / "bench" / f"{name}.json").write_text(json.dumps(figures))
    _write_race(results / "real" / "boss_dr10" / "photoz_pdf")
    (root / "data").mkdir()
    (root / "data" / "provenance.json").write_text(json.dumps(PROVENANCE))
    (root / "paper" / "figures").mkdir(exist_ok=True)
    for name in (*FIGURES, *fake_cnn.FIGURES, *fake_adversarial.FIGURES, *fake_adversarial_real.FIGURES):
        matplotlib.figure.Figure(figsize=(6, 3)).savefig(root / "paper" / "figures" / f"{name}.png")
