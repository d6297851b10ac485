"""Nothing of a computation is left behind on the processor: on the device `meta`, as on a GPU, that is an error."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from analysis.gpu_bench.workloads import sizes_of, workloads
from analysis.loop import batches
from analysis.nbody_gan.lpt import lagrangian_displacements
from analysis.nbody_gan.mesh import deconvolved, force, paint
from analysis.nbody_gan.statistics import Binning, _measure

META = torch.device("meta")
WORKLOADS = workloads(sizes_of("smoke"))
COPIES = ("aten::copy_", "aten::_to_copy")


class OneDevice(TorchDispatchMode):
    """Refuses operations on tensors of several devices, but copies from one to the other and numbers."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor) and leaf.dim()]
        if len({tensor.device for tensor in tensors}) > 1 and func.name().split(".")[0] not in COPIES:
            raise AssertionError(f"{func.name()} on several devices")
        return func(*args, **(kwargs or {}))


def test_a_tensor_left_behind_is_found():
    with OneDevice(), pytest.raises(AssertionError, match="aten::mm on several devices"):
        torch.ones(3, 3, device=META) @ torch.ones(3, 3)


@pytest.mark.parametrize("name", WORKLOADS)
def test_trainings_and_predictions_compute_on_one_device(name, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # there is none for this device
    workload = WORKLOADS[name]
    model = workload.model().to(META)
    batch = batches.to_device(workload.data(4)[torch.arange(4)], META)
    with OneDevice():
        for turn in workload.turns(model):
            loss = turn.loss(model, batch)
            loss.backward(inputs=turn.parameters())
            assert loss.device == META
        assert all(parameter.grad is None or parameter.grad.device == META for parameter in model.parameters())
        with torch.no_grad():
            assert all(said.device == META for said in workload.outputs(model.eval(), batch))


def test_nbody_and_statistics_compute_on_one_device():
    field, positions = torch.randn(2, 8, 8, 8, device=META), torch.rand(2, 8**3, 3, device=META)
    binning = Binning(5.0, (0.5, 1.0), (0.5, 1.0), ((1.0, 1.0),), 5.0, (0.0, 5.0))
    with OneDevice():
        psi1, psi2 = lagrangian_displacements(field)
        assert psi1.device == psi2.device == META
        assert force(positions, 16, 0.7).shape == positions.shape
        assert force(positions, 16, 0.7, exact=True).device == META
        assert deconvolved(paint(positions, 16)).device == META
        assert all(values.device == META for values in _measure(field.exp(), binning).values())
