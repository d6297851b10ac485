"""What the GAN learns from, and how its two networks take turns.

It runs on a bare machine: PyTorch and NumPy suffice.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from analysis.nbody_gan.gan import Gan, critic_loss, generator_loss
from analysis.nbody_gan.layers import scale_density
from analysis.training import Turn

_GRID = (1, 2, 3)
_SYMMETRIES = 48  # of the cube
_BETAS = (0.0, 0.9)  # of AdamW, as Gulrajani et al. (2017) have them


class TrainingBoxes:
    """Scaled densities, each epoch shifted and turned anew by the symmetries of the periodic cube.

    Parameters
    ----------
    density : Tensor, shape (boxes, n, n, n)
    floor : float
        Of `gan.scale_density`.
    seed : int
    """

    def __init__(self, density: Tensor, floor: float, seed: int) -> None:
        self._scaled = scale_density(density, floor)
        self._seed = seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Give each box one of the 48 symmetries, and those that share it the same shift."""
        generator = np.random.default_rng((self._seed, epoch))
        symmetry = torch.from_numpy(generator.integers(0, _SYMMETRIES, len(self._scaled)))
        self._now = torch.empty_like(self._scaled)
        for number in range(_SYMMETRIES):
            chosen = symmetry == number
            shift = generator.integers(0, self._scaled.shape[-1], 3).tolist()
            self._now[chosen] = turn(self._scaled[chosen], number).roll(shift, _GRID)

    def __len__(self) -> int:
        return len(self._scaled)

    def __getitem__(self, chosen: Tensor, /) -> tuple[Tensor, ...]:
        return (self._now[chosen][:, None],)


def turn(boxes: Tensor, symmetry: int) -> Tensor:
    """Apply one of the 48 symmetries of the cube, 0 to 47, to boxes (boxes, n, n, n): axes exchanged and mirrored."""
    order, mirrored = divmod(symmetry, 8)
    first, second = divmod(order, 2)
    rest = [axis for axis in range(3) if axis != first]
    axes = (first, *(rest if second == 0 else rest[::-1]))
    turned = boxes.permute(0, *(1 + axis for axis in axes))
    return turned.flip([1 + axis for axis in range(3) if mirrored >> axis & 1])


def gan_turns(model: Gan, settings: Mapping[str, Any]) -> list[Turn]:
    """Return the turns of critic and generator, for settings as the block `train_nbody_gan` of params.yaml."""
    critic = Turn("critic", critic_loss(settings["gradient_penalty"]), model.critic, betas=_BETAS)
    every, rate = settings["critic_steps"], settings["generator_rate"]
    return [critic, Turn("generator", generator_loss, model.generator, every=every, rate=rate, betas=_BETAS)]
