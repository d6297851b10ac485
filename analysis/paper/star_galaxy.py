"""The paper's tables of star-galaxy separation: one function a table, from results to text."""

from collections.abc import Mapping
from typing import Any

from analysis.paper.numbers import escaped, format_interval, typeset
from analysis.paper.tables import cell, include, not_run, pipe_table, why_not
from analysis.star_galaxy.names import CONVNET, LABELS, NAME, SAME_KIND, SPECTRA, WITHOUT

MERIT = {
    "auc": "AUC",
    "mse": "MSE",
    "p_g_at_c_g_096": "$p_g$",
    "c_s_at_p_s_097": "$c_s$",
    "cal": "CAL",
    "dn_g": "$\\Delta N_g/N_g$",
    "log_loss": "log loss",
}


def in_order(names: Mapping[str, Any]) -> list[str]:
    """Return the classifiers that are there, in the order of all tables."""
    return [name for name in LABELS if name in names]


def merit(content: Mapping[str, Any], published: Mapping[str, Any]) -> str:
    """Write the seven figures of merit of each classifier, the published ones below ours."""
    cells = []
    for name in in_order(content["classifiers"]):
        values = content["classifiers"][name]
        cells.append([LABELS[name], *(cell(values, leaf) for leaf in MERIT)])
        if name in published:
            cells.append(["… published", *(f"{published[name][leaf]:.4f}" for leaf in MERIT)])
    return pipe_table(["Classifier", *MERIT.values()], cells, [16, 12, 12, 12, 12, 12, 12, 12], "lrrrrrrr")


def thresholds(content: Mapping[str, Any]) -> str:
    """Write the thresholds chosen on validation objects, and what they become on test objects."""
    leaves = ("galaxy_completeness", "galaxy_purity", "star_completeness", "star_purity")
    cells = []
    for name in in_order(content["thresholds"]):
        values = content["thresholds"][name]
        limits = [_threshold(values.get(key)) for key in ("galaxy_threshold", "star_threshold")]
        shares = [cell(values, leaf) for leaf in leaves]
        cells.append([LABELS[name], limits[0], *shares[:2], limits[1], *shares[2:]])
    header = ["Classifier", "galaxy if $p \\geq$", "$c_g$", "$p_g$", "star if $p \\leq$", "$c_s$", "$p_s$"]
    return pipe_table(header, cells, [22, 10, 15, 15, 10, 14, 14], "lrrrrrr")


def _threshold(p: float | None) -> str:
    if p is None:
        return "–"
    return "> 0.999" if p >= 0.9995 else f"{p:.3f}"  # a threshold is never above 1


def deep(content: Mapping[str, Any]) -> str:
    """Write figures of merit on objects without spectra, for both trainings."""
    leaves = ("auc", "mse", "c_s_at_p_s_097")
    cells = []
    for name in in_order(content["deep"][SPECTRA]):
        both = [cell(content["deep"][sample].get(name, {}), leaf) for sample in (SPECTRA, SAME_KIND) for leaf in leaves]
        cells.append([LABELS[name], *both])
    header = ["Classifier", *(f"{MERIT[leaf]}, {on}" for on in ("spectra", "same kind") for leaf in leaves)]
    return pipe_table(header, cells, [22, 13, 13, 13, 13, 13, 13], "lrrrrrr")


def sky(content: Mapping[str, Any]) -> str:
    """Write where on the sky the objects are that each classifier calls stars and galaxies."""
    cells = []
    for name, label in {WITHOUT: "none: all are galaxies", **LABELS}.items():
        if values := content["sky"].get(name):
            cells.append([label, *(cell(values, leaf) for leaf in ("latitude_slope", "slope", "correlation"))])
    header = ["Classifier", "$d\\ln n_s/d\\sin|b|$", "$dn_g/dn_s$", "correlation"]
    return pipe_table(header, cells, [31, 23, 23, 23], "lrrr")


