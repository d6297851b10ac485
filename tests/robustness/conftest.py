"""Outcomes of the tests of robustness, written as JSON where the environment variable ROBUSTNESS names a file."""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

OUTCOMES: dict[str, list[Any]] = defaultdict(list)


@pytest.fixture
def outcomes() -> dict[str, list[Any]]:
    """Return where a test notes what it has found, once all that it asserts holds."""
    return OUTCOMES


@pytest.fixture(scope="session", autouse=True)
def written() -> Iterator[None]:
    yield
    if "ROBUSTNESS" in os.environ:
        path = Path(os.environ["ROBUSTNESS"])
        known = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps(known | figures(OUTCOMES), indent=1, sort_keys=True) + "\n")


def figures(outcomes: dict[str, list[Any]]) -> dict[str, Any]:
    """Count what was noted."""
    counted: dict[str, Any] = {"malformed_inputs": len(found)} if (found := outcomes.get("malformed_inputs")) else {}
    if reached := set(outcomes.get("kinds", [])):
        formats = Counter(kind for kind, _ in reached)
        counted["kinds_of_error"] = len(formats)
        counted["kinds_of_error_from_two_formats"] = sum(number >= 2 for number in formats.values())
    if ends := dict(outcomes.get("circumstances", [])):
        counted["circumstances"] = {
            "tested": len(ends),
            "clear_errors": list(ends.values()).count("clear error"),
            "right_answers": list(ends.values()).count("right answer"),
            "which": [f"{circumstance}: {end}" for circumstance, end in ends.items()],
        }
    return counted
