"""Tensors in safetensors files: written atomically, read with errors that name the file and what does not fit."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from analysis.errors import InputError
from analysis.files import replacing


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: dict[str, str]) -> None:
    """Write tensors and a few words about them; the file is there whole, or as it was before."""
    with replacing(path) as partial:
        save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, partial, metadata=about)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read what `write_tensors` wrote.

    Raises
    ------
    InputError
        If the file is missing, cut, or of another format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not a whole safetensors file ({error})", "damaged-file") from None


def check_tensors(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: Path) -> None:
    """Raise InputError if tensors read from `source` are not those expected, by name and shape."""
    for name in [*expected, *tensors]:
        found, wanted = (
            "no such tensor" if name not in where else f"shape {tuple(where[name].shape)}"
            for where in (tensors, expected)
        )
        if found != wanted:
            raise InputError(
                f"{source}: tensor {name!r}: {found}; expected {wanted}: it is of another architecture", "other-model"
            )


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], source: Path) -> None:
    """Put weights that were read from `source` into a model.

    Raises
    ------
    InputError
        If they are of another architecture: the first tensor that does not fit is named.
    """
    check_tensors(tensors, model.state_dict(), source)
    model.load_state_dict(tensors)
