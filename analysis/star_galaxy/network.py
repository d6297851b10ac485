"""The trained network in use: stamps of any survey in, the probability of being a galaxy and its error out.

The probability is combined over transformed copies of a stamp, as Kim & Brunner (2017, MNRAS 464, 4463) combine it,
here by the plain mean of 40: the eight symmetries of the square, each of the central crop and of the four that are
shifted as far as those in training. So a turned stamp gets the same probability.

Its error is that of Monte-Carlo dropout (Gal & Ghahramani 2016, arXiv:1506.02142): the standard deviation over networks
that are thinned at random, as in training. Each thinned network sees all stamps and all copies, so that the error of an
object does not depend on what else is predicted with it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from analysis.errors import InputError
from analysis.loop.processes import pick_device
from analysis.star_galaxy.convnet import ConvNet
from analysis.survey.catalogue import STAMPS
from analysis.survey.stamps import SYMMETRIES, look_up
from analysis.survey.stamps_cache import FOLDER, Scaling, StampCache, scaled_stamps
from analysis.survey.stamps_file import read_about

Array = np.ndarray

WEIGHTS = "convnet.safetensors"
STAR_OUTPUT, GALAXY_OUTPUT = 0, 1  # outputs of the network
_STAMPS_AT_ONCE = 128
_SAME_SCALE = 0.02  # relative: pixels of two surveys whose sizes differ by less are the same


class How(NamedTuple):
    """What belongs to a trained network beside its weights; written into its file.

    Attributes
    ----------
    shift : int
        Pixels by which crops were, and are, shifted from the centre at most.
    pixel_scale : float
        Arcsec, of the stamps that it learnt from.
    seeing : tuple of float
        Their median PSF FWHM by band, arcsec; NaN where unknown.
    softening : tuple of float
        With which their pixels were scaled (`stamps_cache.Scaling`).
    passes : int
        Thinned networks for the error.
    seed : int
        Of what is left out in them.
    """

    shift: int
    pixel_scale: float
    seeing: tuple[float, ...]
    softening: tuple[float, ...]
    passes: int
    seed: int


def save_network(path: Path, network: ConvNet, how: How) -> None:
    """Write a network and all that is needed to use it, as one safetensors file."""
    network.save(path, **how._asdict())


def load_network(path: Path) -> tuple[ConvNet, How]:
    """Read what `save_network` wrote.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds another network.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: no network here; `python -m analysis star-galaxy train-convnet` makes it", "no-such-file"
        )
    network, about = ConvNet.load(path)
    if set(about) != set(How._fields):
        raise InputError(
            f"{path}: says {', '.join(sorted(about)) or 'nothing'}; expected {', '.join(How._fields)}", "other-model"
        )
    about |= {name: tuple(about[name]) for name in ("seeing", "softening")}  # JSON knows lists only
    return network, How(**about)


def predict(folder: Path, survey: Path, object_ids: Array, caches: Path = FOLDER) -> tuple[Array, Array]:
    """Predict objects from their stamps.

    Parameters
    ----------
    folder : pathlib.Path
        Of the trained network.
    survey : pathlib.Path
        With stamps, of any size that is large enough.
    object_ids : ndarray of int (objects,)
    caches : pathlib.Path
        Where scaled stamps are kept.

    Returns
    -------
    p_galaxy, p_err : ndarray (objects,)
        Probability of being a galaxy, and its standard deviation under Monte-Carlo dropout.

    Raises
    ------
    InputError
        If there is no readable network, an object has no stamp, or stamps are too small or of other pixels.
    """
    network, how = load_network(folder / WEIGHTS)
    cache = stamps_for(how, survey, caches)
    network.to(pick_device("auto"))
    return combined(network, how, cache, rows_of(cache, object_ids, survey))


def stamps_for(how: How, survey: Path, caches: Path = FOLDER) -> StampCache:
    """Return the stamps of a survey, scaled as those that the network learnt from.

    Raises
    ------
    InputError
        If the survey has none, or their pixels are of another size.
    """
    cache = scaled_stamps(survey, Scaling(softening=how.softening), caches)
    scale = read_about(survey / STAMPS).pixel_scale
    if abs(scale / how.pixel_scale - 1) > _SAME_SCALE:
        raise InputError(f"{survey / STAMPS}: pixels of {scale:g} arcsec; the network learnt from {how.pixel_scale:g}")
    return cache


def rows_of(cache: StampCache, object_ids: Array, survey: Path) -> Array:
    """Return where in a cache objects are; InputError for one without stamp."""
    order = np.argsort(cache.object_id)
    places = np.searchsorted(cache.object_id, object_ids, sorter=order)
    rows = order[np.minimum(places, len(order) - 1)]
    if (missing := cache.object_id[rows] != object_ids).any():
        raise InputError(f"{survey / STAMPS}: no stamp of object {np.asarray(object_ids)[missing][0]}")
    return rows


