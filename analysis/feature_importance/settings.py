"""Settings of the stages on the importance of features, and of their selection."""

from typing import Annotated

from pydantic import Field

from analysis.blocks import (
    AdaBoost,
    Ascending,
    Block,
    Count,
    CountOrNone,
    NotNegative,
    PatientNetwork,
    Positive,
    Seed,
    Several,
    Sizes,
)


class TrainFeatureImportance(Block):
    """`feature-importance train`."""

    seed: Seed
    workers: CountOrNone
    depths: Ascending[Count]
    n_bootstrap: Count
    folds: Several
    adaboost: AdaBoost
    min_subsample: Count
    n_networks: Count
    hidden: Sizes
    network: PatientNetwork


class EvaluateFeatureImportance(Block):
    """`feature-importance evaluate`."""

    seed: Seed
    n_bootstrap: Count
    min_outliers: Count
    bin_width: Positive


class ShownFeatures(Block):
    """`feature-importance plot`, `feature-selection plot`."""

    n_features: Count


class DeepAdaBoost(AdaBoost):
    """Boosted trees of fixed depth."""

    max_depth: Count


class MadeFeatures(Block):
    """Features made by principal components and by an embedding around landmarks."""

    n_components: Count
    n_landmarks: Count


Rates = Annotated[list[Positive], Field(min_length=1)]
Shares = Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)]


class AdaBoostSpace(Block):
    """Values that the random search draws from."""

    n_estimators: Sizes
    max_depth: Sizes
    min_samples_leaf: Sizes
    max_bins: Sizes


class ForestSpace(Block):
    """Values that the random search draws from."""

    n_estimators: Sizes
    max_features: Shares
    min_samples_leaf: Sizes


class BoostingSpace(Block):
    """Values that the random search draws from."""

    n_estimators: Sizes
    learning_rate: Rates
    num_leaves: Sizes
    min_child_samples: Sizes


class NetworkSpace(Block):
    """Values that the random search draws from."""

    hidden: Annotated[list[Sizes], Field(min_length=1)]
    epochs: Sizes
    batch_size: Sizes
    learning_rate: Rates
    weight_decay: Annotated[list[NotNegative], Field(min_length=1)]
    patience: Sizes


class Spaces(Block):
    """Of each learner."""

    adaboost: AdaBoostSpace
    random_forest: ForestSpace
    extra_trees: ForestSpace
    gradient_boosting: BoostingSpace
    network: NetworkSpace


class Search(Block):
    """The budget of the random search."""

    n_settings: Count
    n_galaxies: Count
    folds: Several
    spaces: Spaces


class TrainFeatureSelection(Block):
    """`feature-selection train`."""

    seed: Seed
    workers: CountOrNone
    adaboost: DeepAdaBoost
    min_sample: Count
    n_permutations: Count
    n_refits: Count
    information_bins: Several
    n_features: Ascending[Count]
    n_random: Count
    made_features: MadeFeatures
    search: Search


class EvaluateFeatureSelection(Block):
    """`feature-selection evaluate`."""

    seed: Seed
    n_bootstrap: Count
    top: Count


class RealFeatureImportance(Block):
    """`feature-importance real`."""

    seed: Seed
    folds: Several
    depth: Count


BLOCKS: dict[str, type[Block]] = {
    "train_feature_importance": TrainFeatureImportance,
    "evaluate_feature_importance": EvaluateFeatureImportance,
    "plot_feature_importance": ShownFeatures,
    "train_feature_selection": TrainFeatureSelection,
    "evaluate_feature_selection": EvaluateFeatureSelection,
    "plot_feature_selection": ShownFeatures,
    "real_feature_importance": RealFeatureImportance,
}
