"""Weights to start from, learnt from stamps without redshift.

- `star_galaxy`: by telling stars from galaxies, where the survey has spectra of both.
- `contrastive`: without any label, by recognising a stamp in another view of it (Chen et al. 2020, arXiv:2002.05709;
  of SDSS's galaxies: Hayat et al. 2021, ApJL 911, L33).

No stamp of a validation or test galaxy is seen.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from analysis.cnn_redshift.estimator import AUGMENTATION, ImageRedshifts, whole_batches
from analysis.cnn_redshift.model import RedshiftNetwork
from analysis.cnn_redshift.names import CONTRASTIVE, STAR_GALAXY
from analysis.errors import InputError
from analysis.survey.stamps import Augmentation, StampImages
from analysis.survey.stamps_cache import StampCache
from analysis.training import Settings, train

_PROJECTED = 64  # outputs that two views are compared by
_TEMPERATURE = 0.1  # Hayat et al. (2021)
_SPARE = 4  # pixels by which views are shifted, at most
_VIEWS = Augmentation(turn=True, shift=True, colour_noise=0.1)
_HELD_OUT = 0.1  # of the stamps, by which the best epoch is chosen


class TwoViews:
    """Stamps as `training.Data`, each in two views drawn apart."""

    def __init__(self, cache: StampCache, rows: np.ndarray, seed: int) -> None:
        side = min(cache.pixels.shape[1:3]) - _SPARE
        self._views = [StampImages(cache, rows, side, (), _VIEWS, seed=2 * seed + k) for k in range(2)]

    def set_epoch(self, epoch: int) -> None:
        """Draw both anew."""
        for view in self._views:
            view.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._views[0])

    def __getitem__(self, chosen: Tensor) -> tuple[Tensor, ...]:
        """Return both views of stamps, each (m, 5, side, side)."""
        return self._views[0][chosen][0], self._views[1][chosen][0]


def contrastive_loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the normalised, temperature-scaled cross-entropy (Chen et al. 2020, eq. 1).

    For each view the network is to find, among all others of the batch, the other one of the same stamp.
    """
    views = torch.cat(batch)
    reddening = torch.zeros(len(views), device=views.device)  # a network that knew it could tell stamps by it alone
    projected = functional.normalize(model(views, reddening), dim=1)
    alike = projected @ projected.T / _TEMPERATURE
    alike.fill_diagonal_(-torch.inf)
    partner = torch.arange(len(views), device=views.device).roll(len(batch[0]))
    return functional.cross_entropy(alike, partner)


def star_galaxy_loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the cross-entropy of being a galaxy."""
    images, reddening, is_galaxy = batch
    return functional.binary_cross_entropy_with_logits(model(images, reddening)[:, 0], is_galaxy)


def pretrained(
    kind: str, survey: Path, cache: StampCache, unseen: Collection[int], settings: dict[str, Any], checkpoints: Path
) -> dict[str, Tensor]:
    """Return weights of `RedshiftNetwork`, other than those of the last layer.

    Parameters
    ----------
    kind : str
        'star_galaxy' or 'contrastive'.
    survey : pathlib.Path
        For the classes.
    cache : StampCache
    unseen : collection of int
        Numbers of the validation and test galaxies.
    settings : dict
        Of the training stage: `network`, `pretraining`, `seed`.
    checkpoints : pathlib.Path
        Where an interrupted training waits, in a folder by the name of the kind.

    Raises
    ------
    InputError
        If there is no such kind, or the stamps are of stars or of galaxies only.
    """
    if kind not in (STAR_GALAXY, CONTRASTIVE):
        raise InputError(f"pretraining {kind!r}; expected {STAR_GALAXY} or {CONTRASTIVE}")
    seed, network = settings["seed"], ImageRedshifts.defaults | settings["network"]
    rows = np.flatnonzero(~np.isin(cache.object_id, list(unseen)))
    labels: tuple[Tensor, ...] = ()
    if kind == STAR_GALAXY:
        rows, labels = _stars_and_galaxies(survey, cache, rows)
    held_out = np.random.default_rng(seed).random(len(rows)) < _HELD_OUT

    def data(chosen: np.ndarray) -> Any:
        if kind == CONTRASTIVE:
            return TwoViews(cache, rows[chosen], seed)
        of_chosen = tuple(label[torch.from_numpy(chosen)] for label in labels)
        return StampImages(cache, rows[chosen], min(cache.pixels.shape[1:3]), of_chosen, AUGMENTATION, seed)

    torch.manual_seed(seed)
    own = (network[name] for name in ("channels", "apertures", "hidden", "dropout"))
    outputs = _PROJECTED if kind == CONTRASTIVE else 1
    model = RedshiftNetwork(outputs, cache.about["scaling"]["softening"], *own)
    epochs, rates = settings["pretraining"]["epochs"], (network["learning_rate"], network["weight_decay"])
    batch_size = whole_batches(int(np.count_nonzero(~held_out)), network["batch_size"])
    machine = {name: network[name] for name in ("device", "precision", "deterministic")}
    how = Settings(epochs, batch_size, *rates, epochs, seed=seed, **machine)
    loss = contrastive_loss if kind == CONTRASTIVE else star_galaxy_loss
    folder, bar = checkpoints / kind, f"pre-training, {kind}"
    train(model, loss, data(~held_out), data(held_out), how, folder, bar, about={"pretraining": kind})
    return {name: tensor.cpu() for name, tensor in model.state_dict().items() if not name.startswith("last.")}


def _stars_and_galaxies(survey: Path, cache: StampCache, rows: np.ndarray) -> tuple[np.ndarray, tuple[Tensor, Tensor]]:
    """Return which of some stamps show a star or galaxy by its spectrum, with no E(B-V), and whether a galaxy."""
    from analysis.survey.catalogue import read_catalogue  # the contrastive way runs without it, on a bare machine

    catalogue = read_catalogue(survey, ["object_id", "class"]).drop_duplicates("object_id").set_index("object_id")
    classes = catalogue.reindex(columns=["class"])["class"].astype(object).reindex(cache.object_id[rows]).to_numpy()
    chosen = np.isin(classes.astype(str), ["STAR", "GALAXY"])
    is_galaxy = torch.from_numpy((classes[chosen] == "GALAXY").astype(np.float32))
    if len(torch.unique(is_galaxy)) < 2:
        raise InputError(f"{survey}: stamps of stars or of galaxies only; expected both, to pre-train on them")
    return rows[chosen], (torch.zeros(len(is_galaxy)), is_galaxy)
