"""The paper's tables, as Markdown pipe tables: one function a table, from results to text."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.anchoring.names import COLOURS as ANCHORED_COLOURS
from analysis.anchoring.names import COMPARISONS, RADII
from analysis.paper.numbers import escaped, format_interval, format_published, format_value, typeset
from analysis.survey.schema import BANDS

# Rows of Hoyle et al.'s table: key in published.yaml and metrics.json, and how the paper calls it.
ANN_ROWS = {
    "psf_magnitudes_and_colours": "standard",
    "top_1_2": "ranked 1, 2",
    "standard_and_top_1_2": "standard + ranked 1, 2",
    "standard_and_top_1_2_3": "standard + ranked 1, 2, 3",
}
RANKS_SHOWN = 10  # over all galaxies
TOP_RANKS = 3  # in a subsample: what the last row of the neural network's table uses
CHECKSUM_SHOWN = 12


def pipe_table(header: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], right: str = "") -> str:
    """Write a Markdown pipe table.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequences of str
        Cells in Markdown.
    widths : sequence of int
        Relative widths of the columns; they add up to about 100, so that pandoc takes them (any line over 72
        characters makes it) in every table alike.
    right : str
        For each column ``r`` (right-aligned) or ``l``; all left when empty.

    Returns
    -------
    str
        The table, ending in a new line.
    """
    alignment = right or "l" * len(header)
    dashes = ["-" * width for width in widths]
    rule = [d + ":" if side == "r" else ":" + d for d, side in zip(dashes, alignment, strict=True)]
    lines = [header, rule, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join("|" + "|".join(line) + "|\n" for line in lines)


def include(section: str) -> str:
    """Write the line that includes a section of paper/sections/."""
    return f"{{{{< include sections/{section}.md >}}}}\n"


def why_not(metrics: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """Return why a result of all was not run; empty where it was."""
    return metrics.get(name, {"not_run": "its stages have not been run"}).get("not_run", "")


def not_run(section: str, why: str) -> dict[str, str]:
    """Write the section of a result that was not run: name of the generated file -> Markdown."""
    return {f"section-{section}": f"This result was not run: {escaped(why)}.\n"}


def ours(row: dict[str, str]) -> str:
    """Write our value of a scorecard row with its error and interval."""
    value, unit = (row["ours"][:-1], "%") if row["ours"].endswith("%") else (row["ours"], "")
    error = f" ± {row['error']}" if row["error"] else ""
    return value + error + unit + (f" ({row['interval']})" if row["interval"] else "")


def ann(metrics: dict[str, Any], published: dict[str, Any]) -> str:
    """Write the neural network's rows beside the published ones."""
    cells = []
    for key, name in ANN_ROWS.items():
        theirs, own = published[key], metrics["ann"][key]
        published_cells = [typeset(format_published(theirs[name])) for name in ("mu", "sigma")]
        cells.append([name, *published_cells, *(cell(own, leaf) for leaf in ("mu", "sigma", "outliers_percent"))])
    header = [
        "Inputs",
        "$\\mu$, published",
        "$\\sigma$, published",
        "$\\mu$, ours",
        "$\\sigma$, ours",
        "outliers, %",
    ]
    return pipe_table(header, cells, [29, 11, 11, 19, 16, 14], "lrrrrr")


def trees(metrics: dict[str, Any]) -> str:
    """Write the boosted trees' figures of merit by set of inputs."""
    names = {
        "adaboost": "all features",
        "adaboost_standard": "standard",
        "adaboost_same_inputs": "the inputs of the last aNN row",
    }
    leaves = ("mu", "sigma", "sigma68", "sigma_scaled", "outliers_percent")
    cells = [[name, *(cell(metrics[key], leaf) for leaf in leaves)] for key, name in names.items() if key in metrics]
    header = ["Inputs", "$\\mu$", "$\\sigma$", "$\\sigma_{68}$", "$\\sigma_\\mathrm{scaled}$", "outliers, %"]
    return pipe_table(header, cells, [25, 17, 15, 15, 15, 13], "lrrrrr")


