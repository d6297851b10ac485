"""Settings of the attacks on networks and trees, of the defence, and of the attacks on real spirals."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from analysis.blocks import (
    Ascending,
    Block,
    Count,
    CountOrNone,
    Device,
    Fraction,
    Magnitude,
    Network,
    Positive,
    Precision,
    Seed,
    Several,
    Share,
)

Epsilons = Ascending[Positive]
AT_SKY_NOISE = 1.0  # the epsilon, in units of the sky noise, of most numbers on real images
Band = Literal["u", "g", "r", "i", "z"]


def _check_tried(headline: float, info: ValidationInfo) -> float:
    """Raise ValueError unless the epsilon that most numbers are given at is one of those tried."""
    epsilons = info.data.get("epsilons")  # none where they are faulty themselves, which is said
    if epsilons is not None and headline not in epsilons:
        raise ValueError(f"one of epsilons: {', '.join(f'{one:g}' for one in epsilons)}")
    return headline


def _check_sky_noise(epsilons: list[float]) -> list[float]:
    if AT_SKY_NOISE not in epsilons:
        raise ValueError(f"{AT_SKY_NOISE:g} among them: one sky noise, at which most numbers are given")
    return epsilons


class Pgd(Block):
    """Projected gradient."""

    steps: Count
    restarts: Count


class TrainingAttack(Block):
    """Under which a network is trained."""

    epsilon: Positive
    steps: Count


class DefendedNetwork(Block):
    """What differs from `train_star_galaxy_convnet`."""

    epochs: Count
    patience: Count
    device: Device = "auto"
    precision: Precision = "float32"


class TrainAdversarial(Block):
    """`adversarial train`."""

    seed: Seed
    most_training: CountOrNone
    attack: TrainingAttack
    network: DefendedNetwork


class Places(Block):
    """Where light is put."""

    step: Positive
    reach: Positive
    angles: Count


class FaintStar(Block):
    """Of given magnitudes in r and colours."""

    sizes: Ascending[Magnitude]
    colours: Annotated[list[float], Field(min_length=5, max_length=5)]


class SatelliteTrail(Block):
    """Of given magnitudes, in one band."""

    sizes: Ascending[Magnitude]
    band: Band
    speed: Positive
    exposure: Positive


class CosmicRay(Block):
    """Of given nanomaggies, in one band."""

    sizes: Ascending[Positive]
    band: Band
    length: Positive


class Disturbances(Block):
    """Light of the sky."""

    objects: Several
    places: Places
    faint_star: FaintStar
    satellite_trail: SatelliteTrail
    cosmic_ray: CosmicRay


class MeasuredForest(Block):
    """On what is measured in stamps."""

    n_training: Several
    n_estimators: Count


class RedshiftAttack(Block):
    """On the redshift network."""

    epsilons: Epsilons
    headline: Positive
    push: Positive
    near: Positive
    pgd: Pgd

    _headline_is_tried = field_validator("headline")(_check_tried)


class TreeAttack(Block):
    """On trees, within the photometric errors."""

    n_objects: Count
    epsilons: Epsilons
    draws: Count
    rounds: Count


class EvaluateAdversarial(Block):
    """`adversarial evaluate`."""

    seed: Seed
    n_bootstrap: Count
    n_objects: Several
    n_galaxies: Count
    epsilons: Epsilons
    headline: Positive
    as_used_every: Count
    confident: Fraction
    pgd: Pgd
    disturbances: Disturbances
    forest: MeasuredForest
    redshift: RedshiftAttack
    trees: TreeAttack

    _headline_is_tried = field_validator("headline")(_check_tried)


class Angles(Block):
    """How many of each disturbance are tried."""

    faint_star: Count
    satellite_trail: Count
    cosmic_ray: Count


class RealLight(Block):
    """Light of the sky, on real images."""

    attacked: Several
    fainter: Annotated[list[float], Field(min_length=1)]
    seeing: Positive
    petro_r90: Positive
    channel: Annotated[int, Field(ge=0, le=2)]
    track: Positive
    step: Positive
    reach: Positive
    angles: Angles


class RealAdversarial(Block):
    """`adversarial real`."""

    seed: Seed
    n_bootstrap: Count
    block: Count
    side: Several
    margin: CountOrNone
    corner: Count
    validation: Fraction
    channels: Count
    dropout: Share
    network: Network
    votes: Several
    attacked: Several
    epsilons: Annotated[Epsilons, AfterValidator(_check_sky_noise)]
    confident: Fraction
    pgd: Pgd
    jpeg_quality: Annotated[int, Field(ge=1, le=100)]
    shown: Count
    light: RealLight


BLOCKS: dict[str, type[Block]] = {
    "train_adversarial": TrainAdversarial,
    "evaluate_adversarial": EvaluateAdversarial,
    "real_adversarial": RealAdversarial,
}
