"""Names that the command line, the figures and the paper need before anything slow is imported."""

# Estimator: its class, in the module of that name; and what figures and tables call it.
CLASSES = {"rdf": "BoostedTrees", "knn": "KNearestNeighbours", "mdn": "MixtureDensityNetworks", "trainz": "TrainZ"}
ESTIMATORS = tuple(CLASSES)
LABELS = {
    "rdf": "boosted trees",
    "knn": "nearest neighbours",
    "mdn": "mixture density",
    "trainz": "trainZ (control)",
}

# The estimators that the results share lie in models/<NAME>/, with bands, sizes and calibrations in CHOICES.
NAME = "photoz_pdf"
CHOICES = "choices.json"

RAW, RESCALED, REMAPPED = "raw", "rescaled", "remapped"  # PDFs as they are, and calibrated in two ways

# The race against other programs (`bench photoz`): its results lie in results/real/<RACE_TABLE>/<NAME>/.
RACE_TABLE = "boss_dr10"
FINAL = "final.json"
CROSS_VALIDATION = "cross_validation.json"
READINGS = "final_readings.csv"
