"""Settings of redshifts from whole images."""

from typing import Annotated, Literal

from pydantic import Field

from analysis.blocks import (
    AdaBoost,
    Ascending,
    Block,
    Count,
    Device,
    Fraction,
    NotNegative,
    Positive,
    Precision,
    Seed,
    Several,
    Share,
    Sizes,
)


class LeastGalaxies(Block):
    """Without which the result does not run."""

    train: Count
    validation: Count
    test: Count


class ImageNetwork(Block):
    """The network, and how it is trained."""

    bin_width: Positive
    smoothing: NotNegative
    components: Count
    channels: Sizes
    apertures: Count
    hidden: Sizes
    dropout: Share
    members: Count
    epochs: Count
    least_steps: Count
    batch_size: Count
    learning_rate: Positive
    weight_decay: NotNegative
    device: Device
    precision: Precision
    deterministic: bool
    compiled: bool


class Curve(Block):
    """Of sigma68 with the number of training galaxies."""

    fractions: Ascending[Fraction]
    draws: Count
    validation: Count


class Pretraining(Block):
    """What a network learns before redshifts."""

    kinds: list[Literal["star_galaxy", "contrastive"]]
    epochs: Count
    rate: Positive


class TrainCnnRedshift(Block):
    """`cnn-redshift train`."""

    seed: Seed
    min_galaxies: LeastGalaxies
    min_per_bin: Count
    heads: Annotated[list[Literal["bins", "regression", "mixture"]], Field(min_length=1)]
    network: ImageNetwork
    adaboost: AdaBoost
    depths: Ascending[Count]
    curve: Curve
    pretraining: Pretraining
    remap_nodes: Annotated[int, Field(ge=3)]


class EvaluateCnnRedshift(Block):
    """`cnn-redshift evaluate`."""

    seed: Seed
    n_bootstrap: Count
    tolerance_percent: Positive
    bins: Count
    n_bins: Several
    trainz_bandwidth: Positive
    explained: Count
    shown: Count
    attribution_steps: Count


BLOCKS: dict[str, type[Block]] = {"train_cnn_redshift": TrainCnnRedshift, "evaluate_cnn_redshift": EvaluateCnnRedshift}
