"""`bench training`: stamps per second of the training loop, against a plain float32 loop of the same network.

Same stamps, augmentation, batches and threads. The two take turns, epoch by epoch, so that what else the machine does
meets both; the median counts.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from analysis.cores import cores
from analysis.loop import batches
from analysis.loop.precision import has_native_bfloat16
from analysis.star_galaxy.convnet import ConvNet
from analysis.survey.stamps import Augmentation, StampImages
from analysis.survey.stamps_cache import StampCache
from analysis.tensor_files import read_tensors
from analysis.training import CHECKPOINT, Settings, train

LEAST_RATIO = 2.5  # where the processor computes in bfloat16 itself
LEAST_ELSEWHERE = 0.95  # not slower, within what the clock says
SIDE = 44  # pixels, of the network; the stamps have four more


def draw_cache(stamps: int, side: int, seed: int) -> StampCache:
    """Draw stamps of noise: what is in them makes no difference here."""
    pixels = np.random.default_rng(seed).standard_normal((stamps, side, side, 5), np.float32).astype(np.float16)
    return StampCache(pixels, np.arange(stamps), {})


def draw_images(stamps: int, seed: int, side: int = SIDE) -> StampImages:
    """Draw stamps with augmentation, and with labels of two classes."""
    labels = torch.from_numpy(np.random.default_rng(seed).integers(2, size=stamps))
    return StampImages(draw_cache(stamps, side + 4, seed), np.arange(stamps), side, (labels,), Augmentation(), seed)


def entropy(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the cross-entropy of a batch of stamps and labels."""
    return nn.functional.cross_entropy(model(batch[0]), batch[1])


def plain_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, images: StampImages, batch_size: int) -> None:
    """Train for an epoch the plain way: float32, and images laid out in memory as PyTorch lays them out by itself."""
    model.train()
    for chosen in batches.numbers(len(images), batch_size, order=(0, 0)):
        pixels, labels = images[chosen]
        loss = entropy(model, (pixels.contiguous(), labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class Timed:
    """Images that say when an epoch of ours starts, and a validation that ends it and then times a plain one."""

    def __init__(self, images: StampImages, width: float, settings: Settings) -> None:
        self.images, self.batch_size = images, settings.batch_size
        self.plain_model = ConvNet(side=images.side, width=width)
        self.optimizer = torch.optim.AdamW(self.plain_model.parameters(), settings.learning_rate)
        self.ours: list[float] = []
        self.plain: list[float] = []

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, chosen: Tensor) -> tuple[Tensor, ...]:
        return self.images[chosen]

    def set_epoch(self, epoch: int) -> None:
        """Draw the augmentation of an epoch; its time runs from here."""
        self.images.set_epoch(epoch)
        self.started = time.perf_counter()

    def validate(self, _: nn.Module) -> float:
        """Note how long our epoch took, and how long a plain one takes."""
        self.ours.append(time.perf_counter() - self.started)
        started = time.perf_counter()
        with torch.enable_grad():
            plain_epoch(self.plain_model, self.optimizer, self.images, self.batch_size)
        self.plain.append(time.perf_counter() - started)
        return 0.0


def compare(stamps: int, batch_size: int, width: float, rounds: int, seed: int) -> dict[str, Any]:
    """Train both ways for some epochs, after one that does not count; return stamps per second of each."""
    settings = Settings(1 + rounds, batch_size, 1e-3, 1e-4, patience=1 + rounds, device="cpu", precision="auto")
    torch.manual_seed(seed)
    timed = Timed(draw_images(stamps, seed), width, settings)
    with tempfile.TemporaryDirectory() as folder:
        train(ConvNet(side=SIDE, width=width), entropy, timed, timed.validate, settings, Path(folder), "both ways")
        precision = read_tensors(Path(folder) / CHECKPOINT)[1]["precision"]
    ours, plain = (stamps / float(np.median(seconds[1:])) for seconds in (timed.ours, timed.plain))
    return {"precision": precision, "stamps_per_second": ours, "plain": plain, "ratio": ours / plain}


def report(options: argparse.Namespace) -> dict[str, Any]:
    """Compare; return the figures, and whether they are reached."""
    torch.set_num_threads(options.threads or cores())
    result = compare(options.stamps, options.batch_size, options.width, options.rounds, options.seed)
    native = has_native_bfloat16(torch.device("cpu"))
    reached = result["ratio"] >= (LEAST_RATIO if native else LEAST_ELSEWHERE)
    about = {"stamps": options.stamps, "batch_size": options.batch_size, "width": options.width}
    about |= {"threads": torch.get_num_threads(), "native_bfloat16": native, "reached": reached}
    return about | {name: round(value, 2) if isinstance(value, float) else value for name, value in result.items()}
