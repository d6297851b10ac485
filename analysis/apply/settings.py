"""Settings of the models applied to a catalogue, and of the science sample of the pipeline."""

from typing import Literal

from analysis.blocks import Block, Count, Fraction, Nside, Positive, Redshift, Seed


class Outside(Block):
    """When an object is unlike those of the training."""

    neighbours: Count
    share_outside: Fraction
    most: Count
    seed: Seed


class Isolation(Block):
    """The forest of the anomaly score."""

    n_estimators: Count
    max_samples: Count
    random_state: Seed


class TrainApply(Block):
    """`science-sample train`."""

    classifier: Literal["tpc_phot", "tpc_morph"]
    outside: Outside
    isolation: Isolation


class Rows(Block):
    """How a catalogue is cut."""

    chunk_rows: Count
    partition_rows: Count


class Histogram(Block):
    """Of redshifts."""

    width: Positive
    max: Redshift


class ApplyScienceSample(Block):
    """`science-sample apply`."""

    workers: Count
    rows: Rows
    min_science: Count
    n_z: Histogram
    nside: Nside


BLOCKS: dict[str, type[Block]] = {"train_apply": TrainApply, "apply_science_sample": ApplyScienceSample}
