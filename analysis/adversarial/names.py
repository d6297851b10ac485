"""What the stages of this result call their files, networks and attacks."""

NAME = "adversarial"

CHOICES = "choices.json"  # beside the networks that this result trains
METRICS = "metrics.json"

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
