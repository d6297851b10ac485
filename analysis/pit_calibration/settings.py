"""Settings of the calibration of redshift PDFs."""

from analysis.blocks import Block, Count, Estimator, Nside, Positive, Seed, Several


class Panels(Block):
    """PDFs that are made wrong on purpose."""

    estimator: Estimator
    narrow: Positive
    wide: Positive
    shift: float


class Local(Block):
    """The test of calibration around each galaxy."""

    neighbours: Count
    n_null: Count


class EvaluatePitCalibration(Block):
    """`pit-calibration evaluate`."""

    seed: Seed
    n_bootstrap: Count
    n_bins: Several
    nside: Nside
    panels: Panels
    property_bins: Several
    local: Local


BLOCKS: dict[str, type[Block]] = {"evaluate_pit_calibration": EvaluatePitCalibration}
