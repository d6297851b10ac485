"""What blocks of params.yaml are made of: types with ranges, and words for what breaks them.

The `settings.py` beside a stage has a model of each of its blocks, and names them in `BLOCKS`. Models only refuse:
stages get what the file says, unchanged.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from analysis import paths
from analysis.errors import InputError, nearest

T = TypeVar("T")


class Block(BaseModel):
    """Settings of one stage, or a part of them: no key that is not listed, no text for a number, nothing infinite."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def _check_ascending(values: list[Any]) -> list[Any]:
    if any(later <= earlier for earlier, later in pairwise(values)):
        raise ValueError("ascending values")
    return values


def _check_power_of_two(value: int) -> int:
    if value & (value - 1):
        raise ValueError("a power of two")
    return value


Seed = Annotated[int, Field(ge=0, lt=2**32)]
Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]  # 0 stands for all, or for nothing
Several = Annotated[int, Field(ge=2)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Redshift = Annotated[float, Field(ge=0, le=12)]
Magnitude = Annotated[float, Field(ge=-5, le=50)]
Nside = Annotated[int, Field(ge=1, le=8192), AfterValidator(_check_power_of_two)]  # of HEALPix
Device = Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")]
Precision = Literal["auto", "float32", "bfloat16"]
Estimator = Literal["rdf", "knn", "mdn", "trainz"]
Sizes = Annotated[list[Count], Field(min_length=1)]  # of layers, say
Ascending = Annotated[list[T], Field(min_length=1), AfterValidator(_check_ascending)]


class AdaBoost(Block):
    """Boosted regression trees: Drucker's AdaBoost.R2 on histograms of LightGBM's."""

    n_estimators: Count
    min_samples_leaf: Count
    max_bins: Annotated[int, Field(ge=2, le=255)]


class Network(Block):
    """How a network is trained, as `training.Settings` takes it; what has a default there may be left out."""

    epochs: Count
    batch_size: Count
    learning_rate: Positive
    weight_decay: NotNegative
    warmup: Fraction = 0.05
    device: Device = "auto"
    precision: Precision = "float32"
    deterministic: bool = False
    compiled: bool = False
    average: Share = 0.0


class PatientNetwork(Network):
    """A network whose training stops when so many epochs have brought nothing."""

    patience: Count


@cache
def models() -> dict[str, type[Block]]:
    """Return the model of every block: those that each `settings.py` of the package names."""
    found: dict[str, type[Block]] = {}
    for file in sorted(paths.PACKAGE.rglob("settings.py")):
        module = ".".join(file.relative_to(paths.ROOT).with_suffix("").parts)
        for name, model in import_module(module).BLOCKS.items():
            assert name not in found, f"two models of the block {name}"
            found[name] = model
    return found


def check_block(name: str, content: Any, source: str) -> None:
    """Raise InputError for the first setting of a block that is unknown, missing, of a wrong type or impossible.

    Parameters
    ----------
    name : str
        Of the block.
    content : object
        What the file has there.
    source : str
        The file.
    """
    if name not in models():
        raise InputError(f"{source}: unknown block {name!r}{nearest(name, models())}", "unknown-setting")
    check_model(models()[name], content, f"{source}: {name}")


def check_model(model: type[Block], content: Any, where: str) -> None:
    """Check a block, which an error calls `where`, by its model."""
    try:
        model.model_validate(content)
    except ValidationError as error:
        raise _in_words(error, where, model) from None


def check_blocks(content: Any, source: str) -> None:
    """Check all blocks of a file, and that none is missing."""
    if not isinstance(content, Mapping):
        raise InputError(f"{source}: holds {content!r}; expected one block of settings per stage", "setting-type")
    for name, block in content.items():
        check_block(str(name), block, source)
    if missing := sorted(models().keys() - content.keys()):
        raise InputError(f"{source}: no block {missing[0]!r}; expected one per stage", "missing-setting")


def _in_words(error: ValidationError, where: str, model: type[Block]) -> InputError:
    """Say what the first fault is, where, and what was expected."""
    fault = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")  # a misspelt key is missing, too
    parts = [str(part) for part in fault["loc"]]
    place = ".".join(parts)
    if fault["type"] == "extra_forbidden":
        known = list(_part(model, parts[:-1]).model_fields)
        return InputError(f"{where}: unknown setting {place!r}{nearest(parts[-1], known)}", "unknown-setting")
    if fault["type"] == "missing":
        return InputError(f"{where}: no setting {place!r}; expected one", "missing-setting")
    is_type = fault["type"].endswith(("_type", "_parsing")) or fault["type"] == "model_attributes_type"
    expected = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    found = f"{where}: {place}: " if place else f"{where}: "
    return InputError(f"{found}{fault['input']!r}; expected {expected}", "setting-type" if is_type else "setting-value")


def _part(model: type[Block], path: list[str]) -> type[Block]:
    """Return the model of a part of a block."""
    for name in path:
        inner = model.model_fields[name].annotation
        assert isinstance(inner, type) and issubclass(inner, Block)
        model = inner
    return model
