"""What the stages of this result call their files, networks and attacks."""

NAME = "adversarial"

CHOICES = "choices.json"  # beside the networks that this result trains

# Attacks: random noise is the control, of the same size in every pixel.
NOISE, FGSM, PGD = "noise", "fgsm", "pgd"
PUSHED_FGSM, PUSHED_PGD = "pushed_fgsm", "pushed_pgd"  # of a redshift, to a chosen one

# Tables
CURVES = "accuracy.csv"  # and confidence, against epsilon
SEEN, ROC = "detectability.csv", "roc.csv"
TRANSFER = "transfer.csv"
PLACED = "disturbances.csv"
REDSHIFTS, PITS = "redshifts.csv", "pits.csv"
TREES, TREE_SHIFTS = "trees.csv", "tree_shifts.csv"
EXAMPLES = "examples.npz"  # images in r: clean, perturbation, attacked

# Networks of stars and galaxies: the result's own, one of the same settings and another seed, one attacked in training.
CONVNET, SECOND, ROBUST = "convnet", "second", "robust"

# Real images (`adversarial real`): attacked pixels as whole counts and as a JPEG image; light that the sky may add.
REAL_IMAGES = "galaxyzoo2_spirals"  # the folder of real data, and of the result
RECORDED, JPEG = "pgd_recorded", "pgd_jpeg"
STAR, TRAIL, HIT = "faint_star", "satellite_trail", "cosmic_ray"
WORST, RANDOM = "worst", "random"  # places
PLACES = "places.csv"  # by kind of light, its magnitude and place
VOTES = "votes.csv"  # share of spirals by votes cast
TRIPTYCH, TILES = "triptych.png", "triptych.csv"
