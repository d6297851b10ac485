"""The contact sheet: stamps of the survey beside real ones at the same stretch. Is the mock believable?"""

import argparse
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import params, paths
from analysis.errors import InputError
from analysis.figures import plot_nothing, save_figures
from analysis.survey.catalogue import STAMPS, read_provenance
from analysis.survey.sheet import REAL_SHEET, ROWS, Sheet, draw, matched, measure, read_sheet, spread

FIGURE = "fig-stamps.png"
_SAME = ("side", "columns", "stretch", "q")  # settings that must be the same on both sheets
_BAR = 5.0  # arcsec
_NAMES = {"GALAXY": "galaxies", "STAR": "stars"}


def survey_sheet(survey: Path, real: Sheet | None, settings: dict[str, Any]) -> Sheet | None:
    """Draw stamps of the survey, matched in class and magnitude to the real ones; None if there are none."""
    if not (survey / STAMPS).is_file():
        return None
    measured = measure(survey)
    if not measured["class"].isin(ROWS).any():
        return None
    if real:
        chosen = matched(measured, real.tiles)
    else:
        chosen = spread(measured, settings["columns"], tuple(settings["r_limits"]))
    kind = read_provenance(survey).get("kind")
    return draw(survey, chosen, settings, {"name": "mock" if kind == "mock" else "this survey"})


def check_same(real: Sheet, settings: dict[str, Any]) -> None:
    """Raise InputError if the real stamps were drawn with other settings: they must be drawn again, from real data."""
    for name in _SAME:
        if real.about[name] != settings[name]:
            found = f"{REAL_SHEET}: drawn with {name} {real.about[name]}, and params.yaml says {settings[name]}"
            raise InputError(f"{found}; expected the same: draw them again with `survey real-stamps`")


def plot_stamps(sheets: list[Sheet]) -> Figure:
    """Draw rows of stamps, those of the same class one below the other, so that a reader can compare them."""
    columns = max(sheet.about["columns"] for sheet in sheets)
    rows = [(sheet, label) for label in ROWS for sheet in sheets]
    figure, axes = plt.subplots(len(rows), columns, figsize=(4.8, 0.55 * len(rows)), squeeze=False)
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0.02, hspace=0.02)
    for line, (sheet, label) in zip(axes, rows, strict=True):
        magnitudes = sheet.tiles[sheet.tiles["class"] == label].set_index("column")["r"]
        for column, place in enumerate(line):
            _draw_tile(place, sheet, label, column, magnitudes)
        name = f"{_NAMES[label]},\n{sheet.about['name']}"
        line[0].text(-0.08, 0.5, name, transform=line[0].transAxes, ha="right", va="center")
    _draw_bar(next(line[0] for line in reversed(axes) if line[0].get_images()), sheets[0])
    return figure


def _draw_tile(axes: Axes, sheet: Sheet, label: str, column: int, magnitudes: pd.Series) -> None:
    side = sheet.about["side"]
    half = side * sheet.about["pixel_scale"] / 2
    axes.axis("off")
    axes.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
    if column not in magnitudes.index:
        return
    y, x = ROWS.index(label) * side, column * side
    tile = sheet.rgb[y : y + side, x : x + side]
    axes.imshow(tile, origin="lower", extent=(-half, half, -half, half), interpolation="nearest")
    axes.text(
        0.5, 0.97, f"{magnitudes[column]:.1f}", transform=axes.transAxes, color="w", fontsize=6, ha="center", va="top"
    )


def _draw_bar(axes: Axes, sheet: Sheet) -> None:
    """Draw a scale bar into a tile of this size."""
    half = sheet.about["side"] * sheet.about["pixel_scale"] / 2
    axes.plot([-_BAR / 2, _BAR / 2], [-0.85 * half] * 2, color="w", linewidth=1)
    axes.text(0, -0.8 * half, f'{_BAR:g}"', color="w", fontsize=6, ha="center", va="bottom")


def make_contact_sheet(_: argparse.Namespace) -> None:
    """The survey's stamps and the real sheet -> a figure of the paper; it goes on where either is missing."""
    settings = params.load("plot_stamps")
    real = read_sheet(REAL_SHEET)
    if real:
        check_same(real, settings)
    ours = survey_sheet(paths.DATA, real, settings)
    if ours is None:
        print(f"plot_stamps: the survey in {paths.DATA.name}/ has no stamps of galaxies or stars")
    sheets = [sheet for sheet in (real, ours) if sheet]
    with plt.style.context(paths.STYLE):
        figure = plot_stamps(sheets) if sheets else plot_nothing("the survey has no stamps of galaxies or stars")
        save_figures({FIGURE: figure})
