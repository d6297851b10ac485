"""Colour cut-outs of SDSS galaxies that Galaxy Zoo 2 calls spirals, or not: read, checked, split, their sky measured.

The cut-outs are JPEG images, from 0 to 255 counts in three channels (SDSS's bands i, r, g as red, green and blue), with
SDSS's stretch, which is not undone here: a count is no unit of flux. One pixel is 0.02 petroR90 of the galaxy (Willett
et al. 2013, MNRAS 435, 2835).
"""

import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn.functional import avg_pool2d

from analysis.adversarial.morphology import FULL
from analysis.errors import InputError

Array = np.ndarray

LABELS, IMAGES = "labels.csv", "images.tar"
PIXEL = 0.02  # petroR90
TRAIN, TEST = "train", "validation"  # parts, as the labels call them: the latter is our test sample
_COLUMNS = ("GalaxyID", "split", "spiral")
_THUMBNAIL = 27  # pixels, of the images that are compared with one another …
_SAME = 0.99  # … and their correlation from which on they show the same galaxy


@dataclass(frozen=True)
class Galaxies:
    """Images of n galaxies.

    Attributes
    ----------
    table : DataFrame
        GalaxyID, split, spiral (0 or 1), duplicate (of an image before it).
    pixels : ndarray of uint8 (n, 3, side, side)
        The middle of the images, counts.
    corners : ndarray of uint8 (n, 3, 4, corner, corner)
        Their corners, where there is mostly sky.
    """

    table: pd.DataFrame
    pixels: Array
    corners: Array