def importances(table: pd.DataFrame) -> str:
    """Write the features that rank high over all galaxies, and those that rank high in a subsample.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per feature, highest rank first: `feature`, and for each sample (`all` and the subsamples)
        `importance_…` and `rank_…`.
    """
    subsamples = [name for name in map(str, table) if name.startswith("rank_") and name != "rank_all"]
    cells = []
    for row in table.to_dict("records"):
        high = [name.removeprefix("rank_") for name in subsamples if row[name] <= TOP_RANKS]
        if row["rank_all"] <= RANKS_SHOWN or high:
            where = ", ".join(name.removeprefix("all_").replace("_", " ") for name in high) or "–"
            cells.append([str(row["rank_all"]), f"`{row['feature']}`", f"{row['importance_all']:.3f}", where])
    header = ["Rank", "Feature", "Importance", f"Among the first {TOP_RANKS} of the galaxies that are"]
    return pipe_table(header, cells, [8, 22, 14, 56], "rlrl")


def learners(metrics: dict[str, Any]) -> str:
    """Write each learner's error, its gain on the benchmark and its training time, lowest error first."""
    rows = sorted(metrics["learners"].items(), key=lambda item: item[1]["sigma"])
    cells = []
    for name, values in rows:
        gain = _gain(values["gain"]) if "gain" in values else "benchmark"
        leaves = ("sigma", "sigma68", "outliers_percent")
        settings = ", ".join(f"{escaped(key)} {escaped(str(value))}" for key, value in values["settings"].items())
        times = format_value(values["cpu_seconds"])
        cells.append([name.replace("_", " "), times, *(cell(values, leaf) for leaf in leaves), gain, settings])
    header = ["Learner", "CPU, s", "$\\sigma$", "$\\sigma_{68}$", "outliers, %", "Gain in $\\sigma$, %", "Settings"]
    return pipe_table(header, cells, [13, 8, 15, 16, 13, 14, 21], "lrrrrrl")


def inputs(metrics: dict[str, Any]) -> str:
    """Write the boosted trees' error by measured and made inputs, and the gain on all measured ones."""
    names = {
        "all": "all measured features",
        "standard": "PSF magnitudes and colours (standard)",
        "pca": "principal components of all",
        "kernel_pca": "kernel principal components of all",
        "random_combinations": "random linear combinations of all",
        "all_and_pca": "all, and their principal components",
    }
    cells = []
    for key, name in names.items():
        values = metrics["inputs"][key]
        gain = _gain(values["gain"]) if "gain" in values else "–"
        leaves = ("sigma", "sigma68", "outliers_percent")
        cells.append([name, str(values["n_inputs"]), *(cell(values, leaf) for leaf in leaves), gain])
    header = ["Inputs", "Number", "$\\sigma$", "$\\sigma_{68}$", "outliers, %", "Gain in $\\sigma$, %"]
    return pipe_table(header, cells, [32, 9, 16, 17, 13, 13], "lrrrrr")


def permutation(table: pd.DataFrame) -> str:
    """Write, for each kind of features, its share of the trees' gain and the rise of sigma when it is shuffled.

    `table` has a line for each kind (its `name` is its `kind`) and for each feature.
    """
    cells = []
    for kind in table[table["name"] == table["kind"]].sort_values("rise_percent", ascending=False).to_dict("records"):
        alone = table[(table["kind"] == kind["kind"]) & (table["name"] != kind["kind"])]
        worst = alone.loc[alone["rise_percent"].idxmax()].to_dict()
        share = f"{100 * kind['tree_importance']:.1f}"
        row = [kind["kind"], str(kind["n_features"]), share, cell(kind, "rise_percent")]
        cells.append([*row, f"{cell(worst, 'rise_percent')} (`{worst['name']}`)"])
    header = ["Kind", "Features", "Share of gain, %", "Rise of $\\sigma$, all of the kind, %", "Most for one alone, %"]
    return pipe_table(header, cells, [19, 10, 14, 22, 35], "lrrrr")


def curve(table: pd.DataFrame) -> str:
    """Write sigma on test galaxies by number of features and way to choose them."""
    methods = {
        "trees": "tree importance",
        "mint": "MINT, as published",
        "mint_pairs": "MINT, different pairs",
        "random": "at random",
    }
    cells = []
    for n_features, lines in table.groupby("n_features"):
        of_method = lines.set_index("method").to_dict("index")
        row = [cell(of_method[method], "sigma") for method in methods]
        cells.append([str(n_features), *row, typeset(format_value(of_method["random"]["sigma_draws"]))])
    header = ["Features", *methods.values(), "between draws"]
    return pipe_table(header, cells, [10, 19, 19, 19, 19, 14], "rrrrrr")


