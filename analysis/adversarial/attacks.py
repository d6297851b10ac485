"""Attacks on a model by its gradient, and random noise of the same size as their control. PyTorch suffices.

An attack is a function of a model (any callable from images to outputs), images, what the outputs are compared with
(true classes, say; the wanted ones where an attack is targeted), the size epsilon, and `Bounds`: the unit of epsilon in
each band, and what the detector can record. It returns images that differ by at most epsilon units in every pixel.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from analysis.errors import InputError

Model = Callable[[Tensor], Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Bounds:
    """What an attack may do to images (n, bands, ny, nx); each attribute has a shape that broadcasts to theirs.

    Attributes
    ----------
    unit : Tensor
        Of epsilon, above zero: the sky noise of each image and band, say, or the range of pixels.
    low, high : Tensor
        The smallest and the largest value that the detector records; infinite where there is no limit.
    """

    unit: Tensor
    low: Tensor
    high: Tensor

    def clip(self, images: Tensor) -> Tensor:
        """Return images as the detector records them."""
        return torch.minimum(torch.maximum(images, self.low), self.high)

    def check(self, images: Tensor, epsilon: float) -> None:
        """Raise InputError for an epsilon that is no size, or images outside of the range."""
        if not (math.isfinite(epsilon) and epsilon >= 0):
            raise InputError(f"epsilon is {epsilon}; expected a finite number of at least 0")
        if not ((self.unit > 0) & torch.isfinite(self.unit)).all():
            raise InputError("the unit of epsilon is not above 0, or not finite, in some band")
        inside = torch.isfinite(images) & (images >= self.low) & (images <= self.high)
        if not inside.all():
            place = (~inside).nonzero()[0].tolist()
            value = images[tuple(place)].item()
            low, high = (edge.expand_as(images)[tuple(place)].item() for edge in (self.low, self.high))
            where = f"image {place[0]}, band {place[1]}, row {place[2]}, column {place[3]}"
            raise InputError(f"{where} is {value:g}; expected a finite number between {low:g} and {high:g}")


def cross_entropy(outputs: Tensor, classes: Tensor) -> Tensor:
    """Return the cross-entropy (n,) of logits (n, k) with classes (n,); InputError for a class that does not exist."""
    if outside := [number for number in classes.tolist() if not 0 <= number < outputs.shape[1]]:
        raise InputError(f"class {outside[0]} does not exist; expected 0 to {outputs.shape[1] - 1}")
    return functional.cross_entropy(outputs.float(), classes, reduction="none")


def fgsm(
    model: Model,
    images: Tensor,
    wanted: Tensor,
    epsilon: float,
    bounds: Bounds,
    loss: Loss = cross_entropy,
    targeted: bool = False,
) -> Tensor:
    """Take the fast gradient sign step: x + epsilon sign(dL/dx) (Goodfellow et al. 2015, arXiv:1412.6572, section 4).

    Parameters
    ----------
    model : callable
        Images (n, bands, ny, nx) -> outputs (n, …), differentiable.
    images : Tensor (n, bands, ny, nx)
    wanted : Tensor (n, …)
        What `loss` compares the outputs with: true classes, from which the attack leads away, or, if it is targeted,
        those that it leads to.
    epsilon : float
        Largest change of a pixel, in `bounds.unit`.
    bounds : Bounds
    loss : callable
        Outputs and `wanted` -> loss of each image (n,).
    targeted : bool
        Whether the loss is to fall: x - epsilon sign(dL/dx) (Kurakin et al. 2017, arXiv:1611.01236, section 2.2).

    Returns
    -------
    Tensor (n, bands, ny, nx)

    Raises
    ------
    InputError
        If epsilon is negative or not finite, an image is outside of the range, a class does not exist, or the model
        has no gradient.
    """
    bounds.check(images, epsilon)
    _, gradient = _loss_and_gradient(model, images, wanted, loss)
    direction = -1 if targeted else 1
    return bounds.clip(images + direction * epsilon * bounds.unit * gradient.sign())


def pgd(
    model: Model,
    images: Tensor,
    wanted: Tensor,
    epsilon: float,
    bounds: Bounds,
    loss: Loss = cross_entropy,
    targeted: bool = False,
    *,
    steps: int,
    restarts: int = 1,
    step_size: float | None = None,
    from_image: bool = True,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Climb the loss by projected gradient steps in the L-infinity ball (Madry et al. 2018, arXiv:1706.06083, eq. 2.1).

    Of all points visited, each image keeps the one with the largest loss (the smallest, if targeted).

    Parameters
    ----------
    model, images, wanted, epsilon, bounds, loss, targeted
        As for `fgsm`.
    steps : int
        From each start.
    restarts : int
        Starts.
    step_size : float, optional
        In units of epsilon; by default 2.5 / steps (Madry et al., section 5), so that any point can be reached.
    from_image : bool
        Whether the first start is the image itself; the others are drawn evenly from the ball.
    generator : torch.Generator, optional
        Of the starts, on the images' device; by default PyTorch's own.

    Returns
    -------
    Tensor (n, bands, ny, nx)

    Raises
    ------
    InputError
        As for `fgsm`, and if `steps` or `restarts` is below 1.
    """
    bounds.check(images, epsilon)
    if steps < 1 or restarts < 1:
        raise InputError(f"{steps} steps from {restarts} starts; expected at least 1 of each")
    reach = epsilon * bounds.unit
    step = (-1 if targeted else 1) * reach * (2.5 / steps if step_size is None else step_size)
    best = _Best(images, targeted)
    for start in range(restarts):
        points = images.detach() if start == 0 and from_image else _drawn(images, reach, bounds, generator)
        for _ in range(steps):
            values, gradient = _loss_and_gradient(model, points, wanted, loss)
            best.keep(points, values)
            points = torch.minimum(torch.maximum(points + step * gradient.sign(), images - reach), images + reach)
            points = bounds.clip(points)
        with torch.no_grad():
            best.keep(points, loss(model(points), wanted))
    return best.points


