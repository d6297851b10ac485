"""`bench stamps`: augmented batches from the cache, against the plain way, one stamp at a time in a DataLoader."""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from analysis.survey.catalogue import STAMPS, write_survey
from analysis.survey.stamps import Augmentation, StampImages
from analysis.survey.stamps_cache import StampCache, scaled_stamps
from analysis.survey.stamps_file import CHUNK, SIDE, Stamps, StampsWriter

LEAST_RATE = 20_000  # stamps per second
THREADS = 2
CROP = 40  # pixels
PASSES = 3  # through all stamps; the median counts


class PlainStamps(Dataset):
    """The plain way: each stamp by itself, in NumPy. Same draws, so the same images."""

    def __init__(self, cache: StampCache, images: StampImages) -> None:
        self.pixels, self.draws, self.side = cache.pixels, images.draws, images.side

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, k: int) -> torch.Tensor:
        symmetry, top, left = (int(getattr(self.draws, name)[k]) for name in ("symmetry", "top", "left"))
        stamp = self.pixels[k, top : top + self.side, left : left + self.side].astype(np.float32)
        if symmetry & 1:
            stamp = stamp.transpose(1, 0, 2)
        if symmetry & 2:
            stamp = stamp[::-1]
        if symmetry & 4:
            stamp = stamp[:, ::-1]
        stamp = stamp + self.draws.colour[k].numpy()
        return torch.from_numpy(np.ascontiguousarray(stamp.transpose(2, 0, 1)))


def draw_survey(stamps: int, seed: int, folder: Path) -> None:
    """Write a survey whose stamps are round blobs in sky noise: what is in them makes no difference here."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    object_id = np.arange(stamps)
    write_survey(pd.DataFrame({"object_id": object_id}), folder, {"kind": "mock", "source": "bench"})
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    blob = np.exp(-(x**2 + y**2) / 18)
    with StampsWriter(folder / STAMPS) as writer:
        for ids in np.split(object_id, range(16 * CHUNK, stamps, 16 * CHUNK)):
            noise = np.full((len(ids), 5), 0.03, np.float32)
            peak = rng.exponential(size=(len(ids), 5, 1, 1))
            pixels = (peak * blob + 0.03 * rng.normal(size=(len(ids), 5, SIDE, SIDE))).astype(np.float32)
            writer.append(Stamps(pixels, ids, np.full_like(noise, 1.3), noise))


def rate(batches: Callable[[], Iterable[Any]], stamps: int) -> float:
    """Return stamps per second: the median over passes through all of them."""
    seconds = []
    for _ in range(PASSES):
        started = time.perf_counter()
        for _batch in batches():
            pass
        seconds.append(time.perf_counter() - started)
    return stamps / float(np.median(seconds))


def compare(folder: Path, stamps: int, batch_size: int, seed: int) -> dict[str, Any]:
    """Scale the stamps of a survey once, then time both ways from the same cache, with the same draws."""
    started = time.perf_counter()
    cache = scaled_stamps(folder / "survey", folder=folder / "caches")
    scaling = stamps / (time.perf_counter() - started)
    images = StampImages(cache, np.arange(stamps), CROP, augmentation=Augmentation(), seed=seed)
    plain = PlainStamps(cache, images)
    first = images[torch.arange(batch_size)][0]
    assert torch.allclose(first, torch.stack([plain[k] for k in range(batch_size)]), atol=1e-6)
    loader = DataLoader(plain, batch_size, num_workers=THREADS, persistent_workers=True)
    ours = rate(lambda: images.batches(batch_size), stamps)
    theirs = rate(lambda: loader, stamps)
    return {"stamps_per_second": ours, "plain": theirs, "ratio": ours / theirs, "scaled_once_per_second": scaling}


def report(options: argparse.Namespace) -> dict[str, Any]:
    """Draw, compare; return the figures, and whether they are reached."""
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        draw_survey(options.stamps, options.seed, folder / "survey")
        result = compare(folder, options.stamps, options.batch_size, options.seed)
    about = {"stamps": options.stamps, "batch_size": options.batch_size, "threads": THREADS}
    about |= {"pixels": SIDE, "crop": CROP, "reached": result["stamps_per_second"] >= LEAST_RATE}
    return about | {name: round(value, 1) for name, value in result.items()}
