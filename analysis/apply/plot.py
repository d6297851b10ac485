"""The figures of the science sample, from metrics and tables alone."""

import argparse
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from astropy import units
from astropy_healpix import HEALPix
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from analysis import paths
from analysis.apply import names
from analysis.figures import draw_result

N_Z, SKY = "fig-science-n-z.png", "fig-science-sky.png"
FIGURES = (N_Z, SKY)

_LABELLED, _SCIENCE = "labelled galaxies, by their spectra", "science sample, by calibrated PDFs"


def plot_n_z(table: pd.DataFrame, means: dict[str, float]) -> Figure:
    """Draw n(z) of labelled galaxies and of the science sample, of unit area up to any redshift; triangles: means."""
    figure, axes = plt.subplots(figsize=(4.8, 2.8))
    axes.fill_between(table["z"], table["labelled"], step="mid", color="C1", alpha=0.35, lw=0, label=_LABELLED)
    axes.step(table["z"], table["science"], where="mid", color="C0", label=_SCIENCE)
    for sample, colour in (("labelled", "C1"), ("science", "C0")):
        axes.plot(means[sample], 0.98, "v", color=colour, mec="black", mew=0.5, transform=axes.get_xaxis_transform())
    axes.set(xlabel="redshift z", ylabel="n(z), per unit redshift", ylim=(0, None), xlim=(0, table["z"].max()))
    figure.legend(loc="outside upper center", ncols=1)
    return figure


def draw_sky(axes: Axes, table: pd.DataFrame, sample: str, most: float) -> QuadMesh:
    """Draw the density of a sample on the sky, in objects per square degree of the pixel."""
    grid = HEALPix(int(table["nside"].iloc[0]), order="nested")
    density = np.full(grid.npix, np.nan)
    density[table["pixel"]] = table[sample] / grid.pixel_area.to_value(units.deg**2)
    density[density == 0] = np.nan
    lon, lat = np.linspace(-180, 180, 721), np.linspace(-90, 90, 361)
    middle = np.meshgrid((lon[1:] + lon[:-1]) / 2, (lat[1:] + lat[:-1]) / 2)
    # right ascension 180 degrees in the middle; east is left, as one sees the sky
    pixels = grid.lonlat_to_healpix((180 - middle[0]) * units.deg, middle[1] * units.deg)
    axes.grid(visible=True, lw=0.3, color="0.7")
    axes.set(xticklabels=[], yticklabels=[])
    return axes.pcolormesh(np.radians(lon), np.radians(lat), density[pixels], vmin=0, vmax=most, rasterized=True)


def plot_sky(table: pd.DataFrame) -> Figure:
    """Draw where on the sky either sample is, in equatorial coordinates, Mollweide projection, east to the left."""
    figure, panels = plt.subplots(1, 2, figsize=(7.0, 2.4), subplot_kw={"projection": "mollweide"})
    area = HEALPix(int(table["nside"].iloc[0])).pixel_area.to_value(units.deg**2)
    most = float(np.percentile(table[["labelled", "science"]].max(axis=1), 98)) / area
    for axes, sample, title in zip(
        panels, ("labelled", "science"), ("labelled galaxies", "science sample"), strict=True
    ):
        drawn = draw_sky(axes, table, sample, most)
        axes.set_title(title, pad=8)
    figure.colorbar(drawn, ax=panels, label=r"objects per deg$^2$", extend="max", shrink=0.8)
    return figure


def figures(results: Path, result: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures of a result, from its folder and its metrics, by the name of the file."""
    means = {sample: result[sample]["mean_z"] for sample in ("labelled", "science")}
    return {
        N_Z: plot_n_z(pd.read_csv(results / names.N_Z), means),
        SKY: plot_sky(pd.read_csv(results / names.SKY)),
    }


def plot_science_sample(_: argparse.Namespace) -> None:
    """Results -> figures of the paper."""
    draw_result(paths.RESULTS / names.NAME, FIGURES, figures)
