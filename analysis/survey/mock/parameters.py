"""The mock's parameters, and the hash that freezes them."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("parameters.yaml")


@cache
def parameters() -> dict[str, Any]:
    """Return parameters.yaml."""
    return yaml.safe_load(FILE.read_text())


def parameters_hash() -> str:
    """Return the SHA-256 of parameters.yaml."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()
