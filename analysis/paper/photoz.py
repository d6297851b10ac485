"""The paper's tables of the results on redshift PDFs: one function a table, from results to text."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import kstwobign

from analysis.paper.numbers import escaped, format_value, typeset
from analysis.paper.tables import cell, include, not_run, pipe_table, why_not
from analysis.photoz_pdf.names import CROSS_VALIDATION, FINAL, LABELS, NAME, RACE_TABLE

SCORES = {
    "crps": "CRPS",
    "cde_loss": "CDE loss",
    "ks": "KS",
    "ks_ratio": "KS / limit",
    "pit_outlier_rate": "PIT outliers",
}


def merit(metrics: Mapping[str, Any]) -> str:
    """Write the figures of merit of every estimator's PDFs, raw and calibrated, with their local deviation."""
    cells = []
    for name, label in LABELS.items():
        for variant, values in metrics["estimators"].get(name, {}).items():
            local = metrics["local"][name][variant]["rms"]
            cells.append([label, variant, *(cell(values, leaf) for leaf in SCORES), f"{local:.3f}"])
            label = ""  # said once for all variants
    header = ["Estimator", "PDFs", *SCORES.values(), "Local rms"]
    return pipe_table(header, cells, [17, 11, 17, 15, 15, 9, 17, 8], "llrrrrrr")


def points(metrics: Mapping[str, Any], family: str, leaves: Mapping[str, str]) -> str:
    """Write one family of point metrics of the mean, median and mode of every estimator's PDFs."""
    cells = []
    for name, label in LABELS.items():
        for point, families in metrics["points"].get(name, {}).items():
            cells.append([label, point, *(cell(families[family], leaf) for leaf in leaves)])
            label = ""
    width = 68 // len(leaves)
    return pipe_table(
        ["Estimator", "Point", *leaves.values()], cells, [20, 10, *[width] * len(leaves)], "ll" + "r" * len(leaves)
    )


PAPER_ERA = {"mu": "$\\mu$", "sigma": "$\\sigma$", "sigma68": "$\\sigma_{68}$", "outliers_percent": "outliers, %"}
LSST_ERA = {
    "bias": "bias",
    "sigma_IQR": "$\\sigma_\\mathrm{IQR}$",
    "sigma_MAD": "$\\sigma_\\mathrm{MAD}$",
    "outliers_percent": "outliers, %",
}


def panels(metrics: Mapping[str, Any]) -> str:
    """Write the moments of the PIT of the four panels."""
    cells = [
        [name, *(cell(values, leaf) for leaf in ("curvature", "slope", "ks", "ks_ratio"))]
        for name, values in metrics["panels"].items()
    ]
    return pipe_table(["PDFs", "Curvature", "Slope", "KS", "KS / limit"], cells, [20, 20, 20, 20, 20], "lrrrr")


def real_pdfs(metrics: Mapping[str, dict[str, Any]]) -> str:
    """Write the figures of merit on real tables, remapped PDFs; `metrics` maps a table's name to its metrics."""
    cells = []
    for table, content in metrics.items():
        if "not_run" in content:
            cells.append([f"`{table}`", "", f"not run: {escaped(content['not_run'])}", *[""] * (len(SCORES) - 1)])
            continue
        label = f"`{table}`"
        for name, estimator in LABELS.items():
            values = content["estimators"].get(name, {}).get("remapped", {})
            cells.append([label, estimator, *(cell(values, leaf) for leaf in SCORES)])
            label = ""
    header = ["Table", "Estimator", *SCORES.values()]
    return pipe_table(header, cells, [17, 16, 16, 16, 14, 8, 16], "llrrrrr")


def real_shifts(metrics: Mapping[str, dict[str, Any]]) -> str:
    """Write the shifts of the tomographic bins on real tables, by resampling and in truth."""
    cells = []
    for table, content in metrics.items():
        label = f"`{table}`"
        for number in range(1, 5):
            values = content.get(f"bin_{number}", {})
            if "miss" in values:
                limits = f"{values['low']:g} to {values['high']:g}"
                shifts = [cell(values, name) for name in ("shift_resampled", "shift_true", "miss")]
                cells.append([label, limits, f"{values['galaxies']:,}", *shifts])
                label = ""
    header = ["Table", "$z_\\mathrm{phot}$", "Galaxies", "Shift, resampled", "Shift, true", "Miss"]
    return pipe_table(header, cells, [18, 14, 9, 20, 20, 19], "llrrrr")


