"""The trainings of the compendium at the sizes of a scale, on noise of the right shape: they need no data.

They run on a bare machine: PyTorch, NumPy, SciPy, PyYAML and safetensors suffice.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from analysis import params, paths
from analysis.cnn_redshift.estimator import AUGMENTATION, ImageRedshifts
from analysis.cnn_redshift.heads import make_head
from analysis.cnn_redshift.model import RedshiftNetwork
from analysis.cnn_redshift.pretraining import TwoViews, contrastive_loss
from analysis.loop.batches import Batch, Data
from analysis.nbody_gan.cosmology import Cosmology, PowerSpectrum
from analysis.nbody_gan.density_pdf import linear_variance
from analysis.nbody_gan.gan import Gan, draw_noise
from analysis.nbody_gan.layers import Shape
from analysis.nbody_gan.learning import TrainingBoxes, gan_turns
from analysis.nbody_gan.mock import linear_modes
from analysis.photoz_pdf.mdn import MixtureDensityNetworks
from analysis.photoz_pdf.mixture_network import MixtureLoss, MixtureNetworks
from analysis.photoz_pdf.photometry import PhotometricInputs
from analysis.star_galaxy.convnet import ConvNet, class_loss
from analysis.survey.luptitudes import SDSS_SOFTENING
from analysis.survey.stamps import StampImages
from analysis.training import Turn
from analysis.training_bench import draw_cache, draw_images

Sizes = dict[str, Any]

_SEED = 1
_REDSHIFTS = (0.0, 1.0)
_PROJECTED = 64  # outputs of the contrastive pre-training


@dataclass(frozen=True)
class Workload:
    """A training.

    Attributes
    ----------
    objects : str
        What it learns from.
    batch_size : int
    steps : int
        Of an epoch of the bench.
    compiles : bool
        Whether torch.compile knows all that its gradients need.
    model : callable
        `model()`, with the same initial weights each time.
    turns : callable
        `turns(model)`, what takes its turn in a batch.
    data : callable
        `data(n)`, so many objects.
    outputs : callable
        `outputs(model, batch)`, what each of its networks says.
    """

    objects: str
    batch_size: int
    steps: int
    compiles: bool
    model: Callable[[], nn.Module]
    turns: Callable[[Any], list[Turn]]
    data: Callable[[int], Data]
    outputs: Callable[[Any, Batch], tuple[Tensor, ...]]


def sizes_of(scale: str) -> Sizes:
    """Return params.yaml as a scale has it."""
    settings = yaml.safe_load(paths.PARAMS.read_text())
    overrides = yaml.safe_load((paths.SCALES / f"{scale}.yaml").read_text())
    overrides.pop("survey", None)
    return params.merge(settings, overrides, f"{scale}.yaml")


def workloads(sizes: Sizes) -> dict[str, Workload]:
    """Return all trainings."""
    redshifts = cnn_redshift(sizes)
    return {
        "star_galaxy_convnet": convnet(sizes),
        "cnn_redshift": redshifts,
        "cnn_redshift_contrastive": contrastive(sizes, redshifts),
        "photoz_mdn": mixture_density(sizes),
        "nbody_gan": gan(sizes),
    }


def convnet(sizes: Sizes) -> Workload:
    """Return the training of Kim & Brunner's network."""
    own = sizes["train_star_galaxy_convnet"]
    return Workload(
        objects="stamps",
        batch_size=own["network"]["batch_size"],
        steps=40,
        compiles=True,
        model=lambda: _seeded(lambda: ConvNet(side=own["side"], width=own["width"], dropout=own["dropout"])),
        turns=lambda model: [Turn("train", class_loss, model)],
        data=lambda n: draw_images(n, _SEED, own["side"]),
        outputs=lambda model, batch: (model(batch[0]),),
    )


def cnn_redshift(sizes: Sizes) -> Workload:
    """Return the training of the network that reads redshifts from stamps, with its first head."""
    own = ImageRedshifts.defaults | sizes["train_cnn_redshift"]["network"]
    head = make_head(sizes["train_cnn_redshift"]["heads"][0], _REDSHIFTS, own)
    side = sizes["train_star_galaxy_convnet"]["side"] + 4  # of a stamp

    def loss(network: nn.Module, batch: Batch) -> Tensor:
        images, reddening, truth = batch
        return head.loss(network(images, reddening).float(), truth)

    def data(n: int) -> StampImages:
        labels = (torch.rand(n) / 10, torch.rand(n))
        return StampImages(draw_cache(n, side, _SEED), np.arange(n), side, labels, AUGMENTATION, _SEED)

    return Workload(
        objects="stamps",
        batch_size=own["batch_size"],
        steps=20,
        compiles=True,
        model=lambda: _seeded(lambda: _redshift_network(own, head.outputs)),
        turns=lambda model: [Turn("train", loss, model)],
        data=data,
        outputs=lambda model, batch: (model(batch[0], batch[1]),),
    )