def stable(table: pd.DataFrame) -> str:
    """Write the most important features with their errors over refits, and how often they rank high."""
    everywhere = table[table["sample"] == "all"].nlargest(RANKS_SHOWN, "importance").to_dict("records")
    cells = [
        [str(rank), f"`{line['feature']}`", cell(line, "importance"), f"{100 * line['in_top']:.0f}"]
        for rank, line in enumerate(everywhere, start=1)
    ]
    return pipe_table(["Rank", "Feature", "Importance", "In the top, % of refits"], cells, [10, 35, 30, 25], "rlrr")


def real(tables: dict[str, dict[str, Any]]) -> str:
    """Write the results on real tables, one row each; `tables` maps a table's name to its metrics."""
    cells = []
    for name, metrics in tables.items():
        if "not_run" in metrics:
            cells.append([f"`{name}`", "", "", "", "", f"not run: {escaped(metrics['not_run'])}"])
            continue
        sample, gain = metrics["sample"], metrics.get("gain", {})
        interval = "no further features"
        if gain.get("sigma_percent") is not None:
            value = format_value(gain["sigma_percent"], gain.get("sigma_percent_err"))
            interval = f"{value} ({format_interval(gain['sigma_percent_low'], gain['sigma_percent_high'])})"
        counts = [format_value(sample[leaf]) for leaf in ("n_galaxies_with_redshift", "n_features")]
        sigmas = [cell(metrics.get(key, {}), "sigma") for key in ("magnitudes_and_colours", "adaboost")]
        cells.append([f"`{name}`", *counts, *sigmas, typeset(interval)])
    header = [
        "Table",
        "Galaxies",
        "Features",
        "$\\sigma$, magnitudes and colours",
        "$\\sigma$, all",
        "Gain in $\\sigma$, %",
    ]
    return pipe_table(header, cells, [21, 11, 11, 19, 16, 22], "lrrrrr")


def real_permutation(tables: dict[str, dict[str, Any]]) -> str:
    """Write by how much sigma rises on each real table when all features of a kind are shuffled."""
    measured = {name: metrics["permutation"] for name, metrics in tables.items() if "permutation" in metrics}
    kinds = list(dict.fromkeys(kind for by_kind in measured.values() for kind in by_kind))
    cells = [
        [f"`{name}`", *(cell(by_kind.get(kind, {}), "rise_percent") for kind in kinds)]
        for name, by_kind in measured.items()
    ]
    width = 75 // max(1, len(kinds))
    header = ["Table", *(kind.replace("_", " ") for kind in kinds)]
    return pipe_table(header, cells, [25, *[width] * len(kinds)], "l" + "r" * len(kinds))


def real_sources(tables: dict[str, dict[str, Any]]) -> str:
    """Write where the real tables come from: what each is, its source, its files and their checksums."""
    cells = []
    for name, metrics in tables.items():
        provenance = metrics.get("provenance", {})
        about = [f"`{name}`", *(escaped(str(provenance.get(key, ""))) for key in ("what", "source"))]
        for file, checksum in provenance.get("files", {}).items():
            cells.append([*about, f"`{file}`", _checksum(checksum)])
            about = ["", "", ""]  # said once for all files of a table
    return pipe_table(["Table", "What", "Source", "File", "SHA-256"], cells, [15, 21, 17, 31, 16])


def anchoring(metrics: dict[str, Any]) -> str:
    """Write by comparison and quantity how many figures of the mock are near those of real galaxies."""
    cells = []
    for name, quantities in metrics["compared"].items():
        for quantity, values in quantities.items():
            within = f"{values['n_within']} of {values['n_tested']}"
            row = [COMPARISONS[name].what, f"`{COMPARISONS[name].table}`", _quantity(quantity), within]
            unit = "%" if quantity in RADII else ""
            worst, tolerance = cell(values, "worst"), format_published(values["tolerance"])
            cells.append([*row, f"{worst}{unit}", f"{tolerance}{unit}"])
    header = ["Galaxies", "Held against", "Quantity", "Within", "Worst median, mock − real", "Tolerance"]
    return pipe_table(header, cells, [20, 18, 20, 11, 20, 11], "lllrrr")


