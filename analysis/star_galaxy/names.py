"""What the stages of this result call their files and classifiers."""

NAME = "star_galaxy"
CONVNET_NAME = "star_galaxy_convnet"

CHOICES = "choices.json"  # beside the models: what was chosen on validation

# Classifiers: the baselines, the paper's, Soumagnac's, one more learner, the network on the images.
CUT, SDSS_TYPE, SINGLE = "concentration_cut", "sdss_type", "concentration"
TPC_PHOT, TPC_MORPH = "tpc_phot", "tpc_morph"
PCA_NETWORK, BOOSTING, CONVNET = "pca_network", "gradient_boosting", "convnet"
CUTS = (CUT, SDSS_TYPE)  # they say yes or no: no threshold to choose

MERIT = "merit.csv"
ROC = "roc.csv"
RELIABILITY = "reliability.csv"
BINS = "bins.csv"  # completeness and purity by magnitude and colour
IMPORTANCES = "importances.csv"  # of each parameter
KINDS = "kinds.csv"  # of kinds of parameters, shuffled together
GAIN = "gain.csv"  # in purity over a single parameter, by magnitude
OBJECTS = "convnet_objects.csv"  # each test object as the network sees it
LATITUDE = "latitude.csv"  # density of objects called stars

WITHOUT = "no_classifier"  # on the sky: all objects taken for galaxies

SHARES = ("galaxy_completeness", "galaxy_purity", "star_completeness", "star_purity")
MAGNITUDE, COLOUR = "r magnitude", "g - r"
# Judged samples: test objects; objects without spectra by classifiers trained on objects with, or on the same kind.
TEST, SPECTRA, SAME_KIND = "test", "trained_on_spectra", "trained_on_the_same_kind"

# For people: the classifiers in the order of figures and tables.
LABELS = {
    CUT: "concentration cut",
    SDSS_TYPE: "SDSS type",
    SINGLE: "concentration (r)",
    TPC_PHOT: "TPC_phot",
    TPC_MORPH: "TPC_morph",
    PCA_NETWORK: "principal components",
    BOOSTING: "gradient boosting",
    CONVNET: "ConvNet",
}