def real_labels(metrics: Mapping[str, dict[str, Any]]) -> str:
    """Write how well bad redshifts planted among real ones are found, by the leaf mates."""
    cells = []
    for table, content in metrics.items():
        if found := content.get("labels"):
            leaves = ("precision", "recall", "average_precision")
            shares = [f"{100 * found['leaf_mates'][leaf]:.0f}" for leaf in leaves]
            cells.append([f"`{table}`", f"{found['n_training']:,}", str(found["n_bad"]), *shares])
    header = ["Table", "Galaxies", "Planted", "Precision, %", "Recall, %", "Average precision, %"]
    return pipe_table(header, cells, [25, 13, 13, 16, 13, 20], "lrrrrr")


def bins(table: pd.DataFrame) -> str:
    """Write the tomographic bins: limits, galaxies, shifts of the mean redshift."""
    cells = []
    for line in table.to_dict("records"):
        limits = f"{line['low']:g} to {line['high']:g}"
        scatter = typeset(format_value(line["field_scatter"], line["field_scatter"]).partition(" ±")[0])
        shifts = [cell(line, name) for name in ("shift_resampled", "shift_true")]
        cells.append([str(line["bin"]), limits, f"{line['galaxies']:,}", f"{line['z_phot']:.3f}", *shifts, scatter])
    header = ["Bin", "$z_\\mathrm{phot}$", "Galaxies", "Mean", "Shift, resampled", "Shift, true", "One field"]
    return pipe_table(header, cells, [6, 16, 12, 10, 22, 22, 12], "rlrrrrr")


def science(metrics: Mapping[str, Any]) -> str:
    """Write what labelled galaxies say, plain and reweighted, and what is true of the science sample."""
    samples = {"test": "test", "test_reweighted": "test, reweighted", "science": "science, the truth"}
    leaves = {"sigma68": "$\\sigma_{68}$", "outliers_percent": "outliers, %", "crps": "CRPS", "ks": "KS"}
    cells = []
    for training in ("unweighted", "weighted"):
        label = training
        for sample, name in samples.items():
            values = metrics["science"][training].get(sample, {})
            cells.append([label, name, *(cell(values, leaf) for leaf in leaves)])
            label = ""
    return pipe_table(["Training", "Judged on", *leaves.values()], cells, [14, 20, 17, 15, 19, 15], "llrrrr")


def labels(metrics: Mapping[str, Any]) -> str:
    """Write how well planted bad redshifts are found."""
    methods = {"leaf_mates": "leaf mates of a random forest", "isolation_forest": "isolation forest"}
    cells = [
        [
            label,
            *(f"{100 * metrics['labels'][name][leaf]:.0f}" for leaf in ("precision", "recall", "average_precision")),
        ]
        for name, label in methods.items()
    ]
    header = ["Method", "Precision, %", "Recall, %", "Average precision, %"]
    return pipe_table(header, cells, [40, 20, 20, 20], "lrrr")


RACE = f"real/{RACE_TABLE}/{NAME}"  # the result's name
ENTRANTS = {
    "ours": {
        "mdn": LABELS["mdn"],
        "rdf": LABELS["rdf"],
        "knn kernel": "neighbours, kernels",
        "knn gaussian": "neighbours, one Gaussian",
        "trainz": "trainZ",
    },
    "peers": {"flexzboost": "FlexZBoost", "gpz": "GPz", "knn": "nearest neighbours", "trainz": "trainZ"},
}


def read_race(results: Path) -> dict[str, Any]:
    """Read what `bench photoz` measured.

    Returns
    -------
    dict
        `final` and `cross_validation`, the files; `curve`, the ends of the learning curve and what lies between;
        `ks_limit`, which the KS distance of calibrated PDFs exceeds once in twenty.
        Empty where one of the files is not there. Scores of the first file without an error get that of the second,
        scaled to the number of test galaxies: it is the scatter between galaxies that both measure.
    """
    files = {"final": results / RACE / FINAL, "cross_validation": results / RACE / CROSS_VALIDATION}
    if not all(path.is_file() for path in files.values()):
        return {}
    race = {name: json.loads(path.read_text()) for name, path in files.items()}
    final, validated = race["final"], race["cross_validation"]
    scale = math.sqrt(validated["train"] / final["test"])
    for name, scores in final["ours"].items():
        for error in ("cde_loss_err", "crps_err"):
            scores.setdefault(error, scale * validated["ours"][name][error])
    curve = validated["learning_curve"]
    first, second, before, last = curve[0], curve[1], curve[-2], curve[-1]
    race["ks_limit"] = float(kstwobign.ppf(0.95)) / math.sqrt(final["test"])
    return race | {
        "curve": {
            **{"first": first, "second": second, "before": before, "last": last},
            "first_gain": first["cde_loss"] - second["cde_loss"],
            "last_gain": before["cde_loss"] - last["cde_loss"],
            "gap": last["cde_loss"] - last["cde_loss_of_training"],
        }
    }


