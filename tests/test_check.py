"""`check` says what a machine falls short of, and knows the limits of a container."""

import os
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

from analysis import check, paths, reproduce
from analysis.__main__ import main
from analysis.check import Gpu, Machine, Needs
from analysis.errors import InputError

NEEDS = Needs(cores=8, memory=64, disk=200, gpu_memory=24, hours=40, basis="estimated", how="by hand")
MACHINE = Machine(cores=8, memory=64.0, disk=200.0, driver="580", gpus=(Gpu("a card", 24.0),), gpu_fault="")


def test_a_machine_that_has_just_enough_has_enough() -> None:
    assert check.shortages(MACHINE, NEEDS) == []


@pytest.mark.parametrize(
    ("less", "said"),
    [
        ({"cores": 7}, "7 cores; 8 are needed"),
        ({"memory": 63.9}, "63.9 GiB of memory; 64 are needed"),
        ({"disk": 10.0}, "10.0 GiB free on the disk; 200 are needed"),
        ({"gpus": (Gpu("small", 8.0), Gpu("large", 16.0))}, "16.0 GiB of memory on the largest GPU; 24 are needed"),
        ({"gpus": (), "gpu_fault": "no NVIDIA driver"}, "a GPU is needed: no NVIDIA driver"),
    ],
)
def test_what_is_too_little_is_said(less: dict, said: str) -> None:
    assert check.shortages(replace(MACHINE, **less), NEEDS) == [said]


def test_without_need_of_a_gpu_none_is_missed() -> None:
    assert check.shortages(replace(MACHINE, gpus=(), gpu_fault="no driver"), replace(NEEDS, gpu_memory=0)) == []


def test_every_scale_has_its_needs_and_a_larger_scale_needs_no_less() -> None:
    needs = {scale: check.load_needs(scale) for scale in ("smoke", "laptop", "full")}
    assert set(reproduce.scales()) <= set(needs)
    for smaller, larger in (("smoke", "laptop"), ("laptop", "full")):
        for what in ("cores", "memory", "disk", "gpu_memory", "hours"):
            assert getattr(needs[smaller], what) <= getattr(needs[larger], what)
    assert {scale: need.basis for scale, need in needs.items()} == {
        "smoke": "measured",
        "laptop": "measured",
        "full": "estimated",
    }


def test_an_unknown_scale_is_refused() -> None:
    with pytest.raises(InputError, match="no scale 'galactic'; expected one of smoke, laptop, full"):
        check.load_needs("galactic")
    assert main(["check", "--scale", "galactic"]) == 2


@pytest.mark.parametrize("name", check.MEMORY_LIMITS)
def test_a_container_has_the_memory_that_its_cgroup_allows(tmp_path: Path, name: str) -> None:
    whole = psutil.virtual_memory().total
    assert check.memory_limit(tmp_path) == whole
    limit = tmp_path / name
    limit.parent.mkdir(exist_ok=True)
    for said, expected in (("max\n", whole), (f"{2**62}\n", whole), ("1048576\n", 1048576)):
        limit.write_text(said)
        assert check.memory_limit(tmp_path) == expected


def test_the_reason_for_no_gpu_is_said(monkeypatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    assert "no NVIDIA driver" in check.find_gpus(None)[1]
    assert "is built without CUDA" in check.find_gpus("580.65")[1]
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert "with CUDA 13.0 sees no GPU under driver 580.65" in check.find_gpus("580.65")[1]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)

    def fail(*_, **__):
        raise RuntimeError("no kernel image is available\nand more")

    monkeypatch.setattr(torch, "ones", fail)
    assert check.find_gpus("580.65") == (
        (),
        f"torch {torch.__version__} cannot compute on the GPU: no kernel image is available",
    )


def test_the_driver_is_the_one_that_nvidia_smi_names(tmp_path: Path, monkeypatch) -> None:
    program = tmp_path / "nvidia-smi"
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    program.write_text("#!/bin/sh\necho 580.65.06; echo 580.65.06\n")
    program.chmod(0o755)
    assert check.nvidia_driver() == "580.65.06"
    program.write_text("#!/bin/sh\necho no devices were found; exit 6\n")
    assert check.nvidia_driver() is None


def test_a_folder_that_is_not_there_yet_is_judged_by_the_one_above(tmp_path: Path) -> None:
    assert check.is_writable(tmp_path / "not" / "yet")
    assert not check.is_writable(Path("/proc/not/yet"))


def test_caches_are_where_the_environment_says(tmp_path: Path, monkeypatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "TORCH_HOME", "NUMBA_CACHE_DIR", "DVC_SITE_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    found = check.caches()
    assert found["home"] == tmp_path / "HOME"
    assert found["torch"] == tmp_path / "TORCH_HOME" / "hub"
    assert found["Numba"] == tmp_path / "NUMBA_CACHE_DIR"
    assert found["DVC"] == tmp_path / "DVC_SITE_CACHE_DIR"


def test_folders_that_cannot_be_written_to_are_faults(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(check, "is_writable", lambda folder: folder not in (tmp_path, Path.home()))
    owner = tmp_path.stat()
    assert check.faults(MACHINE, NEEDS, tmp_path) == [
        f"{Path.home()} (home) cannot be written to",
        f"user {os.getuid()} cannot write to {tmp_path}; it belongs to {owner.st_uid}:{owner.st_gid}",
    ]
    (tmp_path / ".git").rmdir()  # the code inside an image
    assert len(check.faults(MACHINE, NEEDS, tmp_path)) == 1


def test_packages_of_other_versions_are_named() -> None:
    torch_version = torch.__version__.partition("+")[0]
    requirements = f"# a comment\ntorch=={torch_version}\npsutil==0.1\nnot-installed-here==1.0\n"
    assert check.differing_packages(requirements) == [f"psutil {psutil.__version__} (0.1)"]


def test_check_reports_and_ends_with_0_or_1(capsys, monkeypatch) -> None:
    monkeypatch.setattr(check, "look", lambda _: replace(MACHINE, gpus=(), gpu_fault="no NVIDIA driver"))
    monkeypatch.setattr(check, "is_writable", lambda _: True)
    monkeypatch.setenv("SCALE", "smoke")
    assert main(["check"]) == 0
    assert "scale smoke can run here" in capsys.readouterr().out
    assert main(["check", "--scale", "full"]) == 1
    said = capsys.readouterr()
    assert "estimated" in said.out
    assert "error: a GPU is needed: no NVIDIA driver" in said.err


def test_this_machine_is_described(capsys) -> None:
    main(["check"])
    said = capsys.readouterr().out
    for what in ("driver", "torch", "CUDA", "GPUs", "cores", "memory", "disk", "written to"):
        assert what in said
    assert str(paths.ROOT) in said