def combined(network: ConvNet, how: How, cache: StampCache, rows: Array) -> tuple[Array, Array]:
    """Return p(galaxy) of stamps of a cache and its error, (n,) each, as `predict` does."""
    masks = dropout_masks(network, how.passes, how.seed)
    p, error = np.empty(len(rows)), np.empty(len(rows))
    for part in np.array_split(np.arange(len(rows)), -(-len(rows) // _STAMPS_AT_ONCE) or 1):
        p[part], thinned = probabilities(network, cache, rows[part], how.shift, masks)
        error[part] = thinned.std(axis=0, ddof=1)
    return p, error


@torch.no_grad()
def probabilities(
    network: ConvNet, cache: StampCache, rows: Array, shift: int, masks: list[list[Tensor]]
) -> tuple[Array, Array]:
    """Return p(galaxy) of stamps, the mean over their copies.

    Parameters
    ----------
    network : ConvNet
        In evaluation mode.
    cache : StampCache
    rows : ndarray of int (n,)
    shift : int
        Of the crops, pixels.
    masks : list
        Of `dropout_masks`, one for each thinned network.

    Returns
    -------
    whole : ndarray (n,)
        By the whole network.
    thinned : ndarray (passes, n)

    Raises
    ------
    InputError
        If the stamps are smaller than the network takes.
    """
    device = next(network.parameters()).device
    first = next(k for k, layer in enumerate(network.dense) if isinstance(layer, nn.Dropout))
    layers = list(network.dense)
    same_for_all, rest = nn.Sequential(*layers[:first]), nn.Sequential(*layers[first:])
    found = []  # of each copy, by the whole network and by each thinned one
    for copy in _copies(cache, rows, int(network.shape["side"]), shift):
        features = same_for_all(network.convolutions(copy.to(device)))
        logits = [rest(features), *(_thinned(rest, features, mask) for mask in masks)]
        found.append(torch.stack(logits).softmax(dim=2)[:, :, GALAXY_OUTPUT])
    mean = torch.stack(found).mean(dim=0).double().cpu().numpy()
    return mean[0], mean[1:]


def dropout_masks(network: ConvNet, passes: int, seed: int) -> list[list[Tensor]]:
    """Draw for each pass what each dropout layer leaves of its units (0, or 1 / the share that is left)."""
    generator, drawn = torch.Generator().manual_seed(seed), []
    device = next(network.parameters()).device
    for _ in range(passes):
        masks, units = [], 0
        for layer in network.dense:
            if isinstance(layer, nn.Linear):
                units = layer.out_features
            elif isinstance(layer, nn.Dropout):
                left = torch.rand(units, generator=generator) >= layer.p
                masks.append((left / (1 - layer.p)).to(device))
        drawn.append(masks)
    return drawn


def _thinned(layers: nn.Sequential, values: Tensor, masks: list[Tensor]) -> Tensor:
    """Run layers with the same units left out for all stamps."""
    of_layer = iter(masks)
    for layer in layers:
        values = values * next(of_layer) if isinstance(layer, nn.Dropout) else layer(values)
    return values


def _copies(cache: StampCache, rows: Array, side: int, shift: int) -> Iterator[Tensor]:
    """Yield the copies (n, 5, side, side) of stamps over which a prediction is combined."""
    pixels, chosen = torch.from_numpy(cache.pixels), torch.from_numpy(np.asarray(rows, np.int64))
    ny, nx = pixels.shape[1:3]
    if min(ny, nx) < side:
        raise InputError(f"stamps of {ny} x {nx} pixels; expected at least {side} x {side}, as the network takes")
    one = torch.ones_like(chosen)
    for top, left in crops(ny - side, nx - side, shift):
        for symmetry in range(SYMMETRIES):
            yield look_up(pixels, chosen, symmetry * one, top * one, left * one, side)


def crops(spare_rows: int, spare_columns: int, shift: int) -> list[tuple[int, int]]:
    """Return the corners of the central crop and of the four shifted ones, as far as the stamp goes."""
    tops, lefts = (sorted({max(s // 2 - shift, 0), min(s - s // 2 + shift, s)}) for s in (spare_rows, spare_columns))
    shifted = [(top, left) for top in tops for left in lefts]
    return list(dict.fromkeys([(spare_rows // 2, spare_columns // 2), *shifted]))


def first_kernels(network: ConvNet) -> Array:
    """Return the kernels of the first convolution, (channels, 5, 5 pixels, 5 pixels)."""
    return network.state_dict()["convolutions.0.weight"].cpu().numpy()


def describe(network: ConvNet) -> dict[str, Any]:
    """Return the size of a network: width, side of the stamps, number of parameters."""
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return {"width": network.shape["width"], "side": network.shape["side"], "parameters": parameters}
