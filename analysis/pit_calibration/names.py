"""What the stages of this result call their files, and the ways of calibration."""

from analysis.photoz_pdf.names import RAW, REMAPPED, RESCALED

NAME = "pit_calibration"

HISTOGRAMS = "histograms.csv"
PANELS = "panels.csv"
CONDITIONAL = "conditional.csv"

VARIANTS = (RAW, RESCALED, REMAPPED)
CONTROL = "trainz"

UNDERDISPERSED, OVERDISPERSED, BIASED, CALIBRATED = "underdispersed", "overdispersed", "biased", "calibrated"
TRUE_REDSHIFT = "true redshift"  # a property to bin by that tilts the PIT of calibrated PDFs, too
