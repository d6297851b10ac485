"""What the stages of this result call their files."""

NAME = "nbody_gan"

BOXES = "boxes.h5"  # in models/

GAN = "gan"  # folder of the trained network, in models/nbody_gan/
GENERATOR = "generator.safetensors"
UNTRAINED = "untrained.safetensors"
BINNING = "binning.json"

MATRICES = "matrices.csv"
SPECTRA = "spectra.csv"
SLICES = "slices.csv"
TRAINING = "training.csv"

SIMULATED, DRAWN, UNTRAINED_DRAWN = "nbody", "gan", "untrained"  # sources of boxes, in the tables

COUNTS, POWER_SPECTRUM, CORRELATION = "mass_counts", "power_spectrum", "correlation_function"
MARKED, PEAKS, MOMENTS = "marked_correlation", "peak_counts", "moments"
STATISTICS = (COUNTS, POWER_SPECTRUM, CORRELATION, MARKED, PEAKS, MOMENTS)

NBODY = "nbody"  # folder of the checks of the N-body code, in results/
GROWTH = "growth.csv"
POWER = "power.csv"
DENSITY_PDF = "density_pdf.csv"
