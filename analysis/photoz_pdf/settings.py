"""Settings of the estimators of redshift PDFs, which have defaults of their own: what is left out is one of these."""

from typing import Annotated, Literal

from pydantic import Field

from analysis.blocks import Block, Count, Device, Fraction, NotNegative, Positive, Seed, Several, Sizes


class Forest(Block):
    """`rdf`."""

    folds: Several = 5
    n_estimators: Count = 50
    max_depth: Count = 14
    min_samples_leaf: Count = 5
    max_bins: Annotated[int, Field(ge=2, le=255)] = 255
    bandwidth: Positive | None = None
    seed: Seed = 1


class Neighbours(Block):
    """`knn`."""

    way: Literal["kernel", "gaussian"] = "kernel"
    neighbours: Count | None = None
    bandwidth: Positive | None = None


class MixtureNetworks(Block):
    """`mdn`."""

    members: Count = 6
    components: Count = 5
    waves: Count = 32
    hidden: Sizes = Field([64, 64])
    cde_weight: NotNegative = 0.3
    held_out: Fraction = 0.05
    batch_size: Count = 256
    steps: Count = 1800
    least_epochs: Count = 20
    most_epochs: Count = 200
    learning_rate: Positive = 0.005
    weight_decay: NotNegative = 0.1
    patience: Positive = 0.25
    seed: Seed = 1
    device: Device = "cpu"
    deterministic: bool = False


class TrainingDistribution(Block):
    """`trainz`."""

    bandwidth: Positive | None = None


class PhotozPdf(Block):
    """All estimators, and the bootstrap of their figures of merit."""

    seed: Seed
    n_bootstrap: Count
    rdf: Forest
    knn: Neighbours
    mdn: MixtureNetworks
    trainz: TrainingDistribution


class TrainPhotozPdf(Block):
    """`pit-calibration train`."""

    remap_nodes: Annotated[int, Field(ge=3)]


BLOCKS: dict[str, type[Block]] = {"photoz_pdf": PhotozPdf, "train_photoz_pdf": TrainPhotozPdf}
