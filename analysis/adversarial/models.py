"""The networks of the compendium as attacks take them: flux of some images in, logits or redshift PDFs out."""

from collections.abc import Callable

import torch
from torch import Tensor

from analysis.adversarial.attacks import Model
from analysis.adversarial.images import Images, central
from analysis.cnn_redshift.estimator import ImageRedshifts
from analysis.star_galaxy.convnet import ConvNet
from analysis.star_galaxy.network import How, crops
from analysis.survey.stamps import symmetric_views

_LEAST_MASS = 1e-12  # of a cell of a PDF, whose logarithm is taken


def classifier(network: ConvNet, how: How) -> Callable[[Images], Model]:
    """Return what makes, for some images, the model: flux -> logits of star and galaxy (n, 2), of the central crop.

    It is the network itself that is attacked, not the mean over turned and shifted crops that it is used with.
    """
    softening, side = torch.tensor(how.softening), int(network.shape["side"])
    return lambda images: lambda flux: network(central(images.scaled(flux, softening), side))


def used_classifier(network: ConvNet, how: How) -> Callable[[Images], Model]:
    """Return what makes the model as it is used: the logarithm of the mean probability over turned and shifted crops.

    It costs as many times more to attack as there are crops (`star_galaxy.network`): 40 at the default settings.
    """
    softening, side = torch.tensor(how.softening), int(network.shape["side"])

    def of(images: Images) -> Model:
        spare_rows, spare_columns = (size - side for size in images.flux.shape[2:])
        corners = crops(spare_rows, spare_columns, how.shift)

        def model(flux: Tensor) -> Tensor:
            scaled = images.scaled(flux, softening)
            cut = (scaled[..., top : top + side, left : left + side] for top, left in corners)
            p = [network(view).softmax(dim=1) for crop in cut for view in symmetric_views(crop)]
            return torch.stack(p).mean(dim=0).clamp_min(_LEAST_MASS).log()

        return model

    return of


def redshifts(
    estimator: ImageRedshifts, reddening: dict[int, float], as_used: bool = False
) -> Callable[[Images], Model]:
    """Return what makes, for some images, the model: flux -> probability in each cell of the grid (n, n_grid).

    Parameters
    ----------
    estimator : ImageRedshifts
    reddening : dict
        E(B-V) by object_id.
    as_used : bool
        Whether the PDF is the mean over the eight symmetries of a stamp, or that of the stamp as it lies.
    """
    softening = torch.tensor(estimator.arrays["softening"], dtype=torch.float32)

    def of(images: Images) -> Model:
        known = torch.tensor([reddening[number] for number in images.object_id.tolist()], dtype=torch.float32)

        def model(flux: Tensor) -> Tensor:
            scaled = images.scaled(flux, softening)
            views = symmetric_views(scaled) if as_used else [scaled]
            return torch.stack([estimator.masses(view, known) for view in views]).mean(dim=0)

        return model

    return of


def mean_redshift(masses: Tensor, grid: Tensor) -> Tensor:
    """Return the mean (n,) of PDFs given as masses (n, n_grid)."""
    return masses @ grid.to(masses)


def minus_log_density(grid: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss -ln p(z) of PDFs, up to a constant, at redshifts (n,): an attack by it leads away from them."""

    def loss(masses: Tensor, z: Tensor) -> Tensor:
        cell = (z[:, None] - grid.to(z)).abs().argmin(dim=1)
        return -masses.gather(1, cell[:, None])[:, 0].clamp_min(_LEAST_MASS).log()

    return loss


def distance_from(grid: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss (mean redshift - wanted)^2: a targeted attack by it leads to the redshifts (n,) wanted."""
    return lambda masses, wanted: (mean_redshift(masses, grid) - wanted) ** 2