def contrastive(sizes: Sizes, redshifts: Workload) -> Workload:
    """Return its pre-training on pairs of views."""
    own = ImageRedshifts.defaults | sizes["train_cnn_redshift"]["network"]
    side = sizes["train_star_galaxy_convnet"]["side"] + 4
    return replace(
        redshifts,
        model=lambda: _seeded(lambda: _redshift_network(own, _PROJECTED)),
        turns=lambda model: [Turn("train", contrastive_loss, model)],
        data=lambda n: TwoViews(draw_cache(n, side, _SEED), np.arange(n), _SEED),
        outputs=lambda model, batch: (model(batch[0], torch.zeros(len(batch[0]), device=batch[0].device)),),
    )


def mixture_density(sizes: Sizes) -> Workload:
    """Return the training of the mixture density networks, on photometry in five bands."""
    own = MixtureDensityNetworks.defaults | sizes["photoz_pdf"]["mdn"]
    shape = tuple(own[name] for name in ("members", "hidden", "waves", "components"))
    photometry = np.random.default_rng(_SEED).normal(20, 1, (1000, 5)), np.full((1000, 5), 0.1)
    inputs = PhotometricInputs.for_sample(*photometry)(*photometry).shape[1]

    def data(n: int) -> TensorDataset:
        return TensorDataset(torch.randn(n, own["members"], inputs), torch.randn(n, own["members"]))

    return Workload(
        objects="objects",
        batch_size=own["batch_size"],
        steps=100,
        compiles=True,
        model=lambda: _seeded(lambda: MixtureNetworks(inputs, *shape)),
        turns=lambda model: [Turn("train", MixtureLoss(own["cde_weight"]), model)],
        data=data,
        outputs=lambda model, batch: model(batch[0].transpose(0, 1)),
    )


def gan(sizes: Sizes) -> Workload:
    """Return the training of generator and critic; its double back-propagation cannot be compiled."""
    own, boxes = sizes["train_nbody_gan"], sizes["simulate_boxes"]
    cells = boxes["cells"] // boxes["cut"]
    shape = Shape(cells=cells, **own["shape"])
    cosmology = Cosmology(**sizes["nbody"]["cosmology"])
    power = linear_modes(cosmology, boxes["box"] / boxes["cut"], cells, boxes["redshift"], spectrum(cosmology))

    def data(n: int) -> TrainingBoxes:
        density = torch.randn(n, cells, cells, cells).exp()
        return TrainingBoxes(density / density.mean((1, 2, 3), keepdim=True), shape.floor, _SEED)

    def untrained() -> Gan:
        model = Gan(shape, power)
        nn.init.normal_(model.generator.leave.weight, std=0.1)  # so that the convolutions take part
        return model

    def outputs(model: Gan, batch: Batch) -> tuple[Tensor, ...]:
        scaled = batch[0][:, 0]
        noise = draw_noise(len(scaled), shape, torch.Generator().manual_seed(_SEED)).to(scaled.device)
        return model.critic(scaled), model.generator(noise)

    return Workload(
        objects="boxes",
        batch_size=own["network"]["batch_size"],
        steps=2 * own["critic_steps"],
        compiles=False,
        model=lambda: _seeded(untrained),
        turns=lambda model: gan_turns(model, own),
        data=data,
        outputs=outputs,
    )


def spectrum(cosmology: Cosmology) -> PowerSpectrum:
    """Return a linear spectrum without CAMB, scaled to sigma8.

    That of Bardeen et al. (1986, ApJ 304, 15, eq. G3), with the shape parameter of Sugiyama (1995, ApJS 100, 281).
    """
    k = np.geomspace(1e-4, 20.0, 600)
    baryons = math.exp(-cosmology.omega_b * (1 + math.sqrt(2 * cosmology.h) / cosmology.omega_m))
    q = k / (cosmology.omega_m * cosmology.h * baryons)
    polynomial = 1 + 3.89 * q + (16.1 * q) ** 2 + (5.46 * q) ** 3 + (6.71 * q) ** 4
    shape = PowerSpectrum(k, k**cosmology.n_s * (np.log1p(2.34 * q) / (2.34 * q)) ** 2 / np.sqrt(polynomial))
    variance = float(linear_variance(shape, np.array([8.0]))[0])
    return PowerSpectrum(k, shape.power * cosmology.sigma8**2 / variance)


def _redshift_network(own: Sizes, outputs: int) -> RedshiftNetwork:
    shape = (own[name] for name in ("channels", "apertures", "hidden", "dropout"))
    return RedshiftNetwork(outputs, SDSS_SOFTENING, *shape)


def _seeded(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(_SEED)
    return make()
