"""What the stages of this result call their files."""

NAME = "nbody_gan"

BOXES = "boxes.h5"  # in models/
