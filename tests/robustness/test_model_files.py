"""Model files that would run code, or are of another model: refused before anything of them is used."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.preprocessing import FunctionTransformer
from skops import io as skops

from analysis.errors import InputError
from analysis.nbody_gan.boxes import read_boxes
from analysis.star_galaxy import classifiers, names
from analysis.star_galaxy.convnet import ConvNet
from analysis.tensor_files import read_tensors


class Runs:
    """Unpickled, it would write a file."""

    def __reduce__(self) -> tuple:
        return (Path("ran").touch, ())


def refusal(read, *arguments) -> InputError:
    with pytest.raises(InputError) as error:
        read(*arguments)
    assert not Path("ran").exists()
    return error.value


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_skops_file_with_a_function_of_its_own(outcomes):
    """Of scikit-learn and NumPy is trusted what our forests hold, and nothing else."""
    skops.dump(FunctionTransformer(np.fromfile), names.TPC_PHOT)
    assert refusal(classifiers.load, names.TPC_PHOT, Path()).kind == "code-in-data"
    outcomes["malformed_inputs"].append("skops: a function of its own")


@pytest.mark.parametrize("name", [names.TPC_PHOT, names.BOOSTING, names.PCA_NETWORK])
@pytest.mark.parametrize("content", ["a torch pickle", "nothing", "text"])
def test_a_classifier_that_is_none(name, content, outcomes):
    if content == "a torch pickle":
        torch.save({"w": Runs()}, name)
    else:
        Path(name).write_text("" if content == "nothing" else "{}")
    assert refusal(classifiers.load, name, Path()).kind == "damaged-file"
    outcomes["malformed_inputs"].append(f"{name}: {content}")


def test_a_network_in_a_torch_pickle(outcomes):
    torch.save({"weights": Runs()}, "network.safetensors")
    assert refusal(read_tensors, Path("network.safetensors")).kind == "damaged-file"
    assert refusal(ConvNet.load, Path("network.safetensors")).kind == "damaged-file"
    outcomes["malformed_inputs"].append("safetensors: a network in a torch pickle")


def test_boxes_that_are_none(outcomes):
    Path("boxes.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    assert refusal(read_boxes, Path("boxes.h5"), "train").kind == "damaged-file"
    outcomes["malformed_inputs"].append("boxes: cut short")
