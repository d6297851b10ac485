"""stamps.h5: what quantization does to the noise, and what a damaged file says."""

import numpy as np
import pytest

from analysis.errors import InputError
from analysis.survey.stamps_file import CHUNK, STEP, Stamps, StampsWriter, iterate_stamps, read_ids, read_stamps


def _noise(number: int, level: float = 0.02, offset: float = 0.0, seed: int = 1) -> Stamps:
    rng = np.random.default_rng(seed)
    sigma = np.full((number, 5), level, np.float32)
    pixels = (offset + level * rng.normal(size=(number, 5, 44, 44))).astype(np.float32)
    return Stamps(pixels, np.arange(1, number + 1) * 7, np.full((number, 5), 1.3, np.float32), sigma)


@pytest.fixture
def written(tmp_path):
    stamps = _noise(50)
    with StampsWriter(tmp_path / "stamps.h5") as writer:
        writer.append(Stamps(*(getattr(stamps, name)[:30] for name in Stamps.__dataclass_fields__)))
        writer.append(Stamps(*(getattr(stamps, name)[30:] for name in Stamps.__dataclass_fields__)))
    return tmp_path / "stamps.h5", stamps


def test_noise_variance_grows_by_under_five_percent_and_is_uniform_and_independent(written):
    path, stamps = written
    error = (read_stamps(path).pixels - stamps.pixels) / (STEP * 0.02)
    assert np.abs(error).max() < 0.5 + 1e-3
    assert np.var(error) == pytest.approx(1 / 12, rel=0.01)  # of a uniform distribution of width one
    assert np.var(read_stamps(path).pixels) / np.var(stamps.pixels) < 1.05
    assert abs(np.corrcoef(error.ravel(), stamps.pixels.ravel())[0, 1]) < 5 / np.sqrt(error.size)


def test_flux_far_below_one_step_is_unbiased(tmp_path):
    faint = 0.05 * STEP * 0.02
    stamps = _noise(60, offset=faint)
    exact = Stamps(np.full_like(stamps.pixels, faint), stamps.object_id, stamps.psf_fwhm, stamps.sky_noise)
    with StampsWriter(tmp_path / "stamps.h5") as writer:
        writer.append(exact)  # without noise, plain rounding would return zero everywhere
    pixels = read_stamps(tmp_path / "stamps.h5").pixels
    assert pixels.mean() == pytest.approx(faint, abs=3 * STEP * 0.02 / np.sqrt(12 * 10_000))  # as many dithers differ


def test_rows_come_back_whichever_way_they_are_read(written):
    path, stamps = written
    assert np.array_equal(read_ids(path), stamps.object_id)
    whole = read_stamps(path).pixels
    parts = np.concatenate([part.pixels for part in iterate_stamps(path, batch=17)])
    assert np.array_equal(whole, parts)
    assert np.array_equal(read_stamps(path, 40, 45).pixels, whole[40:45])


def test_sky_takes_under_half_a_byte_a_pixel(tmp_path):
    with StampsWriter(tmp_path / "stamps.h5") as writer:
        writer.append(_noise(4 * CHUNK))
    assert (tmp_path / "stamps.h5").stat().st_size < 4 * CHUNK * 5 * 44 * 44 * 0.5


def test_corrupted_chunk_names_the_objects(written):
    path, _ = written
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(2000)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"stamps of objects 7 to 350 .*corrupted"):
        read_stamps(path)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "stamps.h5").write_text("no HDF5")
    with pytest.raises(InputError, match="not a readable HDF5 file"):
        read_stamps(tmp_path / "stamps.h5")
