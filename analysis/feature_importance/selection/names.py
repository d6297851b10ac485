"""What the stages of feature selection call their files, rows and columns."""

from analysis.features import COLOURS, FEATURES, MAGNITUDES

NAME = "feature_selection"

# Beside the models
CHOICES = "choices.json"  # what was chosen on training and validation galaxies
PREDICTIONS = "predictions.parquet"  # of validation and test galaxies, a column for each model
REFITS = "refits.parquet"  # importances in each bootstrap refit

# Results; the training stage writes those that need no test galaxies
PERMUTATION = "permutation.csv"
IMPORTANCES = "importances.csv"
RANKING = "mint.csv"
CURVE = "curve.csv"
LEARNERS = "learners.csv"
INPUTS = "inputs.csv"
SEARCH = "search.csv"

BENCHMARK = "adaboost"
# How features are chosen
MINT, MINT_PAIRS, TREES, RANDOM = "mint", "mint_pairs", "trees", "random"


def _starting_with(*names: str) -> list[str]:
    return [feature for feature in FEATURES if feature.rpartition("_")[0] in names]


KINDS = {  # of features: those of a kind say much the same
    "magnitudes": MAGNITUDES,
    "colours": COLOURS,
    "radii": _starting_with("petroRad", "expRad", "deVRad"),
    "profile weights": _starting_with("fracDeV"),
    "axis ratios": _starting_with("expAB", "deVAB"),
    "Stokes parameters": _starting_with("q", "u"),
}
