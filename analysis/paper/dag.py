"""`python -m analysis paper dag`: a picture of the pipeline, docs/pipeline.svg, from dvc.yaml.

`dvc dag` draws every dependency. Here stages that work on one result stand together, one after the other from left to
right; those that serve all results stand apart, at the sides.
"""

import argparse
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from analysis import paths
from analysis.files import replacing
from analysis.provenance.pipeline import Pipeline, makers, read_pipeline

PICTURE = paths.ROOT / "docs" / "pipeline.svg"
_SHARED = 8  # a stage that reads, or is read by, as many others serves all results
_STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "pipeline", "font.size": 7, "font.family": "sans-serif"}


def edges(stages: Pipeline) -> list[tuple[str, str]]:
    """List which stage makes what another reads, as pairs (maker, reader)."""
    read = {name: {maker.name for dep in stage.deps for maker in makers(stages, dep)} for name, stage in stages.items()}
    return [(maker, reader) for reader in stages for maker in stages if maker in read[reader]]


def groups(names: list[str], pairs: list[tuple[str, str]]) -> list[list[str]]:
    """Divide stages into those that are connected with each other, in the order of their first ones."""
    group = {name: {name} for name in names}
    for maker, reader in pairs:
        if maker in group and reader in group and group[maker] is not group[reader]:
            group[maker] |= group[reader]
            for name in group[reader]:
                group[name] = group[maker]
    return [[name for name in names if name in one] for one in {id(one): one for one in group.values()}.values()]


def layout(stages: Pipeline) -> dict[str, tuple[float, float]]:
    """Return column and row of every stage."""
    pairs = edges(stages)
    read = {name: sum(maker == name for maker, _ in pairs) for name in stages}
    reads = {name: sum(reader == name for _, reader in pairs) for name in stages}
    serving = [name for name in stages if read[name] >= _SHARED]
    gathering = [name for name in stages if reads[name] >= _SHARED]
    last = [name for name in stages if not read[name]]
    ends = [*gathering, *(name for name in last if name not in gathering)]
    places, row = {}, 0.0
    for members in groups([name for name in stages if name not in (*serving, *ends)], pairs):
        depth = _depths(members, pairs)
        used = dict.fromkeys(depth.values(), 0)
        for name in members:
            places[name] = (1.0 + depth[name], row + used[depth[name]])
            used[depth[name]] += 1
        row += max(used.values()) + 0.4
    right = 1 + max(column for column, _ in places.values())
    for column, names in ((0.0, serving), (right, ends)):
        middle = (row - 1.4) / 2 - (len(names) - 1)
        places |= {name: (column, middle + 2 * number) for number, name in enumerate(names)}
    return places


def _depths(members: list[str], pairs: list[tuple[str, str]]) -> dict[str, int]:
    """Return how many stages of its group come before a stage, on the longest way."""
    depth = dict.fromkeys(members, 0)
    for _ in members:
        for maker, reader in pairs:
            if maker in depth and reader in depth:
                depth[reader] = max(depth[reader], depth[maker] + 1)
    return depth


def draw(stages: Pipeline) -> Figure:
    """Draw the stages as boxes, an arrow from each to those that read what it makes."""
    places = layout(stages)
    right, bottom = (max(numbers) for numbers in zip(*places.values(), strict=True))
    size = (1.75 * (right + 1), 0.42 * (bottom + 2))
    figure, axes = plt.subplots(figsize=size, dpi=72, gridspec_kw={"left": 0, "right": 1, "bottom": 0, "top": 1})
    axes.set(xlim=(-0.5, right + 0.5), ylim=(bottom + 0.7, -0.7))
    axes.axis("off")
    look = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": "0.35", "linewidth": 0.7}
    boxes = {}
    for name, place in places.items():
        verb, _, rest = name.partition("_")
        text = axes.text(*place, f"{verb}\n{rest.replace('_', ' ')}", ha="center", va="center", bbox=look, zorder=2)
        boxes[name] = text.get_bbox_patch()
    figure.canvas.draw()  # boxes are as large as their text from here on, at the resolution of SVG
    for maker, reader in edges(stages):
        aside = places[maker][0] != places[reader][0] and {places[maker][0], places[reader][0]} & {0.0, right}
        colour = "0.8" if aside else "0.25"
        ends = {"patchA": boxes[maker], "patchB": boxes[reader], "shrinkA": 0, "shrinkB": 1}
        arrow = {"arrowstyle": "-|>", "mutation_scale": 6, "linewidth": 0.7, "color": colour}
        axes.annotate("", places[reader], places[maker], arrowprops=arrow | ends, zorder=0 if aside else 1)
    return figure


def run(_: argparse.Namespace) -> None:
    """Draw the pipeline of this checkout."""
    with plt.rc_context(_STYLE):
        figure = draw(read_pipeline(paths.ROOT))
        with replacing(PICTURE) as partial:
            figure.savefig(partial, format="svg", metadata={"Date": None, "Title": "The pipeline"})
    plt.close(figure)
