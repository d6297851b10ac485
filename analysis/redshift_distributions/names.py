"""What the stages of this result call their files."""

NAME = "redshift_distributions"

METRICS = "metrics.json"
BINS = "bins.csv"
CURVES = "n_z.csv"
