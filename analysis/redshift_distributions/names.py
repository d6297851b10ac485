"""What the stages of this result call their files."""

NAME = "redshift_distributions"

BINS = "bins.csv"
CURVES = "n_z.csv"
