"""How fast the parts are beside the usual way, in the paper and README.md: what `make bench` left in results/bench."""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from analysis.paper.numbers import escaped, format_value
from analysis.paper.tables import include, pipe_table

FOLDER = "bench"  # below results/, a file for each
APPLY = "apply"
NOT_RUN = "Not measured here (`make bench` does it).\n"
_HEADER = ["Timed", "Ours", "The usual way", "Ratio"]

Figures = Mapping[str, Any]


class Row(NamedTuple):
    """A line of the table: what is timed, ours, the usual way, how many times faster ours is."""

    timed: str
    ours: str
    usual: str
    ratio: float


def read_benches(results: Path) -> dict[str, dict[str, Any]]:
    """Read the figures of the benches that have been run, by their names."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((results / FOLDER).glob("*.json"))}


def _trees(figures: Figures) -> list[Row]:
    depth = str(figures["depth"])
    compared = figures["by_depth"][depth]
    timed = f"AdaBoost, {figures['compared_trees']} trees of depth {depth}, on {figures['galaxies']:,} galaxies with "
    ours, theirs = (f"{compared[who]['seconds']:.1f} s" for who in ("ours", "scikit_learn"))
    return [
        Row(f"{timed}{figures['features']} features, one thread", ours, f"scikit-learn: {theirs}", compared["ratio"])
    ]


def _stamps(figures: Figures) -> list[Row]:
    ours, plain = (f"{figures[way]:,.0f} a second" for way in ("stamps_per_second", "plain"))
    timed = f"augmented stamps, {figures['crop']} × {figures['crop']} pixels, {figures['threads']} threads"
    return [Row(timed, ours, f"one by one in a DataLoader: {plain}", figures["ratio"])]


def _training(figures: Figures) -> list[Row]:
    ours, plain = (f"{figures[way]:,.0f} stamps a second" for way in ("stamps_per_second", "plain"))
    timed = f"training of Kim & Brunner's network, {figures['threads']} threads, {figures['precision']}"
    return [Row(timed, ours, f"plain loop in float32: {plain}", figures["ratio"])]


def _nbody(figures: Figures) -> list[Row]:
    rows = []
    for name, timed in figures.items():
        kind, _, size = name.partition("_")
        if kind not in ("force", "run") or "ratio" not in timed:
            continue
        side, _, steps = size.partition("_")
        what = f"an N-body run of {steps} steps" if steps else "the particle-mesh force"
        ours, theirs = (f"{1e3 * timed[who]:,.0f} ms" for who in ("seconds", "jaxpm_seconds"))
        rows.append(
            Row(f"{what}, {side}³ particles, {figures['threads']} threads", ours, f"JaxPM: {theirs}", timed["ratio"])
        )
    return rows


def _apply(figures: Figures) -> list[Row]:
    objects, seconds = figures["objects"]["small"], figures["seconds"]
    ours, alone = (f"{objects / seconds[run]:,.0f} a second" for run in ("small", "small_one_worker"))
    timed = f"`apply`: all models on {objects:,} objects, two workers"
    return [Row(timed, ours, f"one worker: {alone}", seconds["small_one_worker"] / seconds["small"])]


_ROWS = {"feature-importance": _trees, "stamps": _stamps, "training": _training, "nbody": _nbody, APPLY: _apply}


def rows(benches: Mapping[str, Figures]) -> list[Row]:
    """Return the lines of the table, of those benches that have been run."""
    return [row for name, of in _ROWS.items() if name in benches for row in of(benches[name])]


def machines(benches: Mapping[str, Figures]) -> str:
    """Write on which machines the benches ran."""
    ran = {f"{figures['machine']['processor']}, {figures['machine']['cores']} cores" for figures in benches.values()}
    return "; ".join(sorted(ran))


def bench_pages(benches: Mapping[str, Figures]) -> dict[str, str]:
    """Write the generated files of paper/tables/ for the benches: name -> Markdown."""
    if not benches:
        return {"section-benches": NOT_RUN, "section-apply-bench": NOT_RUN}
    cells = [[row.timed, row.ours, row.usual, format_value(row.ratio)] for row in rows(benches)]
    return {
        "section-benches": include("benches"),
        "section-apply-bench": include("apply-bench") if APPLY in benches else NOT_RUN,
        "benches": pipe_table(_HEADER, cells, [40, 22, 28, 10], "lrrr"),
        "benches-machine": f"Measured on {escaped(machines(benches))}.\n",
    }


def readme_table(benches: Mapping[str, Figures]) -> str:
    """Write the table of README.md."""
    if not benches:
        return NOT_RUN.strip()
    cells = [[row.timed, row.ours, row.usual, format_value(row.ratio)] for row in rows(benches)]
    lines = ["| " + " | ".join(line) + " |" for line in (_HEADER, ["---", "---:", "---:", "---:"], *cells)]
    return "\n".join(["", *lines, "", f"Measured on {machines(benches)} ([results/bench](results/bench))."])


def readme_billion(benches: Mapping[str, Figures]) -> str:
    """Write the paragraph of README.md on what a billion objects take."""
    if APPLY not in benches:
        return NOT_RUN.strip()
    figures = benches[APPLY]
    billion, objects, peak = figures["billion"], figures["objects"], figures["peak_gib"]
    sentences = [
        f"Measured on {machines({APPLY: figures})} ([{FOLDER}/{APPLY}.json](results/{FOLDER}/{APPLY}.json)):",
        f"{figures['objects_per_second']:,.0f} objects a second by two workers",
        f"({objects['large']:,} in {figures['seconds']['large']:.0f} s),",
        f"which are {figures['efficiency_percent']:.0f}% efficient against one;",
        f"a worker takes {peak['small']:.2f} GiB for {objects['small']:,} objects,",
        f"{peak['large']:.2f} GiB for {objects['large']:,}.",
        f"At that speed a billion objects take **{billion['core_hours']:.0f} core hours**,",
        f"{billion['minutes_on_64_cores']:.0f} minutes on 64 cores, if reading and writing keep up;",
        f"{billion['input_gb']:.0f} GB to read,",
        f"{billion['output_gb']:.0f} GB of answers, and twice that while it runs.",
    ]
    return textwrap.fill(" ".join(sentences), 118, break_long_words=False, break_on_hyphens=False)
