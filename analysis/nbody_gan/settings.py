"""Settings of N-body boxes, and of the network that takes their place."""

from typing import Annotated

from pydantic import Field, model_validator

from analysis.blocks import (
    Ascending,
    Block,
    Count,
    Device,
    Fraction,
    NotNegative,
    PatientNetwork,
    Positive,
    Seed,
    Several,
    Share,
)


class Parameters(Block):
    """Of flat LCDM."""

    omega_m: Fraction
    omega_b: Fraction
    h: Annotated[float, Field(gt=0, lt=2)]
    sigma8: Positive
    n_s: Positive


class Nbody(Block):
    """The cosmology of all boxes."""

    cosmology: Parameters


class Splits(Block):
    """Numbers of runs."""

    train: Count
    validation: Count
    test: Count


class SimulateBoxes(Block):
    """`nbody-gan simulate-boxes`."""

    seed: Seed
    box: Positive
    particles: Several
    mesh: Several
    cutoff: Annotated[float, Field(gt=0, le=1)]
    cells: Several
    cut: Count
    steps: Count
    z_start: Positive
    redshift: NotNegative
    batch: Count
    device: Device
    deterministic: bool
    boxes: Splits

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> "SimulateBoxes":
        if self.redshift >= self.z_start:
            raise ValueError(f"redshift {self.redshift:g} below z_start, {self.z_start:g}")
        return self


class Growth(Block):
    """The test of linear growth."""

    box: Positive
    particles: Several
    mesh: Several
    steps: Count
    pairs: Count
    redshifts: Annotated[list[NotNegative], Field(min_length=1)]
    k_max: Positive


class Power(Block):
    """The test of the power spectrum."""

    box: Positive
    particles: Several
    mesh: Several
    steps: Count
    pairs: Count
    half_step_pairs: Count


class FinerBoxes(Block):
    """The boxes of `simulate_boxes` against finer ones."""

    pairs: Count
    steps: Count
    many_pairs: Count


class Pancake(Block):
    """The test on a plane wave."""

    box: Positive
    particles: Several
    mesh: Several
    steps: Count
    collapse: Fraction


class DensityPdf(Block):
    """The test of counts in spheres."""

    radius: Positive
    bins: Several


class CheckNbody(Block):
    """`nbody-gan check-nbody`."""

    seed: Seed
    device: Device
    growth: Growth
    power: Power
    boxes: FinerBoxes
    pancake: Pancake
    density_pdf: DensityPdf


class Shape(Block):
    """Of generator and critic."""

    noise: Count
    generator_channels: Count
    generator_blocks: Count
    critic_channels: Count
    floor: NotNegative
    knots: Several


class Statistics(Block):
    """By which boxes are compared."""

    count_bins: Several
    peak_bins: Several
    marks: Annotated[list[Annotated[list[float], Field(min_length=2, max_length=2)]], Field(min_length=1)]
    mark_radius: Positive
    moment_radii: Ascending[NotNegative]


class TrainNbodyGan(Block):
    """`nbody-gan train`."""

    seed: Seed
    shape: Shape
    gradient_penalty: NotNegative
    critic_steps: Count
    generator_rate: Positive
    network: PatientNetwork
    statistics: Statistics


class EvaluateNbodyGan(Block):
    """`nbody-gan evaluate`."""

    seed: Seed
    device: Device
    n_bootstrap: Count
    splits: Count
    derivative_boxes: Count
    derivative_step: Share
    compared_boxes: Several
    copy_noise: Positive
    collapsed_to: Several
    panels: Count


BLOCKS: dict[str, type[Block]] = {
    "nbody": Nbody,
    "simulate_boxes": SimulateBoxes,
    "check_nbody": CheckNbody,
    "train_nbody_gan": TrainNbodyGan,
    "evaluate_nbody_gan": EvaluateNbodyGan,
}
