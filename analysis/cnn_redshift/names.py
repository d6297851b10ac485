"""What the stages of this result call their files, learners and properties."""

NAME = "cnn_redshift"

CHOICES = "choices.json"  # beside the models; a network has a folder by the name of its head
TREES = "trees.json"
CURVE = "curve"  # folder of the learners trained on fewer galaxies

LEARNING_CURVE = "learning_curve.csv"
REDSHIFTS = "zspec_zpred.csv"
BIAS = "bias.csv"
HISTOGRAMS = "pit.csv"
ATTRIBUTIONS = "attributions.npz"

CNN, ADABOOST = "network", "adaboost"
STAR_GALAXY, CONTRASTIVE = "star_galaxy", "contrastive"  # kinds of pre-training
LABELS = {
    CNN: "network on images",
    ADABOOST: "AdaBoost on features",
    f"{CNN}_{STAR_GALAXY}": "network, pre-trained on stars and galaxies",
    f"{CNN}_{CONTRASTIVE}": "network, pre-trained without labels",
}