def read_labels(path: Path) -> pd.DataFrame:
    """Read the table of labels.

    Raises
    ------
    InputError
        If it cannot be read, lacks a column, has an id twice, or a class or a part that is not known.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as CSV ({error})") from None
    if missing := set(_COLUMNS) - set(table):
        raise InputError(f"{path}: no column {min(missing)!r}; expected {', '.join(_COLUMNS)}")
    table = table[list(_COLUMNS)]
    for column, known in (("split", (TRAIN, TEST)), ("spiral", (0, 1))):
        if (wrong := ~table[column].isin(known)).any():
            row = int(np.flatnonzero(wrong)[0])
            raise InputError(f"{path}: row {row + 2}: {column} is {table[column][row]}; expected one of {known}")
    if (twice := table["GalaxyID"].duplicated()).any():
        raise InputError(f"{path}: GalaxyID {table['GalaxyID'][twice].iloc[0]} is there twice; expected it once")
    return table


def source(folder: Path) -> str:
    """Return where the images are from, as SOURCE.txt beside them says."""
    path = folder / "SOURCE.txt"
    lines = path.read_text().splitlines() if path.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("repository:")), "not stated")


def read_galaxies(folder: Path, side: int, corner: int) -> Galaxies:
    """Read all labelled images of a folder.

    Parameters
    ----------
    folder : pathlib.Path
        With labels.csv, and images.tar with one `<GalaxyID>.jpg` each, in any folders.
    side, corner : int
        Pixels that are kept of the middle, and of each corner.

    Raises
    ------
    InputError
        If a file is missing or damaged, a label has no image, or an image is too small or not in colour.
    """
    table = read_labels(folder / LABELS)
    row_of = {str(number): row for row, number in enumerate(table["GalaxyID"])}
    pixels = np.zeros((len(table), 3, side, side), np.uint8)
    corners = np.zeros((len(table), 3, 4, corner, corner), np.uint8)
    seen = np.zeros(len(table), bool)
    try:
        with tarfile.open(folder / IMAGES) as archive:
            for member in archive:
                row = row_of.get(Path(member.name).stem)
                if row is None or not member.isfile():
                    continue
                source = archive.extractfile(member)
                assert source is not None
                image = _decode(source.read(), f"{folder / IMAGES}: {member.name}", max(side, 2 * corner))
                pixels[row], corners[row], seen[row] = _middle(image, side), _corners(image, corner), True
    except (OSError, tarfile.TarError) as error:
        raise InputError(f"{folder / IMAGES}: not readable as a tar file ({error})") from None
    if not seen.all():
        missing = table["GalaxyID"][~seen].iloc[0]
        raise InputError(f"{folder / IMAGES}: no image of GalaxyID {missing}; expected one for every label")
    return Galaxies(table.assign(duplicate=duplicates(pixels)), pixels, corners)


def _decode(content: bytes, name: str, smallest: int) -> Array:
    """Return an image, (3, ny, nx)."""
    try:
        image = Image.open(io.BytesIO(content))
        mode, pixels = image.mode, np.asarray(image)
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{name}: not readable as an image ({error})") from None
    if mode != "RGB" or min(image.size) < smallest:
        size = f"{image.size[0]} x {image.size[1]} pixels in mode {mode}"
        raise InputError(f"{name}: {size}; expected RGB of at least {smallest} x {smallest}")
    return pixels.transpose(2, 0, 1)


def _middle(image: Array, side: int) -> Array:
    top, left = ((size - side) // 2 for size in image.shape[1:])
    return image[:, top : top + side, left : left + side]


def _corners(image: Array, corner: int) -> Array:
    ends = (slice(None, corner), slice(-corner, None))
    return np.stack([image[:, rows, columns] for rows in ends for columns in ends], axis=1)


def duplicates(pixels: Array) -> Array:
    """Tell which images (n, 3, side, side) show what one before them shows: the same pixels, or nearly so."""
    known: set[bytes] = set()
    same = np.zeros(len(pixels), bool)
    for row, image in enumerate(pixels):
        digest = hashlib.sha256(image.tobytes()).digest()
        same[row] = digest in known
        known.add(digest)
    block = pixels.shape[-1] // _THUMBNAIL or 1
    small = coarse(pixels, block).mean(dim=1).flatten(1).double()
    small = small - small.mean(dim=1, keepdim=True)
    small = small / small.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return same | ((small @ small.T).tril(-1) > _SAME).any(dim=1).numpy()


def coarse(pixels: Array, block: int) -> Tensor:
    """Return images (n, 3, side, side) as means over blocks of pixels, (n, 3, side / block, side / block), float32."""
    parts = [
        avg_pool2d(torch.from_numpy(part).float(), block) for part in np.array_split(pixels, len(pixels) // 200 or 1)
    ]
    return torch.cat(parts)


def split(table: pd.DataFrame, validation: float, seed: int) -> pd.Series:
    """Return the sample of each image: test, as the labels have it; training and validation, drawn from the rest.

    Duplicates are in none ("duplicate"): of two images alike, the one that comes first is kept.
    """
    sample = table["split"].map({TRAIN: "train", TEST: "test"}).where(~table["duplicate"], "duplicate")
    learnt = np.flatnonzero(sample == "train")
    drawn = np.random.default_rng(seed).permutation(learnt)[: round(validation * len(learnt))]
    sample.iloc[drawn] = "validation"
    return sample


def sky(galaxies: Galaxies, block: int) -> dict[str, float]:
    """Measure the sky in the corners of the images, robustly; medians over images and channels.

    Returns
    -------
    dict
        `level`, counts; `noise`, standard deviation of a pixel, and `noise_coarse`, of a mean over a block of them,
        and `noise_percent`, the latter over the largest count.
        Counts below zero are recorded as zero, so that the noise of the sky itself is somewhat larger.
    """
    corners = galaxies.corners
    n, channels, _, size, _ = corners.shape
    means = coarse(corners.reshape(n * channels, 4, size, size), block).numpy().reshape(n, channels, -1)
    pixels = corners.reshape(n, channels, -1).astype(np.float32)
    noise_coarse = float(np.median(_scatter(means)))
    return {
        "level": float(np.median(np.median(pixels, axis=2))),
        "noise": float(np.median(_scatter(pixels))),
        "noise_coarse": noise_coarse,
        "noise_percent": 100 * noise_coarse / FULL,
    }


def _scatter(values: Array) -> Array:
    """Return 1.4826 times the median absolute deviation along the last axis."""
    return 1.4826 * np.median(np.abs(values - np.median(values, axis=-1, keepdims=True)), axis=-1)
