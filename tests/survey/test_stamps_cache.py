"""The cache of scaled stamps: what is in it, when it is made, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from small_stamps import SKY_NOISE, write_small_survey

from analysis.errors import InputError
from analysis.survey.catalogue import write_survey
from analysis.survey.luptitudes import asinh_scaled
from analysis.survey.stamps_cache import Scaling, open_cache, scaled_stamps
from analysis.survey.stamps_file import STEP, Stamps, StampsWriter, read_stamps


def test_holds_asinh_of_the_stamps_with_bands_last(tmp_path):
    write_small_survey(tmp_path / "s", 12)
    cache = scaled_stamps(tmp_path / "s", folder=tmp_path / "c")
    stored = read_stamps(tmp_path / "s" / "stamps.h5")
    assert np.array_equal(cache.object_id, stored.object_id)
    expected = np.moveaxis(asinh_scaled(stored.pixels), 1, -1)
    assert cache.pixels.shape == (12, 44, 44, 5)
    assert np.abs(cache.pixels - expected).max() < expected.max() / 2048
    sky = np.abs(expected) < 0.3
    assert np.abs(cache.pixels - expected)[sky].max() < 2e-4  # a thousandth of the sky noise


def test_extinction_makes_an_object_brighter_by_the_right_factor(tmp_path):
    write_small_survey(tmp_path / "s", 6, extinction=0.5)
    corrected = scaled_stamps(tmp_path / "s", folder=tmp_path / "c").pixels.astype(float)
    plain = scaled_stamps(tmp_path / "s", Scaling(extinction=False), tmp_path / "c").pixels.astype(float)
    clear = np.abs(plain) > 0.05
    assert np.median(np.sinh(corrected[clear]) / np.sinh(plain[clear])) == pytest.approx(10**0.2, rel=1e-3)
    bright = plain > 3  # there, asinh is a logarithm: a shift by 0.5 mag, in units of 1.0857 mag
    assert (corrected - plain)[bright] == pytest.approx(0.5 * np.log(10) / 2.5, abs=5e-3)


def test_is_made_once_and_again_where_anything_differs(tmp_path):
    write_small_survey(tmp_path / "s", 6, extinction=0.1)
    scaled_stamps(tmp_path / "s", folder=tmp_path / "c")
    [first] = (tmp_path / "c").iterdir()
    made = (first / "pixels.npy").stat().st_mtime_ns
    scaled_stamps(tmp_path / "s", folder=tmp_path / "c")
    assert (first / "pixels.npy").stat().st_mtime_ns == made
    scaled_stamps(tmp_path / "s", Scaling(softening=(0.1,) * 5), tmp_path / "c")
    write_small_survey(tmp_path / "t", 6, extinction=0.2)
    scaled_stamps(tmp_path / "t", folder=tmp_path / "c")
    assert len(list((tmp_path / "c").iterdir())) == 3
    assert np.array_equal(open_cache(first).pixels, scaled_stamps(tmp_path / "s", folder=tmp_path / "c").pixels)


def test_an_interrupted_cache_is_not_there(tmp_path, monkeypatch):
    write_small_survey(tmp_path / "s", 6)

    def fail(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", fail)
        with pytest.raises(KeyboardInterrupt):
            scaled_stamps(tmp_path / "s", folder=tmp_path / "c")
    assert not list((tmp_path / "c").iterdir())
    assert len(scaled_stamps(tmp_path / "s", folder=tmp_path / "c").object_id) == 6


def test_survey_without_stamps_says_so(tmp_path):
    write_small_survey(tmp_path / "s", 6, stamps=False)
    with pytest.raises(InputError, match="has no stamps"):
        scaled_stamps(tmp_path / "s", folder=tmp_path / "c")
    with pytest.raises(InputError, match="no cache of stamps"):
        open_cache(tmp_path)


def _one_stamp(folder, pixels, table):
    write_survey(table, folder, {"kind": "mock"})
    noise = np.tile(SKY_NOISE, (1, 1))
    with StampsWriter(folder / "stamps.h5") as writer:
        writer.append(Stamps(pixels, np.array([7]), noise, noise))


def test_objects_that_cannot_be_scaled_are_named(tmp_path):
    pixels = np.ones((1, 5, 44, 44), np.float32) * STEP
    extinction = {f"extinction_{band}": np.float32([0.1 if band != "r" else np.nan]) for band in "ugriz"}
    _one_stamp(tmp_path / "other", pixels, pd.DataFrame({"object_id": [8]}))
    with pytest.raises(InputError, match="stamp of object 7 without a row"):
        scaled_stamps(tmp_path / "other", folder=tmp_path / "c")
    _one_stamp(tmp_path / "null", pixels, pd.DataFrame({"object_id": [7], **extinction}))
    with pytest.raises(InputError, match="object 7, column 'extinction_r': null"):
        scaled_stamps(tmp_path / "null", folder=tmp_path / "c")
