"""The stamps door: what goes in comes out, and what cannot be used is named; nothing is written then."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
from small_stamps import SKY_NOISE, draw_stamps, write_small_survey

from analysis.__main__ import main
from analysis.survey.catalogue import read_catalogue
from analysis.survey.foreign_stamps import border_statistics
from analysis.survey.luptitudes import luptitude
from analysis.survey.stamps_file import STEP, read_ids, read_stamps
from analysis.survey.validate import summarise

N = 6
CLASSES = ["STAR", "GALAXY"] * 3
DRAWN = draw_stamps(CLASSES, np.linspace(17, 19, N), side=48)
IDS = 100 + np.arange(N)


@pytest.fixture
def door(tmp_path, monkeypatch):
    """Give a function that writes a cube with numeric labels and ids and brings it in."""
    monkeypatch.chdir(tmp_path)

    def ingest(*options, cube=DRAWN.pixels, labels=None, ids=IDS, out="out"):
        np.save("cube.npy", cube)
        np.save("labels.npy", np.arange(N) % 2 if labels is None else labels)
        np.save("ids.npy", ids)
        arguments = ["cube.npy", "--labels", "labels.npy", "--ids", "ids.npy", "--classes", "0=STAR,1=GALAXY"]
        return main(["survey", "ingest-stamps", *arguments, "--out", out, *options])

    return ingest


def test_stamps_and_labels_come_out(door, tmp_path):
    assert door() == 0
    stamps = read_stamps(tmp_path / "out" / "stamps.h5")
    assert stamps.pixels.shape == (N, 5, 48, 48)
    assert np.abs(stamps.pixels - DRAWN.pixels).max() < 0.5 * STEP * stamps.sky_noise.max() * 1.01
    assert stamps.object_id.tolist() == IDS.tolist()
    assert np.isnan(stamps.psf_fwhm).all()  # nobody said
    catalogue = read_catalogue(tmp_path / "out")
    assert catalogue["class"].tolist() == CLASSES
    assert catalogue["object_id"].tolist() == IDS.tolist()
    summary = summarise(tmp_path / "out")
    assert summary["stamps"]
    assert summary["provenance"]["checksums"]


def test_sky_noise_is_measured_on_the_border(door, tmp_path):
    assert door() == 0
    measured = read_stamps(tmp_path / "out" / "stamps.h5").sky_noise
    border = 48**2 - 40**2
    assert np.median(measured / SKY_NOISE, axis=0) == pytest.approx(np.ones(5), abs=5 * 1.17 / np.sqrt(border))


def test_border_statistics_survive_a_bright_neighbour():
    rng = np.random.default_rng(2)
    flux = 3 + 0.1 * rng.normal(size=(200, 5, 48, 48))
    flux[:, :, :12, :12] += 50
    sky, noise = border_statistics(flux)
    assert np.median(sky) == pytest.approx(3, abs=0.02)
    assert np.median(noise) == pytest.approx(0.1, rel=0.2)


def test_given_noise_and_width_are_taken(door, tmp_path):
    assert door("--sky-noise", "0.1,0.1,0.1,0.1,0.2", "--psf-fwhm", "1.5,1.4,1.3,1.2,1.3") == 0
    stamps = read_stamps(tmp_path / "out" / "stamps.h5", 2, 3)
    assert stamps.sky_noise[0].tolist() == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.2])
    assert stamps.psf_fwhm[0].tolist() == pytest.approx([1.5, 1.4, 1.3, 1.2, 1.3])


def test_factor_luptitudes_and_sky_lead_back_to_nanomaggies(door, tmp_path):
    assert door(out="plain") == 0
    assert door("--factor", "0.001", cube=1000 * DRAWN.pixels, out="factor") == 0
    assert door("--pixels", "luptitudes", cube=luptitude(DRAWN.pixels.astype(float)), out="luptitudes") == 0
    assert door("--subtract-sky", cube=DRAWN.pixels + np.float32(0.4), out="sky") == 0
    plain, *others = (read_stamps(tmp_path / n / "stamps.h5") for n in ("plain", "factor", "luptitudes", "sky"))
    for other, shift in zip(others, (0, 0, 0.02), strict=True):
        assert np.abs(other.pixels - plain.pixels).max() < 1.02 * STEP * plain.sky_noise.max() + shift


def test_labels_are_matched_by_number_where_both_have_one(door, tmp_path):
    order = np.array([3, 0, 5, 1, 4, 2])
    table = pd.DataFrame({"object_id": IDS, "class": CLASSES, "redshift": np.arange(N) / 10}).iloc[order]
    table.to_csv(tmp_path / "labels.csv", index=False)
    assert door("--labels", "labels.csv") == 0
    catalogue = read_catalogue(tmp_path / "out").set_index("object_id").loc[IDS]
    assert catalogue["class"].tolist() == CLASSES
    assert catalogue["redshift"].tolist() == pytest.approx(np.arange(N) / 10)


def test_redshifts_as_labels(door, tmp_path):
    assert door("--label-is", "redshift", "--classes", "", labels=np.linspace(0, 0.5, N)) == 0
    assert read_catalogue(tmp_path / "out")["redshift"].tolist() == pytest.approx(np.linspace(0, 0.5, N))


def test_labels_numbers_and_noise_beside_the_cube(tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["images"], file["objid"], file["redshift"] = DRAWN.pixels, IDS, np.linspace(0, 0.5, N)
        file["class"] = np.array(CLASSES, dtype="S6")
        file["sky_noise"] = file["psf_fwhm"] = np.tile([1.0, 2, 3, 4, 5], (N, 1))
    assert main(["survey", "ingest-stamps", str(tmp_path / "c.h5"), "--out", str(tmp_path / "out")]) == 0
    assert read_catalogue(tmp_path / "out")["class"].tolist() == CLASSES
    stamps = read_stamps(tmp_path / "out" / "stamps.h5")
    assert stamps.object_id.tolist() == IDS.tolist()
    assert stamps.sky_noise[3].tolist() == stamps.psf_fwhm[3].tolist() == [1, 2, 3, 4, 5]


def test_several_cubes_follow_each_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", DRAWN.pixels[:2])
    np.save("b.npy", DRAWN.pixels[2:])
    np.save("labels.npy", np.array(CLASSES))
    assert main(["survey", "ingest-stamps", "a.npy", "b.npy", "--labels", "labels.npy", "--out", "out"]) == 0
    assert read_ids(tmp_path / "out" / "stamps.h5").tolist() == list(range(N))
    np.save("b.npy", DRAWN.pixels[2:, :, :40])
    assert main(["survey", "ingest-stamps", "a.npy", "b.npy", "--labels", "labels.npy", "--out", "other"]) == 2


def test_stamps_are_added_to_a_survey_that_keeps_its_other_objects(tmp_path):
    drawn = write_small_survey(tmp_path / "survey", 10, stamps=False)
    np.savez(tmp_path / "c.npz", images=drawn.pixels[:4], object_id=drawn.object_id[:4])
    arguments = ["survey", "ingest-stamps", str(tmp_path / "c.npz"), "--catalogue", str(tmp_path / "survey")]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    pd.testing.assert_frame_equal(read_catalogue(tmp_path / "out"), read_catalogue(tmp_path / "survey"))
    assert read_ids(tmp_path / "out" / "stamps.h5").tolist() == drawn.object_id[:4].tolist()
    provenance = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert provenance["kind"] == "mock"
    assert provenance["counts"] | {"objects": 10, "stamps": 4} == provenance["counts"]
    assert not (tmp_path / "survey" / "stamps.h5").exists()


def _broken(place, value):
    cube = DRAWN.pixels.copy()
    cube[place] = value
    return cube


BAD = {  # what is given, the object that must be named, and why
    "NaN": ({"cube": _broken((2, 1, 7, 7), np.nan)}, 102, "band g: 1 pixels are NaN or infinite"),
    "infinite": ({"cube": _broken((2, 4, 7, 7), np.inf)}, 102, "band z: 1 pixels are NaN or infinite"),
    "dead stamp": ({"cube": _broken(3, 0)}, 103, "dead: all pixels are 0"),
    "dead band": ({"cube": _broken((3, 0), 0)}, 103, "band u: dead: all pixels are 0"),
    "no noise": ({"cube": _broken((1, 2, slice(0, 40)), 0)}, 101, "band r: sky noise 0; expected more than 0"),
    "twice": ({"ids": np.array([100, 101, 102, 103, 101, 105])}, 101, "has the number of cube.npy: stamp 2"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_stamps_are_named_and_nothing_is_written(name, door, tmp_path, capsys):
    given, object_id, why = BAD[name]
    assert door(**given) == 2
    message = capsys.readouterr().err
    assert f"object {object_id}: " in message
    assert why in message
    assert "cube.npy: stamp " in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cube.npy", "ids.npy", "labels.npy"]


@pytest.mark.parametrize("name", BAD)
def test_skip_bad_leaves_them_out_and_lists_them(name, door, tmp_path):
    given, object_id, why = BAD[name]
    assert door("--skip-bad", **given) == 0
    provenance = json.loads((tmp_path / "out" / "provenance.json").read_text())
    [left_out] = provenance["stamps"]["left_out"]
    assert left_out["object_id"] == object_id
    assert why in left_out["why"]
    ids = read_ids(tmp_path / "out" / "stamps.h5")
    assert len(ids) == len(set(ids)) == N - 1 == provenance["counts"]["stamps"]
    assert sorted(read_catalogue(tmp_path / "out")["object_id"]) == sorted(ids)
    assert object_id not in ids or name == "twice"


def _labels_csv(tmp_path, ids):
    pd.DataFrame({"object_id": ids, "class": "STAR"}).to_csv(tmp_path / "labels.csv", index=False)


@pytest.mark.parametrize(
    ("ids", "named", "why"),
    [
        (IDS[:-1], 105, "has no row in labels.csv"),
        ([*IDS, 999], 999, "labels.csv: row 7, object 999: names a stamp that is not there"),
        ([*IDS, 102], 102, "labels.csv: row 7, object 102: is a second row of this object"),
    ],
)
def test_stamps_and_labels_that_do_not_belong_together(ids, named, why, door, tmp_path, capsys):
    _labels_csv(tmp_path, ids)
    assert door("--labels", "labels.csv") == 2
    assert why in capsys.readouterr().err
    assert door("--labels", "labels.csv", "--skip-bad") == 0
    [left_out] = json.loads((tmp_path / "out" / "provenance.json").read_text())["stamps"]["left_out"]
    assert left_out["object_id"] == named
    expected = [k for k in IDS if k != named or named == 102]
    assert read_ids(tmp_path / "out" / "stamps.h5").tolist() == expected


def test_a_stamp_that_the_catalogue_does_not_know(tmp_path, capsys):
    drawn = write_small_survey(tmp_path / "survey", 4, stamps=False)
    np.savez(tmp_path / "c.npz", images=drawn.pixels, object_id=drawn.object_id + 1)
    arguments = ["survey", "ingest-stamps", str(tmp_path / "c.npz"), "--catalogue", str(tmp_path / "survey")]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert f"object {drawn.object_id[-1] + 1}: has no row in" in capsys.readouterr().err
    assert main([*arguments, "--out", str(tmp_path / "out"), "--skip-bad"]) == 0
    assert len(read_ids(tmp_path / "out" / "stamps.h5")) == 3


def test_a_corrupted_chunk_costs_its_own_stamps_only(tmp_path, capsys):
    with h5py.File(tmp_path / "c.h5", "w") as file:
        cube = file.create_dataset("images", data=DRAWN.pixels, chunks=(2, 5, 48, 48), fletcher32=True)
        place = cube.id.get_chunk_info(1).byte_offset
        file["class"] = np.array(CLASSES, dtype="S6")
    content = bytearray((tmp_path / "c.h5").read_bytes())
    content[place + 100 : place + 120] = bytes(20)
    (tmp_path / "c.h5").write_bytes(content)
    arguments = ["survey", "ingest-stamps", str(tmp_path / "c.h5"), "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "stamp 3, object 2: cannot be read: corrupted" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*arguments, "--skip-bad"]) == 0
    assert read_ids(tmp_path / "out" / "stamps.h5").tolist() == [0, 1, 4, 5]


@pytest.mark.parametrize(
    ("options", "given", "why"),
    [
        ([], {"labels": np.zeros(5, int)}, "5 labels for 6 stamps"),
        ([], {"ids": IDS[:5]}, "5 object numbers for 6 stamps"),
        ([], {"labels": np.full(N, 7)}, "'7'; expected a class"),
        ([], {"cube": DRAWN.pixels[:, :4]}, "expected the 5 bands"),
        ([], {"ids": IDS + 1e18}, "where a float begins to lose digits"),
        (["--classes", "0=STERN"], {}, "expected label=CLASS"),
        (["--factor", "0"], {}, "--factor 0.0; expected"),
        (["--psf-fwhm", "1,2"], {}, "--psf-fwhm"),
        (["--catalogue", "x"], {}, "--catalogue has the labels already"),
        (["--frames", "x"], {}, "expected either cubes"),
        (["--skip-bad"], {"cube": 0 * DRAWN.pixels}, "no stamp can be used; cube.npy: stamp 1: dead"),
        ([], {"cube": luptitude(DRAWN.pixels.astype(float))}, "--pixels luptitudes where these are asinh magnitudes"),
        ([], {"cube": DRAWN.pixels + np.float32(30)}, "--subtract-sky where the sky is still in them"),
    ],
)
def test_other_bad_input_is_one_message_and_exit_code_2(options, given, why, door, tmp_path, capsys):
    assert door(*options, **given) == 2
    assert why in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_existing_folder_is_not_touched(door, tmp_path):
    assert door() == 0
    before = (tmp_path / "out" / "stamps.h5").stat().st_mtime_ns
    assert door() == 2
    assert (tmp_path / "out" / "stamps.h5").stat().st_mtime_ns == before


@pytest.mark.real
def test_kim_brunner_stamps_go_through_and_stars_are_narrow(real_data, tmp_path):
    from analysis.survey.real_stamps import _kim_brunner

    _kim_brunner(real_data / "kim_brunner_stamps", tmp_path / "out")
    stamps = read_stamps(tmp_path / "out" / "stamps.h5")
    assert stamps.pixels.shape == (20, 5, 48, 48)
    # SDSS's sky, per pixel of 0.396 arcsec: u, g, r, i, z within a factor of two
    assert np.median(stamps.sky_noise, axis=0) / [0.028, 0.011, 0.025, 0.03, 0.11] == pytest.approx(1, rel=0.5)
    classes = read_catalogue(tmp_path / "out")["class"].to_numpy()
    assert (classes == "STAR").sum() == 5
    y, x = np.mgrid[:48, :48] - 23.5
    r = stamps.pixels[:, 2]
    inner, outer = (np.hypot(y, x) <= radius for radius in (4, 10))
    concentration = r[:, inner].sum(axis=1) / r[:, outer].sum(axis=1)
    bright = r[:, outer].sum(axis=1) > 10  # nanomaggies: r < 20
    stars, galaxies = (bright & (classes == label) for label in ("STAR", "GALAXY"))
    assert np.median(concentration[stars]) > np.median(concentration[galaxies]) + 0.1
