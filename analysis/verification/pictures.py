"""Two pictures, or two drawings, that show the same whatever their metadata say."""

import io
import re

import numpy as np
from PIL import Image

UNSEEN = 2.0  # root mean square of the difference, of 255 levels, below which nobody sees it
REDRAWN = 0.25  # the same for a picture drawn again from the same numbers: one dot elsewhere is more
_POINTS = 0.02  # of 72 an inch: how far a line of a drawing may be elsewhere
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_NAME = re.compile(r"\b[a-z]?[0-9a-f]{10}\b")  # Matplotlib names what a drawing uses again by a hash of it
_NUMBER = re.compile(r"(-?\d+\.\d+)")


def same_picture(committed: bytes, again: bytes, within: float = UNSEEN) -> bool:
    """Tell whether two PNG files show the same; a file that is none shows nothing."""
    try:
        first, second = (
            np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=float) for data in (committed, again)
        )
    except OSError:
        return False
    return first.shape == second.shape and float(np.sqrt(np.mean((first - second) ** 2))) <= within


def same_drawing(committed: bytes, again: bytes) -> bool:
    """Tell whether two SVG files draw the same lines in the same places."""
    first, second = (_NUMBER.split(_renamed(_METADATA.sub("", data.decode()))) for data in (committed, again))
    if first[::2] != second[::2]:  # what is between the numbers
        return False
    places, others = (np.array(parts[1::2], dtype=float) for parts in (first, second))
    return bool(np.all(np.abs(places - others) <= _POINTS))


def _renamed(drawing: str) -> str:
    """Number the names by hash in the order in which they come."""
    numbers: dict[str, str] = {}
    return _NAME.sub(lambda found: numbers.setdefault(found[0], f"name{len(numbers)}"), drawing)
