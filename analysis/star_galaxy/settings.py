"""Settings of the separation of stars from galaxies."""

from typing import Annotated

from pydantic import Field

from analysis.blocks import (
    Block,
    Count,
    Fraction,
    Magnitude,
    Network,
    NotNegative,
    Nside,
    PatientNetwork,
    Positive,
    Seed,
    Several,
    Share,
    Sizes,
)


class StarGalaxy(Block):
    """The sample."""

    min_objects: Count
    min_in_split: Count


class Forest(Block):
    """A random forest."""

    n_estimators: Count


class Boosting(Block):
    """Gradient boosting."""

    n_estimators: Count
    patience: Count
    learning_rate: Positive
    num_leaves: Several
    min_data_in_leaf: Count


class PcaNetwork(PatientNetwork):
    """A network on principal components."""

    n_components: Count
    hidden: Sizes


class Importance(Block):
    """The forest on all parameters."""

    n_estimators: Count
    n_permutations: Count


class TrainStarGalaxy(Block):
    """`star-galaxy train`."""

    seed: Seed
    forest: Forest
    boosting: Boosting
    pca_network: PcaNetwork
    importance: Importance


class Folds(Block):
    """Cross-validation by patches of sky."""

    n_folds: Several
    nside: Nside


class Deep(Block):
    """Objects of a mock survey without spectra."""

    truth_chunks: Count
    min_objects: Count
    folds: Folds
    forest: Forest
    completeness: Fraction
    faint: Magnitude
    n_bins: Count
    min_in_bin: Count


class Sky(Block):
    """Densities of stars and galaxies over the sky."""

    min_objects: Count
    nside: Nside
    area_nside: Nside
    bright: Magnitude
    faint: Magnitude
    n_bins: Count


class EvaluateStarGalaxy(Block):
    """`star-galaxy evaluate`."""

    seed: Seed
    n_bootstrap: Count
    n_bootstrap_auc: Count
    n_bins: Count
    n_reliability: Count
    min_in_bin: Count
    deep: Deep
    sky: Sky


class PlotStarGalaxy(Block):
    """`star-galaxy plot`."""

    n_features: Count


Side = Annotated[int, Field(ge=8)]  # pixels


class TrainConvnet(Block):
    """`star-galaxy train-convnet`."""

    seed: Seed
    width: Positive
    side: Side
    most_training: Count | None
    dropout: Share
    colour_noise: NotNegative
    passes: Several
    network: PatientNetwork


class Mistakes(Block):
    """The figure of stamps that are taken for the other class."""

    side: Side
    columns: Count


class PlotConvnet(Block):
    """`star-galaxy plot-convnet`."""

    mistakes: Mistakes
    n_kernels: Count


class RealConvnet(Block):
    """The network on real stamps, in `star-galaxy real`."""

    seed: Seed
    n_bootstrap: Count
    r_limit: Magnitude
    colour_noise: NotNegative
    fine_tune: Network


class RealStarGalaxy(Block):
    """`star-galaxy real`."""

    seed: Seed
    n_bootstrap: Count
    n_bootstrap_auc: Count
    n_folds: Several
    nside: Nside


BLOCKS: dict[str, type[Block]] = {
    "star_galaxy": StarGalaxy,
    "train_star_galaxy": TrainStarGalaxy,
    "evaluate_star_galaxy": EvaluateStarGalaxy,
    "plot_star_galaxy": PlotStarGalaxy,
    "train_star_galaxy_convnet": TrainConvnet,
    "plot_star_galaxy_convnet": PlotConvnet,
    "real_star_galaxy_convnet": RealConvnet,
    "real_star_galaxy": RealStarGalaxy,
}