def anchoring_photoz(metrics: dict[str, Any]) -> str:
    """Write the redshift errors of one estimator within and between mock and real galaxies."""
    cells = []
    for name, cases in metrics["photoz"].items():
        row = [COMPARISONS[name].what, *(cell(cases[case], "sigma_IQR") for case in ("mock", "real", "transfer"))]
        cells.append([*row, *(cell(cases["ratio"], case) for case in ("mock", "transfer"))])
    header = ["Galaxies", "Mock", "Real", "Mock to real", "Mock / real", "Mock to real / real"]
    return pipe_table(header, cells, [20, 18, 18, 18, 13, 13], "lrrrrr")


def anchoring_misses(table: pd.DataFrame) -> str:
    """Write every figure of the anchoring that misses its tolerance, and the reason where one is known."""
    cells = []
    for row in table[~table["within"].astype(bool)].to_dict("records"):
        comparison, unit = COMPARISONS[row["comparison"]], "%" if row["quantity"] in RADII else ""
        where = f"{comparison.binned_by} {row['low']:g} to {row['high']:g}"
        figures = [typeset(f"{row[name]:.2f}") for name in ("mock", "real")]
        off = cell(row, "difference") + unit
        cells.append([comparison.what, _quantity(row["quantity"]), row["statistic"], where, *figures, off])
    header = ["Galaxies", "Quantity", "Statistic", "Bin", "Mock", "Real", "Difference"]
    return pipe_table(header, cells or [["none"] + [""] * 6], [18, 14, 11, 22, 9, 9, 17], "llllrrr")


def _quantity(name: str) -> str:
    """Write a quantity of the anchoring: a colour as such, else by the columns' names."""
    if name in ANCHORED_COLOURS:
        return f"${name.replace('_', '-')}$"
    return "`" + name.replace("_minus_", "` − `") + "`"


_COUNTED = ("fetched", "fields", "left_out", "failed_fields")  # of images: one or more for each field of the sky


def survey(provenance: dict[str, Any]) -> str:
    """Write the survey's provenance, an entry a line, nested ones by their path, lists of files by their length."""
    short = {
        name: f"{len(value):,} entries" if name in _COUNTED and isinstance(value, dict | list) and value else value
        for name, value in provenance.items()
    }
    cells = [[escaped(name), value] for name, value in _flat(short)]
    return pipe_table(["Entry", "Value"], cells, [35, 65])


def survey_columns(summary: dict[str, Any]) -> str:
    """Write the measurements in ugriz that a survey has: median in each band, share of missing values."""
    columns: dict[str, dict[str, Any]] = summary.get("columns", {})
    split = [name.rpartition("_") for name in columns]
    names = dict.fromkeys(name for name, _, band in split if band in BANDS and name and name[-3:] != "Err")
    cells = []
    for name in names:
        of_band = [columns.get(f"{name}_{band}", {}) for band in BANDS]
        medians = ["–" if one.get("median") is None else f"{one['median']:.3g}" for one in of_band]
        present = [one for one in of_band if one]
        missing = f"{100 * sum(one['nulls'] for one in present) / len(present):.1f}%"
        cells.append([f"`{name}`", present[0]["unit"], *map(typeset, medians), missing])
    header = ["Measurement", "Unit", *(f"${band}$" for band in BANDS), "Missing"]
    return pipe_table(header, cells, [24, 12, 10, 10, 10, 10, 10, 14], "llrrrrrr")


def _flat(tree: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for name, value in tree.items():
        if value in ("", [], {}, None):
            continue
        if isinstance(value, list) and isinstance(value[0], dict):
            value = {str(number): entry for number, entry in enumerate(value, 1)}
        if isinstance(value, dict):
            lines += _flat(value, f"{above}{name}: ")
        elif "sha256" in above + name:
            lines.append((f"{above}{name}", _checksum(str(value))))
        elif isinstance(value, int | float) and not isinstance(value, bool) and "seed" not in name:
            lines.append((f"{above}{name}", typeset(f"{value:,}" if isinstance(value, int) else f"{value:g}")))
        else:
            lines.append((f"{above}{name}", escaped(str(value))))
    return lines


def _checksum(full: str) -> str:
    return f"`{full[:CHECKSUM_SHOWN]}…`"


def _gain(gain: dict[str, float]) -> str:
    """Write a gain in sigma with its error; a dash where it means nothing."""
    return cell(gain, "sigma_percent")


def cell(metrics: Mapping[Any, Any], leaf: str) -> str:
    """Write one figure of merit with its error; a dash where it was not measured."""
    if metrics.get(leaf) is None:
        return "–"
    return typeset(format_value(metrics[leaf], metrics.get(f"{leaf}_err")))