def _drawn(images: Tensor, reach: Tensor, bounds: Bounds, generator: torch.Generator | None) -> Tensor:
    """Return points drawn evenly from the ball about images."""
    drawn = torch.rand(images.shape, generator=generator, device=images.device, dtype=images.dtype)
    return bounds.clip(images + reach * (2 * drawn - 1))


class _Best:
    """Of all points visited, each image's with the largest loss (the smallest, if targeted)."""

    def __init__(self, images: Tensor, targeted: bool) -> None:
        self.points = images.detach().clone()
        self._direction = -1 if targeted else 1
        self._highest = torch.full((len(images),), -math.inf, device=images.device, dtype=torch.float64)

    def keep(self, points: Tensor, values: Tensor) -> None:
        """Keep those points (n, …) whose loss (n,) is better than that of all before."""
        gained = self._direction * values.double()
        higher = gained > self._highest
        self.points[higher], self._highest[higher] = points[higher], gained[higher]


def noise(images: Tensor, epsilon: float, bounds: Bounds, generator: torch.Generator | None = None) -> Tensor:
    """Add or take off epsilon in every pixel, at random: a change as large as `fgsm`'s that knows no model.

    Parameters
    ----------
    images, epsilon, bounds
        As for `fgsm`.
    generator : torch.Generator, optional

    Returns
    -------
    Tensor (n, bands, ny, nx)

    Raises
    ------
    InputError
        If epsilon is negative or not finite, or an image is outside of the range.
    """
    bounds.check(images, epsilon)
    signs = torch.randint(0, 2, images.shape, generator=generator, device=images.device).to(images) * 2 - 1
    return bounds.clip(images + epsilon * bounds.unit * signs)


def _loss_and_gradient(model: Model, images: Tensor, wanted: Tensor, loss: Loss) -> tuple[Tensor, Tensor]:
    """Return the loss (n,) of each image and its gradient (n, bands, ny, nx)."""
    with torch.enable_grad():  # training loops validate without
        variable = images.detach().requires_grad_()
        values = loss(model(variable), wanted)
        gradient = torch.autograd.grad(values.sum(), variable, allow_unused=True)[0] if values.requires_grad else None
    if gradient is None:
        why = "the model's outputs have no gradient with respect to the images"
        raise InputError(f"{why}; expected a differentiable model: others can be attacked without gradients only")
    return values.detach(), gradient
