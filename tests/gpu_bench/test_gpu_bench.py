"""`bench gpu` without a GPU: what it would run there runs here at the smallest scale; faults are found and said."""

import json
import math
import os
import subprocess
import sys
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from analysis import paths
from analysis.__main__ import main
from analysis.gpu_bench import agreement, bench, card, speed
from analysis.gpu_bench.workloads import sizes_of, spectrum, workloads
from analysis.loop.precision import BFLOAT16, FLOAT32
from analysis.nbody_gan.cosmology import Cosmology, linear_power
from analysis.nbody_gan.density_pdf import linear_variance

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
RATES = {card.BANDWIDTH: 1e10, card.BFLOAT16: 1e12, card.TF32: 5e11, card.FLOAT32: 1e11}
SIZES = sizes_of("smoke")
SIZES["simulate_boxes"] |= {"batch": 1, "particles": 8, "mesh": 16, "cells": 8, "box": 40.0, "steps": 2}
SIZES["train_nbody_gan"]["network"]["batch_size"] = 4
WORKLOADS = workloads(SIZES)
BARE = """
import sys
absent = "rich dvc dvclive pandas pyarrow h5py sklearn astropy astropy_healpix matplotlib captum camb lightgbm psutil"
sys.modules.update(dict.fromkeys(absent.split()))  # as if they were not installed
import torch
torch.set_num_threads(1)
from analysis.__main__ import main
print(main(["bench", "gpu", "--out", sys.argv[1]]))
from analysis.gpu_bench import agreement, bench, speed
from analysis.gpu_bench.workloads import sizes_of, workloads
sizes, cpu = sizes_of("smoke"), torch.device("cpu")
assert bench.parts(sizes, cpu, {})
print(all(found["within"] for found in agreement.box_difference(sizes, cpu).values()))
print(agreement.trains_alike(workloads(sizes)["photoz_mdn"], cpu)["within"])
"""


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_writes_nothing(tmp_path, capsys):
    assert main(["bench", "gpu", "--out", str(tmp_path / "gpu")]) == 2
    assert "no GPU here that torch" in capsys.readouterr().err
    assert not (tmp_path / "gpu").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_it_needs_no_more_than_a_bare_machine_has(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BARE, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(paths.ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["2", "True", "True"], done.stderr


@pytest.mark.parametrize("name", WORKLOADS)
def test_each_training_runs_repeats_itself_and_is_timed(name):
    workload = replace(WORKLOADS[name], batch_size=min(8, WORKLOADS[name].batch_size), steps=2)
    assert agreement.trains_alike(workload, CPU)["within"]
    assert agreement.network_difference(workload, CPU)[FLOAT32] == agreement.verdict(0.0, 1e-4)
    assert agreement.network_difference(workload, CPU)[BFLOAT16]["difference"] > 0
    figures = speed.measure_training(workload, CPU, BFLOAT16, RATES)
    assert figures[f"{workload.objects}_per_second"] > 0
    operations, moved = speed.work(workload, CPU, BFLOAT16)
    steps = figures[f"{workload.objects}_per_second"] / workload.batch_size
    assert figures["percent_of_matrix_rate"] == pytest.approx(100 * steps * operations / 1e12)
    assert figures["percent_of_bandwidth"] == pytest.approx(100 * steps * moved / 1e10)


def test_operations_are_those_that_pytorch_counts_and_bytes_those_of_each_operation():
    network, x = nn.Sequential(nn.Conv2d(5, 4, 3), nn.Flatten(), nn.Linear(4 * 6 * 6, 2)), torch.randn(3, 5, 8, 8)
    with FlopCounterMode(display=False) as theirs:
        network(x).sum().backward()
    with speed.Counted() as ours:
        network(x).sum().backward()
    assert ours.operations == theirs.get_total_flops()
    with speed.Counted() as counted:
        torch.ones(10).add_(1).view(2, 5).t()
    assert counted.bytes == 4 * 10 + 2 * 4 * 10  # one array is written, then read and written; views move nothing


def test_double_back_propagation_is_counted():
    """The penalty on the critic's slope costs more than the slope itself: its gradient is one of a gradient."""
    workload = WORKLOADS["nbody_gan"]
    model, batch = workload.model(), workload.data(4)[torch.arange(4)]
    boxes, turn = batch[0][:, 0], workload.turns(model)[0]

    def without_penalty(model, batch):
        with torch.no_grad():
            drawn = model.generator(torch.randn(4, model.shape.noise, *boxes.shape[1:]))
        return model.critic(drawn).mean() - model.critic(batch[0][:, 0]).mean()

    counted = []
    for loss in (turn.loss, without_penalty):
        with speed.Counted() as of_loss:
            loss(model, batch).backward(inputs=turn.parameters())
        counted.append(of_loss.operations)
    half = boxes[:2].requires_grad_()  # of the batch: the penalty is taken there
    with speed.Counted() as slope:
        torch.autograd.grad(model.critic(half).sum(), half)
    assert counted[0] - counted[1] > 1.5 * slope.operations


def test_nbody_and_sampling_are_timed():
    found = speed.measure_nbody(SIZES, CPU, RATES)
    assert all(found[way]["boxes_per_second"] > 0 for way in ("as_fast_as_can_be", "deterministic"))
    assert found["force_percent_of_bandwidth"] == pytest.approx(
        100 * (8**3 * 36 + 16**3 * 48) / 1e10 / found["force_seconds"]
    )
    assert speed.measure_sampling(WORKLOADS["nbody_gan"], CPU)[BFLOAT16]["boxes_per_second"] > 0


def test_a_gpu_that_computes_something_else_is_found(monkeypatch):
    outputs = agreement.outputs

    def wrong(workload, device, precision):
        found = outputs(workload, CPU, precision)
        return [1.001 * found[0], *found[1:]] if device.type == "meta" else found

    monkeypatch.setattr(agreement, "outputs", wrong)
    found = agreement.network_difference(WORKLOADS["photoz_mdn"], torch.device("meta"))
    assert found[FLOAT32]["difference"] == pytest.approx(1e-3, rel=0.01)
    assert list(bench.disagreements({"agreement": {"photoz_mdn": found}})) == ["agreement photoz_mdn float32"]
    assert not agreement.verdict(math.nan, 1.0)["within"]


def test_a_box_of_other_forces_is_found(monkeypatch):
    one = agreement.simulated(SIZES, CPU)
    assert all(found["within"] for found in agreement.box_difference(SIZES, CPU).values())
    again = iter([one, (one[0] + 1e-4, 1.001 * one[1]), one])
    monkeypatch.setattr(agreement, "simulated", lambda *_: next(again))
    found = agreement.box_difference(SIZES, CPU)
    assert found["same_bits"]["within"] is False
    again = iter([(one[0] + 1e-4, 1.001 * one[1])] * 2 + [one])
    found = agreement.box_difference(SIZES, CPU)
    assert not found["positions"]["within"] and not found["power"]["within"] and found["same_bits"]["within"]


def test_a_part_that_fails_or_takes_too_long_is_written_down_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    def breaks():
        raise RuntimeError("CUDA error: an illegal memory access\nand more lines")

    of = {
        ("rates", ""): lambda: RATES,
        ("agreement", "one"): breaks,
        ("agreement", "two"): lambda: {"float32": agreement.verdict(0.5, 1e-4)},
        ("nbody", ""): lambda: time.sleep(5),
        ("trainings", "one"): lambda: {
            FLOAT32: {"stamps_per_second": 2.0},
            BFLOAT16: {"stamps_per_second": 6.0},
        },
    }
    monkeypatch.setattr(bench, "parts", lambda *_: of)
    monkeypatch.setattr(bench, "LONGEST", 0.2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(card, "describe", lambda _: {"name": "NVIDIA H100 80GB HBM3"})
    monkeypatch.setattr(card, "peak_memory", lambda _: 0.0)
    assert bench.run(Namespace(out=tmp_path / "gpu")) == 1
    written = json.loads((tmp_path / "gpu/nvidia-h100-80gb-hbm3.json").read_text())
    assert written == json.loads(capsys.readouterr().out.splitlines()[-1])
    assert written["failed"] == {
        "agreement one": "RuntimeError: CUDA error: an illegal memory access",
        "agreement two float32": "differs by 0.5; at most 0.0001 is allowed",
        "nbody": "TimeoutError: not done after 0 s",
    }
    assert written["gains"] == {"one": {"of_bfloat16": 3.0}}


def test_when_time_is_up_the_rest_is_left_out(monkeypatch):
    monkeypatch.setattr(bench, "parts", lambda *_: {("rates", ""): lambda: RATES})
    assert bench.measure(SIZES, CPU, available=0.0)["failed"] == {"rates": "TimeoutError: no time was left for it"}


def test_rates_of_this_processor():
    assert all(rate > 1e6 for rate in card.rates(CPU, numbers=2**12, size=32).values())


def test_the_spectrum_without_camb_is_near_that_of_camb():
    cosmology = Cosmology(**SIZES["nbody"]["cosmology"])
    ours, theirs = spectrum(cosmology), linear_power(cosmology)
    assert linear_variance(ours, np.array([8.0]))[0] == pytest.approx(cosmology.sigma8**2)
    k = np.geomspace(0.02, 5, 50)
    assert ours(k) == pytest.approx(theirs(k), rel=0.35)  # it has no wiggles


def test_sizes_are_those_of_the_scale():
    full, laptop = sizes_of("full"), sizes_of("smoke")
    assert full["simulate_boxes"]["particles"] == 128 and full["train_star_galaxy_convnet"]["width"] == 1.0
    assert laptop["simulate_boxes"]["particles"] < 128
    assert Path(bench.file_name("NVIDIA A100-SXM4 (80GB)")).name == "nvidia-a100-sxm4-80gb.json"
