"""Redshift PDFs from stamps, by the interface of every estimator of redshift PDFs."""

import math
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from analysis.cnn_redshift.heads import HEADS, Head, make_head
from analysis.cnn_redshift.model import RedshiftNetwork
from analysis.errors import InputError
from analysis.loop.processes import pick_device
from analysis.photoz_pdf.interface import Array, PdfEstimator
from analysis.photoz_pdf.kernels import cell_edges
from analysis.survey.stamps import Augmentation, StampImages, symmetric_views
from analysis.survey.stamps_cache import StampCache
from analysis.training import Settings, train

_BATCH = 256  # stamps predicted at a time
# The colours of a galaxy are what its redshift is read from, and its centre is where the apertures are: neither noise
# along the colours nor shifted crops, which serve the separation of stars and galaxies, are harmless here.
AUGMENTATION = Augmentation(turn=True, shift=False, colour_noise=0.0)


def whole_batches(n: int, batch_size: int) -> int:
    """Return a size of batches, the one given or more, of which the last of `n` objects is not a single one.

    A batch of one object has no variance to be standardised by.
    """
    while n > 1 and n % batch_size == 1:
        batch_size += 1
    return batch_size


class ImageRedshifts(PdfEstimator):
    """Networks on stamps; the mean of their PDFs, and of those of the eight symmetries of a stamp.

    What other estimators call features are two columns here: the row of the object's stamp in `cache`, and its E(B-V).
    There are no errors: give None.

    Parameters
    ----------
    head : str
        'bins', 'regression' or 'mixture' (`heads`).
    bin_width, smoothing : float
        Of the bins, in redshift.
    components : int
        Gaussians of the mixture.
    channels, apertures, hidden, dropout
        Of `RedshiftNetwork`.
    members : int
        Networks, from different starts.
    epochs, least_steps : int
        Passes over the training stamps; more of them where a small sample would have fewer steps than `least_steps`.
    batch_size : int
        Largest; at least eight batches are made of a small sample.
    learning_rate, weight_decay : float
    seed : int
    device, precision, deterministic, compiled
        Of `training.Settings`.

    Attributes
    ----------
    cache : StampCache
        Where the stamps are; set it before fitting or predicting.
    validation : (ndarray, ndarray)
        Features and redshifts by which the best epoch is chosen; set it before fitting.
    start : dict of Tensor
        Weights of `RedshiftNetwork` to start from, other than those of the last layer; none by default.
    histories : list of list of dict
        Of each member's training, as `train` returns it.
    """

    name = "cnn"
    defaults: ClassVar = {
        "head": "bins",
        "bin_width": 0.01,
        "smoothing": 0.01,
        "components": 5,
        "channels": [16, 32, 64],
        "apertures": 5,
        "hidden": [128, 128],
        "dropout": 0.1,
        "members": 1,
        "epochs": 40,
        "least_steps": 600,
        "batch_size": 64,
        "learning_rate": 0.003,
        "weight_decay": 0.05,
        "seed": 1,
        "device": "auto",
        "precision": "float32",
        "deterministic": False,
        "compiled": False,
    }

    def __init__(self, grid: Array | None = None, **settings: Any):
        super().__init__(grid, **settings)
        if self.settings["head"] not in HEADS:
            raise InputError(f"{self.name}: head {self.settings['head']!r}; expected one of {', '.join(HEADS)}")
        self.cache: StampCache | None = None
        self.validation: tuple[Array, Array] | None = None
        self.start: dict[str, Tensor] = {}
        self.histories: list[list[dict[str, float]]] = []

    def images(self, features: Array, z: Array | None = None, augmentation: Augmentation | None = None) -> StampImages:
        """Return stamps with E(B-V), and redshifts where they are given, as training takes them.

        Parameters
        ----------
        features : ndarray, shape (n, 2)
            Row of the stamp, E(B-V).
        z : ndarray, shape (n,), optional
        augmentation : Augmentation, optional

        Raises
        ------
        InputError
            If `cache` is not set, or has no such row.
        """
        if self.cache is None:
            raise InputError(f"{self.name}: has no stamps; set `cache`")
        rows, n = features[:, 0].astype(int), len(self.cache.object_id)
        if outside := [row for row in rows if not 0 <= row < n]:
            raise InputError(f"{self.name}: row {outside[0]} of the stamps; expected 0 to {n - 1}")
        labels = [torch.tensor(values, dtype=torch.float32) for values in (features[:, 1], z) if values is not None]
        side = min(self.cache.pixels.shape[1:3])
        return StampImages(self.cache, rows, side, tuple(labels), augmentation, self.settings["seed"])

    def _fit(self, features: Array, errors: Array, z: Array) -> None:
        if self.validation is None:
            raise InputError(f"{self.name}: nothing to choose the best epoch by; set `validation`")
        training = self.images(features, z, AUGMENTATION)
        validation = self.images(*self.validation)
        self.arrays = {"softening": np.asarray(self.cache.about["scaling"]["softening"])}  # type: ignore[union-attr]
        head, self.histories = self._head(), []
        of_head = {name: self.settings[name] for name in ("head", "bin_width", "smoothing", "components")}
        of_head["ends"] = [float(self.grid[0]), float(self.grid[-1])]
        for member in range(self.settings["members"]):
            torch.manual_seed(self.settings["seed"] + member)
            network = self._network()
            network.load_state_dict(network.state_dict() | self.start)

            def loss(network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
                images, reddening, truth = batch
                return head.loss(network(images, reddening).float(), truth)

            how = self._how(len(z), self.settings["seed"] + member)
            with tempfile.TemporaryDirectory() as temporary:
                folder = self.checkpoints / str(member) if self.checkpoints else Path(temporary)
                bar = f"network on {len(z):,} stamps" if self.checkpoints else None
                self.histories.append(train(network, loss, training, validation, how, folder, bar, about=of_head))
            weights = network.cpu().state_dict()
            self.arrays |= {f"{member}.{name}": tensor.numpy() for name, tensor in weights.items()}
        self._prepare()

    def _how(self, n: int, seed: int) -> Settings:
        wanted = self.settings
        batch_size = whole_batches(n, min(wanted["batch_size"], max(16, n // 8)))
        epochs = max(wanted["epochs"], math.ceil(wanted["least_steps"] / math.ceil(n / batch_size)))
        rates = (wanted["learning_rate"], wanted["weight_decay"])
        machine = {name: wanted[name] for name in ("device", "precision", "deterministic", "compiled")}
        return Settings(epochs, batch_size, *rates, patience=epochs, seed=seed, **machine)

    def _head(self) -> Head:
        return make_head(self.settings["head"], (float(self.grid[0]), float(self.grid[-1])), self.settings)

    @property
    def outputs(self) -> int:
        """Outputs of a network: bins, for the head of this name."""
        return self._head().outputs

    def _network(self) -> RedshiftNetwork:
        own = (self.settings[name] for name in ("channels", "apertures", "hidden", "dropout"))
        return RedshiftNetwork(self.outputs, self.arrays["softening"].tolist(), *own)

    def _prepare(self) -> None:
        self.networks: list[RedshiftNetwork] = []
        for member in range(self.settings["members"]):
            network = self._network()
            of_member = {name: values for name, values in self.arrays.items() if name.startswith(f"{member}.")}
            network.load_state_dict({name.partition(".")[2]: torch.tensor(w) for name, w in of_member.items()})
            self.networks.append(network.eval())

    def masses(self, images: Tensor, reddening: Tensor) -> Tensor:
        """Return the probability in each cell of the grid (n, n_grid), of stamps as they lie; it has a gradient."""
        edges = torch.tensor(cell_edges(self.grid), device=images.device)
        head = self._head()
        return torch.stack([head.masses(net(images, reddening), edges) for net in self.networks]).mean(dim=0)

    def _pdf(self, features: Array, errors: Array) -> Array:
        images = self.images(features)
        device = pick_device(self.settings["device"])
        for network in self.networks:
            network.to(device)
        parts = []
        with torch.inference_mode():
            for chosen in torch.arange(len(images)).split(_BATCH):
                stamps, reddening = (tensor.to(device) for tensor in images[chosen])
                views = [self.masses(view, reddening) for view in symmetric_views(stamps)]
                parts.append(torch.stack(views).mean(dim=0).cpu())
        return torch.cat(parts).numpy() / np.diff(cell_edges(self.grid))
