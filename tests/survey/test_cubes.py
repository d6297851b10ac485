"""Cubes of stamps in every kind of file come out the same, and what is no cube says so."""

import h5py
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from analysis.errors import InputError
from analysis.survey.cubes import open_cube
from analysis.survey.stamps_file import Stamps, StampsWriter, read_stamps

CUBE = np.random.default_rng(1).normal(size=(6, 5, 9, 8)).astype(np.float32)
IDS = np.arange(6) + 10**18 + 1


def _npz(path):
    np.savez(path, images=CUBE, objid=IDS)


def _hdf5(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("sample/pixels", data=CUBE, chunks=(2, 5, 9, 8), compression="gzip")
        file["sample/objid"], file["elsewhere"] = IDS, IDS


def _fits(path):
    table = fits.BinTableHDU(Table({"objid": IDS}))
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(CUBE, name="CUTOUTS"), table]).writeto(path)


@pytest.mark.parametrize(("name", "write"), [("c.npz", _npz), ("c.h5", _hdf5), ("c.fits", _fits)])
def test_every_kind_of_file_gives_the_same_pixels_and_numbers(name, write, tmp_path):
    write(tmp_path / name)
    cube = open_cube(tmp_path / name)
    assert cube.shape == CUBE.shape
    assert np.array_equal(cube.read(slice(2, 5)), CUBE[2:5])
    assert np.array_equal(cube.columns["objid"], IDS)
    assert set(cube.columns) == {"objid"}


def test_bands_last_and_in_another_order(tmp_path):
    np.save(tmp_path / "c.npy", np.moveaxis(CUBE[:, [4, 3, 2, 1, 0]], 1, -1))
    cube = open_cube(tmp_path / "c.npy", bands="zirgu")
    assert cube.shape == CUBE.shape
    assert np.array_equal(cube.read(slice(0, 6)), CUBE)


def test_axes_that_could_be_either_must_be_told(tmp_path):
    square = CUBE[:, :, :5, :5]
    np.save(tmp_path / "c.npy", square)
    with pytest.raises(InputError, match="may be axis 1 or 3"):
        open_cube(tmp_path / "c.npy")
    assert np.array_equal(open_cube(tmp_path / "c.npy", axes="nbyx").read(slice(0, 6)), square)
    assert np.array_equal(open_cube(tmp_path / "c.npy", axes="nyxb").read(slice(0, 6)), np.moveaxis(square, 3, 1))


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (CUBE[:, :3], {}, r"shape \(6, 3, 9, 8\); expected the 5 bands ugriz along axis 1 or 3"),
        (CUBE, {"axes": "nyxb"}, r"expected the 5 bands ugriz along axis 3"),
        (CUBE[0], {}, r"holds array \(5, 9, 8\); expected one array"),
        (CUBE[:0], {}, r"shape \(0, 5, 9, 8\); expected"),
        (CUBE.astype(complex), {}, "holds complex128; expected real numbers"),
        (CUBE, {"bands": "griz"}, "bands 'griz'; expected the letters"),
        (np.array([{"a": 1}], object), {}, "holds objects, which could run code when they are read"),
    ],
)
def test_what_is_no_cube_is_refused(array, options, message, tmp_path):
    np.save(tmp_path / "c.npy", array, allow_pickle=True)
    with pytest.raises(InputError, match=message):
        open_cube(tmp_path / "c.npy", **options)


def test_files_cut_short_are_refused(tmp_path):
    for name, write in {"c.npz": _npz, "c.h5": _hdf5, "c.fits": _fits}.items():
        write(tmp_path / name)
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 3])
        with pytest.raises(InputError, match=name):
            cube = open_cube(tmp_path / name)
            cube.read(slice(0, 6))
    (tmp_path / "c.txt").write_text("1,2,3")
    with pytest.raises(InputError, match="of no known kind"):
        open_cube(tmp_path / "c.txt")


def test_one_cube_of_several_is_chosen_by_name(tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["a"], file["b"] = CUBE, 2 * CUBE
    with pytest.raises(InputError, match="--dataset"):
        open_cube(tmp_path / "c.h5")
    assert np.array_equal(open_cube(tmp_path / "c.h5", dataset="B").read(slice(0, 1)), 2 * CUBE[:1])
    with pytest.raises(InputError, match="no array 'd'"):
        open_cube(tmp_path / "c.h5", dataset="d")


def test_a_width_of_the_wrong_shape_is_refused(tmp_path):
    np.savez(tmp_path / "c.npz", images=CUBE, psf_fwhm=np.ones(6))
    with pytest.raises(InputError, match=r"'psf_fwhm' of shape \(6,\); expected \(6, 5\)"):
        open_cube(tmp_path / "c.npz")


def test_a_stamps_file_of_ours_is_restored(tmp_path):
    noise = np.full((6, 5), 0.5, np.float32)
    with StampsWriter(tmp_path / "stamps.h5", (9, 8)) as writer:
        writer.append(Stamps(CUBE, IDS, noise, noise))
    cube = open_cube(tmp_path / "stamps.h5")
    assert np.array_equal(cube.read(slice(1, 4)), read_stamps(tmp_path / "stamps.h5").pixels[1:4])
    assert np.abs(cube.read(slice(0, 6)) - CUBE).max() < 0.5  # no integers of steps
