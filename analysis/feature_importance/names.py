"""What the stages of this result call their files, and the rows of the paper's table."""

NAME = "feature_importance"

CHOICES = "choices.json"  # beside the models: what was chosen on validation
IMPORTANCES = "importances.csv"
ANN_TABLE = "ann_table.csv"
REDSHIFTS = "zspec_zpred.csv"

# The paper's table: inputs of the aNN. The standard ones are `features.standard_features`.
STANDARD, TOP_1_2 = "psf_magnitudes_and_colours", "top_1_2"
STANDARD_TOP_1_2, STANDARD_TOP_1_2_3 = "standard_and_top_1_2", "standard_and_top_1_2_3"
ROWS = (STANDARD, TOP_1_2, STANDARD_TOP_1_2, STANDARD_TOP_1_2_3)
ADABOOSTS = ("adaboost", "adaboost_standard", "adaboost_same_inputs")
