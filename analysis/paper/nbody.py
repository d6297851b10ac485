"""The paper's tables of the network that draws N-body boxes: one function a table, from results to text."""

from collections.abc import Mapping
from typing import Any

from analysis.nbody_gan.names import (
    CORRELATION,
    COUNTS,
    MARKED,
    MOMENTS,
    NAME,
    NBODY,
    PEAKS,
    POWER_SPECTRUM,
    STATISTICS,
)
from analysis.paper.numbers import format_value
from analysis.paper.tables import cell, include, not_run, pipe_table, why_not

LABELS = {
    COUNTS: "voxel mass counts",
    POWER_SPECTRUM: "power spectrum",
    CORRELATION: "correlation function",
    MARKED: "marked correlation function",
    PEAKS: "peak counts",
    MOMENTS: "moments",
}
CONTROLS = {
    "unseen_nbody": "N-body, other boxes",
    "untrained": "the generator before training",
    "log_normal": "log-normal field",
    "gaussian": "Gaussian field",
    "white_noise": "white noise",
}


def statistics(metrics: Mapping[str, Any]) -> str:
    """Write how far the covariance of drawn boxes is from that of N-body boxes, by statistic."""
    leaves = {
        "split_half_ratio": "Correlation, ratio",
        "forecast_ratio": "Forecasts, ratio",
        "amplitude_error_ratio": "Error on the amplitude, ratio",
    }
    cells = [
        [LABELS[name], str(metrics[name]["n_bins"]), *(cell(metrics[name], leaf) for leaf in leaves)]
        for name in STATISTICS
    ]
    return pipe_table(["Statistic", "Bins", *leaves.values()], cells, [32, 8, 20, 20, 20], "lrrrr")


def controls(metrics: Mapping[str, Any]) -> str:
    """Write the same ratio of correlation matrices for fields that are not N-body, and for boxes that are."""
    cells = [
        [label, *("–" if values[name] is None else f"{values[name]:.2f}" for name in STATISTICS)]
        for control, label in CONTROLS.items()
        if (values := metrics["controls"].get(control))
    ]
    return pipe_table(["Boxes", *(LABELS[name] for name in STATISTICS)], cells, [28, *[12] * 6], "lrrrrrr")


def cost(metrics: Mapping[str, Any]) -> str:
    """Write after how many boxes the network has paid for itself."""
    boxes = metrics["cost"]["break_even_boxes"]
    if boxes is None:
        return "Here the network never pays for itself: N-body is the faster of the two.\n"
    return (
        f"The network has paid for itself after {format_value(round(boxes, -2))} boxes; "
        "an analysis that needs fewer is better served by N-body itself.\n"
    )


def nbody_pages(metrics: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Write the generated files of paper/tables/ for this result: name -> Markdown."""
    checks = {"section-nbody": include(NBODY) if NBODY in metrics else "The checks of the code were not run.\n"}
    if why := why_not(metrics, NAME):
        return checks | not_run("nbody-gan", why)
    content = metrics[NAME]
    return checks | {
        "section-nbody-gan": include("nbody-gan"),
        "gan-statistics": statistics(content),
        "gan-controls": controls(content),
        "gan-cost": cost(content),
    }
