"""The paper's page on the models applied to the science sample."""

from collections.abc import Mapping
from typing import Any

from analysis.apply.names import NAME
from analysis.paper.tables import include, not_run, why_not


def apply_pages(metrics: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Write the generated files of paper/tables/ for this result: name -> Markdown."""
    if why := why_not(metrics, NAME):
        return not_run("apply", why)
    if "p_galaxy" not in metrics[NAME]["agreement"]:
        return {"section-apply": "The models were applied without telling stars from galaxies: see results/apply.\n"}
    return {"section-apply": include("apply")}
