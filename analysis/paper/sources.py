"""Which files each generated table of the paper is written from, for its provenance."""

from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from analysis import paths
from analysis.provenance.pipeline import Pipeline, read_pipeline
from analysis.provenance.record import as_comment, checksums, record

STAGE = "score_claims"
_CLAIMS = ("paper/claims.yaml", "paper/published.yaml")
_REAL = ("results/real/*/metrics.json", "results/real/*/*/metrics.json")
# Name of the table, with wildcards: its files, with wildcards. The first that fits counts.
SOURCES = {
    "claims": (*_CLAIMS, "results/*/metrics.json", *_REAL),
    "verdicts": (*_CLAIMS, "results/*/metrics.json", *_REAL),
    "benches": ("results/bench/*.json",),
    "survey": ("data/provenance.json",),
    "survey-columns": ("results/survey/summary.json",),
    "anchoring*": ("results/real/anchoring/metrics.json", "results/real/anchoring/statistics.csv"),
    "race": ("results/real/*/photoz_pdf/*.json",),
    "real-adversarial*": ("results/real/galaxyzoo2_spirals/adversarial/metrics.json",),
    "real-pit-calibration": ("results/real/*/pit_calibration/metrics.json",),
    "real-redshift-distributions": ("results/real/*/redshift_distributions/metrics.json",),
    "real-spectroscopic-completeness": ("results/real/*/spectroscopic_completeness/metrics.json",),
    "real-star-galaxy": ("results/real/*/star_galaxy/metrics.json",),
    "real-t[hr]*": ("results/real/*/star_galaxy/metrics.json",),  # three classes, transfer
    "real*": ("results/real/*/metrics.json",),
    "ann": ("results/feature_importance/metrics.json", "paper/published.yaml"),
    "trees": ("results/feature_importance/metrics.json",),
    "importances": ("results/feature_importance/importances.csv",),
    "stable": ("results/feature_selection/importances.csv",),
    "curve": ("results/feature_selection/curve.csv",),
    "permutation": ("results/feature_selection/permutation.csv",),
    "learners": ("results/feature_selection/metrics.json",),
    "inputs": ("results/feature_selection/metrics.json",),
    "pdf-*": ("results/pit_calibration/metrics.json",),
    "pit-*": ("results/pit_calibration/metrics.json",),
    "n-z-*": ("results/redshift_distributions/bins.csv",),
    "bad-labels": ("results/spectroscopic_completeness/metrics.json",),
    "science*": ("results/spectroscopic_completeness/metrics.json",),
    "star-galaxy-*": ("results/star_galaxy/metrics.json", "paper/published.yaml"),
    "cnn-curve": ("results/cnn_redshift/learning_curve.csv",),
    "cnn-*": ("results/cnn_redshift/metrics.json", "paper/published.yaml"),
    "attack-*": ("results/adversarial/metrics.json",),
    "gan-*": ("results/nbody_gan/metrics.json",),
}


def sources(pipeline: Pipeline, root: Path, table: str) -> list[str]:
    """List the files that a table is written from; those of its stage altogether where nobody has said which."""
    for name, patterns in SOURCES.items():
        if fnmatch(table, name):
            return sorted({file.relative_to(root).as_posix() for pattern in patterns for file in root.glob(pattern)})
    return list(pipeline[STAGE].deps)


def with_provenance(root: Path, pages: Mapping[str, str]) -> dict[str, str]:
    """Put the provenance of every table before it, as a comment.

    Parameters
    ----------
    root : pathlib.Path
        The folder of the results and of the paper: those of a checkout, or of a test.
    pages : mapping of str to str
        Markdown by name; what is no table is left as it is.
    """
    pipeline = read_pipeline(paths.ROOT)
    written = record(paths.ROOT, pipeline, pipeline[STAGE], {})
    return {
        name: as_comment(written | {"inputs": checksums(root, sources(pipeline, root, name))}) + text
        if text.startswith("|")
        else text
        for name, text in pages.items()
    }
