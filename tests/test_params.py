"""Settings: blocks, and scales that override them."""

import pytest
import yaml

from analysis import params, paths, scale_copies
from analysis.errors import InputError


def test_missing_block_is_named():
    with pytest.raises(InputError, match="no block 'trian'"):
        params.load("trian")


def test_unreadable_file_is_an_input_error(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params.yaml")
    with pytest.raises(InputError, match="cannot be read"):
        params.load("features")


def test_merge_reaches_into_blocks_and_keeps_the_rest():
    base = {"a": {"x": 1, "y": {"p": 1, "q": 2}}, "b": {"z": 3}}
    merged = params.merge(base, {"a": {"y": {"q": 5}}}, "test")
    assert merged == {"a": {"x": 1, "y": {"p": 1, "q": 5}}, "b": {"z": 3}}
    assert base["a"]["y"]["q"] == 2


def test_merge_refuses_a_misspelt_setting():
    with pytest.raises(InputError, match=r"scale: a: unknown setting 'epoch'; expected one of epochs"):
        params.merge({"a": {"epochs": 1}}, {"a": {"epoch": 2}}, "scale")


@pytest.mark.parametrize("path", sorted(paths.SCALES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_scale_overrides_settings_that_exist(path):
    laptop = yaml.safe_load(paths.PARAMS.read_text())
    overrides = yaml.safe_load(path.read_text())
    overrides.pop(scale_copies.SURVEY, None)  # no setting of a stage: what is drawn for the scale
    scaled = params.merge(laptop, overrides, path.name)
    assert scaled.keys() == laptop.keys()
    assert scaled != laptop
