"""The mock's parameters, and the hash that freezes them."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from analysis.files import replacing

FILE = Path(__file__).with_name("parameters.yaml")
FROZEN = FILE.with_suffix(".sha256")


@cache
def parameters() -> dict[str, Any]:
    """Return parameters.yaml."""
    return yaml.safe_load(FILE.read_text())


def parameters_hash() -> str:
    """Return the SHA-256 of parameters.yaml."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()


def frozen_hash() -> str:
    """Return the SHA-256 at which the parameters were frozen, after the anchoring and before any result."""
    return FROZEN.read_text().strip()


def freeze() -> None:
    """Freeze the parameters as they are."""
    with replacing(FROZEN) as partial:
        partial.write_text(parameters_hash() + "\n")
