"""Names that the command line needs before anything slow is imported."""

# Estimator: its class, in the module of that name.
CLASSES = {"rdf": "BoostedTrees", "knn": "KNearestNeighbours", "mdn": "MixtureDensityNetworks", "trainz": "TrainZ"}
ESTIMATORS = tuple(CLASSES)
