"""What the stamps of a survey folder are, and what must not be among them."""

import h5py
import numpy as np
import pandas as pd
import pytest

from analysis.errors import InputError
from analysis.survey import stamps_summary
from analysis.survey.catalogue import STAMPS, write_survey
from analysis.survey.stamps_file import CHUNK, Stamps, StampsWriter
from analysis.survey.stamps_summary import described, summarise_stamps

N = 3 * CHUNK + 4
NOISE = np.array([0.03, 0.012, 0.022, 0.03, 0.11], np.float32)


@pytest.fixture
def survey(tmp_path):
    """Write a survey in which every second object has a stamp of noise, in another order than the catalogue's."""
    rng = np.random.default_rng(5)
    ids = 1000 + np.arange(2 * N)
    table = pd.DataFrame({"object_id": ids, "class": "GALAXY", "redshift": 0.1})
    table.loc[table.index % 4 == 0, "class"] = "STAR"
    table.loc[:9, ["class", "redshift"]] = [None, np.nan]
    write_survey(table, tmp_path / "survey", {"kind": "test"})
    pixels = rng.normal(size=(N, 5, 20, 24)).astype(np.float32) * NOISE[:, None, None]
    width = np.array([1.5, 1.4, 1.3, 1.2, np.nan], np.float32) * np.linspace(0.9, 1.1, N)[:, None]
    with StampsWriter(tmp_path / "survey" / STAMPS, (20, 24), 0.4) as writer:
        writer.append(Stamps(pixels, ids[::-2], width.astype(np.float32), np.tile(NOISE, (N, 1))))
    return tmp_path / "survey"


def change(survey, name, index, value):
    with h5py.File(survey / STAMPS, "r+") as file:
        file[name][index] = value


def test_summary(survey):
    summary = summarise_stamps(survey)
    labels = pd.read_parquet(survey / "catalogue.parquet")[1::2]  # those with stamps: odd rows
    assert summary["stamps"] == N
    assert summary["with_redshift"] == labels["redshift"].notna().sum() == N - 5
    assert summary["classes"] == {"GALAXY": N - 5, "STAR": 0, "QSO": 0, "unlabelled": 5}
    assert (summary["shape"], summary["pixel_scale"]) == ([20, 24], 0.4)
    assert summary["psf_fwhm"] == {"u": 1.5, "g": 1.4, "r": 1.3, "i": 1.2, "z": None}
    assert summary["sky_noise"] == {"u": 0.03, "g": 0.012, "r": 0.022, "i": 0.03, "z": 0.11}
    assert described(summary)["PSF FWHM (arcsec)"].endswith("z unknown")


def test_a_catalogue_without_labels(survey):
    table = pd.read_parquet(survey / "catalogue.parquet", columns=["object_id"])
    table.to_parquet(survey / "catalogue.parquet")
    summary = summarise_stamps(survey)
    assert (summary["with_redshift"], summary["classes"]["unlabelled"]) == (0, N)


@pytest.mark.parametrize(
    ("name", "index", "value", "complaint"),
    [
        ("object_id", 2, 7, r"object 7 \(row 3\): no row in catalogue"),
        ("object_id", 2, 1000 + 2 * N - 1, rf"object {1000 + 2 * N - 1} \(row 3\): a second one"),
        ("sky_noise", (70, 1), 0, r"\(row 71\), band g: sky noise 0; expected more than 0"),
        ("sky_noise", (70, 1), np.nan, r"\(row 71\), band g: sky noise nan"),
        ("psf_fwhm", (70, 4), -1, r"\(row 71\), band z: PSF FWHM -1; expected more than 0, or NaN"),
        ("psf_fwhm", (70, 4), np.inf, r"\(row 71\), band z: PSF FWHM inf"),
        ("stamps", (70, 3), 128, r"\(row 71\), band i: dead"),
        ("stamps", (70, 3), 4000, r"\(row 71\), band i: dead"),
        ("stamps", 70, 128, r"\(row 71\), band u: dead"),
    ],
)
def test_what_breaks_the_contract_is_named(survey, monkeypatch, name, index, value, complaint):
    monkeypatch.setattr(stamps_summary, "_BATCH", CHUNK)  # row 71 is in the third batch
    change(survey, name, index, value)
    with pytest.raises(InputError, match=rf"stamps\.h5: stamp of object .*{complaint}" if index == 70 else complaint):
        summarise_stamps(survey)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixels_that_are_no_numbers(survey, value):
    """A file of floating-point numbers, which other programs may write."""
    with h5py.File(survey / STAMPS, "r+") as file:
        pixels = file["stamps"][:].astype(np.float32)
        pixels[40, 2, 3, 4] = value
        del file["stamps"]
        file["stamps"] = pixels
    with pytest.raises(InputError, match=r"\(row 41\), band r: a pixel is no number"):
        summarise_stamps(survey)


def test_a_corrupted_chunk(survey):
    with h5py.File(survey / STAMPS) as file:
        info = file["stamps"].id.get_chunk_info(2)
    content = bytearray((survey / STAMPS).read_bytes())
    content[info.byte_offset + info.size // 2] ^= 0xFF
    (survey / STAMPS).write_bytes(content)
    with pytest.raises(InputError, match=rf"\(rows {2 * CHUNK + 1} to {3 * CHUNK}\) are corrupted"):
        summarise_stamps(survey)


def test_the_faintest_sky_is_not_taken_for_dead(survey):
    """Noise of half the value that is given for it, as where it was measured on a bright border."""
    with h5py.File(survey / STAMPS, "r+") as file:
        file["sky_noise"][:] *= 2
        file["stamps"][:] = (file["stamps"][:] - 128) // 2 + 128
        count = len(file["stamps"])
    summary = summarise_stamps(survey)
    assert summary is not None
    assert summary["stamps"] == count
