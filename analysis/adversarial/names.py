"""What the stages of this result call their files, networks and attacks."""

NAME = "adversarial"

CHOICES = "choices.json"  # beside the networks that this result trains
METRICS = "metrics.json"

# Attacks: random noise is the control, of the same size in every pixel.
NOISE, FGSM, PGD = "noise", "fgsm", "pgd"
