"""What the stages of this result call their files."""

NAME = "spectroscopic_completeness"

CHOICES = "choices.json"  # beside the models
WEIGHTED = "weighted"  # folder of the estimator trained with weights

CELLS = "cells.csv"
MAP = "map.csv"
ELBOW = "elbow.csv"
LABELS = "labels.csv"
SCIENCE = "science.csv"
