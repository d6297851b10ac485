"""The paper's page on the models applied to the science sample."""

from collections.abc import Mapping
from typing import Any

from analysis.apply.names import NAME
from analysis.paper.numbers import escaped
from analysis.paper.tables import include


def apply_pages(metrics: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Write the generated files of paper/tables/ for this result: name -> Markdown."""
    content = metrics.get(NAME, {"not_run": "its stages have not been run"})
    if "not_run" in content:
        return {"section-apply": f"This result was not run: {escaped(content['not_run'])}.\n"}
    if "p_galaxy" not in content["agreement"]:
        return {"section-apply": "The models were applied without telling stars from galaxies: see results/apply.\n"}
    return {"section-apply": include("apply")}
