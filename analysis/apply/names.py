"""What this result calls its files and columns."""

NAME = "apply"

# The folder of models that workers load: models/<NAME>/.
ABOUT = "about.json"
ARRAYS = "arrays.safetensors"  # trees, and what lies inside the training distribution
REDSHIFT = "redshift"  # folder of the estimator of redshift PDFs

# Results of the stages.
N_Z = "n_z.csv"
SKY = "sky.csv"

OBJECT, RA, DEC, HEALPIX = "object_id", "ra", "dec", "_healpix_29"
BANDS_MEASURED = "bands_measured"
Z_MEAN, Z_MODE = "z_mean", "z_mode"
LEVELS = (0.005, 0.025, 0.16, 0.25, 0.5, 0.75, 0.84, 0.975, 0.995)  # of the quantiles
P_GALAXY, P_GALAXY_ERR = "p_galaxy", "p_galaxy_err"
ANOMALY = "anomaly_score"
OUTSIDE_REDSHIFT, OUTSIDE_CLASS = "outside_redshift_training", "outside_class_training"


def quantile_name(level: float) -> str:
    """Return the name of the column of a quantile, such as z_q160; a dot would mean a nested column to LSDB."""
    return f"z_q{round(1000 * level):03d}"


Z_MEDIAN = quantile_name(0.5)