def real(metrics: Mapping[str, dict[str, Any]]) -> str:
    """Write figures of merit on real tables; `metrics` maps a table's name to its metrics."""
    leaves = ("auc", "mse", "p_g_at_c_g_096", "c_s_at_p_s_097")
    cells = []
    for table, content in metrics.items():
        label = f"`{table}`"
        for name in in_order(content.get("classifiers", {})):
            values = content["classifiers"][name]
            cells.append([label, LABELS[name], *(cell(values, leaf) for leaf in leaves)])
            label = ""
    header = ["Table", "Classifier", *(MERIT[leaf] for leaf in leaves)]
    return pipe_table(header, cells, [19, 21, 16, 15, 15, 14], "llrrrr")


def three_classes(metrics: Mapping[str, dict[str, Any]]) -> str:
    """Write how well stars, galaxies and quasars are told apart by magnitudes and colours."""
    cells = []
    for table, content in metrics.items():
        label = f"`{table}`"
        for name, values in content.get("three_classes", {}).items():
            if isinstance(values, dict):
                shares = [cell(values, leaf) for leaf in ("auc", "completeness", "purity")]
                cells.append([label, name, f"{values['n']:,}", *shares])
                label = ""
    header = ["Table", "Class", "Objects", "AUC against the others", "Completeness", "Purity"]
    return pipe_table(header, cells, [20, 12, 12, 20, 18, 18], "llrrrr")


def transfer(metrics: Mapping[str, dict[str, Any]]) -> str:
    """Write what the network, trained on the survey's stamps, does on real ones, unchanged and fine-tuned."""
    cells = []
    for table, content in metrics.items():
        if "before" in content:
            numbers = [f"{content[name]:,}" for name in ("n_stars", "n_galaxies")]
            steps = [cell(content.get(step, {}), "auc") for step in ("before", "at_learnt_seeing", "after")]
            cells.append([f"`{table}`", *numbers, *steps, _gain(content.get("gain"))])
    header = [
        "Stamps",
        "Stars",
        "Galaxies",
        "AUC, unchanged",
        "at the seeing that it knows",
        "fine-tuned",
        "gain (95%)",
    ]
    return pipe_table(header, cells, [20, 8, 9, 16, 16, 16, 15], "lrrrrrr")


def _gain(values: Mapping[str, Any] | None) -> str:
    return typeset(format_interval(values["auc_low"], values["auc_high"])) if values else "–"


def star_galaxy_pages(metrics: Mapping[str, dict[str, Any]], published: Mapping[str, Any]) -> dict[str, str]:
    """Write the generated files of paper/tables/ for star-galaxy separation: name -> Markdown.

    Parameters
    ----------
    metrics : mapping of str to dict
        Of all results, by name.
    published : mapping
        The part `star_galaxy` of published.yaml.
    """
    pages = _real_pages(metrics)
    if why := why_not(metrics, NAME):
        return pages | not_run("star-galaxy", why)
    content = metrics[NAME]
    parts = {"convnet": content["without"].get(CONVNET, "")}
    parts |= {name: content[name].get("not_run", "") for name in ("deep", "sky")}
    parts["gain"] = "" if "stars" in content["deep"].get("gain", {}) else "too few objects, or parameters"
    for name, why in parts.items():
        section = f"star-galaxy-{name}"
        pages[f"section-{section}"] = f"Not run: {escaped(why)}.\n" if why else include(section)
    written = {"star-galaxy-merit": merit(content, published["kim_brunner2017"]["values"])}
    written["star-galaxy-thresholds"] = thresholds(content)
    written |= {
        f"star-galaxy-{name}": write(content) for name, write in (("deep", deep), ("sky", sky)) if not parts[name]
    }
    return pages | written | {"section-star-galaxy": include("star-galaxy")}


def _real_pages(metrics: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    found = {
        name.split("/")[1]: c for name, c in metrics.items() if name.startswith("real/") and name.endswith(f"/{NAME}")
    }
    if not any("classifiers" in content for content in found.values()):
        return {"section-real-star-galaxy": "Stars and galaxies were not separated on real tables here.\n"}
    images = any("before" in content for content in found.values())
    transferred = include("real-star-galaxy-images") if images else "The network was not run on real stamps here.\n"
    return {
        "section-real-star-galaxy": include("real-star-galaxy"),
        "section-real-star-galaxy-images": transferred,
        "real-star-galaxy": real(found),
        "real-three-classes": three_classes(found),
        "real-transfer": transfer(found),
    }
