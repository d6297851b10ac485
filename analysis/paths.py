"""Where things are. Every path of the compendium that is known beforehand has its name here."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent

PARAMS = ROOT / "params.yaml"
SCALES = ROOT / "scales"
NEEDS = PACKAGE / "needs.yaml"  # what each scale needs of a machine
SCALE_COPIES = ROOT / ".scales"  # in which scales other than laptop and smoke run

DATA = ROOT / "data"  # the raw survey: the mock one that comes with the compendium, or one of yours
FEATURES = ROOT / "features"  # photometric features and split, one row per labelled galaxy
MODELS = ROOT / "models"
CHECKPOINTS = MODELS / "checkpoints"  # of trainings under way: not in a stage's output, which DVC clears first
RESULTS = ROOT / "results"
REAL_RESULTS = RESULTS / "real"
CLAIMS = RESULTS / "claims.json"
METRICS = "metrics.json"  # in the folder of each result

PAPER = ROOT / "paper"
PUBLISHED = PAPER / "published.yaml"
REFERENCES = PAPER / "references.bib"
FIGURES = PAPER / "figures"
TABLES = PAPER / "tables"
PAPER_BUILD = PAPER / "_build"

STYLE = PACKAGE / "style.mplstyle"
COLUMN_MAPS = PACKAGE / "survey" / "maps"
