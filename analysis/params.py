"""Settings: one block of params.yaml per pipeline stage."""

from typing import Any

import yaml

from analysis import paths
from analysis.errors import InputError


def load(block: str) -> dict[str, Any]:
    """Return the settings of one stage.

    Parameters
    ----------
    block : str
        The stage's name, a top-level key of params.yaml.

    Raises
    ------
    InputError
        If params.yaml cannot be read or has no such block.
    """
    try:
        blocks = yaml.safe_load(paths.PARAMS.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{paths.PARAMS}: cannot be read ({error})") from None
    if not isinstance(blocks, dict) or not isinstance(blocks.get(block), dict):
        raise InputError(f"{paths.PARAMS}: no block {block!r}; expected one block of settings per stage")
    return blocks[block]


def merge(base: dict[str, Any], overrides: dict[str, Any], source: str) -> dict[str, Any]:
    """Return settings with some replaced, nested blocks included: how a scale differs from params.yaml.

    Raises
    ------
    InputError
        If an override names a setting that does not exist: a misspelt one would silently do nothing.
    """
    unknown = sorted(set(overrides) - set(base))
    if unknown:
        raise InputError(f"{source}: unknown setting {unknown[0]!r}; expected one of {', '.join(sorted(base))}")
    nested = {
        name: merge(base[name], value, f"{source}: {name}")
        for name, value in overrides.items()
        if isinstance(base[name], dict) and isinstance(value, dict)
    }
    return {**base, **overrides, **nested}
