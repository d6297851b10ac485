"""stamps.h5: what quantization does to the noise, and what a damaged file says."""

import h5py
import numpy as np
import pytest
from full_disk import largest_file

from analysis.errors import InputError
from analysis.survey.stamps_file import (
    CHUNK,
    STEP,
    Stamps,
    StampsWriter,
    iterate_stamps,
    read_about,
    read_ids,
    read_stamps,
)


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


def _chunk_places(path, name="stamps"):
    """Return where the compressed chunks of a dataset are: offset and size in bytes."""
    with h5py.File(path) as file:
        dataset = file[name].id
        infos = [dataset.get_chunk_info(k) for k in range(dataset.get_num_chunks())]
    return [(info.byte_offset, info.size) for info in infos]


@pytest.mark.parametrize("chunk", [0, 1])
@pytest.mark.parametrize("damaged", [1, 2000])
def test_corrupted_chunk_names_its_objects_only(written, chunk, damaged):
    """One wrong byte in the compressed pixels is enough: zstd alone would not always see it."""
    path, stamps = written
    offset, size = _chunk_places(path)[chunk]
    content = bytearray(path.read_bytes())
    middle = slice(offset + size // 2, offset + size // 2 + damaged)
    content[middle] = bytes(value ^ 0xFF for value in content[middle])
    path.write_bytes(content)
    rows = [slice(0, CHUNK), slice(CHUNK, 50)]
    first, *_, last = stamps.object_id[rows[chunk]]
    message = (
        rf"stamps of objects {first} to {last} \(rows {rows[chunk].start + 1} to {rows[chunk].stop}\) are corrupted"
    )
    with pytest.raises(InputError, match=message):
        read_stamps(path)
    sound = rows[1 - chunk]
    assert np.array_equal(read_stamps(path, sound.start, sound.stop).object_id, stamps.object_id[sound])


@pytest.mark.parametrize("name", ["object_id", "psf_fwhm", "sky_noise"])
def test_corrupted_numbers_beside_the_pixels(written, name):
    path, _ = written
    offset, size = _chunk_places(path, name)[0]
    content = bytearray(path.read_bytes())
    content[offset + size // 2] ^= 0xFF
    path.write_bytes(content)
    for read in (read_about, read_stamps):
        with pytest.raises(InputError, match=f"dataset {name} is corrupted"):
            read(path)


@pytest.mark.parametrize("pixel", [np.nan, np.inf, 1e30])
def test_pixels_that_no_integer_can_hold_are_not_written(tmp_path, pixel):
    stamps = _noise(3)
    stamps.pixels[1, 2, 3, 4] = pixel
    with StampsWriter(tmp_path / "stamps.h5") as writer:
        with pytest.raises(InputError, match="stamp of object 14: expected finite pixels"):
            writer.append(stamps)
        stamps.pixels[1], stamps.sky_noise[2, 4] = 0, 0
        with pytest.raises(InputError, match="stamp of object 21: expected finite pixels and a sky noise above 0"):
            writer.append(stamps)
    assert len(read_ids(tmp_path / "stamps.h5")) == 0


def test_files_put_together_are_the_file_written_at_once(tmp_path):
    stamps = _noise(2 * CHUNK + 5)
    for name, rows in {"a": slice(0, CHUNK), "b": slice(CHUNK, None), "whole": slice(None)}.items():
        with StampsWriter(tmp_path / name) as writer:
            writer.append(Stamps(*(getattr(stamps, field)[rows] for field in Stamps.__dataclass_fields__)))
    with StampsWriter(tmp_path / "together") as writer:
        writer.append_file(tmp_path / "a")
        writer.append_file(tmp_path / "b")
    whole, together = (read_stamps(tmp_path / name) for name in ("whole", "together"))
    for field in Stamps.__dataclass_fields__:
        assert np.array_equal(getattr(whole, field), getattr(together, field))


def _replace(file, name, values):
    del file[name]
    file[name] = values


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda file: _replace(file, "stamps", np.zeros((50, 4, 44, 44))), r"stamps has shape \(50, 4, 44, 44\), not"),
        (lambda file: _replace(file, "stamps", np.zeros((50, 44, 44))), r"stamps has shape \(50, 44, 44\), not"),
        (lambda file: _replace(file, "object_id", np.arange(49)), r"has shape \(50, 5, 44, 44\), not \(49, 5"),
        (lambda file: _replace(file, "sky_noise", np.ones(50)), r"sky_noise has shape \(50,\), not \(50, 5\)"),
        (lambda file: file.__delitem__("psf_fwhm"), "no dataset psf_fwhm"),
        (lambda file: file.attrs.__delitem__("pixel_scale"), "no attribute pixel_scale"),
        (lambda file: file.attrs.__setitem__("bands", "grizy"), "bands 'grizy' are not ugriz"),
    ],
)
def test_another_layout_is_refused(written, change, complaint):
    path, _ = written
    with h5py.File(path, "r+") as file:
        change(file)
    for read in (read_about, read_stamps, read_ids):
        with pytest.raises(InputError, match=complaint):
            read(path)


def test_what_is_there_beside_pixels(written):
    path, stamps = written
    about = read_about(path)
    assert about.shape == (44, 44)
    assert about.pixel_scale == 0.396
    for name in ("object_id", "psf_fwhm", "sky_noise"):
        assert np.array_equal(getattr(about, name), getattr(stamps, name))


def test_other_files_are_refused(tmp_path):
    (tmp_path / "stamps.h5").write_text("no HDF5")
    with pytest.raises(InputError, match="not a readable HDF5 file"):
        read_stamps(tmp_path / "stamps.h5")


def test_a_full_disk_is_an_error_at_once_and_no_crash(tmp_path):
    """HDF5 would crash when it closes its file, if it were told."""
    stamps, appended = _noise(CHUNK), []
    complaint = pytest.raises(OSError, match="File too large")
    with largest_file(200_000), complaint, StampsWriter(tmp_path / "stamps.h5") as writer:
        for _ in range(10):
            writer.append(stamps)
            appended.append(1)
    assert 1 <= len(appended) < 3  # 128 kB each