def race(final: Mapping[str, Any]) -> str:
    """Write our estimators' and other programs' figures on the same test galaxies, all to the same digits."""
    forms = {"cde_loss": ".2f", "crps": ".5f", "ks": ".3f", "ks_calibrated": ".3f", "sigma_iqr": ".4f"}
    cells = []
    for group, label in {"ours": "ours", "peers": "RAIL"}.items():
        for name, entrant in ENTRANTS[group].items():
            if values := final[group].get(name):
                processor = f" ({values['fit_cpu_s']:.1f})" if "fit_cpu_s" in values else ""
                times = [f"{values['fit_s']:.1f}{processor}", f"{values['predict_s']:.1f}"]
                scores = [format(values[key], form) if key in values else "–" for key, form in forms.items()]
                outliers = f"{100 * values['outliers']:.1f}"
                cells.append([label, entrant, *times, *map(typeset, scores), outliers])
                label = ""
    header = ["", "Estimator", "Fit, s", "Predict, s", "CDE loss", "CRPS", "KS", "KS, calibrated"]
    header += ["$\\sigma_\\mathrm{IQR}$", "outliers, %"]
    return pipe_table(header, cells, [6, 17, 13, 9, 9, 9, 8, 11, 9, 9], "llrrrrrrrr")


def photoz_pages(results: Path, metrics: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Write the generated files of paper/tables/ for the results on redshift PDFs: name -> Markdown."""
    pages: dict[str, str] = {}
    for result in ("pit_calibration", "redshift_distributions", "spectroscopic_completeness"):
        section = result.replace("_", "-")
        if why := why_not(metrics, result):
            pages |= not_run(section, why)
        else:
            pages[f"section-{section}"] = include(section)
            pages |= _TABLES[result](results / result, metrics[result])
    pages["section-race"] = "The race against other programs was not run here (`bench photoz --final` does it).\n"
    if RACE in metrics:
        pages |= {"section-race": include("race"), "race": race(metrics[RACE]["final"])}
    written = {
        "pit_calibration": real_pdfs,
        "redshift_distributions": real_shifts,
        "spectroscopic_completeness": real_labels,
    }
    pages["section-real-pdfs"] = "Redshift PDFs were not run on real tables here (`make real` does it).\n"
    for result, write in written.items():
        real = {name.split("/")[1]: content for name, content in metrics.items() if name.endswith(f"/{result}")}
        pages[f"real-{result.replace('_', '-')}"] = write(real)
        if real:
            pages["section-real-pdfs"] = include("real-pdfs")
    return pages


def _pit_calibration(_: Path, content: dict[str, Any]) -> dict[str, str]:
    return {
        "pdf-merit": merit(content),
        "pdf-points-paper": points(content, "paper", PAPER_ERA),
        "pdf-points-lsst": points(content, "lsst", LSST_ERA),
        "pit-panels": panels(content),
    }


def _redshift_distributions(folder: Path, _: dict[str, Any]) -> dict[str, str]:
    return {"n-z-bins": bins(pd.read_csv(folder / "bins.csv"))}


def _spectroscopic_completeness(_: Path, content: dict[str, Any]) -> dict[str, str]:
    pages = {"bad-labels": labels(content)}
    if "no_science" in content:
        return pages | {"section-science-sample": f"There is no science sample: {escaped(content['no_science'])}.\n"}
    unknown = content["science"]["truth"].get("not_known")
    pages["science-truth"] = (
        f"The truth is not known here: {escaped(unknown)}.\n" if unknown else include("science-truth")
    )
    return pages | {"section-science-sample": include("science-sample"), "science": science(content)}


_TABLES = {
    "pit_calibration": _pit_calibration,
    "redshift_distributions": _redshift_distributions,
    "spectroscopic_completeness": _spectroscopic_completeness,
}
