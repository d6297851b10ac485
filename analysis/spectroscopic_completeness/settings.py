"""Settings of the map of spectroscopic completeness, and of what it changes."""

from typing import Annotated

from pydantic import Field

from analysis.blocks import Ascending, Block, Count, Estimator, Seed, Several, Share


class Labels(Block):
    """Redshifts and classes that are wrong, put in on purpose and looked for."""

    swapped: Share
    harmful: Share
    trees: Count
    min_samples_leaf: Count
    points: Several


class TrainSpectroscopicCompleteness(Block):
    """`spectroscopic-completeness train`."""

    seed: Seed
    n_bootstrap: Count
    estimator: Estimator
    n_cells: Annotated[Ascending[Several], Field(min_length=3)]
    elbow_objects: Count
    min_objects: Count
    pixels: Count
    neighbours: Count
    min_science: Count
    labels: Labels


class EvaluateSpectroscopicCompleteness(Block):
    """`spectroscopic-completeness evaluate`."""

    seed: Seed
    n_bootstrap: Count
    estimator: Estimator
    neighbours: Count
    truth_chunks: Count


BLOCKS: dict[str, type[Block]] = {
    "train_spectroscopic_completeness": TrainSpectroscopicCompleteness,
    "evaluate_spectroscopic_completeness": EvaluateSpectroscopicCompleteness,
}
